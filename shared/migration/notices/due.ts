import type { CutoverView } from "../../domain/api/cutover.ts";
import type { BatchOptions } from "../../domain/batch-options.ts";
import { idleStopAt, isFinal, isRemoving, isSyncedDaily } from "../batch/life.ts";
import { isBeingTested, isFailed, type MailboxFacts } from "../mailbox/life.ts";
import type { BatchTotals } from "../ports/batch-state.ts";
import type { NoticeFigures, NoticeKind, NoticeRecord } from "../ports/notices.ts";
import type { BatchRecord, OperationRecord } from "../ports/registry.ts";
import { day, hour } from "../runtime.ts";

/*
 * Which mails about a batch are due: a pure decision from where it stands and from what was told already. Instants are
 * milliseconds since 1970.
 */

/** What happened so long ago is no news: addresses may have been added since. */
const newsMs = day;
/** Between two mails about failures. */
const failuresMs = hour;
const defaultReportHours = 24;
/** A batch that will stop by itself is told of so long before. */
const idleNoticeMs = 7 * day;

/** A mail that is due. */
export type NoticeDraft = Pick<NoticeRecord, "kind" | "key" | "covers" | "figures">;

export interface Situation {
  readonly batch: BatchRecord;
  readonly totals: BatchTotals;
  /** Of the batch, the newest first. */
  readonly operations: readonly OperationRecord[];
  /** Of the batch. */
  readonly mailboxes: readonly MailboxFacts[];
  /** When these were read, milliseconds since 1970. */
  readonly mailboxesAsOf: number;
  readonly told: readonly NoticeRecord[];
  readonly now: number;
}

/** True if somebody wants mails about the batch. */
export function wantsNotices({ notificationEmails }: BatchOptions): boolean {
  return (notificationEmails?.length ?? 0) > 0;
}

/** The mails about how a batch gets on. */
export function dueNotices(situation: Situation): readonly NoticeDraft[] {
  const { batch, told } = situation;
  if (isRemoving(batch) || batch.startedAt === undefined) return [];
  const all = [
    ...[started, loginsTested, failures, rehearsed, synced, verified, completed],
    ...[idleSoon, idleStopped, report],
  ];
  const drafts = all.map((due) => due(situation, batch.startedAt ?? 0));
  return untold(drafts, told);
}

/** The last verification of a batch; undefined if there was none, or if it was ended. */
export function lastVerification(
  operations: readonly OperationRecord[],
): Pick<NoticeDraft, "kind" | "key"> | undefined {
  const last = operations.find(({ kind }) => kind === "verify");
  return last?.outcome?.state === "finished" ? { kind: "verified", key: String(last.seq) } : undefined;
}

/** The mails about the cut-over of a batch. */
export function dueCutoverNotices(
  { verdict, domains }: Pick<CutoverView, "verdict" | "domains">,
  told: readonly NoticeRecord[],
): readonly NoticeDraft[] {
  const moves = domains.flatMap(({ domain, movedAt }) => (movedAt === null ? [] : [{ domain, movedAt }]));
  const known = coveredBy(told, "mxMoved");
  const covers = moves
    .map(({ domain, movedAt }) => `${domain} ${movedAt}`)
    .filter((move) => !known.has(move));
  const last = Math.max(0, ...moves.map(({ movedAt }) => Date.parse(movedAt)));
  const ready = verdict === "ready" || verdict === "readyWithWarnings";
  return untold(
    [
      covers.length === 0 ? undefined : { kind: "mxMoved", key: numbered(told, "mxMoved"), covers },
      ready && moves.length > 0 ? { kind: "cutoverReady", key: String(last) } : undefined,
    ],
    told,
  );
}

/** Which failures nobody was told of; empty if there are none. */
function failures({ mailboxes, told, now }: Situation): NoticeDraft | undefined {
  const known = coveredBy(told, "failures");
  const codes = new Set(mailboxes.filter(isFailed).map(({ error }) => error?.code ?? "Unknown"));
  const covers = [...codes].filter((code) => !known.has(code)).sort();
  const last = Math.max(0, ...told.filter(({ kind }) => kind === "failures").map(({ at }) => at));
  if (covers.length === 0 || now - last < failuresMs) return undefined;
  return { kind: "failures", key: numbered(told, "failures"), covers };
}

/** A rehearsal is started a second time, for real. */
function started({ batch, operations, now }: Situation, startedAt: number): NoticeDraft | undefined {
  const last = operations.find(({ kind }) => kind === "start")?.at ?? 0;
  const key = batch.options.dryRun ? `rehearsal-${startedAt}` : String(startedAt);
  return now - Math.max(startedAt, last) < newsMs ? { kind: "started", key } : undefined;
}

function loginsTested({ batch, mailboxes }: Situation): NoticeDraft | undefined {
  const tested = mailboxes.filter(
    ({ loginTest, startedAt }) => loginTest !== undefined && startedAt === undefined,
  );
  const some = tested.length > 0 || mailboxes.some(isFailed);
  if (!batch.options.testLogins || !some) return undefined;
  if (mailboxes.some((mailbox) => isBeingTested(batch.options, mailbox))) return undefined;
  return { kind: "loginsTested", key: String(mailboxes.length) };
}

