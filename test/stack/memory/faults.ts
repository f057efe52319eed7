import type { MigrationError } from "../../../shared/domain/errors.ts";

/** What happens at one of the calls of a process to the outside. */
export type Fault = {
  /** Something that others do at this moment, before the call has its effect. */
  readonly meanwhile?: () => void;
} & (
  | { readonly kind: "goesOn" }
  /** The process ends before the call has an effect, or after it and before the answer. */
  | { readonly kind: "diesBefore" | "diesAfter" }
  /** The process ends; the call has its effect `afterMs` later all the same. */
  | { readonly kind: "landsLate"; readonly afterMs: number }
  /** The whole machine stands still for `forMs`, then goes on with the call as if nothing had been. */
  | { readonly kind: "stalls"; readonly forMs: number }
  /** The process is busy for `forMs` and does nothing else; its host goes on renewing its locks. */
  | { readonly kind: "blocks"; readonly forMs: number }
  /** The call takes so long; others go on meanwhile. */
  | { readonly kind: "slow"; readonly forMs: number }
  /** The call has no effect and fails `afterMs` later: what it goes to is away. */
  | { readonly kind: "fails"; readonly afterMs: number; readonly error: MigrationError }
);

/**
 * Counts the calls of all processes of a deployment and decides which of them go wrong.
 * @param faults by the number of the call, from 1.
 */
export class FaultPlan {
  readonly calls: string[] = [];
  readonly #faults: ReadonlyMap<number, Fault>;

  constructor(faults: ReadonlyMap<number, Fault> = new Map()) {
    this.#faults = faults;
  }

  /** Notes a call. @param _given what is passed to it. @returns what happens to it. */
  next(name: string, _given: readonly unknown[] = []): Fault | undefined {
    const fault = this.#faults.get(this.calls.push(name));
    fault?.meanwhile?.();
    return fault;
  }
}
