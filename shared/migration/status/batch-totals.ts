import type { BatchView, DataConsistencyScore } from "../../domain/api/batches.ts";
import { type BatchStatus, batchStatus, type MailboxCounts } from "../../domain/states.ts";
import type { Standing } from "../batch/acts.ts";
import { awaitsStart, idleStopAt } from "../batch/life.ts";
import { unapprovedCount } from "../mailbox/approval.ts";
import { batchPercentage, percentageOf } from "../mailbox/figures.ts";
import { countOf, isActive, type MailboxFacts } from "../mailbox/life.ts";
import type { BatchTotals, Outage } from "../ports/batch-state.ts";
import type { BatchRecord } from "../ports/registry.ts";
import { iso, isoOrNull } from "./instants.ts";
import { optionsETag, optionsView } from "./options-view.ts";

/** Adds up mailboxes. Pure. */
export function totalsOf(mailboxes: Iterable<MailboxFacts>): BatchTotals {
  const counts = {
    total: 0,
    created: 0,
    active: 0,
    incremental: 0,
    synced: 0,
    failed: 0,
    stopped: 0,
    completed: 0,
  };
  let syncedItemCount = 0;
  let skippedItemCount = 0;
  let lostItemCount = 0;
  let unapprovedItemCount = 0;
  let totalItemsInSourceMailboxCount = 0;
  let bytesTransferred = 0;
  let estimatedTotalTransferSize = 0;
  let percentages = 0;
  let lastSyncedAt: number | undefined;
  let unsyncedCount = 0;
  let outage: Outage | undefined;
  for (const mailbox of mailboxes) {
    counts.total++;
    counts[countOf(mailbox)]++;
    if (countOf(mailbox) === "active" && mailbox.kind === "incremental") counts.incremental++;
    syncedItemCount += mailbox.syncedItemCount;
    skippedItemCount += mailbox.skippedItemCount;
    lostItemCount += mailbox.skippedItemCount - (mailbox.leftOutItemCount ?? 0) + missingOf(mailbox);
    unapprovedItemCount += unapprovedCount(mailbox);
    totalItemsInSourceMailboxCount += mailbox.totalItemCount;
    bytesTransferred += mailbox.bytesTransferred;
    estimatedTotalTransferSize += Math.max(mailbox.estimatedBytes, mailbox.bytesTransferred);
    percentages += percentageOf(mailbox);
    outage = withMailbox(outage, mailbox);
    if (mailbox.lastSyncedAt === undefined) unsyncedCount++;
    else lastSyncedAt = Math.min(lastSyncedAt ?? mailbox.lastSyncedAt, mailbox.lastSyncedAt);
  }
  return {
    counts,
    syncedItemCount,
    skippedItemCount,
    lostItemCount,
    unapprovedItemCount,
    totalItemsInSourceMailboxCount,
    bytesTransferred,
    estimatedTotalTransferSize,
    percentages,
    unsyncedCount,
    lastSyncedAt: unsyncedCount === 0 ? lastSyncedAt : undefined,
    outage,
  };
}

/** Messages that the last verification found nowhere in the target. Pure. */
export function missingOf({ verification }: Pick<MailboxFacts, "verification">): number {
  return verification?.counts.Missing ?? 0;
}

function withMailbox(outage: Outage | undefined, mailbox: MailboxFacts): Outage | undefined {
  const since = mailbox.trouble?.failingSince;
  if (since === undefined || !isActive(mailbox)) return outage;
  const { error } = mailbox;
  const isLater = error !== undefined && error.at > (outage?.error?.at ?? 0);
  return {
    mailboxes: (outage?.mailboxes ?? 0) + 1,
    since: Math.min(since, outage?.since ?? since),
    error: isLater ? error : outage?.error,
  };
}

/** Items that were skipped and not left out on purpose, and that nobody approved. Pure. */
export function unapprovedOf(totals: Pick<BatchTotals, "lostItemCount" | "unapprovedItemCount">): number {
  return totals.unapprovedItemCount ?? totals.lostItemCount;
}

/**
 * A batch with its figures. Pure. @param asOf when they were taken, milliseconds since 1970. Rates are averages since the start while anything is being copied, else 0.
 * @param now milliseconds since 1970.
 */
