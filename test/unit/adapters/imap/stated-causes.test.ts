import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { classifyFailure, classifyReply, type Scene } from "../../../../shared/adapters/imap/classify.ts";

/*
 * What servers say where they refuse something, as their sources have it or their users have reported it (under "other
 * servers", and for a BYE, also in such words), and whether the operator is told the cause that the server names: a code,
 * and words that its sentence has to hold.
 */
type Saying = readonly [says: string, code: string, cause: RegExp];

const wrongPassword = /refused user name or password/;
const appPassword = /wants an app password/;
const imapDisabled = /IMAP is disabled for this account/;
const accountDisabled = /locked, disabled or suspended/;
const expired = /expired, or has to be changed/;
const needsTls = /wants TLS before a login/;
const connections = /limits the connections/;
const transfer = /limits how much this account may transfer/;
const rate = /limits how often/;
const logins = /limits the logins/;
const away = /temporarily unavailable/;
const ownError = /reports an internal error/;
const noLoginsNow = /cannot check logins at present/;
const maintenance = /under maintenance/;

const refusedLogins: Readonly<Record<string, readonly Saying[]>> = {
  Dovecot: [
    ["[AUTHENTICATIONFAILED] Authentication failed.", "AuthenticationFailed", wrongPassword],
    [
      "[UNAVAILABLE] Temporary authentication failure. [mail:2026-01-02 03:04:05]",
      "ServerUnavailable",
      noLoginsNow,
    ],
    ["[UNAVAILABLE] Account is temporarily unavailable.", "ServerUnavailable", away],
    [
      "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
      "ServerThrottled",
      connections,
    ],
    [
      "[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.",
      "EncryptionRequired",
      needsTls,
    ],
    [
      "[ALERT] Plaintext authentication is disabled, but your client sent password in plaintext anyway.",
      "EncryptionRequired",
      needsTls,
    ],
    ["[EXPIRED] Your password has expired.", "PasswordExpired", expired],
    ["[AUTHORIZATIONFAILED] Authorization failed", "AuthorizationFailed", /does not permit this login/],
    ["[ALERT] Account is disabled", "AccountDisabled", accountDisabled],
    [
      "[SERVERBUG] Internal error occurred. Refer to server log for more information.",
      "ServerUnavailable",
      ownError,
    ],
    ["[CONTACTADMIN] Login is refused.", "LoginRefused", /wants its administrator/],
    ["Auth process broken, internal error", "ServerUnavailable", ownError],
  ],
  Cyrus: [
    ["Login failed: authentication failure", "AuthenticationFailed", wrongPassword],
    ["Login failed: user not found", "AuthenticationFailed", wrongPassword],
    ["Login incorrect", "AuthenticationFailed", wrongPassword],
    ["Login failed: account disabled", "AccountDisabled", accountDisabled],
    ["Login failed: passphrase expired, has to be reset", "PasswordExpired", expired],
    ["Login failed: encryption needed to use mechanism", "EncryptionRequired", needsTls],
    ["Login failed: authorization failure", "AuthorizationFailed", /does not permit this login/],
    ["Login failed: remote authentication server unavailable", "ServerUnavailable", noLoginsNow],
    ["Login failed: generic failure", "LoginRefused", /for a reason of its own/],
    ["[LIMIT] Too many open connections", "ServerThrottled", connections],
  ],
  Courier: [
    ["Login failed.", "AuthenticationFailed", wrongPassword],
    ["Temporary problem, please try again later", "ServerUnavailable", away],
    ["Maximum number of connections reached", "ServerThrottled", connections],
  ],
  Exchange: [
    ["LOGIN failed.", "AuthenticationFailed", wrongPassword],
    ["AUTHENTICATE failed.", "AuthenticationFailed", wrongPassword],
    ["User is authenticated but not connected.", "ImapDisabled", imapDisabled],
    [
      "LOGIN failed. BasicAuthBlocked: Basic authentication is disabled",
      "PasswordLoginDisabled",
      /log in with a password/,
    ],
    ["Server Unavailable. 15", "ServerUnavailable", away],
    ["Request is throttled. Suggested Backoff Time: 92415 milliseconds", "ServerThrottled", rate],
  ],
  Gmail: [
    [
      "[ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)",
      "AppPasswordRequired",
      appPassword,
    ],
    [
      "[ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)",
      "AppPasswordRequired",
      /log in with a web browser/,
    ],
    [
      "[WEBALERT https://accounts.google.com] Web login required.",
      "AppPasswordRequired",
      /log in with a web browser/,
    ],
    [
      "[ALERT] Your account is not enabled for IMAP use. Please visit your Gmail settings page and enable your account for IMAP access. (Failure)",
      "ImapDisabled",
      imapDisabled,
    ],
    [
      "[ALERT] IMAP access is disabled for your domain. Please contact your domain administrator. (Failure)",
      "ImapDisabled",
      imapDisabled,
    ],
    ["[ALERT] Too many simultaneous connections. (Failure)", "ServerThrottled", connections],
    ["[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", "ServerThrottled", transfer],
    ["[UNAVAILABLE] Temporary System Error (Failure)", "ServerUnavailable", ownError],
    ["[ALERT] Account disabled. (Failure)", "AccountDisabled", accountDisabled],
  ],
  "Yahoo and AOL": [
    ["[AUTHENTICATIONFAILED] LOGIN Invalid credentials", "AuthenticationFailed", wrongPassword],
    ["[LIMIT] LOGIN Rate limit hit.", "ServerThrottled", logins],
    ["[LIMIT] FETCH Rate limit hit.", "ServerThrottled", rate],
    ["[SERVERBUG] LOGIN Server error - Please try again later", "ServerUnavailable", ownError],
    ["[UNAVAILABLE] LOGIN Server error - Please try again later", "ServerUnavailable", ownError],
    ["[INUSE] LOGIN Server error - Please try again later", "MailboxInUse", /mailbox is in use/],
    ["[AUTHENTICATIONFAILED] (#AUTH005) Too many bad auth attempts.", "ServerThrottled", logins],
    ["[ALERT] Your account has been locked.", "AccountDisabled", accountDisabled],
    [
      "[ALERT] This account is temporarily locked, too many failed logins. Try again later",
      "AccountDisabled",
      accountDisabled,
    ],
  ],
  "Yandex, Mail.ru, QQ, NetEase": [
    [
      "[AUTHENTICATIONFAILED] LOGIN Invalid credentials or IMAP is disabled",
      "AuthenticationFailed",
      imapDisabled,
    ],
    [
      "[AUTHENTICATIONFAILED] AUTHENTICATE This user does not have access rights to this service",
      "ImapDisabled",
      imapDisabled,
    ],
    ["[UNAVAILABLE] LOGIN internal server error", "ServerUnavailable", ownError],
    ["[AUTHENTICATIONFAILED] Application password is REQUIRED", "AppPasswordRequired", appPassword],
    [
      "Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.",
      "AuthenticationFailed",
      imapDisabled,
    ],
    ["LOGIN Please using authorized code to login", "AppPasswordRequired", appPassword],
    ["Unsafe Login. Please contact us for help", "LoginRefused", /suspicious/],
  ],
  Zimbra: [
    ["[AUTHENTICATIONFAILED] LOGIN failed", "AuthenticationFailed", wrongPassword],
    ["[ALERT] password must be changed before IMAP login permitted", "PasswordExpired", expired],
    ["[ALERT] account undergoing maintenance; please try again later", "ServerUnavailable", maintenance],
    ["account does not have IMAP access enabled", "ImapDisabled", imapDisabled],
    ["[PRIVACYREQUIRED] cleartext logins disabled", "EncryptionRequired", needsTls],
  ],
  "Domino and GroupWise": [
    ["LOGIN invalid user name or password", "AuthenticationFailed", wrongPassword],
    ["LOGIN Mail file is not enabled for IMAP", "ImapDisabled", imapDisabled],
    ["LOGIN failed. Invalid userid", "AuthenticationFailed", wrongPassword],
    ["LOGIN IMAP access is not allowed for this post office", "ImapDisabled", imapDisabled],
  ],
  "other servers": [
    ["Access denied: IMAP access for this account is disabled", "ImapDisabled", imapDisabled],
    ["You are not allowed to use IMAP", "ImapDisabled", imapDisabled],
    ["[ALERT] You are yet to enable IMAP for your account. (Failure)", "ImapDisabled", imapDisabled],
    ["account has been suspended", "AccountDisabled", accountDisabled],
    ["Login failed: user account is inactive", "AccountDisabled", accountDisabled],
    [
      "This account has been frozen due to too many authentication failures",
      "AccountDisabled",
      accountDisabled,
    ],
    ["Mailbox is locked by another process.", "LoginRefused", /for a reason of its own/],
    ["Your IP address has been blocked", "LoginRefused", /address this application connects from/],
    ["Logins are not allowed from your location", "LoginRefused", /address this application connects from/],
    ["[ALERT] Suspicious activity, please sign in to the web mail", "LoginRefused", /suspicious/],
    ["Mailbox quota exceeded", "LoginRefused", /mailbox is full/],
    ["too many recent login failures", "ServerThrottled", logins],
    ["The maximum number of connections allowed has been reached.", "ServerThrottled", connections],
    ["incorrect password or account name", "AuthenticationFailed", wrongPassword],
    ["Two-factor authentication is on", "AppPasswordRequired", appPassword],
    ["SSL connection is required", "EncryptionRequired", needsTls],
    ["Backend not ready", "LoginRefused", /for a reason of its own/],
  ],
};