/** Every mailbox was looked at, or failed. */
function rehearsed({ batch, totals, mailboxes }: Situation): NoticeDraft | undefined {
  const last = Math.max(0, ...mailboxes.map(({ rehearsal }) => rehearsal?.at ?? 0));
  if (!batch.options.dryRun || last === 0 || isBusy(batch, totals)) return undefined;
  return { kind: "rehearsed", key: String(last) };
}

/** Every mailbox that can be was copied for the first time. */
function synced({ batch, totals, now }: Situation, startedAt: number): NoticeDraft | undefined {
  if (!isSyncedDaily(batch) || !isSettled(batch, totals)) return undefined;
  if (now - (totals.lastSyncedAt ?? startedAt) >= newsMs && totals.lastSyncedAt !== undefined)
    return undefined;
  return { kind: "synced", key: String(totals.counts.total), figures: figuresOf(totals) };
}

function completed({ batch, totals, operations }: Situation): NoticeDraft | undefined {
  const completion = operations.find(({ kind }) => kind === "complete");
  if (!isFinal(batch) || completion === undefined || !isSettled(batch, totals)) return undefined;
  return { kind: "completed", key: String(completion.seq), figures: figuresOf(totals) };
}

/** Every mailbox of the last verification was compared. */
function verified({ operations, mailboxes, mailboxesAsOf }: Situation): NoticeDraft | undefined {
  const verification = lastVerification(operations);
  const begun = operations.find(({ seq }) => String(seq) === verification?.key);
  if (verification === undefined || mailboxesAsOf < (begun?.outcome?.at ?? 0)) return undefined;
  const isOver = mailboxes.every(({ verifying }) => verifying === undefined);
  const some = mailboxes.some((mailbox) => mailbox.verification?.operation === begun?.seq);
  return isOver && some ? verification : undefined;
}

function idleSoon({ batch, now }: Situation): NoticeDraft | undefined {
  const at = idleStopAt(batch);
  if (at === undefined || now < at - idleNoticeMs) return undefined;
  return { kind: "idleSoon", key: String(at) };
}

/** The app itself has stopped the batch. */
function idleStopped({ batch, operations: [last] }: Situation): NoticeDraft | undefined {
  if (batch.intent !== "stopped" || last?.kind !== "stop" || last.by !== "app") return undefined;
  return { kind: "idleStopped", key: String(last.seq) };
}

/** The report of the interval that ended last. */
function report({ batch, totals, told, now }: Situation, startedAt: number): NoticeDraft | undefined {
  const intervalMs = (batch.options.reportIntervalHours ?? defaultReportHours) * hour;
  if (intervalMs === 0 || !(isSyncedDaily(batch) || (isFinal(batch) && !isSettled(batch, totals))))
    return undefined;
  const interval = Math.floor((now - startedAt) / intervalMs);
  const reported = told.filter(({ kind }) => kind === "report").map(({ at }) => at);
  const ended = startedAt + interval * intervalMs;
  if (interval < 1 || Math.max(0, ...reported) >= ended) return undefined;
  return { kind: "report", key: `${Math.round(intervalMs / 1000)}-${interval}`, figures: figuresOf(totals) };
}

/** True if nothing of the batch is at work, and whatever did not fail was copied. */
function isSettled(batch: BatchRecord, totals: BatchTotals): boolean {
  return !isBusy(batch, totals) && totals.unsyncedCount <= totals.counts.failed;
}

function isBusy({ operations }: BatchRecord, { counts }: BatchTotals): boolean {
  return operations.length + counts.active + counts.created + counts.stopped > 0 || counts.total === 0;
}

/** What a report is compared with: the last mail that told figures. */
export function lastFigures(told: readonly NoticeRecord[], before: number): NoticeRecord | undefined {
  return told
    .filter(({ figures, at }) => figures !== undefined && at < before)
    .sort((a, b) => b.at - a.at)[0];
}

function figuresOf(totals: BatchTotals): NoticeFigures {
  const { counts, syncedItemCount, skippedItemCount, bytesTransferred } = totals;
  return {
    syncedCount: counts.synced + counts.completed,
    failedCount: counts.failed,
    syncedItemCount,
    skippedItemCount,
    bytesTransferred,
  };
}

function untold(
  drafts: readonly (NoticeDraft | undefined)[],
  told: readonly NoticeRecord[],
): readonly NoticeDraft[] {
  return drafts.filter(
    (draft) => draft !== undefined && !told.some(({ kind, key }) => kind === draft.kind && key === draft.key),
  ) as readonly NoticeDraft[];
}

function coveredBy(told: readonly NoticeRecord[], of: NoticeKind): ReadonlySet<string> {
  return new Set(told.filter(({ kind }) => kind === of).flatMap(({ covers = [] }) => covers));
}

/** The next one of its kind. */
function numbered(told: readonly NoticeRecord[], of: NoticeKind): string {
  return String(told.filter(({ kind }) => kind === of).length + 1).padStart(6, "0");
}
