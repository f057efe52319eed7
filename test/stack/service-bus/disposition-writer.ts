interface Disposition {
  readonly accepted: boolean;
  readonly write: () => void;
}

/**
 * Spreads the dispositions of one link over ticks. rhea 3.0.5 writes two neighbouring deliveries settled in one tick
 * as a range with the outcome of the first, whatever the outcome of the second is; so only acceptances share a tick.
 */
export class DispositionWriter {
  #waiting: Disposition[] = [];
  #busy = false;

  /** @param write settles one delivery. Called now or in a later tick, in the order of the calls. */
  add(accepted: boolean, write: () => void): void {
    this.#waiting.push({ accepted, write });
    if (!this.#busy) this.#flush();
  }

  #flush(): void {
    const firstOther = this.#waiting.findIndex(({ accepted }) => !accepted);
    const count = firstOther < 0 ? this.#waiting.length : Math.max(firstOther, 1);
    const batch = this.#waiting.splice(0, count);
    this.#busy = batch.length > 0;
    for (const { write } of batch) write();
    if (this.#busy) setImmediate(() => this.#flush());
  }
}
