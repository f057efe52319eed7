import { MigrationError } from "../../domain/errors.ts";
import { hour, minute } from "../runtime.ts";

/** Transient failures that have lasted so long without anything being copied do not pass by themselves. */
export const lastingMs = 24 * hour;
/**
 * What is said about host, certificate, account or UserRoot, and not plainly about the password: it may pass by itself, or be
 * mended, and is borne with for less than an outage.
 */
const refusals: ReadonlySet<string> = new Set([
  "AccountDisabled",
  "AuthenticationUnsupported",
  "AuthorizationFailed",
  "EncryptionRequired",
  "ExpiredCertificate",
  "HostNameMismatch",
  "ImapDisabled",
  "LoginRefused",
  "NotImapServer",
  "StartTlsUnsupported",
  "TlsHandshakeFailed",
  "TlsVersionTooOld",
  "UnknownHost",
  "UntrustedCertificate",
  "UserRootNotFound",
]);
const refusalMs = 4 * hour;
const firstDelayMs = 10_000;
const longestDelayMs = 30 * minute;
/** A write in doubt may still arrive: it is not looked for earlier. */
const inDoubtDelayMs = 35_000;

export type NextMove =
  | { readonly move: "fail" }
  | { readonly move: "retry"; readonly delayMs: number; readonly attempts: number };

/**
 * What a failed step means for its mailbox. Pure.
 * @param attempts transient failures in a row before this one.
 * @param failingMs for how long they have lasted, in milliseconds.
 * @param random 0 to 1, spreads retries of many mailboxes.
 */
export function afterFailure(
  error: Pick<MigrationError, "kind" | "inDoubt"> & Partial<Pick<MigrationError, "code" | "retryAfterMs">>,
  attempts: number,
  failingMs: number,
  random: number,
): NextMove {
  if (error.kind === "mailbox" || error.kind === "fatal" || error.kind === "item") return { move: "fail" };
  if (error.kind === "throttled") {
    const delayMs = Math.min(error.retryAfterMs ?? minute, 24 * hour);
    return { move: "retry", delayMs: Math.max(delayMs, error.inDoubt ? inDoubtDelayMs : 1000), attempts };
  }
  if (failingMs >= (refusals.has(error.code ?? "") ? refusalMs : lastingMs)) return { move: "fail" };
  const backOff = Math.min(firstDelayMs * 2 ** Math.min(attempts, 10), longestDelayMs);
  const delayMs = backOff * (0.75 + random / 2);
  return {
    move: "retry",
    delayMs: Math.max(delayMs, error.inDoubt ? inDoubtDelayMs : 0),
    attempts: attempts + 1,
  };
}

/** An error nobody has classified, as one of ours. Its text stays out: it may hold anything. */
export function unexpected(error: unknown): MigrationError {
  const name = error instanceof Error ? error.name : typeof error;
  return new MigrationError("transient", "InternalError", `An unexpected ${name} occurred. See the log.`, {
    cause: error,
  });
}
