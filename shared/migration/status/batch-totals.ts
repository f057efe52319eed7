import type { BatchView, DataConsistencyScore } from "../../domain/api/batches.ts";
import { type BatchStatus, batchStatus, type MailboxCounts } from "../../domain/states.ts";
import type { Standing } from "../batch/acts.ts";
import { awaitsStart, idleStopAt, isAtWork } from "../batch/life.ts";
import type { EndpointPause } from "../endpoints/endpoint-settings.ts";
import { unapprovedCount } from "../mailbox/approval.ts";
import { countOf, isActive, isQueued, type MailboxFacts } from "../mailbox/life.ts";
import type { BatchState, BatchTotals, Course, Outage, Paused } from "../ports/batch-state.ts";
import type { BatchRecord } from "../ports/registry.ts";
import { basisOf, estimateOf, isStalled, percentageOfBatch, rateOf } from "./course.ts";
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
  let plannedCount = 0;
  let doneBytes = 0;
  let worstScore: DataConsistencyScore | undefined;
  let lastSyncedAt: number | undefined;
  let unsyncedCount = 0;
  let outage: Outage | undefined;
  let paused: Paused | undefined;
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
    if (mailbox.totalItemCount > 0 || mailbox.lastSyncedAt !== undefined) plannedCount++;
    doneBytes += doneBytesOf(mailbox);
    worstScore = worse(worstScore, scoreOf(mailbox));
    outage = withMailbox(outage, mailbox);
    paused = withPaused(paused, mailbox);
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
    plannedCount,
    doneBytes,
    worstScore,
    unsyncedCount,
    lastSyncedAt: unsyncedCount === 0 ? lastSyncedAt : undefined,
    outage,
    paused,
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

function withPaused(paused: Paused | undefined, mailbox: MailboxFacts): Paused | undefined {
  const { error, notBefore, trouble } = mailbox;
  const isPaused = isQueued(mailbox) && trouble?.failingSince === undefined;
  if (!isPaused || notBefore === undefined || error === undefined) return paused;
  return {
    mailboxes: (paused?.mailboxes ?? 0) + 1,
    until: Math.min(notBefore, paused?.until ?? notBefore),
    error: error.at >= (paused?.error.at ?? 0) ? error : (paused?.error ?? error),
  };
}

/** Items that were skipped and not left out on purpose, and that nobody approved. Pure. */
export function unapprovedOf(totals: Pick<BatchTotals, "lostItemCount" | "unapprovedItemCount">): number {
  return totals.unapprovedItemCount ?? totals.lostItemCount;
}

/** Of what a mailbox holds: what is skipped counts as done, and so does all of a mailbox that was synced. */
function doneBytesOf(mailbox: MailboxFacts): number {
  const { bytesTransferred, estimatedBytes, skippedItemCount, totalItemCount, lastSyncedAt } = mailbox;
  const size = Math.max(estimatedBytes, bytesTransferred);
  if (lastSyncedAt !== undefined) return size;
  const skipped = totalItemCount === 0 ? 0 : (size * skippedItemCount) / totalItemCount;
  return Math.min(size, Math.round(bytesTransferred + skipped));
}

/** What a look at a batch gave. */
export type Figures = Pick<BatchState, "asOf" | "totals" | keyof Course>;

/**
 * A batch with its figures. Pure.
 * @param now milliseconds since 1970. @param closed why nothing of its endpoint is read now, if that is so.
 */
export function batchView(
  batch: BatchRecord,
  figures: Figures,
  now: number,
  closed?: EndpointPause,
): BatchView {
  const { totals, asOf } = figures;
  const course = { samples: [], percentage: 0, progressAt: asOf, ...figures };
  const { counts } = totals;
  const { confirmedServer, uploadError, noticeError } = batch;
  const { itemsPerMinute, bytesPerMinute } = rateOf(course, totals, asOf);
  const pause = pauseOf(totals, isAtWork(batch) ? closed : undefined);
  const isClosed = closed !== undefined;
  const work = { atWork: isAtWork(batch), isClosed, startedAt: batch.startedAt };
  const estimate = estimateOf(course, totals, work, asOf);
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
    percentageComplete: Math.max(course.percentage, percentageOfBatch(totals)),
    itemsPerMinute: Math.round(itemsPerMinute),
    bytesPerMinute: Math.round(bytesPerMinute),
    estimatedCompletion: "at" in estimate ? iso(estimate.at) : null,
    estimateBasis: basisOf(totals),
    noEstimate: "missing" in estimate ? estimate.missing : null,
    isStalled: !isClosed && isStalled(course, totals, asOf),
    outage: outageView(totals.outage),
    pause,
    dataConsistencyScore: scoreOfBatch(totals),
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

/** Outside the hours of its endpoint all of a batch pauses. */
function pauseOf({ counts, paused }: BatchTotals, closed: EndpointPause | undefined): BatchView["pause"] {
  if (counts.active === 0) return null;
  if (closed) return { ...closed, mailboxCount: counts.active, until: iso(closed.until) };
  if (paused === undefined) return null;
  const { code, message } = paused.error;
  return { mailboxCount: paused.mailboxes, code, message, until: iso(paused.until) };
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

/** More lost items than this part of all of them, or so many, are a major loss. */
const majorLoss = { part: 0.01, items: 100 };

/**
 * Perfect: nothing was skipped. Good: what was skipped was left out on purpose (marked as deleted by the user, or larger
 * than the batch's maxItemSize). Investigate: the mailbox failed, or some items were lost, or a verification found them missing. Poor: many were. Undefined while
 * its first round is not through and nothing was lost. A batch has the score of its worst mailbox. Pure.
 * @see https://learn.microsoft.com/exchange/mailbox-migration/track-prevent-data-loss-dcs
 */
export function scoreOf(mailbox: MailboxFacts): DataConsistencyScore | undefined {
  const { skippedItemCount, leftOutItemCount = 0, totalItemCount, lastSyncedAt } = mailbox;
  const lost = skippedItemCount - leftOutItemCount + missingOf(mailbox);
  if (lost >= majorLoss.items || lost > totalItemCount * majorLoss.part) return "Poor";
  if (lost > 0 || countOf(mailbox) === "failed") return "Investigate";
  // Before its first round is through nobody knows what may still be lost.
  if (lastSyncedAt === undefined) return undefined;
  return skippedItemCount > 0 ? "Good" : "Perfect";
}

/** The score of its worst mailbox; a good one only once every mailbox was synced. Pure. */
function scoreOfBatch({ worstScore, unsyncedCount }: BatchTotals): DataConsistencyScore | null {
  const isGood = worstScore === "Perfect" || worstScore === "Good";
  return worstScore === undefined || (isGood && unsyncedCount > 0) ? null : worstScore;
}

const scores: readonly DataConsistencyScore[] = ["Perfect", "Good", "Investigate", "Poor"];

function worse(
  a: DataConsistencyScore | undefined,
  b: DataConsistencyScore | undefined,
): DataConsistencyScore | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return scores.indexOf(a) > scores.indexOf(b) ? a : b;
}
