import type { BatchTotals, Course } from "../ports/batch-state.ts";
import { day, hour, minute } from "../runtime.ts";

/*
 * How fast a batch gets on, and when it may be ready. All functions are pure; instants are milliseconds since 1970.
 */

const maxSamples = 61;
/** Rates are of so long. */
const rateMs = 10 * minute;
/** A batch that is younger shows no end. */
const estimatesAfterMs = 2 * minute;
/** Mailboxes that have to be planned before an estimate, and which part of all. */
const plannedToEstimate = { mailboxes: 5, part: 0.05 };
/** Work that gets nowhere for so long is stalled. */
const stalledMs = 15 * minute;

/** @param prior of the last look, with its totals; undefined at the first one. */
export function courseOf(
  prior: (Partial<Course> & { readonly totals: BatchTotals }) | undefined,
  totals: BatchTotals,
  now: number,
): Course {
  const sample = {
    at: now,
    items: totals.syncedItemCount + totals.skippedItemCount,
    bytes: totals.bytesTransferred,
  };
  const known = prior?.samples ?? [];
  const last = known.at(-1);
  const isNext = last === undefined || now - last.at >= minute;
  const samples = isNext ? [...known, sample].slice(-maxSamples) : known;
  const before = prior?.totals;
  // What rests is not stalled when it goes on.
  const gotOn =
    before === undefined ||
    before.counts.active === 0 ||
    sample.items > before.syncedItemCount + before.skippedItemCount ||
    sample.bytes > before.bytesTransferred;
  const sameSet = before !== undefined && before.counts.total === totals.counts.total;
  return {
    samples,
    percentage: Math.max(sameSet ? (prior?.percentage ?? 0) : 0, percentageOfBatch(totals)),
    progressAt: gotOn ? now : (prior?.progressAt ?? now),
  };
}

/** What a batch holds as far as that is known: mailboxes that are not planned yet count as the mean of the others. */
function sizesOf(totals: BatchTotals) {
  const { counts, plannedCount = 0, doneBytes = 0, estimatedTotalTransferSize } = totals;
  const scale = plannedCount === 0 ? 1 : counts.total / plannedCount;
  const items = totals.totalItemsInSourceMailboxCount * scale;
  const bytes = estimatedTotalTransferSize * scale;
  const doneItems = totals.syncedItemCount + totals.skippedItemCount;
  return { items, bytes, doneItems, doneBytes, leftItems: items - doneItems, leftBytes: bytes - doneBytes };
}

/** By bytes where they are known, else by items; 100 only once every mailbox was synced. */
export function percentageOfBatch(totals: BatchTotals): number {
  const { counts, unsyncedCount } = totals;
  if (counts.total === 0) return 0;
  if (unsyncedCount === 0) return 100;
  const { items, bytes, doneItems, doneBytes } = sizesOf(totals);
  const part = bytes > 0 ? doneBytes / bytes : items > 0 ? doneItems / items : 0;
  return Math.max(0, Math.min(99, Math.floor(part * 100)));
}

export interface Rate {
  readonly itemsPerMinute: number;
  readonly bytesPerMinute: number;
}

/** Over the last ten minutes, or since the first sample; 0 while nothing is at work. */
export function rateOf({ samples }: Pick<Course, "samples">, totals: BatchTotals, asOf: number): Rate {
  // Before that there may have been hours of rest, in which nobody looked.
  const from = samples.find(({ at }) => at >= asOf - rateMs - minute / 2);
  if (totals.counts.active === 0 || from === undefined || asOf <= from.at)
    return { itemsPerMinute: 0, bytesPerMinute: 0 };
  const minutes = (asOf - from.at) / minute;
  const items = totals.syncedItemCount + totals.skippedItemCount - from.items;
  return {
    itemsPerMinute: Math.max(0, items) / minutes,
    bytesPerMinute: Math.max(0, totals.bytesTransferred - from.bytes) / minutes,
  };
}

/** True if all that is at work waits for what is known to pass by itself. */
function isPaused({ counts, outage, paused }: BatchTotals): boolean {
  return (outage?.mailboxes ?? 0) + (paused?.mailboxes ?? 0) >= counts.active;
}

/** True if mailboxes are at work, wait for nothing that is known to be away, and get nowhere. */
export function isStalled(
  { progressAt }: Pick<Course, "progressAt">,
  totals: BatchTotals,
  asOf: number,
): boolean {
  const waits = totals.outage !== undefined || isPaused(totals);
  return totals.counts.active > 0 && !waits && asOf - progressAt >= stalledMs;
}

/** From what an estimate is made: of all mailboxes, of those that are planned, or there is none. */
export type EstimateBasis = "none" | "partial" | "all";

export function basisOf({ counts, plannedCount = 0 }: BatchTotals): EstimateBasis {
  if (plannedCount >= counts.total) return "all";
  const { mailboxes, part } = plannedToEstimate;
  return plannedCount < mailboxes || plannedCount < counts.total * part ? "none" : "partial";
}

/** Why there is no estimate. */
export type NoEstimate = "done" | "estimating" | "stalled" | "paused" | "stopped";

/** When the first copy may be through, rounded up; or why nobody can tell. */
export function estimateOf(
  course: Course,
  totals: BatchTotals,
  work: { readonly atWork: boolean; readonly isClosed: boolean; readonly startedAt: number | undefined },
  asOf: number,
): { readonly at: number } | { readonly missing: NoEstimate } {
  if (totals.unsyncedCount === 0) return { missing: "done" };
  if (!work.atWork || totals.counts.active === 0) return { missing: "stopped" };
  if (work.isClosed || isPaused(totals)) return { missing: "paused" };
  if (isStalled(course, totals, asOf)) return { missing: "stalled" };
  const rate = rateOf(course, totals, asOf);
  const began = Math.max(work.startedAt ?? asOf, course.samples[0]?.at ?? asOf);
  if (asOf - began < estimatesAfterMs || basisOf(totals) === "none" || rate.itemsPerMinute === 0)
    return { missing: "estimating" };
  const { leftItems, leftBytes } = sizesOf(totals);
  const minutes = Math.max(
    leftItems / rate.itemsPerMinute,
    rate.bytesPerMinute > 0 ? leftBytes / rate.bytesPerMinute : 0,
    0,
  );
  return { at: roundedUp(asOf, minutes * minute) };
}

/** An instant that is so far away, as exactly as one can tell: to five minutes, an hour, or a day. */
export function roundedUp(now: number, ms: number): number {
  const step = ms < 6 * hour ? 5 * minute : ms < 4 * day ? hour : day;
  return Math.ceil((now + ms) / step) * step;
}
