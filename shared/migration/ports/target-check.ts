/** What the check of a target mailbox is given. */
export interface CheckRequest {
  /** Address of a mailbox of the tenant that may be written to. */
  readonly mailbox: string;
  /** Another address of the same mailbox. */
  readonly alias?: string | undefined;
  /** Address of a mailbox that the application is not meant to reach. */
  readonly outside?: string | undefined;
  /** True to try ways to write mail that the product does not use yet. */
  readonly experiments?: boolean | undefined;
}

/**
 * - `ok`. - `warning`: it works, and something is lost or slow. - `failed`: a migration would fail, or lose much.
 * - `skipped`: not tried, and why.
 */
export type CheckOutcome = "ok" | "warning" | "failed" | "skipped";

/** One thing that was tried. Without a secret, and without mail but the check's own. */
export interface CheckStep {
  /** One word or a few, the same in every run. */
  readonly step: string;
  readonly asked: string;
  readonly outcome: CheckOutcome;
  readonly answered: string;
  /** The code of the error that a migration would show. */
  readonly code?: string | undefined;
  /** What to do; absent where there is nothing to do. */
  readonly remedy?: string | undefined;
  readonly durationMs: number;
}

export interface TargetCheck {
  /**
   * Tries with a mailbox everything that a migration needs of it, and removes all that it made, also what an earlier run
   * left that ended in the middle. Repeatable. Never two at a time on one mailbox.
   * @param note is told of each step as soon as it is done; what it throws ends the check.
   */
  check(request: CheckRequest, note: (step: CheckStep) => Promise<void>): Promise<void>;
}
