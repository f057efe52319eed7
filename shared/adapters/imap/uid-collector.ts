import { type UidSet, uidRangesOf, unionOf } from "../../domain/uid-set.ts";
import { letOthersRun } from "../event-loop.ts";

/** Ranges that are sorted in one go. */
const PIECE = 8_192;

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

  /** All that came, in steps between which others get their turn. */
  async uids(): Promise<UidSet> {
    if (this.#inOrder) return this.#ranges;
    let sets: UidSet[] = [];
    for (let at = 0; at < this.#ranges.length; at += PIECE) {
      sets.push(uidRangesOf(this.#ranges.slice(at, at + PIECE)));
      await letOthersRun();
    }
    while (sets.length > 1) {
      const joined: UidSet[] = [];
      for (let at = 0; at < sets.length; at += 2) {
        joined.push(unionOf(sets[at] ?? [], sets[at + 1] ?? []));
        await letOthersRun();
      }
      sets = joined;
    }
    return sets[0] ?? [];
  }
}
