import { MigrationError } from "../../domain/errors.ts";

/**
 * What a request does, which decides what a lost answer means:
 * - `read`: nothing. - `repeatable`: the same whether done once or twice.
 * - `create`: a second item if repeated; a lost answer leaves it in doubt.
 */
export type Effect = "read" | "repeatable" | "create";

/** An answer of Graph that is not a success. */
export interface Refusal {
  readonly status: number;
  /** Graph's `error.code`, empty if the answer held none. */
  readonly code: string;
  readonly retryAfterMs?: number | undefined;
}

/** The code of a refused token: nothing was done, and services have refused good ones for hours. */
export const tokenRefused = "GraphTokenRefused";

const pauseWithoutHintMs = 10_000;

const quotaCodes = new Set(["ErrorQuotaExceeded", "ErrorMailboxQuotaExceeded", "QuotaExceeded"]);
const tooLargeCodes = new Set([
  "ErrorMessageSizeExceeded",
  "ErrorAttachmentSizeLimitExceeded",
  "RequestBodyTooLarge",
  "MaximumRequestLengthExceeded",
]);
const noMailboxCodes = new Set([
  "MailboxNotEnabledForRESTAPI",
  "MailboxNotFound",
  "MailboxNotSupportedForRESTAPI",
  "ErrorNonExistentMailbox",
  "ErrorInvalidUser",
  "Request_ResourceNotFound",
  "ResourceNotFound",
]);

/**
 * The one decision about what a refusal of Graph means.
 * A 503 with Retry-After was turned away before it did anything; one without may come from a gateway in front of a server
 * that went on, as 500, 502 and 504 do.
 * @see https://learn.microsoft.com/graph/errors
 */
export function classifyRefusal({ status, code, retryAfterMs }: Refusal, effect: Effect): MigrationError {
  if (status === 429 || (status === 503 && retryAfterMs !== undefined))
    return throttled(retryAfterMs ?? pauseWithoutHintMs);
  if (quotaCodes.has(code) || status === 507)
    return new MigrationError(
      "mailbox",
      "TargetQuotaExceeded",
      "The target mailbox is full; raise its quota or turn on its archive, then retry the mailbox.",
    );
  if (status === 413 || tooLargeCodes.has(code)) return messageTooLarge();
  // A redirection comes from something in between: it says nothing of the message.
  if (status >= 500 || status < 400)
    return new MigrationError(
      "transient",
      "GraphUnavailable",
      `Microsoft Graph answered ${status}; the request is tried again later.`,
      { inDoubt: effect === "create" },
    );
  if (status === 401)
    return new MigrationError(
      "transient",
      tokenRefused,
      "Microsoft Graph refused the application's token; it is tried again for a day, with new tokens. If it lasts, check that the identity exists in the tenant of the mailboxes.",
    );
  if (noMailboxCodes.has(code)) return mailboxNotFound();
  if (status === 403)
    return new MigrationError(
      "mailbox",
      "TargetAccessDenied",
      "The application may not write to the target mailbox; grant its identity Mail.ReadWrite in Entra, or add the mailbox to the scope of its role assignment (RBAC for Applications).",
    );
  if (status === 404)
    return new MigrationError("item", "TargetItemGone", "The item is no longer in the target mailbox.");
  if (status === 408 || status === 409 || status === 412 || status === 423)
    return new MigrationError(
      "transient",
      "GraphConflict",
      `Microsoft Graph answered ${status}, since something else was changing the mailbox; the request is tried again later.`,
      { inDoubt: effect === "create" && status === 408 },
    );
  return new MigrationError(
    "item",
    "MessageRefused",
    `Microsoft Graph refused the message (${status}${/^\w{1,80}$/.test(code) ? ` ${code}` : ""}).`,
  );
}

export function throttled(retryAfterMs: number): MigrationError {
  return new MigrationError(
    "throttled",
    "GraphThrottled",
    "Microsoft Graph asked for a pause of this mailbox; it goes on by itself afterwards.",
    { retryAfterMs },
  );
}

/** Errors of a connection that was never made: nothing can have happened. */
const unconnectedCodes = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_SOCKET_CONNECTION_TIMEOUT",
  "ERR_TLS_CERT_ALTNAME_INVALID",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "CERT_HAS_EXPIRED",
]);

/** The same for a request that got no answer: connection lost, or time-out. */
export function classifyLostAnswer(error: unknown, effect: Effect): MigrationError {
  const code = lowestCode(error);
  return new MigrationError(
    "transient",
    "GraphUnreachable",
    `Microsoft Graph did not answer (${code}); the request is tried again later.`,
    { inDoubt: effect === "create" && !unconnectedCodes.has(code), cause: error },
  );
}

/** `fetch` reports the socket's error as the cause of its own. */
function lowestCode(error: unknown): string {
  let code = "no answer in time";
  for (let at = error; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") code = at.code;
  }
  return code;
}

/** The skip reason for a message above what the tenant takes. */
export function messageTooLarge(): MigrationError {
  return new MigrationError(
    "item",
    "MessageTooLarge",
    "The message is larger than the target mailbox accepts (35 MB unless raised); raise it with Set-Mailbox -MaxReceiveSize (at most 150 MB) and retry the mailbox.",
  );
}

/**
 * The skip reason for a message whose attachments do not fit into its creation, where adding them is refused.
 * Whether that counts as an update of a sensitive property is not documented.
 */
export function attachmentsDenied(): MigrationError {
  return new MigrationError(
    "item",
    "AttachmentsDenied",
    "Exchange lets no attachments be added to a message that is there, as a message of over 4 MB needs; give the application Mail-Advanced.ReadWrite.All and retry the mailbox, or copy the message with TARGET=imap.",
  );
}

export function mailboxNotFound(): MigrationError {
  return new MigrationError(
    "mailbox",
    "TargetMailboxNotFound",
    "There is no Exchange Online mailbox for this address; create the user, assign a license with Exchange Online, and retry.",
  );
}

/** True if a 404 is about the mailbox, not about the thing in it. */
export function isNoMailbox(code: string): boolean {
  return noMailboxCodes.has(code);
}

export function folderRefused(): MigrationError {
  return new MigrationError(
    "transient",
    "TargetFolderRefused",
    "Exchange refused to create a folder under its name and under twenty similar ones, all of them taken; it is tried again later.",
  );
}

/** One answer that proves nothing: what asked for the folder looks for it again. */
export function folderGone(): MigrationError {
  return new MigrationError(
    "item",
    "TargetFolderGone",
    "The target answers as if the folder were not there; it is looked for again before it counts as removed.",
  );
}

export function folderMissing(cause: MigrationError): MigrationError {
  return new MigrationError(
    "transient",
    "TargetFolderMissing",
    "The target answers as if a folder above were not there; the folder is made later.",
    { cause },
  );
}
