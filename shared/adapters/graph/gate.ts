import { setImmediate } from "node:timers/promises";
import { MigrationError } from "../../domain/errors.ts";
import { throttled } from "./classify.ts";

interface Waiter {
  readonly weight: number;
  /** Milliseconds since 1970 after which the request may no longer start. */
  readonly deadline: number;
  readonly start: () => void;
  readonly refuse: (error: MigrationError) => void;
}

/**
 * Lets requests to one mailbox through: never more at once than the limit, none inside a pause the service asked for.
 * First come, first served, so that a heavy request is not overtaken for ever.
 * @see https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
 */
export class MailboxGate {
  readonly limit: number;
  #active = 0;
  #pausedUntil = 0;
  #waiting: Waiter[] = [];
  #wakeUp: NodeJS.Timeout | undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** True while nothing runs, waits or is paused: the gate can be forgotten. */
  get idle(): boolean {
    return this.#active === 0 && this.#waiting.length === 0 && this.#pausedUntil <= Date.now();
  }

  /** No request starts before this instant (milliseconds since 1970). A pause is only ever extended. */
  pauseUntil(instant: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, instant);
    this.#admit();
  }

  /**
   * Runs `task` when it is its turn.
   * @param weight slots it takes; more than the limit means all of them.
   * @param deadline milliseconds since 1970 after which it must not start.
   * @throws MigrationError `throttled` if the pause outlasts the deadline, `transient` if its turn came too late.
   */
  async run<T>(weight: number, deadline: number, task: () => Promise<T>): Promise<T> {
    const slots = Math.min(weight, this.limit);
    await this.#enter(slots, deadline);
    try {
      return await task();
    } finally {
      this.#leave(slots);
    }
  }

  async #enter(slots: number, deadline: number): Promise<void> {
    for (;;) {
      await new Promise<void>((start, refuse) => {
        this.#waiting.push({ weight: slots, deadline, start, refuse });
        this.#admit();
      });
      // Answers that have come in but were not read yet may ask for a pause.
      await setImmediate();
      if (this.#pausedUntil <= Date.now()) return;
      this.#leave(slots);
    }
  }

  #leave(slots: number): void {
    this.#active -= slots;
    this.#admit();
  }

  #admit(): void {
    clearTimeout(this.#wakeUp);
    const now = Date.now();
    this.#waiting = this.#waiting.filter((waiter) => {
      const refusal = this.#refusal(waiter, now);
      if (refusal !== undefined) waiter.refuse(refusal);
      return refusal === undefined;
    });
    if (this.#pausedUntil > now) {
      if (this.#waiting.length > 0) this.#wakeUp = setTimeout(() => this.#admit(), this.#pausedUntil - now);
      return;
    }
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#active + next.weight > this.limit) return;
      this.#waiting.shift();
      this.#active += next.weight;
      next.start();
    }
  }

  #refusal(waiter: Waiter, now: number): MigrationError | undefined {
    if (this.#pausedUntil > Math.max(now, waiter.deadline)) return throttled(this.#pausedUntil - now);
    if (now > waiter.deadline)
      return new MigrationError(
        "transient",
        "GraphBusy",
        "Requests to the mailbox waited too long for their turn and are tried again later.",
      );
    return undefined;
  }
}
