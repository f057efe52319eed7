/**
 * What a caller has to do about a failure:
 * - `transient`: try again later, nothing is wrong with the data.
 * - `throttled`: the other side asked for a pause; `retryAfterMs` says how long.
 * - `item`: this one message cannot be copied; record why and go on with the next.
 * - `mailbox`: this mailbox cannot go on until an operator acts; the others can.
 * - `fatal`: the deployment is misconfigured.
 */
export type ErrorKind = "transient" | "throttled" | "item" | "mailbox" | "fatal";

export interface ErrorDetails {
  /** Pause the other side asked for, in milliseconds. */
  readonly retryAfterMs?: number;
  /** True if the request may have taken effect although it failed: it must be looked up, never repeated blindly. */
  readonly inDoubt?: boolean;
  readonly cause?: unknown;
}

/**
 * The one error type of the application. `code` is stable: a new one is given where its failure is classified, and gets
 * a line in infra/docs/error-codes.md.
 * `message` is a sentence an operator can act on and holds no secret, subject, address list or body.
 */
export class MigrationError extends Error {
  override readonly name = "MigrationError";
  readonly kind: ErrorKind;
  readonly code: string;
  readonly retryAfterMs: number | undefined;
  readonly inDoubt: boolean;

  constructor(kind: ErrorKind, code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.kind = kind;
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
    this.inDoubt = details.inDoubt ?? false;
  }

  /** The same failure of a request that may yet take effect: it must be looked up, never repeated blindly. */
  asInDoubt(): MigrationError {
    if (this.inDoubt) return this;
    const { retryAfterMs, cause } = this;
    return new MigrationError(this.kind, this.code, this.message, {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      inDoubt: true,
      cause,
    });
  }
}

/** True for an error that an adapter has already classified. */
export function isMigrationError(error: unknown): error is MigrationError {
  return error instanceof MigrationError;
}
