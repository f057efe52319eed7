import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { TargetMailbox } from "../ports/target.ts";
import type { Clock } from "../runtime.ts";

/** After so many writes in a row that failed the target is asked whether it takes anything. */
const failuresInRow = 3;
/** A target that cannot be asked is given this many. */
const failuresUnasked = 9;
/** Where failures are chance the question may meet one as well: so often it is asked, as long as that takes no longer. */
const questions = 3;
const questionsMs = 15_000;

/** Whether the target takes messages: "unknown" where it cannot be asked. */
export type Pulse = "takes" | "away" | "unknown";

/**
 * What one step knows of whether the target takes messages, to tell a message that it does not take from a target that
 * takes none.
 */
export class TargetPulse {
  readonly #target: Pick<TargetMailbox, "takesMessages">;
  readonly #clock: Clock;
  #taken = 0;
  #failures = 0;
  #last: MigrationError | undefined;

  constructor(target: Pick<TargetMailbox, "takesMessages">, clock: Clock) {
    this.#target = target;
    this.#clock = clock;
  }

  /** Messages that the target has taken in this step. */
  get taken(): number {
    return this.#taken;
  }

  took(): void {
    this.#taken++;
    this.#failures = 0;
  }

  /**
   * A write failed. A connection that ends takes many with it, by one error: that counts once.
   * @returns false if nothing tells that the next one may do better.
   */
  async mayGoOn(error: MigrationError): Promise<boolean> {
    if (error === this.#last) return true;
    this.#last = error;
    const taken = this.#taken;
    if (++this.#failures % failuresInRow !== 0) return true;
    const pulse = await this.since(taken);
    return pulse === "takes" || (pulse === "unknown" && this.#failures < failuresUnasked);
  }

  /** Whether the target has taken some message since; if none, it is asked. @param taken how many it had taken before. */
  async since(taken: number): Promise<Pulse> {
    const end = this.#clock() + questionsMs;
    for (let asked = 1; this.#taken <= taken; asked++) {
      try {
        const takes = await this.#target.takesMessages();
        return takes === undefined ? "unknown" : takes ? "takes" : "away";
      } catch (error) {
        if (!isMigrationError(error)) throw error;
        if (!error.inDoubt || asked === questions || this.#clock() > end) return "away";
      }
    }
    return "takes";
  }
}
