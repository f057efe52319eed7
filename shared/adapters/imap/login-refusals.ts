import { type ErrorKind, MigrationError } from "../../domain/errors.ts";
import { providerOf } from "../../domain/providers.ts";
import type { Scene } from "./classify.ts";
import type { Reply } from "./wire.ts";

/*
 * Why a server refuses a login, by its response code (RFC 5530) and its text, which each server words in its own way.
 * What it says of itself goes before what follows from who it is. The texts stand in
 * test/unit/adapters/imap/stated-causes.test.ts.
 */

const WEB_LOGIN = /web ?login required|log in via your web browser/i;
const APP_PASSWORD =
  /app(?:lication)?[- ]specific password|app(?:lication)?[- ]password|two[- ]factor|2-step|multi-?factor|authori[sz](?:ed|ation) code/i;
const BASIC_DISABLED = /basic ?auth(?:entication)? (?:is|has been) (?:disabled|blocked)/i;
/** Yandex and QQ do not say which. */
const WRONG_OR_DISABLED =
  /invalid credentials or imap is disabled|service is not open, (?:the )?password is incorrect/i;
/** Exchange's answer both for mailboxes without IMAP and while their database moves. */
const NOT_CONNECTED = /authenticated but not connected/i;
const IMAP_DISABLED =
  /\bimap4?\b(?: [\w']+){0,6}? (?:disabled|denied|blocked|not (?:enabled|allowed|permitted|available|activated))|(?:enabled?|allowed|permitted|authori[sz]ed|disabled|activated)(?: \w+){0,3} imap4?\b|(?:does not|doesn't) have imap|access rights to this service/i;
const ENCRYPTION =
  /(?:plain ?text|clear ?text|unencrypted|insecure)[\w ]*(?:disallowed|disabled|not (?:allowed|permitted))|encryption (?:is )?(?:needed|required)|(?:must|have to|need to) use (?:ssl|tls)|(?:ssl|tls)(?: connection)? (?:is )?required/i;
const PASSWORD_EXPIRED =
  /pass(?:word|phrase)(?: has| is)? expired|expired pass(?:word|phrase)|pass(?:word|phrase) (?:must|has to|needs to) be (?:changed|reset)|change your password/i;
const ACCOUNT_DISABLED =
  /\b(?:account|user|mailbox)\b(?: [\w']+){0,4}? (?:locked(?! by)|disabled|suspended|blocked|inactive|deactivated|frozen)\b|\b(?:locked|disabled|suspended|blocked|inactive|deactivated) (?:account|user|mailbox)\b/i;
const ADDRESS_BLOCKED =
  /\b(?:ip|address|host|location|country|network)\b(?: [\w.:']+){0,6}? (?:blocked|denied|banned|(?:black|block)listed|restricted|not (?:allowed|permitted))|(?:blocked|banned|denied|not (?:allowed|permitted))(?: [\w']+){0,3} (?:ip|address|host|location|country|network)\b/i;
const SUSPICIOUS = /unsafe|suspicious|unusual|captcha|verify (?:your|it's|that)/i;
const OVER_QUOTA = /over ?quota|quota (?:is )?exceeded|mailbox (?:is )?full|exceed\w* (?:\w+ ){0,3}quota/i;
const ADMINISTRATOR = /contact (?:your |the )?(?:\w+ )?administrator/i;
const NOT_AUTHORIZED = /authori[sz]ation fail|not authori[sz]ed|(?:permission|access)(?: is)? denied/i;
/** Not even the server knows why. */
const NO_CAUSE = /generic failure/i;
/** Texts that are plainly about the user's name or password, as wrong ones. */
const ABOUT_PASSWORD =
  /password|passphrase|credential|authenticat|log ?in(?: has)? (?:failed|failure|incorrect|invalid|denied|error)|(?:invalid|unknown|wrong|bad|no such) (?:user|login|account|name)|(?:user|account)(?:name)? (?:unknown|not found|does not exist)/i;

/** True for the text of a server that keeps an account from IMAP. */
export function isImapDisabled(text: string): boolean {
  return IMAP_DISABLED.test(text) || NOT_CONNECTED.test(text);
}

/** The error a refused login stands for. @param server as sentences name it. */
export function classifyLogin(reply: Reply, server: string, scene: Scene): MigrationError {
  return causeStated(reply, server, scene) ?? causeImplied(reply, server, scene);
}

/**
 * The error for a cause that the server's own words name; undefined where they name none, or a wrong password.
 * @param server as sentences name it.
 */
export function causeStated(
  { code, text }: Pick<Reply, "code" | "text">,
  server: string,
  scene: Scene,
): MigrationError | undefined {
  const mayPass = (why: string, message: string) => new MigrationError(passingKind(scene), why, message);
  if (WEB_LOGIN.test(text) || code === "WEBALERT")
    return refused(
      "AppPasswordRequired",
      `The ${server} wants this user to log in with a web browser, or an app password in place of the user's own. Make one there, and upload the row with it.`,
    );
  if (APP_PASSWORD.test(text))
    return refused(
      "AppPasswordRequired",
      `The ${server} wants an app password for this account instead of the user's password. Make one there, and upload the row with it.`,
    );
  if (BASIC_DISABLED.test(text))
    return refused(
      "PasswordLoginDisabled",
      `The ${server} does not let this account log in with a password. Use OAuth (authentication xoauth2).`,
    );
  if (WRONG_OR_DISABLED.test(text))
    return refused(
      "AuthenticationFailed",
      `The ${server} refused user name or password, or IMAP is disabled for this account. Correct the row and upload it again, or enable IMAP there.`,
    );
  if (NOT_CONNECTED.test(text))
    return new MigrationError(
      "transient",
      "ImapDisabled",
      `The ${server} takes the login and does not open the mailbox: IMAP is disabled for this account, the application has no full access to it, or the mailbox is being moved there. It is tried again for some hours.`,
    );
  if (IMAP_DISABLED.test(text))
    return mayPass(
      "ImapDisabled",
      scene.byToken
        ? `IMAP is disabled for this account on the ${server}, or the application may not open its mailbox. Enable IMAP there, and give the application full access.`
        : `IMAP is disabled for this account on the ${server}. Enable it there.`,
    );
  if (code === "PRIVACYREQUIRED" || ENCRYPTION.test(text))
    return mayPass(
      "EncryptionRequired",
      `The ${server} wants TLS before a login. Set security to ssl or tls.`,
    );
  if (code === "EXPIRED" || PASSWORD_EXPIRED.test(text))
    return refused(
      "PasswordExpired",
      `The password of this account on the ${server} has expired, or has to be changed. Set another one there, and upload the row with it.`,
    );
  if (ACCOUNT_DISABLED.test(text))
    return mayPass(
      "AccountDisabled",
      `The ${server} says that this account is locked, disabled or suspended. Have it enabled there; it is tried again for some hours.`,
    );
  if (ADDRESS_BLOCKED.test(text))
    return mayPass(
      "LoginRefused",
      `The ${server} takes no logins from the address this application connects from. Permit it there (OUTGOING_ADDRESS); it is tried again for some hours.`,
    );
  if (SUSPICIOUS.test(text))
    return mayPass(
      "LoginRefused",
      `The ${server} holds this login to be suspicious. Its user has to confirm it there, usually after a login with a web browser; it is tried again for some hours.`,
    );
  if (OVER_QUOTA.test(text))
    return mayPass(
      "LoginRefused",
      `The ${server} refuses the login since the mailbox is full. Raise its quota there; it is tried again for some hours.`,
    );
  if (code === "CONTACTADMIN" || ADMINISTRATOR.test(text))
    return mayPass(
      "LoginRefused",
      `The ${server} refuses the login, and wants its administrator to look at this account. It is tried again for some hours.`,
    );
  if (code === "AUTHORIZATIONFAILED" || NOT_AUTHORIZED.test(text))
    return mayPass(
      "AuthorizationFailed",
      `The ${server} does not permit this login to open the mailbox, or knows no such mailbox. Check UserName and the administrator's rights.`,
    );
  return undefined;
}

/** What a refusal without a cause means at this server. */
function causeImplied({ code, text }: Reply, server: string, { side, host, byToken }: Scene): MigrationError {
  if (side === "source" && byToken === true)
    return refused(
      "TokenRefused",
      `The ${server} refused the access token for this mailbox. Check that UserName names a mailbox there and that the application may read it by IMAP.`,
    );
  const passwords = side === "source" ? providerOf(host)?.passwords : undefined;
  if (passwords === "app")
    return refused(
      "AppPasswordRequired",
      `The ${server} refused the password, and takes app passwords only. Make one for the account, and upload the row with it.`,
    );
  if (passwords === "none")
    return refused(
      "PasswordLoginDisabled",
      `The ${server} takes no passwords any more. Use OAuth (authentication xoauth2).`,
    );
  const isAboutPassword =
    code === "AUTHENTICATIONFAILED" || (ABOUT_PASSWORD.test(text) && !NO_CAUSE.test(text));
  if (side === "source" && !isAboutPassword)
    return new MigrationError(
      "transient",
      "LoginRefused",
      `The ${server} refuses the login for a reason of its own, which may pass: it is tried again for some hours. If it lasts, try this login in a mail program, and read the server's log.`,
    );
  return refused(
    "AuthenticationFailed",
    side === "source"
      ? `The ${server} refused user name or password. Correct the row and upload it again.`
      : `The ${server} refused the login. Check that the mailbox exists, and the TARGET_IMAP_ settings.`,
  );
}

/**
 * Of what a server says about anything but the password: it may be mended there, or pass, so that at the source it is borne
 * with for some hours. At the target it is one row's.
 */
export function passingKind({ side }: Pick<Scene, "side">): ErrorKind {
  return side === "target" ? "mailbox" : "transient";
}

function refused(code: string, message: string): MigrationError {
  return new MigrationError("mailbox", code, message);
}
