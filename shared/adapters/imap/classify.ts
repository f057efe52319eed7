import { type ErrorDetails, type ErrorKind, MigrationError } from "../../domain/errors.ts";
import { notPermitted } from "../pinned-lookup.ts";
import { causeStated, classifyLogin, isImapDisabled, passingKind } from "./login-refusals.ts";
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
const TLS_TOO_WEAK = /KEY_TOO_SMALL|MD_TOO_WEAK|HANDSHAKE_FAILURE|LEGACY_RENEGOTIATION|INSUFFICIENT_SECURITY/;
const NO_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/;
const TOO_LARGE = new Set(["LiteralTooLarge", "LineTooLarge", "ResponseTooLarge", "TooManyTokens"]);

const THROTTLED =
  /throttl|too many|rate limit|bandwidth|(?:command|quota|usage|download|connection) limits?\b|exceeded .*limits?\b|maximum number of connections/i;
const BANDWIDTH = /bandwidth|download|daily|quota exceeded for|exceeded command/i;
const BACKOFF = /backoff time[:=\s]+(\d+)/i;
const TEMPORARY =
  /temporar|try again|unavailable|server (?:is )?(?:busy|shutting down|going down)|internal error/i;
const OVER_QUOTA = /over ?quota|quota exceeded|mailbox (?:is )?full|exceed\w* (?:\w+ ){0,3}quota/i;
const MAINTENANCE = /maintenance/i;
const OWN_ERROR = /internal (?:server )?error|system error|server error/i;

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
  /** Of a certificate for another name, as Node gives it. */
  readonly cert?: unknown;
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
  if (TIMEOUTS.has(code))
    return transient(
      "ConnectionTimeout",
      code === "GREETING_TIMEOUT"
        ? `The ${server} took the connection and did not greet in time.`
        : `The ${server} did not answer in time.`,
    );
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
      `The certificate of the ${server} is for another name${namesIn(failure.cert)}. Use the name in the certificate, or accept untrusted certificates.`,
    );
  if (OUT_OF_DATE.has(code))
    return new MigrationError(
      setting,
      "ExpiredCertificate",
      `The certificate of the ${server} ${code === "CERT_NOT_YET_VALID" ? "is not valid yet" : "has expired"}. Renew it, or accept untrusted certificates.`,
    );
  if (UNTRUSTED.has(code))
    return new MigrationError(
      setting,
      "UntrustedCertificate",
      `The certificate of the ${server} is not trusted: ${untrustedSince(code)}. Install one from a public authority with all that are between it and the authority, or accept untrusted certificates.`,
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
  if (TLS_TOO_WEAK.test(code))
    return new MigrationError(
      setting,
      "TlsHandshakeFailed",
      `The ${server} offers only ciphers or keys for TLS that are too weak. Update its TLS and certificate, or let a proxy in front of it speak current ones.`,
    );
  if (NO_TLS.test(code))
    return new MigrationError(
      setting,
      "TlsHandshakeFailed",
      `What answers at the ${server} speaks no TLS. Check port and security (ssl, tls or none).`,
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
  if (failure.authenticationFailed === true && isImapDisabled(response))
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
  const stated = scene.stage === "login" ? causeStated({ code: "", text: bye }, server, scene) : undefined;
  if (stated?.code === "AccountDisabled") return stated;
  if (THROTTLED.test(bye)) return throttled(server, bye);
  if (MAINTENANCE.test(bye) || TEMPORARY.test(bye) || OWN_ERROR.test(bye)) return unavailable(server, bye);
  if (stated) return stated;
  if (TOO_LARGE.has(code))
    return transient("ResponseTooLarge", `The ${server} sent an answer larger than accepted.`);
  return transient(
    "ConnectionLost",
    bye === "" ? `The connection to the ${server} was lost.` : `The ${server} ended the connection.`,
  );
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
  // A locked account may be said to be so for too many logins, or for a time: asking soon again would keep it locked.
  const locked = scene.stage === "login" ? causeStated(reply, server, scene) : undefined;
  if (locked?.code === "AccountDisabled") return locked;
  if (code === "THROTTLED" || code === "LIMIT" || THROTTLED.test(text)) return throttled(server, text);
  if (code === "INUSE")
    return new MigrationError("throttled", "MailboxInUse", `The ${server} says that the mailbox is in use.`, {
      retryAfterMs: 30 * SECOND,
    });
  // Of a command it may be the one thing that was asked for: that is looked for another way.
  const ownError = scene.stage === "login" && OWN_ERROR.test(text);
  if (
    ownError ||
    code === "UNAVAILABLE" ||
    code === "SERVERBUG" ||
    TEMPORARY.test(text) ||
    MAINTENANCE.test(text)
  )
    return unavailable(server, code === "SERVERBUG" ? "internal error" : text);
  if (scene.stage === "login") return classifyLogin({ ...reply, text }, server, scene);
  const why = whyRefused(code, text);
  return transient("CommandRefused", `The ${server} refused a command${why === "" ? "" : `: ${why}`}.`);
}

/** What a refused command says, by response codes (RFC 5530) and the words for them; empty where it says nothing known. */
function whyRefused(code: string, text: string): string {
  if (code === "NOPERM" || /permission denied|access denied|not authori[sz]ed/i.test(text))
    return "this login has no permission for it";
  if (code === "CORRUPTION" || /corrupt|damaged/i.test(text)) return "its data there is damaged";
  if (code === "CONTACTADMIN") return "its administrator has to look at it";
  return code === "" ? "" : `its response code is ${code.slice(0, 32)}`;
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

/** Host, port and certificate may be mended at the source; at the target they are settings of the deployment. */
function settingKind({ side }: Scene): ErrorKind {
  return side === "target" ? "fatal" : "transient";
}

/** Names of DNS that a certificate is for, the first few. */
function namesIn(certificate: unknown): string {
  const { subjectaltname }: { readonly subjectaltname?: unknown } =
    typeof certificate === "object" && certificate !== null ? certificate : {};
  const all = typeof subjectaltname === "string" ? subjectaltname.slice(0, MAX_TEXT_LENGTH) : "";
  const names = [...all.matchAll(/DNS:([\w*.-]+)/g)].map(([, name]) => name).slice(0, 3);
  return names.length === 0 ? "" : ` (${names.join(", ")})`;
}

function untrustedSince(code: string): string {
  if (code === "DEPTH_ZERO_SELF_SIGNED_CERT") return "it is self-signed";
  if (code === "SELF_SIGNED_CERT_IN_CHAIN") return "its issuer is a private authority (self-signed)";
  if (code === "CERT_REVOKED") return "it was revoked";
  return code.startsWith("UNABLE_TO") ? "its issuer is unknown, or not sent along" : "it is not valid";
}

function shortened(text: unknown): string {
  return typeof text === "string" ? text.slice(0, MAX_TEXT_LENGTH) : "";
}

function transient(code: string, message: string): MigrationError {
  return new MigrationError("transient", code, message);
}

/** @param text in the words of which the sentence names the cause. */
function unavailable(server: string, text: string): MigrationError {
  const cause = MAINTENANCE.test(text)
    ? "is under maintenance, or this account is"
    : OWN_ERROR.test(text)
      ? "reports an internal error of its own"
      : /authenticat|log ?in\b/i.test(text)
        ? "cannot check logins at present"
        : "is temporarily unavailable";
  return transient("ServerUnavailable", `The ${server} ${cause}.`);
}

function throttled(server: string, text: string): MigrationError {
  const asked = Number(BACKOFF.exec(text)?.[1] ?? 0);
  const details: ErrorDetails = {
    retryAfterMs: asked > 0 ? asked : BANDWIDTH.test(text) ? 15 * MINUTE : MINUTE,
  };
  return new MigrationError(
    "throttled",
    "ServerThrottled",
    `The ${server} ${limitIn(text)}. The mailbox pauses and goes on by itself.`,
    details,
  );
}

/** What a server limits, in the order in which one text may name several. */
function limitIn(text: string): string {
  if (BANDWIDTH.test(text)) return "limits how much this account may transfer in a time";
  if (/connection|session|simultaneous|logged in/i.test(text))
    return "limits the connections of this account or address";
  if (/log ?in|auth|password|attempt/i.test(text)) return "limits the logins of this account or address";
  return "limits how often this account or address may ask";
}
