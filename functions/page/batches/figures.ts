import type { BatchView } from "../api/types.ts";
import { bytes, count, counted, relative } from "../parts/format.ts";

export interface Totals {
  readonly batches: number;
  readonly mailboxes: number;
  readonly synced: number;
  readonly failed: number;
  readonly items: number;
  readonly bytes: number;
}

/** All batches together. Pure. */
export function totalsOf(batches: readonly BatchView[]): Totals {
  const sum = (of: (batch: BatchView) => number) => batches.reduce((total, batch) => total + of(batch), 0);
  return {
    batches: batches.length,
    mailboxes: sum(({ totalCount }) => totalCount),
    // A rehearsal counts what it has looked at.
    synced: sum(({ rehearsal, syncedCount }) => (rehearsal ? 0 : syncedCount)),
    failed: sum(({ failedCount }) => failedCount),
    items: sum(({ syncedItemCount }) => syncedItemCount),
    bytes: sum(({ bytesTransferred }) => bytesTransferred),
  };
}

/** How far a batch is, 0 to 100: a rehearsal by the mailboxes that it has looked at, since nothing is copied. Pure. */
export function progressOf({ rehearsal, percentageComplete, syncedCount, totalCount }: BatchView): number {
  return rehearsal ? Math.floor((100 * syncedCount) / Math.max(1, totalCount)) : percentageComplete;
}

/** What was copied, of how much; where not every mailbox is counted, what was copied alone. Pure. */
export function copiedOf(batch: BatchView): string {
  const { syncedItemCount, totalItemsInSourceMailboxCount, bytesTransferred, estimatedTotalTransferSize } =
    batch;
  if (batch.rehearsal) return "Nothing is copied";
  return batch.estimateBasis === "all"
    ? `${count(syncedItemCount)} of ${counted(totalItemsInSourceMailboxCount, "message", "messages")}, ${bytes(bytesTransferred)} of ${bytes(estimatedTotalTransferSize)}`
    : `${counted(syncedItemCount, "message", "messages")}, ${bytes(bytesTransferred)}; not every mailbox is counted`;
}

/** `1,240 items/min, 85 MB/min`; a dash while nothing is copied. Pure. */
export function rateOf({
  itemsPerMinute,
  bytesPerMinute,
}: Pick<BatchView, "itemsPerMinute" | "bytesPerMinute">): string {
  if (itemsPerMinute === 0 && bytesPerMinute === 0) return "-";
  return `${count(itemsPerMinute)}/min, ${bytes(bytesPerMinute)}/min`;
}

/** `1,240/min`; a dash while nothing is copied. Pure. */
export function itemRateOf({ itemsPerMinute }: BatchView): string {
  return itemsPerMinute === 0 ? "-" : `${count(itemsPerMinute)}/min`;
}

const withoutEstimate: Readonly<Record<NonNullable<BatchView["noEstimate"]>, string>> = {
  done: "-",
  estimating: "Estimating",
  stalled: "Stalled",
  paused: "Paused",
  stopped: "-",
};

/** When it will be through, or why that is not known. Pure. @param now milliseconds since 1970. */
export function readyOf(
  {
    estimatedCompletion,
    estimateBasis,
    noEstimate,
  }: Pick<BatchView, "estimatedCompletion" | "estimateBasis" | "noEstimate">,
  now: number,
): string {
  if (estimatedCompletion === null) return noEstimate === null ? "-" : withoutEstimate[noEstimate];
  // A moment that has passed was only an estimate.
  const when = Date.parse(estimatedCompletion) > now ? relative(estimatedCompletion, now) : "any minute";
  return estimateBasis === "partial" ? `${when} at least` : when;
}

/** One sentence for those who hear the list. Pure. */
export function summaryOf({ mailboxes, synced, failed, batches }: Totals): string {
  const troubles = failed === 0 ? "" : `, ${count(failed)} failed`;
  return `${counted(batches, "batch", "batches")}, ${count(synced)} of ${counted(mailboxes, "mailbox", "mailboxes")} synced${troubles}`;
}
