import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { day, hour, minute } from "../../../../shared/migration/runtime.ts";
import { totalsOf } from "../../../../shared/migration/status/batch-totals.ts";
import {
  basisOf,
  courseOf,
  estimateOf,
  isStalled,
  percentageOfBatch,
  rateOf,
} from "../../../../shared/migration/status/course.ts";
import { mailbox } from "../sample-mailbox.ts";

const megabyte = 1_000_000;
const copying = (items: number, change: Partial<MailboxRecord> = {}) =>
  mailbox("Syncing", {
    totalItemCount: 1_000,
    syncedItemCount: items,
    estimatedBytes: 1_000 * megabyte,
    bytesTransferred: items * megabyte,
    ...change,
  });
const waiting = mailbox("Queued");
const pausing = mailbox("Queued", {
  notBefore: day,
  error: { code: "DailyCapReached", message: "It goes on tomorrow.", at: 1 },
});
const synced = copying(1_000, { status: "Synced", lastSyncedAt: 1 });

/** What is remembered after looks a minute apart. */
function watched(looks: readonly (readonly MailboxRecord[])[], every = minute) {
  let prior: Parameters<typeof courseOf>[0];
  for (const [index, mailboxes] of looks.entries()) {
    const totals = totalsOf(mailboxes);
    prior = { ...courseOf(prior, totals, index * every), totals };
  }
  const course = { samples: [], percentage: 0, progressAt: 0, ...prior };
  return { course, totals: totalsOf(looks.at(-1) ?? []), asOf: (looks.length - 1) * every };
}

describe("the percentage of a batch", () => {
  it.each([
    [
      "one of fifty thousand is done, and nothing is known of the others",
      [synced, waiting, waiting, waiting],
      25,
    ],
    ["bytes tell more than messages", [copying(500, { bytesTransferred: 10 * megabyte })], 1],
    ["what is skipped counts as done", [copying(500, { skippedItemCount: 500 })], 99],
    ["all is copied and no round has ended", [copying(1_000)], 99],
    ["all was synced", [synced, synced], 100],
    ["a mailbox failed before it was synced", [synced, { ...copying(1_000), status: "Failed" as const }], 99],
    ["it has no mailboxes", [], 0],
  ])("%s", (_, mailboxes, expected) => {
    expect(percentageOfBatch(totalsOf(mailboxes))).toBe(expected);
  });

  it("never falls for the same mailboxes, whatever is planned or taken back, and is no 100 before the end", () => {
    const any = fc.record({
      totalItemCount: fc.nat(50),
      syncedItemCount: fc.nat(50),
      skippedItemCount: fc.nat(5),
      estimatedBytes: fc.nat(5_000),
      bytesTransferred: fc.nat(5_000),
    });
    fc.assert(
      fc.property(fc.array(fc.array(any, { minLength: 3, maxLength: 3 }), { minLength: 2 }), (looks) => {
        let prior: Parameters<typeof courseOf>[0];
        let last = 0;
        for (const [index, some] of looks.entries()) {
          const totals = totalsOf(some.map((change) => mailbox("Syncing", change)));
          const course = courseOf(prior, totals, index * 500);
          expect(course.percentage).toBeGreaterThanOrEqual(last);
          expect(course.percentage).toBeLessThan(100);
          last = course.percentage;
          prior = { ...course, totals };
        }
      }),
    );
  });
});

describe("the rate of a batch", () => {
  it("is that of the last ten minutes, and no average over idle days", () => {
    const looks = Array.from({ length: 40 }, (_, index) => [copying(index < 20 ? 0 : (index - 20) * 10)]);
    const { course, totals, asOf } = watched(looks);
    expect(rateOf(course, totals, asOf)).toEqual({ itemsPerMinute: 10, bytesPerMinute: 10 * megabyte });
  });

  it("is since the start of a younger one, and 0 once nothing is at work", () => {
    const { course, totals, asOf } = watched([[copying(0)], [copying(30)], [copying(60)]]);
    expect(rateOf(course, totals, asOf).itemsPerMinute).toBe(30);
    expect(rateOf(course, totalsOf([synced]), asOf)).toEqual({ itemsPerMinute: 0, bytesPerMinute: 0 });
  });

  it("keeps an hour of samples, one a minute however often somebody looks", () => {
    const { course } = watched(
      Array.from({ length: 800 }, (_, index) => [copying(index)]),
      10_000,
    );
    expect(course.samples).toHaveLength(61);
    expect((course.samples[1]?.at ?? 0) - (course.samples[0]?.at ?? 0)).toBe(minute);
  });
});

