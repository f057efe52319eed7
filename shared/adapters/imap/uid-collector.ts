import { type UidSet, unionOf } from "../../domain/uid-set.ts";

/** Gathers UIDs as ranges while they come, in any order, repeats allowed. */
export class UidCollector {
  readonly #ranges: [low: number, high: number][] = [];
  #inOrder = true;

  /** Ranges so far; more than in the end where UIDs came out of order. */
  get length(): number {
    return this.#ranges.length;
  }

  add(low: number, high = low): void {
    const last = this.#ranges.at(-1);
    if (last && low >= last[0] && low <= last[1] + 1) {
      if (high > last[1]) last[1] = high;
      return;
    }
    if (last && low < last[0]) this.#inOrder = false;
    this.#ranges.push([low, high]);
  }

  get uids(): UidSet {
    return this.#inOrder ? this.#ranges : unionOf(this.#ranges.slice(0, 1), this.#ranges.slice(1));
  }
}
