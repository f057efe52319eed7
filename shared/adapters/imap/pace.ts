export interface PaceLimits {
  /** Milliseconds in all. */
  readonly limitMs: number;
  /** Milliseconds in which so many bytes must come. */
  readonly stallMs: number;
  readonly floorBytes: number;
}

export type Verdict = "good" | "silent" | "slow" | "late";

/**
 * Tells whether a streamed answer comes fast enough. Rows are taken no faster than the target takes them, and the server
 * is not to blame for the time in which it is held back so: that time does not count.
 */
export class Pace {
  readonly #limits: PaceLimits;
  readonly #startedAt: number;
  #heldMs = 0;
  #heldSince: number | undefined;
  #window: { readonly waitedMs: number; readonly received: number };
  /** When bytes were last seen to have come. */
  #last: { readonly waitedMs: number; readonly received: number };

  /**
   * @param received bytes that the connection has brought so far.
   * @param now milliseconds of any clock, the same as for all other calls.
   */
  constructor(limits: PaceLimits, received: number, now: number) {
    this.#limits = limits;
    this.#startedAt = now;
    this.#window = { waitedMs: 0, received };
    this.#last = this.#window;
  }

  /** Does work whose time is time in which the server is held back; one at a time. */
  async held(work: () => Promise<void>, clock: () => number = Date.now): Promise<void> {
    this.#heldSince = clock();
    try {
      await work();
    } finally {
      this.#heldMs += clock() - this.#heldSince;
      this.#heldSince = undefined;
    }
  }

  judge(received: number, now: number): Verdict {
    const { limitMs, stallMs, floorBytes } = this.#limits;
    const heldMs = this.#heldMs + (this.#heldSince === undefined ? 0 : now - this.#heldSince);
    const waitedMs = now - this.#startedAt - heldMs;
    if (received > this.#last.received) this.#last = { waitedMs, received };
    if (waitedMs >= limitMs) return "late";
    if (waitedMs - this.#window.waitedMs < stallMs) return "good";
    if (received - this.#window.received < floorBytes)
      return waitedMs - this.#last.waitedMs >= stallMs / 2 ? "silent" : "slow";
    this.#window = { waitedMs, received };
    return "good";
  }
}