const commands: readonly Saying[] = [
  ["[NOPERM] Permission denied", "CommandRefused", /no permission/],
  ["Permission denied", "CommandRefused", /no permission/],
  ["[CORRUPTION] Index is broken", "CommandRefused", /data there is damaged/],
  ["Mailbox is corrupted", "CommandRefused", /data there is damaged/],
  [
    "[CONTACTADMIN] SELECT Server error - Please contact your administrator",
    "CommandRefused",
    /administrator has to look at it/,
  ],
  ["[CONTACTADMIN] Mailbox is not right", "CommandRefused", /administrator has to look at it/],
  ["[EXPUNGEISSUED] Some messages could not be fetched", "CommandRefused", /EXPUNGEISSUED/],
  ["[INUSE] Mailbox is in use", "MailboxInUse", /in use/],
  ["[LIMIT] FETCH Rate limit hit", "ServerThrottled", rate],
  ["Download limit exceeded for this account", "ServerThrottled", transfer],
  ["[UNAVAILABLE] Storage is away", "ServerUnavailable", away],
  ["System is under maintenance", "ServerUnavailable", maintenance],
];

const farewells: readonly Saying[] = [
  ["Maximum number of connections reached for your address", "ServerThrottled", connections],
  ["Too many invalid logins", "ServerThrottled", logins],
  ["Server shutting down.", "ServerUnavailable", away],
  ["Temporary System Error", "ServerUnavailable", ownError],
  ["System maintenance", "ServerUnavailable", maintenance],
  ["Your account has been disabled", "AccountDisabled", accountDisabled],
  ["Your IP address is blocked", "LoginRefused", /address this application connects from/],
  ["Autologout; idle for too long", "ConnectionLost", /ended the connection/],
];

