import { isMigrationError } from "../../../domain/errors.ts";
import type { CheckOutcome, CheckStep } from "../../../migration/ports/target-check.ts";
import { adviceFor } from "./advice.ts";

/** What a step found. */
export interface Finding {
  readonly outcome: CheckOutcome;
  readonly answered: string;
  readonly code?: string | undefined;
  readonly remedy?: string | undefined;
}

export const ok = (answered: string): Finding => ({ outcome: "ok", answered });
export const warning = (answered: string, remedy: string): Finding => ({
  outcome: "warning",
  answered,
  remedy,
});
export const failed = (answered: string, remedy: string): Finding => ({
  outcome: "failed",
  answered,
  remedy,
});
export const skipped = (answered: string): Finding => ({ outcome: "skipped", answered });

/** Does one step after another, and tells of each. An error that the product knows is a finding like others. */
export class Steps {
  readonly #note: (step: CheckStep) => Promise<void>;

  constructor(note: (step: CheckStep) => Promise<void>) {
    this.#note = note;
  }

  /** @returns what the work gave besides its finding; undefined where the step failed. */
  async take<T = true>(
    step: string,
    asked: string,
    work: () => Promise<Finding | (Finding & { readonly result: T })>,
  ): Promise<T | undefined> {
    const startedAt = performance.now();
    const { finding, result } = await attempt(work);
    const { outcome, answered, code, remedy } = finding;
    const durationMs = Math.round(performance.now() - startedAt);
    await this.#note({ step, asked, outcome, answered, code, remedy, durationMs });
    return outcome === "failed" ? undefined : result;
  }
}

async function attempt<T>(
  work: () => Promise<Finding | (Finding & { readonly result: T })>,
): Promise<{ readonly finding: Finding; readonly result: T | undefined }> {
  try {
    const finding = await work();
    return { finding, result: "result" in finding ? finding.result : (true as T) };
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    const { code, message } = error;
    return {
      finding: { outcome: "failed", answered: message, code, remedy: adviceFor(code) },
      result: undefined,
    };
  }
}