export function batchView(batch: BatchRecord, totals: BatchTotals, asOf: number, now: number): BatchView {
  const { counts } = totals;
  const { confirmedServer, uploadError, noticeError } = batch;
  const minutes = batch.startedAt === undefined ? 0 : Math.max((now - batch.startedAt) / 60_000, 1 / 60);
  const running = counts.active > 0 && minutes > 0;
  const itemsPerMinute = running ? totals.syncedItemCount / minutes : 0;
  const handled = totals.syncedItemCount + totals.skippedItemCount;
  const left = totals.totalItemsInSourceMailboxCount - handled;
  const completion =
    running && itemsPerMinute > 0 && left > 0 ? now + (left / itemsPerMinute) * 60_000 : undefined;
  return {
    name: batch.displayName,
    endpoint: batch.endpoint,
    status: statusOf(batch, counts, now),
    createdAt: iso(batch.createdAt),
    startedAt: isoOrNull(batch.startedAt),
    lastSyncedAt: isoOrNull(totals.lastSyncedAt),
    idleStopAt: isoOrNull(idleStopAt(batch)),
    options: optionsView(batch.options),
    optionsETag: optionsETag(batch.options),
    totalCount: counts.total,
    activeCount: counts.active,
    syncedCount: counts.synced + counts.completed,
    failedCount: counts.failed,
    stoppedCount: counts.stopped,
    invalidRowCount: batch.invalidRowCount,
    uploadError: uploadError ? { ...uploadError, at: iso(uploadError.at) } : null,
    noticeError: noticeError ? { ...noticeError, at: iso(noticeError.at) } : null,
    syncedItemCount: totals.syncedItemCount,
    skippedItemCount: totals.skippedItemCount,
    unapprovedItemCount: unapprovedOf(totals),
    totalItemsInSourceMailboxCount: totals.totalItemsInSourceMailboxCount,
    bytesTransferred: totals.bytesTransferred,
    estimatedTotalTransferSize: totals.estimatedTotalTransferSize,
    percentageComplete: batchPercentage(totals.percentages, counts.total),
    itemsPerMinute: Math.round(itemsPerMinute),
    bytesPerMinute: Math.round(running ? totals.bytesTransferred / minutes : 0),
    estimatedCompletion: isoOrNull(completion),
    outage: outageView(totals.outage),
    dataConsistencyScore: consistency(totals),
    rehearsal: batch.options.dryRun,
    asOf: iso(asOf),
    operations: batch.operations.map(({ seq, kind }) => ({ id: seq, kind })),
    confirmedServer: confirmedServer ? { ...confirmedServer, at: iso(confirmedServer.at) } : null,
  };
}

/** Pure. @param now milliseconds since 1970. */
export function statusOf(batch: BatchRecord, counts: MailboxCounts, now: number): BatchStatus {
  return batchStatus({
    intent: batch.intent,
    waits: awaitsStart(batch) && (batch.options.startAfter ?? 0) > now,
    pending: batch.operations.some(({ kind }) => kind !== "verify" && kind !== "approve"),
    failedLeft: batch.failedLeft ?? false,
    counts,
  });
}

/** Where a batch stands when somebody acts. Pure. @param now milliseconds since 1970. */
export function standingOf(batch: BatchRecord, totals: BatchTotals, now: number): Standing {
  const { counts } = totals;
  return { status: statusOf(batch, counts, now), failed: counts.failed, unapproved: unapprovedOf(totals) };
}

function outageView(outage: Outage | undefined): BatchView["outage"] {
  if (outage === undefined) return null;
  const { mailboxes, since, error } = outage;
  return {
    mailboxCount: mailboxes,
    since: iso(since),
    code: error?.code ?? "StorageOrQueueAway",
    message: error?.message ?? "Storage or Service Bus could not be reached, or no worker was ready for it.",
  };
}

/** More lost items than this part of all of them are a major loss. */
const majorLoss = 0.01;

/**
 * Perfect: nothing was skipped. Good: what was skipped was left out on purpose (marked as deleted by the user, or larger
 * than the batch's maxItemSize). Investigate: a mailbox failed, or some items were lost, or a verification found them missing. Poor: many were. null while nothing
 * was copied, skipped, failed or found empty yet. Pure.
 * @see https://learn.microsoft.com/exchange/mailbox-migration/track-prevent-data-loss-dcs
 */
export function consistency(
  totals: Pick<
    BatchTotals,
    | "counts"
    | "syncedItemCount"
    | "skippedItemCount"
    | "lostItemCount"
    | "totalItemsInSourceMailboxCount"
    | "lastSyncedAt"
  >,
): DataConsistencyScore | null {
  const { counts, syncedItemCount, skippedItemCount, lostItemCount, totalItemsInSourceMailboxCount } = totals;
  const untouched = syncedItemCount + skippedItemCount + counts.failed === 0;
  if (untouched && totals.lastSyncedAt === undefined) return null;
  if (lostItemCount > totalItemsInSourceMailboxCount * majorLoss) return "Poor";
  if (lostItemCount > 0 || counts.failed > 0) return "Investigate";
  return skippedItemCount > 0 ? "Good" : "Perfect";
}
