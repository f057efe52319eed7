import { type ErrorDetails, type ErrorKind, MigrationError } from "../../domain/errors.ts";
import { providerOf } from "../../domain/providers.ts";
import { notPermitted } from "../pinned-lookup.ts";
import type { Reply } from "./wire.ts";

/** Where a failure happened; decides the words and whether it is one mailbox's or the deployment's problem. */
export interface Scene {
  readonly side: "source" | "target";
  readonly host: string;
  readonly port: number;
  readonly stage: "login" | "session";
  /** True if the login is by an access token. */
  readonly byToken?: boolean;
}

const SECOND = 1_000;
const MINUTE = 60_000;

const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_UNTRUSTED",
  "CERT_REVOKED",
  "CERT_REJECTED",
  "CERT_SIGNATURE_FAILURE",
  "INVALID_CA",
  "INVALID_PURPOSE",
]);
const OUT_OF_DATE = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
const UNREACHABLE = new Set(["EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "EHOSTDOWN", "ENETDOWN"]);
const TIMEOUTS = new Set(["CONNECT_TIMEOUT", "GREETING_TIMEOUT", "UPGRADE_TIMEOUT", "ETIMEOUT", "ETIMEDOUT"]);

/** What of a server's text is looked at: a reason stands at its beginning. */
const MAX_TEXT_LENGTH = 400;

const TLS_TOO_OLD = /UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION|VERSION_TOO_LOW/;
const TOO_LARGE = new Set(["LiteralTooLarge", "LineTooLarge", "ResponseTooLarge", "TooManyTokens"]);

const THROTTLED =
  /throttl|too many|rate limit|bandwidth|(?:command|quota|usage|download|connection) limits?\b|exceeded .*limits?\b|maximum number of connections/i;
const BANDWIDTH = /bandwidth|download|daily|quota exceeded for|exceeded command/i;
const BACKOFF = /backoff time[:=\s]+(\d+)/i;
const TEMPORARY =
  /temporar|try again|unavailable|server (?:is )?(?:busy|shutting down|going down)|internal error/i;
const APP_PASSWORD =
  /app(?:lication)?[- ]specific password|app password|web ?login required|log in via your web browser/i;
const IMAP_DISABLED =
  /not enabled for imap|yet to enable imap|imap (?:access |use )?(?:is |has been )?(?:disabled|not (?:enabled|allowed))|(?:not allowed|disabled) (?:to use|for) imap|authenticated but not connected/i;
/** Yandex does not say which. */
const WRONG_OR_DISABLED = /invalid credentials or imap is disabled/i;
/** Exchange's answer both for mailboxes without IMAP and while their database moves. */
const NOT_CONNECTED = /authenticated but not connected/i;
/** Texts that are plainly about the user's name or password, as wrong ones. */
const ABOUT_PASSWORD =
  /password|passphrase|credential|authenticat|log ?in(?: has)? (?:failed|failure|incorrect|invalid|denied|error)|(?:invalid|unknown|wrong|bad|no such) (?:user|login|account|name)|(?:user|account)(?:name)? (?:unknown|not found|does not exist)/i;
const BASIC_DISABLED = /basic ?auth(?:entication)? (?:is|has been) (?:disabled|blocked)/i;
const OVER_QUOTA = /over ?quota|quota exceeded|mailbox (?:is )?full|exceed\w* (?:\w+ ){0,3}quota/i;

/** What happened to the connection, in the shape of the errors that Node and imapflow raise. */
interface Failure {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly tlsFailed?: unknown;
  readonly authenticationFailed?: unknown;
  readonly responseStatus?: unknown;
  readonly response?: unknown;
  readonly responseText?: unknown;
  readonly serverResponseCode?: unknown;
  /** Of a command that took too long, in milliseconds. */
  readonly limitMs?: unknown;
}

/** Turns anything that is not a tagged answer into the application's error. */
export function classifyFailure(error: unknown, scene: Scene): MigrationError {
  if (error instanceof MigrationError) return error;
  const failure: Failure = typeof error === "object" && error !== null ? error : {};
  const code = typeof failure.code === "string" ? failure.code : "";
  const server = `${scene.side} server ${scene.host}:${scene.port}`;
  const setting = settingKind(scene);

  if (code === "ENOTFOUND")
    return new MigrationError(
      setting,
      "UnknownHost",
      `The name of the ${server} does not exist in DNS. Check the host name.`,
    );
  if (code === notPermitted)
    return new MigrationError(
      scene.side === "target" ? "fatal" : "mailbox",
      "AddressNotPermitted",
      `The ${server} leads to no address that may be connected to: this machine, its link and the platform are none. Correct the host name.`,
    );
  if (code === "EAI_AGAIN") return transient("DnsUnavailable", `DNS did not answer for the ${server}.`);
  if (code === "ECONNREFUSED")
    return transient("ConnectionRefused", `The ${server} refuses connections. Check host and port.`);
  if (UNREACHABLE.has(code))
    return transient("ServerUnreachable", `There is no route to the ${server}. Check host and network.`);
  if (TIMEOUTS.has(code)) return transient("ConnectionTimeout", `The ${server} did not answer in time.`);
  if (code === "CommandTimeout")
    return transient(
      "CommandTimeout",
      `The ${server} did not finish one answer within ${Math.ceil(Number(failure.limitMs) / SECOND)} seconds.`,
    );
  if (code === "TransferTooSlow")
    return transient("TransferTooSlow", `The ${server} sends messages more slowly than can be waited for.`);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return new MigrationError(
      setting,
      "HostNameMismatch",
      `The certificate of the ${server} is for another name. Use the name in the certificate, or accept untrusted certificates.`,
    );
  if (OUT_OF_DATE.has(code))
    return new MigrationError(
      setting,
      "ExpiredCertificate",
      `The certificate of the ${server} has expired or is not valid yet. Renew it, or accept untrusted certificates.`,
    );
  if (UNTRUSTED.has(code))
    return new MigrationError(
      setting,
      "UntrustedCertificate",
      `The certificate of the ${server} is not trusted. Install one from a public authority, or accept untrusted certificates.`,
    );
  if (typeof failure.message === "string" && /not support STARTTLS/i.test(failure.message))
    return new MigrationError(
      setting,
      "StartTlsUnsupported",
      `The ${server} offers no STARTTLS. Use security ssl with the port for TLS, usually 993.`,
    );
  if (TLS_TOO_OLD.test(code))
    return new MigrationError(
      setting,
      "TlsVersionTooOld",
      `The ${server} offers no TLS version from 1.2 on, and older ones are not safe. Update its TLS, or let a proxy in front of it speak a current version.`,
    );
  if (failure.tlsFailed === true || code === "EPROTO" || code.startsWith("ERR_SSL_"))
    return new MigrationError(
      setting,
      "TlsHandshakeFailed",
      `TLS could not be started with the ${server}. Check port and security (ssl, tls or none).`,
    );

  const reply = replyOf(error);
  if (reply) return classifyReply(reply, scene);
  // Exchange takes the login, and refuses what comes after it.
  const response = shortened(failure.response);
  if (failure.authenticationFailed === true && IMAP_DISABLED.test(response))
    return classifyLogin({ status: "NO", code: "", codeArguments: [], text: response }, server, scene);
  if (failure.authenticationFailed === true || failure.message === "Unsupported authentication mechanism")
    return new MigrationError(
      passingKind(scene),
      "AuthenticationUnsupported",
      `The ${server} offers no login method that fits. Check authentication and security.`,
    );
  if (scene.stage === "login" && (code === "InvalidStringValue" || code === "InvalidTokenValue"))
    return new MigrationError(
      "mailbox",
      "CredentialUnusable",
      "User name or password hold control characters, which no server accepts.",
    );
  const bye = shortened(failure.reason);
  if (THROTTLED.test(bye)) return throttled(server, bye);
  if (TOO_LARGE.has(code))
    return transient("ResponseTooLarge", `The ${server} sent an answer larger than accepted.`);
  return transient("ConnectionLost", `The connection to the ${server} was lost.`);
}

/** Turns a refused command into the application's error. `CommandRefused` where the server gives no known reason. */
export function classifyReply(reply: Reply, scene: Scene): MigrationError {
  const server = `${scene.side} server ${scene.host}:${scene.port}`;
  const { code } = reply;
  const text = shortened(reply.text);
  // Reading fills no mailbox: there the code stands for an allowance of the account (Gmail).
  if (scene.side === "source" && code === "OVERQUOTA") return throttled(server, text);
  if (code === "OVERQUOTA" || (scene.side === "target" && scene.stage === "session" && OVER_QUOTA.test(text)))
    return new MigrationError(
      "mailbox",
      "TargetQuotaExceeded",
      `The ${server} says that the mailbox is full. Raise its quota, then start the mailbox again.`,
    );
  if (code === "THROTTLED" || code === "LIMIT" || THROTTLED.test(text)) return throttled(server, text);
  if (code === "INUSE")
    return new MigrationError("throttled", "MailboxInUse", `The ${server} says that the mailbox is in use.`, {
      retryAfterMs: 30 * SECOND,
    });
  if (code === "UNAVAILABLE" || code === "SERVERBUG" || code === "CONTACTADMIN" || TEMPORARY.test(text))
    return transient("ServerUnavailable", `The ${server} is temporarily unavailable.`);
  if (scene.stage === "login") return classifyLogin({ ...reply, text }, server, scene);
  return transient(
    "CommandRefused",
    `The ${server} refused a command${code === "" ? "" : ` with the response code ${code.slice(0, 32)}`}.`,
  );
}

/** @see the texts of well-known servers in test/unit/adapters/imap/classify.test.ts */
function classifyLogin(reply: Reply, server: string, scene: Scene): MigrationError {
  const { side, host, byToken } = scene;
  const { code, text } = reply;
  const mayPass = (why: string, message: string) => new MigrationError(passingKind(scene), why, message);
  if (APP_PASSWORD.test(text) || code === "WEBALERT")
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
    return transient(
      "ImapDisabled",
      `The ${server} takes the login and does not open the mailbox: IMAP is disabled for this account, the application has no full access to it, or the mailbox is being moved there. It is tried again for some hours.`,
    );
  if (IMAP_DISABLED.test(text))
    return mayPass(
      "ImapDisabled",
      byToken
        ? `IMAP is disabled for this account on the ${server}, or the application may not open its mailbox. Enable IMAP there, and give the application full access.`
        : `IMAP is disabled for this account on the ${server}. Enable it there.`,
    );
  if (code === "PRIVACYREQUIRED")
    return mayPass(
      "EncryptionRequired",
      `The ${server} wants TLS before a login. Set security to ssl or tls.`,
    );
  if (code === "EXPIRED")
    return refused("PasswordExpired", `The password of this account on the ${server} has expired.`);
  if (code === "AUTHORIZATIONFAILED")
    return mayPass(
      "AuthorizationFailed",
      `The ${server} knows no such mailbox, or does not let the administrator open it.`,
    );
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
  if (side === "source" && code !== "AUTHENTICATIONFAILED" && !ABOUT_PASSWORD.test(text))
    return transient(
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

/** The tagged answer inside an error of imapflow, if it is one. */
export function replyOf(error: unknown): Reply | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const failure: Failure = error;
  if (failure.responseStatus !== "NO" && failure.responseStatus !== "BAD") return undefined;
  return {
    status: failure.responseStatus,
    code: typeof failure.serverResponseCode === "string" ? failure.serverResponseCode : "",
    codeArguments: [],
    text: shortened(failure.responseText),
  };
}

/** A server of another protocol. */
export function notImap(scene: Scene): MigrationError {
  const { side, host, port } = scene;
  return new MigrationError(
    settingKind(scene),
    "NotImapServer",
    `What answers at the ${side} server ${host}:${port} is no IMAP server. Check port and security.`,
  );
}

/**
 * Of what a server, DNS or a certificate says about anything but the password: it may be mended there, or pass, so that at
 * the source it is borne with for some hours. At the target it is one row's.
 */
function passingKind({ side }: Scene): ErrorKind {
  return side === "target" ? "mailbox" : "transient";
}

/** The same of host, port and certificate, which at the target are settings of the deployment. */
function settingKind({ side }: Scene): ErrorKind {
  return side === "target" ? "fatal" : "transient";
}

function shortened(text: unknown): string {
  return typeof text === "string" ? text.slice(0, MAX_TEXT_LENGTH) : "";
}

function transient(code: string, message: string): MigrationError {
  return new MigrationError("transient", code, message);
}

function refused(code: string, message: string): MigrationError {
  return new MigrationError("mailbox", code, message);
}

function throttled(server: string, text: string): MigrationError {
  const asked = Number(BACKOFF.exec(text)?.[1] ?? 0);
  const details: ErrorDetails = {
    retryAfterMs: asked > 0 ? asked : BANDWIDTH.test(text) ? 15 * MINUTE : MINUTE,
  };
  return new MigrationError(
    "throttled",
    "ServerThrottled",
    `The ${server} limits this account or address. The mailbox pauses and goes on by itself.`,
    details,
  );
}
