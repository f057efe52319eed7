import { everyUid, type UidSet } from "../../domain/uid-set.ts";
import { letOthersRun } from "../event-loop.ts";

const [[, HIGHEST]] = everyUid as [[number, number]];
/** Ranges that are joined in one go. */
const PIECE = 8_192;

/** Gathers UIDs as ranges while they come, in any order, repeats allowed. What is no UID is left out. */
export class UidCollector {
  readonly #ranges: [low: number, high: number][] = [];
  #inOrder = true;

  /** Ranges so far; more than in the end where UIDs came out of order. */
  get length(): number {
    return this.#ranges.length;
  }

  add(low: number, upTo = low): void {
    if (!(low <= HIGHEST)) return;
    const high = Math.min(upTo, HIGHEST);
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
    const sorted = sortedPairs(this.#ranges);
    const ranges: [number, number][] = [];
    for (let at = 0; at < sorted.length; at += 2) {
      if (at % PIECE === 0) await letOthersRun();
      const [high, low] = [sorted[at] as number, sorted[at + 1] as number];
      const last = ranges.at(-1);
      if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
      else ranges.push([low, high]);
    }
    return ranges;
  }
}

/**
 * Hundreds of thousands of arrays are sorted in no time as numbers of 64 bits, whose lower half comes first in memory.
 * @returns high and low of each range in turn.
 */
function sortedPairs(ranges: UidSet): Uint32Array {
  const pairs = new Uint32Array(2 * ranges.length);
  for (const [index, [low, high]] of ranges.entries()) {
    pairs[2 * index] = high;
    pairs[2 * index + 1] = low;
  }
  new BigUint64Array(pairs.buffer).sort();
  return pairs;
}
