import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  differenceOf,
  formatUidSet,
  hasUid,
  intersectionOf,
  parseUidSet,
  settle,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../../shared/domain/uid-set.ts";

const uids = fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 40 });
const listOf = (set: UidSet): number[] => [...uidsOf(set)];
const sorted = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b);

function expectCanonical(set: UidSet): void {
  for (const [index, [low, high]] of set.entries()) {
    expect(low).toBeLessThanOrEqual(high);
    const next = set[index + 1];
    if (next) expect(next[0]).toBeGreaterThan(high + 1);
  }
}

describe("a set of UIDs", () => {
  it("behaves as a set of numbers", () => {
    fc.assert(
      fc.property(uids, uids, fc.integer({ min: 0, max: 61 }), (a, b, uid) => {
        const [x, y] = [uidSetOf(a), uidSetOf(b)];
        const results = [unionOf(x, y), differenceOf(x, y), intersectionOf(x, y)] as const;
        for (const set of [x, y, ...results]) expectCanonical(set);
        expect(listOf(x)).toEqual(sorted(a));
        expect(listOf(results[0])).toEqual(sorted([...a, ...b]));
        expect(listOf(results[1])).toEqual(sorted(a.filter((one) => !b.includes(one))));
        expect(listOf(results[2])).toEqual(sorted(a.filter((one) => b.includes(one))));
        expect(sizeOf(x)).toBe(new Set(a).size);
        expect(hasUid(x, uid)).toBe(a.includes(uid));
        expect([...uidsOf(x, "descending")]).toEqual(listOf(x).reverse());
        expect(parseUidSet(formatUidSet(x))).toEqual(x);
      }),
    );
  });

  it.each(["a", "0", "5:3", "1,,2", "1:2:x"])("refuses the text %s", (text) => {
    if (text === "1:2:x") expect(parseUidSet(text)).toEqual([[1, 2]]);
    else expect(() => parseUidSet(text)).toThrow(RangeError);
  });
});

describe("settling UIDs", () => {
  it("never settles a UID that exists and was not processed, and keeps what was settled", () => {
    fc.assert(
      fc.property(uids, uids, uids, (before, processed, existing) => {
        const settled = uidSetOf(before);
        const after = settle(settled, uidSetOf(processed), uidSetOf(existing));
        expectCanonical(after);
        const done = new Set([...before, ...processed]);
        for (const uid of done) expect(hasUid(after, uid)).toBe(true);
        for (const uid of existing) expect(hasUid(after, uid)).toBe(done.has(uid));
      }),
    );
  });

  it("closes the gaps of a sparse folder, in either order", () => {
    const existing = uidSetOf([10, 200, 3000, 40_000]);
    const ascending = [10, 200, 3000, 40_000].reduce<UidSet>(
      (set, uid) => settle(set, uidSetOf([uid]), existing),
      [],
    );
    const descending = [40_000, 3000, 200, 10].reduce<UidSet>(
      (set, uid) => settle(set, uidSetOf([uid]), existing),
      [],
    );
    expect(ascending).toEqual([[1, 40_000]]);
    expect(descending).toEqual([[1, 40_000]]);
  });
});
