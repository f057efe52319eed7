import type { MailboxRecord } from "../ports/registry.ts";
import { rateAfter } from "./rate.ts";

/*
 * The counters of a mailbox as operators see them. All functions are pure.
 */

/** Sums over the folders of a mailbox's ledger. */
export type MailboxSums = Pick<
  MailboxRecord,
  | "totalItemCount"
  | "syncedItemCount"
  | "skippedItemCount"
  | "leftOutItemCount"
  | "lost"
  | "bytesTransferred"
  | "estimatedBytes"
  | "warnings"
>;

/**
 * The mailbox with the sums of its folders. While a round runs nothing that was shown as copied is taken back, whatever
 * folders do in between (messages on their way from one to another, a folder being recognised in its new generation).
 * @param ended true at the end of a round: then the sums stand as they are. Only messages that left the source lower them.
 * @param now milliseconds since 1970.
 */
export function withSums(
  mailbox: MailboxRecord,
  sums: MailboxSums,
  ended: boolean,
  now: number,
): MailboxRecord {
  const syncedItemCount = ended
    ? sums.syncedItemCount
    : Math.max(mailbox.syncedItemCount, sums.syncedItemCount);
  const bytesTransferred = Math.max(mailbox.bytesTransferred, sums.bytesTransferred);
  const { rate } = mailbox;
  const items = syncedItemCount - mailbox.syncedItemCount;
  const bytes = bytesTransferred - mailbox.bytesTransferred;
  const next = {
    ...mailbox,
    ...sums,
    syncedItemCount,
    bytesTransferred,
    rate: rate && rateAfter(rate, items, bytes, now),
  };
  return { ...next, percentageComplete: percentageOf(next) };
}

/** The mailbox as one of which nothing was copied: its mail is another one's from now on. */
export function withoutFigures(mailbox: MailboxRecord): MailboxRecord {
  return {
    ...mailbox,
    totalItemCount: 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    leftOutItemCount: undefined,
    lost: undefined,
    approved: undefined,
    bytesTransferred: 0,
    estimatedBytes: 0,
    warnings: undefined,
    percentageComplete: undefined,
    dailyStart: undefined,
    rate: undefined,
    syncBegan: undefined,
    lastSync: undefined,
  };
}

/**
 * The largest part of the mailbox that was ever copied or skipped, 0 to 100. It never falls: mail that comes in later is
 * told by the counts and the status. 100 only once a round has ended.
 */
export function percentageOf(
  mailbox: Pick<
    MailboxRecord,
    "totalItemCount" | "syncedItemCount" | "skippedItemCount" | "percentageComplete" | "lastSyncedAt"
  >,
): number {
  const { totalItemCount: total, syncedItemCount, skippedItemCount, percentageComplete = 0 } = mailbox;
  const wasSynced = mailbox.lastSyncedAt !== undefined;
  if (total === 0) return wasSynced ? 100 : percentageComplete;
  const part = Math.floor(((syncedItemCount + skippedItemCount) / total) * 100);
  return Math.max(percentageComplete, Math.min(part, wasSynced ? 100 : 99));
}
