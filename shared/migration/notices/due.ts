import type { CutoverView } from "../../domain/api/cutover.ts";
import type { BatchOptions } from "../../domain/batch-options.ts";
import { isFinal, isRemoving, isSyncedDaily } from "../batch/life.ts";
import { isBeingTested, isFailed, type MailboxFacts } from "../mailbox/life.ts";
import type { BatchTotals } from "../ports/batch-state.ts";
import type { NoticeFigures, NoticeKind, NoticeRecord } from "../ports/notices.ts";
import type { BatchRecord } from "../ports/registry.ts";
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

/** A mail that is due. */
export type NoticeDraft = Pick<NoticeRecord, "kind" | "key" | "covers" | "figures">;

export interface Situation {
  readonly batch: BatchRecord;
  readonly totals: BatchTotals;
  /** Number of the last completion; undefined if there was none. */
  readonly completion?: number | undefined;
  /** Of the batch. */
  readonly mailboxes: readonly MailboxFacts[];
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
  const drafts = [started, loginsTested, failures, synced, completed, report].map((due) =>
    due(situation, batch.startedAt ?? 0),
  );
  return untold(drafts, told);
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

function started({ now }: Situation, startedAt: number): NoticeDraft | undefined {
  return now - startedAt < newsMs ? { kind: "started", key: String(startedAt) } : undefined;
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

/** Every mailbox that can be was copied for the first time. */
function synced({ batch, totals, now }: Situation, startedAt: number): NoticeDraft | undefined {
  if (!isSyncedDaily(batch) || !isSettled(batch, totals)) return undefined;
  if (now - (totals.lastSyncedAt ?? startedAt) >= newsMs && totals.lastSyncedAt !== undefined)
    return undefined;
  return { kind: "synced", key: String(totals.counts.total), figures: figuresOf(totals) };
}

function completed({ batch, totals, completion }: Situation): NoticeDraft | undefined {
  if (!isFinal(batch) || completion === undefined || !isSettled(batch, totals)) return undefined;
  return { kind: "completed", key: String(completion), figures: figuresOf(totals) };
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
function isSettled({ operations }: BatchRecord, { counts, unsyncedCount }: BatchTotals): boolean {
  const busy = operations.length + counts.active + counts.created + counts.stopped;
  return busy === 0 && counts.total > 0 && unsyncedCount <= counts.failed;
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
