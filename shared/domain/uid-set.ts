import type { Uid } from "./names.ts";

/** Sorted, disjoint, non-adjacent inclusive ranges of UIDs. Immutable. */
export type UidSet = readonly (readonly [low: number, high: number])[];

export const emptyUidSet: UidSet = [];

/** All UIDs there can be (RFC 9051, section 9: nz-number). */
export const everyUid: UidSet = [[1, 4_294_967_295]];

/** Builds a set from UIDs in any order, repeats allowed. */
export function uidSetOf(uids: Iterable<number>): UidSet {
  const ranges: [number, number][] = [];
  for (const uid of [...uids].sort((a, b) => a - b)) append(ranges, uid, uid);
  return ranges;
}

/** Builds a set from ranges in any order, overlaps allowed. */
export function uidRangesOf(some: UidSet): UidSet {
  const ranges: [number, number][] = [];
  for (const [low, high] of some.toSorted((a, b) => a[0] - b[0])) append(ranges, low, high);
  return ranges;
}

/** Union of two sets. */
export function unionOf(a: UidSet, b: UidSet): UidSet {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const ranges: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const first = j === b.length || (i < a.length && at(a, i)[0] <= at(b, j)[0]) ? at(a, i++) : at(b, j++);
    append(ranges, first[0], first[1]);
  }
  return ranges;
}

/** Adds a range that begins no earlier than the last one. */
function append(ranges: [number, number][], low: number, high: number): void {
  const last = ranges.at(-1);
  if (last && low <= last[1] + 1) last[1] = Math.max(last[1], high);
  else ranges.push([low, high]);
}

/** What is in `a` and not in `b`. */
export function differenceOf(a: UidSet, b: UidSet): UidSet {
  const ranges: [number, number][] = [];
  let j = 0;
  for (const [low, high] of a) {
    let start = low;
    while (j < b.length && at(b, j)[1] < start) j++;
    let k = j;
    while (k < b.length && at(b, k)[0] <= high) {
      const [cutLow, cutHigh] = at(b, k);
      if (cutLow > start) ranges.push([start, cutLow - 1]);
      start = Math.max(start, cutHigh + 1);
      k++;
    }
    if (start <= high) ranges.push([start, high]);
  }
  return ranges;
}

/** What is in both sets. */
export function intersectionOf(a: UidSet, b: UidSet): UidSet {
  const ranges: [number, number][] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const low = Math.max(at(a, i)[0], at(b, j)[0]);
    const high = Math.min(at(a, i)[1], at(b, j)[1]);
    if (low <= high) ranges.push([low, high]);
    if (at(a, i)[1] < at(b, j)[1]) i++;
    else j++;
  }
  return ranges;
}

/** Number of UIDs in the set. */
export function sizeOf(set: UidSet): number {
  let size = 0;
  for (const [low, high] of set) size += high - low + 1;
  return size;
}

/** True if the set holds the UID. Logarithmic. */
export function hasUid(set: UidSet, uid: number): boolean {
  let low = 0;
  let high = set.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = at(set, middle);
    if (uid < range[0]) high = middle - 1;
    else if (uid > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}

/** The UIDs, ascending or descending. */
export function* uidsOf(set: UidSet, order: "ascending" | "descending" = "ascending"): Generator<Uid> {
  if (order === "ascending") {
    for (const [low, high] of set) for (let uid = low; uid <= high; uid++) yield uid as Uid;
    return;
  }
  for (let i = set.length - 1; i >= 0; i--) {
    const [low, high] = at(set, i);
    for (let uid = high; uid >= low; uid--) yield uid as Uid;
  }
}

/** So many of the UIDs, from the lowest or the highest on; all if there are fewer. */
export function firstOf(set: UidSet, count: number, order: "ascending" | "descending" = "ascending"): UidSet {
  const uids: Uid[] = [];
  for (const uid of uidsOf(set, order)) {
    if (uids.length >= count) break;
    uids.push(uid);
  }
  return uidSetOf(uids);
}

/** The UIDs of a set above a number, 0 for all. Pure. */
export function above(set: UidSet, uid: number): UidSet {
  return uid === 0 ? set : differenceOf(set, [[1, uid]]);
}

/**
 * `settled` grown by `processed` and by every gap next to a processed UID that holds no existing UID,
 * so that a checkpoint stays a handful of ranges however sparse the folder is.
 * @param existing every UID the server says exists in the folder.
 */
export function settle(settled: UidSet, processed: UidSet, existing: UidSet): UidSet {
  const done = unionOf(settled, processed);
  const open = differenceOf(existing, done);
  const ceiling = Math.max(existing.at(-1)?.[1] ?? 0, done.at(-1)?.[1] ?? 0);
  if (ceiling === 0) return done;
  const absent = differenceOf([[1, ceiling]], unionOf(existing, done));
  const closed: UidSet = absent.filter(([low, high]) => {
    const touchesDone = hasUid(done, low - 1) || hasUid(done, high + 1);
    const touchesOpen = hasUid(open, low - 1) || hasUid(open, high + 1);
    return low === 1 ? !touchesOpen : touchesDone && !touchesOpen;
  });
  return unionOf(done, closed);
}

/** RFC 9051 sequence-set text, `1:5,7`; empty text for the empty set. */
export function formatUidSet(set: UidSet): string {
  return set.map(([low, high]) => (low === high ? `${low}` : `${low}:${high}`)).join(",");
}

/**
 * Reads what {@link formatUidSet} wrote.
 * @throws RangeError if the text is not a list of ascending ranges.
 */
export function parseUidSet(text: string): UidSet {
  if (text === "") return emptyUidSet;
  const ranges = text.split(",").map((part): readonly [number, number] => {
    const [low, high = low] = part.split(":").map(Number);
    if (!Number.isInteger(low) || !Number.isInteger(high) || Number(low) < 1 || Number(high) < Number(low))
      throw new RangeError(`not a UID set: ${part.slice(0, 32)}`);
    return [Number(low), Number(high)];
  });
  return unionOf(ranges.slice(0, 1), ranges.slice(1));
}

function at(set: UidSet, index: number): readonly [number, number] {
  return set[index] as readonly [number, number];
}
