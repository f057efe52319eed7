/** Why a call gave no answer that can be used. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** HTTP status; 0 where there was no answer at all. */
  readonly status: number;
  readonly code: string;
  readonly details: unknown;

  constructor(status: number, code: string, message: string, details?: unknown) {
    super(message);
    this.status = status;
    this.code = code;
    this.details = details;
  }

  /** The sign-in is over: only a person can begin another one. */
  get isSignedOut(): boolean {
    return this.code === "SignedOut";
  }
}