const broken: readonly (readonly [failure: object, code: string, cause: RegExp])[] = [
  [{ code: "ENOTFOUND" }, "UnknownHost", /does not exist in DNS/],
  [{ code: "EAI_AGAIN" }, "DnsUnavailable", /DNS did not answer/],
  [{ code: "ECONNREFUSED" }, "ConnectionRefused", /refuses connections/],
  [{ code: "EHOSTUNREACH" }, "ServerUnreachable", /no route/],
  [{ code: "ENETUNREACH" }, "ServerUnreachable", /no route/],
  [{ code: "ETIMEDOUT" }, "ConnectionTimeout", /did not answer in time/],
  [{ code: "CONNECT_TIMEOUT" }, "ConnectionTimeout", /did not answer in time/],
  [{ code: "GREETING_TIMEOUT" }, "ConnectionTimeout", /did not greet in time/],
  [{ code: "ECONNRESET" }, "ConnectionLost", /connection .* was lost/],
  [{ code: "CERT_HAS_EXPIRED" }, "ExpiredCertificate", /has expired/],
  [{ code: "CERT_NOT_YET_VALID" }, "ExpiredCertificate", /is not valid yet/],
  [
    {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      cert: { subjectaltname: "DNS:mail.contoso.com, DNS:*.contoso.net, IP Address:192.0.2.1" },
    },
    "HostNameMismatch",
    /another name \(mail\.contoso\.com, \*\.contoso\.net\)/,
  ],
  [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "HostNameMismatch", /another name\./],
  [{ code: "DEPTH_ZERO_SELF_SIGNED_CERT" }, "UntrustedCertificate", /self-signed/],
  [{ code: "SELF_SIGNED_CERT_IN_CHAIN" }, "UntrustedCertificate", /private authority \(self-signed\)/],
  [
    { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" },
    "UntrustedCertificate",
    /issuer is unknown, or not sent along/,
  ],
  [{ code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" }, "UntrustedCertificate", /issuer is unknown/],
  [{ code: "CERT_REVOKED" }, "UntrustedCertificate", /revoked/],
  [{ code: "ERR_SSL_UNSUPPORTED_PROTOCOL" }, "TlsVersionTooOld", /no TLS version from 1.2 on/],
  [{ code: "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION" }, "TlsVersionTooOld", /no TLS version from 1.2 on/],
  [{ code: "ERR_SSL_DH_KEY_TOO_SMALL" }, "TlsHandshakeFailed", /too weak/],
  [{ code: "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE" }, "TlsHandshakeFailed", /too weak/],
  [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, "TlsHandshakeFailed", /speaks no TLS/],
  [{ message: "Server does not support STARTTLS", tlsFailed: true }, "StartTlsUnsupported", /no STARTTLS/],
  [{ code: "CommandTimeout", limitMs: 240_000 }, "CommandTimeout", /within 240 seconds/],
  [{ code: "TransferTooSlow" }, "TransferTooSlow", /more slowly/],
  [{ code: "LiteralTooLarge" }, "ResponseTooLarge", /larger than accepted/],
  [{ code: "InvalidStringValue" }, "CredentialUnusable", /control characters/],
  [
    { message: "Unsupported authentication mechanism" },
    "AuthenticationUnsupported",
    /no login method that fits/,
  ],
];

const scene: Scene = { side: "source", host: "imap.example.com", port: 993, stage: "login" };
const explained = new Set(
  readFileSync(join(import.meta.dirname, "../../../../infra/docs/error-codes.md"), "utf8").match(/\w+/g),
);

function replied(says: string, stage: Scene["stage"]) {
  const [, code = "", text = ""] = /^(?:\[(\w+)[^\]]*\] )?(.*)$/.exec(says) ?? [];
  return classifyReply({ status: "NO", code, codeArguments: [], text }, { ...scene, stage });
}

describe.each(Object.entries(refusedLogins))("a login refused by %s", (_, sayings) => {
  it.each(sayings)("%s is %s", (says, code, cause) => {
    const error = replied(says, "login");
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(cause)]);
    expect(error.message).toContain("imap.example.com");
    expect(explained).toContain(code);
  });
});

it.each(commands)("a refused command, %s, is %s", (says, code, cause) => {
  const error = replied(says, "session");
  expect([error.code, error.message]).toEqual([code, expect.stringMatching(cause)]);
});

it.each(farewells)("a server that says BYE %s: %s", (reason, code, cause) => {
  const error = classifyFailure({ code: "NoConnection", reason }, scene);
  expect([error.code, error.message]).toEqual([code, expect.stringMatching(cause)]);
});

it.each(broken)("a connection that fails by %j is %s", (failure, code, cause) => {
  const error = classifyFailure(failure, scene);
  expect([error.code, error.message]).toEqual([code, expect.stringMatching(cause)]);
  expect(explained).toContain(code);
});

it("a cause that may pass by itself never fails a mailbox at once", () => {
  const codes = Object.values(refusedLogins).flatMap((sayings) =>
    sayings.map(([says]) => replied(says, "login")),
  );
  const atOnce = new Set(codes.filter(({ kind }) => kind === "mailbox").map(({ code }) => code));
  expect([...atOnce].sort()).toEqual([
    "AppPasswordRequired",
    "AuthenticationFailed",
    "PasswordExpired",
    "PasswordLoginDisabled",
  ]);
});
