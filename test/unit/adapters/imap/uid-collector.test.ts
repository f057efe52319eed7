import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UidCollector } from "../../../../shared/adapters/imap/uid-collector.ts";
import { uidRangesOf } from "../../../../shared/domain/uid-set.ts";

const highest = 4_294_967_295;

async function collected(ranges: readonly (readonly [number, number])[]) {
  const collector = new UidCollector();
  for (const [low, high] of ranges) collector.add(low, high);
  return collector.uids();
}

describe("a collector of UIDs", () => {
  const range = fc
    .tuple(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: highest })), fc.nat(20))
    .map(([low, more]) => [low, Math.min(highest, low + more)] as const);
  it("gives ranges that came in any order as a set", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(range, { maxLength: 40 }), async (ranges) => {
        expect(await collected(ranges)).toEqual(uidRangesOf(ranges));
      }),
    );
  });

  it("leaves out what is no UID", async () => {
    expect(
      await collected([
        [7, 1e12],
        [3, 3],
        [1e12, 1e12],
      ]),
    ).toEqual([
      [3, 3],
      [7, highest],
    ]);
  });
});