describe("the estimate", () => {
  const atWork = { atWork: true, isClosed: false, startedAt: 0 };
  const steady = (count: number, rate: number) =>
    watched(
      Array.from({ length: 4 }, (_, index) => Array.from({ length: count }, () => copying(index * rate))),
    );

  it("says when what is left will be copied at the rate of now, rounded up by its size", () => {
    const { course, totals, asOf } = steady(5, 10);
    // 4,850 of 5,000 messages at 50 a minute.
    expect(basisOf(totals)).toBe("all");
    expect(estimateOf(course, totals, atWork, asOf)).toEqual({ at: 100 * minute });
    const slow = watched([[copying(0)], [copying(1)], [copying(2)], [copying(3)]]);
    expect(estimateOf(slow.course, slow.totals, atWork, slow.asOf)).toEqual({ at: 17 * hour });
    expect(day % hour).toBe(0);
  });

  it("is partial where not all is planned, and counts the others as the mean of those", () => {
    const looks = Array.from({ length: 4 }, (_, index) => [
      ...Array.from({ length: 5 }, () => copying(index * 10)),
      ...Array.from({ length: 5 }, () => waiting),
    ]);
    const { course, totals, asOf } = watched(looks);
    expect(basisOf(totals)).toBe("partial");
    expect(estimateOf(course, totals, atWork, asOf)).toEqual({ at: 200 * minute });
  });

  it("is missing for a reason", () => {
    const { course, totals, asOf } = steady(5, 10);
    const looked = Array.from({ length: 5 }, () => copying(30));
    expect(estimateOf(course, totalsOf([synced]), atWork, asOf)).toEqual({ missing: "done" });
    expect(estimateOf(course, totals, { ...atWork, atWork: false }, asOf)).toEqual({ missing: "stopped" });
    const resting = { ...totals, counts: { ...totals.counts, active: 0 } };
    expect(estimateOf(course, resting, atWork, asOf)).toEqual({ missing: "stopped" });
    expect(estimateOf(course, totals, { ...atWork, startedAt: asOf - minute }, asOf)).toEqual({
      missing: "estimating",
    });
    expect(estimateOf(course, totals, atWork, asOf + 15 * minute)).toEqual({ missing: "stalled" });
    const away = totalsOf([copying(1, { trouble: { failingSince: 1 } })]);
    expect(estimateOf(course, away, atWork, asOf)).toEqual({ missing: "paused" });
    expect(estimateOf(course, totals, { ...atWork, isClosed: true }, asOf)).toEqual({ missing: "paused" });
    const capped = totalsOf([pausing]);
    expect(capped.paused).toEqual({ mailboxes: 1, until: day, error: pausing.error });
    expect(estimateOf(course, capped, atWork, asOf)).toEqual({ missing: "paused" });
    expect(estimateOf(course, totalsOf([pausing, ...looked]), atWork, asOf)).toHaveProperty("at");
  });

  it("is stalled only if work gets nowhere for a quarter of an hour without a known reason", () => {
    const { course, totals, asOf } = steady(5, 10);
    expect(isStalled(course, totals, asOf + 14 * minute)).toBe(false);
    expect(isStalled(course, totals, asOf + 15 * minute)).toBe(true);
    expect(isStalled(course, totalsOf([synced]), asOf + day)).toBe(false);
    expect(isStalled(course, totalsOf([pausing]), asOf + day)).toBe(false);
    expect(isStalled(course, totalsOf([pausing, copying(1)]), asOf + day)).toBe(true);
  });
});
