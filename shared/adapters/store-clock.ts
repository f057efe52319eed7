/** Differences below this are those of a `Date` in whole seconds and of the way to it, in milliseconds. */
const toleranceMs = 2_000;

/**
 * The time of the store that all processes share, since the clocks of two machines may differ by minutes while leases,
 * permits and pauses have to mean the same to both.
 */
export class StoreClock {
  readonly #local: () => number;
  #offsetMs = 0;

  /** @param local the clock of this machine, in milliseconds since 1970. */
  constructor(local: () => number = Date.now) {
    this.#local = local;
  }

  /** Milliseconds since 1970; the machine's own time before the store has answered. */
  readonly now = (): number => this.#local() + this.#offsetMs;

  /**
   * Takes notice of an answer of the store.
   * @param date its header `Date` (RFC 9110, 6.6.1).
   * @param sentAt when the request was sent, by the machine's clock.
   */
  noteAnswer(date: string | undefined, sentAt: number): void {
    const second = Date.parse(date ?? "");
    if (Number.isNaN(second)) return;
    // The header was written after the request was sent and before now, within the second it names.
    const least = second - this.#local();
    const most = second + 999 - sentAt;
    if (this.#offsetMs < least - toleranceMs || this.#offsetMs > most + toleranceMs)
      this.#offsetMs = Math.round((least + most) / 2);
    else if (least <= 0 && most >= 0 && Math.abs(this.#offsetMs) <= toleranceMs) this.#offsetMs = 0;
  }

  /** For tests of it and for the log: how far the machine's clock is behind, in milliseconds. */
  get offsetMs(): number {
    return this.#offsetMs;
  }
}
