import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import { providerOf } from "../../domain/providers.ts";
import type { FolderSyncMessage } from "../../domain/queue-messages.ts";
import { isFinal } from "../batch/life.ts";
import type { MailboxState } from "../mailbox/change.ts";
import { folderActsDone } from "../mailbox/life.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { BatchRecord, MailboxRecord } from "../ports/registry.ts";
import { minute } from "../runtime.ts";
import { dailyAllowance, dailyCapReached } from "./daily-allowance.ts";
import { type FailedVisit, leaveForLater } from "./failed-folders.ts";
import { applyFolderActs } from "./folder-acts.ts";
import { rank } from "./folder-mapping.ts";
import { isPlaced, type PlacedFolder } from "./folder-record.ts";
import { waitsUntil } from "./folder-trouble.ts";
import { followMoves } from "./follow-moves.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { knownMessages } from "./known-messages.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import { forgetFolder, leaveFolder } from "./leave-folders.ts";
import { Budget, type StepLimits } from "./limits.ts";
import type { FolderSyncParts } from "./parts.ts";
import { planRound } from "./plan-round.ts";
import { Progress } from "./progress.ts";
import { reopenSkipped } from "./reopen-skipped.ts";
import type { SyncRun } from "./run.ts";
import {
  closeSession,
  longestKeptMs,
  type MailboxSession,
  openSession,
  type SessionPool,
} from "./sessions.ts";
import { createSourcePace, type SourcePace } from "./source-pace.ts";
import { SteadySource } from "./steady-source.ts";
import { TargetMarks } from "./target-marks.ts";
import { TargetPulse } from "./target-pulse.ts";
import { type Visit, visitFolder } from "./visit-folder.ts";

/** A chunk may go on for so long when the time of its step is over, in milliseconds. */
const chunkMs = 2 * minute;

/** When the next step comes (undefined: at once), or what the end of the round makes of the mailbox. */
export type StepEnd =
  | {
      readonly finished: (mailbox: MailboxRecord) => MailboxRecord;
      /** When the connections of the step are closed; never rejects. */
      readonly closed?: Promise<void>;
    }
  | { readonly next: number | undefined };

/**
 * One step of a mailbox: plans where it has to, visits folders until its limits are reached, and keeps the session for
 * the next one.
 * @param stepId of the step, as the mailbox's row has it.
 * @param stoodStill tells whether the process has stood still since the step began.
 */
export async function runStep(
  parts: FolderSyncParts,
  batch: BatchRecord,
  state: MailboxState,
  lease: LeaseHolder,
  message: FolderSyncMessage,
  pool: SessionPool,
  stepId: string,
  stoodStill: () => boolean,
): Promise<StepEnd> {
  const { mailbox } = state;
  const key = `${mailbox.id}-${mailbox.ledgerId}`;
  const endpoint = await parts.endpoints.get(mailbox.endpoint);
  const timeUpAt = parts.clock() + parts.limits.maxSeconds * 1000;
  const heart = startHeartbeat(parts, state, lease, endpoint);
  const progress = new Progress(state, parts.clock, providerOf(endpoint.host));
  let session: MailboxSession | undefined;
  let pace: SourcePace | undefined;
  let good = false;
  /** Milliseconds until the next step, if that goes on with the session and the plan of this one. */
  let keptFor: number | undefined;
  let closed: Promise<void> | undefined;
  try {
    const kept = pool.take(key, lease.epoch);
    session = kept ?? (await openSession(parts, mailbox));
    const source = new SteadySource(
      session.source,
      () => knownMessages(parts.ledger, lease.ledgerId),
      parts.clock,
      parts.clock() + parts.limits.maxSeconds * 1000,
    );
    pace = createSourcePace(parts.budget, mailbox.endpoint, endpoint, {
      until: timeUpAt,
      unpaid: () => source.takeUnpaid(),
      checkpoint: () => heart.check(),
      clock: parts.clock,
    });
    const run: SyncRun = {
      mailboxId: mailbox.id,
      ledgerId: lease.ledgerId,
      options: batch.options,
      lastRound: mailbox.lastSyncedAt ?? 0,
      final: isFinal(batch),
      deletionsConfirmed: mailbox.deletionsConfirmed ?? false,
      oneByOne: mailbox.trouble?.deaths !== undefined,
      source,
      pace,
      target: session.target,
      marks: new TargetMarks(session.target),
      pulse: new TargetPulse(session.target, parts.clock),
      representable: (flags) => parts.target.representableFlags(flags),
      ledger: parts.ledger,
      lease,
      limits: parts.limits,
      clock: parts.clock,
      timeIsUp: () => parts.clock() >= timeUpAt,
      isLate: () => parts.clock() >= timeUpAt + chunkMs,
      unfinished: session.unfinished,
      log: (event, fields) => parts.log(event, { batch: batch.name, endpoint: mailbox.endpoint, ...fields }),
      trace: parts.trace,
      checkpoint: () => heart.check(),
      progressed: (folder, before) => progress.update(folder, before),
    };
    // What a new session sees of the source may be newer than the plan: it plans again.
    const { folderActs } = mailbox;
    const goesOnPlanning = kept?.unfinished.goesOn === true;
    const plans = message.step === 0 || kept === undefined || goesOnPlanning || folderActs !== undefined;
    if (mailbox.retriesSkipped) {
      await reopenSkipped(run);
      // Once a round only: what is skipped anew stays skipped.
      await state.update((current) => ({ ...current, retriesSkipped: undefined }));
    }
    if (folderActs) {
      await applyFolderActs(run, folderActs);
      await state.update((current) => folderActsDone(current, folderActs));
    }
    const visits = visitFolders(run, plans, progress, batch, () =>
      limitsOfToday(parts, state, progress.bytesTransferred),
    );
    const { next, planHolds, pause } = await visits.catch((error: unknown) => asPause(error, parts.clock()));
    good = true;
    // The next round is a day away, and what a session knows of folders would be of today.
    if (next === "finished") {
      const finished = await progress.end(stepId, true, stoodStill());
      closed = closeSession(session);
      return { finished, closed };
    }
    const delayMs = next === undefined ? 0 : Math.max(next - parts.clock(), 0);
    // Who reads a message that could not be read before has to plan first: it may have moved meanwhile.
    if (planHolds && !source.hasUnread && delayMs <= longestKeptMs) {
      await source.settle();
      keptFor = delayMs;
    }
    if (pause) {
      const { code, kind } = pause;
      parts.log("mailbox.deferred", { batch: batch.name, mailbox: mailbox.id, code, kind, delayMs });
    }
    await progress.storeEnd(stepId, stoodStill(), pause === undefined);
    return { next };
  } finally {
    heart.stop();
    if (!good) await progress.store().catch(() => undefined);
    await pace?.settle();
    if (session && keptFor !== undefined) pool.give(key, session, lease.epoch, keptFor);
    else if (session && closed === undefined) await closeSession(session);
  }
}

/** When the next step of a round comes (undefined: at once), and whether it may go on by the plan of this one. */
interface Visits {
  readonly next: "finished" | number | undefined;
  readonly planHolds: boolean;
  /** The pause that was asked for, if that is why the step ended. */
  readonly pause?: MigrationError;
}

/**
 * A short pause that source or target ask for is no failure: the step goes on behind it, with its session and its plan.
 * @throws whatever else ended the visits.
 */
function asPause(error: unknown, now: number): Visits {
  if (!isMigrationError(error) || error.kind !== "throttled" || error.inDoubt) throw error;
  const { retryAfterMs = longestKeptMs } = error;
  if (retryAfterMs > longestKeptMs) throw error;
  return { next: now + Math.max(retryAfterMs, shortestPauseMs), planHolds: true, pause: error };
}

/** Between two steps of which one waits for something; a time that has come already is not waited for in a circle. */
const shortestPauseMs = 1_000;

async function visitFolders(
  run: SyncRun,
  plans: boolean,
  progress: Progress,
  batch: BatchRecord,
  limitsNow: () => Promise<StepLimits>,
): Promise<Visits> {
  const plan = plans ? await planAndFollow(run) : undefined;
  if (plan === "goesOn") return { next: undefined, planHolds: true };
  const folders = plan?.unchanged ?? (await run.ledger.listFolders(run.ledgerId));
  progress.replace(folders);
  const pending = folders.filter((folder) => folder.pending).filter(isPlaced);
  if (pending.length === 0) {
    // What an earlier round lost counts also where nothing has changed since: a retry alone passes no limit.
    refuseTooManySkips(progress, batch);
    return { next: "finished", planHolds: false };
  }
  const budget = new Budget(await limitsNow(), run.timeIsUp);
  pending.sort((a, b) => rank(a.source) - rank(b.source) || (a.source.path < b.source.path ? -1 : 1));
  const looks: number[] = [];
  const failed: FailedVisit[] = [];
  let isMore = false;
  let planHolds = true;
  for (const [index, folder] of pending.entries()) {
    run.checkpoint();
    const waiting = waitsUntil(folder, run.clock());
    isMore = budget.exhausted && waiting === undefined;
    if (isMore) break;
    const visit: Visit =
      waiting === undefined
        ? await visitFolder(run, folder, budget, nextOf(run, pending, index))
        : { end: "later", at: waiting };
    if (waiting === undefined) budget.spend(0, 0);
    refuseTooManySkips(progress, batch);
    isMore = visit.end === "more";
    if (isMore) break;
    if (visit.end === "later") {
      looks.push(visit.at);
      planHolds &&= visit.doubtOnly === true;
    }
    if (visit.end === "failed") failed.push({ folder, error: visit.error });
  }
  looks.push(...(await leaveForLater(run, failed)));
  await run.lease.settle();
  if (isMore) return { next: undefined, planHolds: true };
  if (looks.length === 0) return { next: "finished", planHolds: false };
  const next = Math.max(Math.min(...looks), run.clock() + shortestPauseMs);
  return { next, planHolds: planHolds && failed.length === 0 };
}

/** The folder that is visited after one of these; none that waits for something. */
function nextOf(run: SyncRun, pending: readonly PlacedFolder[], index: number): PlacedFolder | undefined {
  return pending.find((folder, at) => at > index && waitsUntil(folder, run.clock()) === undefined);
}

/**
 * Plans the round; then moved messages follow to where they went, and folders that are gone are left.
 * @returns "goesOn" if there was not time enough; else all folders as they are stored, unless any changed after its plan.
 */
async function planAndFollow(
  run: SyncRun,
): Promise<"goesOn" | { readonly unchanged: readonly FolderRecord[] | undefined }> {
  run.unfinished.goesOn = true;
  const round = await planRound(run);
  if (round === undefined) return "goesOn";
  const { current, leaving, others, listed, missing, statuses, first } = round;
  // Nothing moves into or out of a place that is missing until it is known whether it is there.
  const pending = current
    .filter(isPlaced)
    .filter((folder) => folder.pending && !missing.has(folder.folderId));
  const left = leaving.filter(isPlaced);
  const removed: PlacedFolder[] = [];
  for (const folder of left)
    if (listed.has(folder.folderId) || (await isGone(run, folder))) removed.push(folder);
  if (!first && pending.length + left.length > 0) {
    const seesAll = missing.size === 0 && current.every(isWhollySeen) && left.length === removed.length;
    const followed = await movesFollowed(run, pending, removed, statuses, seesAll);
    if (followed === undefined) return "goesOn";
    const { records, isWhole } = followed;
    for (const folder of records.values()) run.progressed(folder);
    // What is missing may be where nobody could look: then a folder without its messages waits as well.
    for (const folder of isWhole ? removed : []) {
      const record = records.get(folder.folderId) ?? folder;
      if (listed.has(folder.folderId)) await leaveFolder(run, record);
      else if (!(await forgetFolder(run, record))) return "goesOn";
    }
  }
  for (const folder of leaving) if (!isPlaced(folder)) await leaveFolder(run, folder);
  run.log("folder.planned", {
    mailbox: run.mailboxId,
    folders: current.length,
    changed: pending.length,
    gone: leaving.length,
  });
  run.unfinished.listed = undefined;
  run.unfinished.sameFolders = undefined;
  run.unfinished.goesOn = false;
  const isSame = leaving.length === 0 && (first || pending.length === 0);
  return { unchanged: isSame ? [...current, ...others] : undefined };
}

/** A list may leave a folder out: a folder counts as gone if it does not open, either. */
async function isGone(run: SyncRun, folder: PlacedFolder): Promise<boolean> {
  try {
    await run.source.openFolder(folder.source.path);
    return false;
  } catch (error) {
    if (isMigrationError(error) && error.code === "SourceFolderGone") return true;
    if (run.source.isAboutFolder(error)) return false;
    throw error;
  }
}

/** False for a folder with messages that cannot be seen, or not yet. */
function isWhollySeen({ trouble, setAside, counts }: FolderRecord): boolean {
  return trouble === undefined && setAside.length === 0 && (counts.unshown ?? 0) === 0;
}

/** @throws MigrationError `transient`/`TargetFolderMissing` where a place is answered as if it were not there any more. */
async function movesFollowed(...moves: Parameters<typeof followMoves>): ReturnType<typeof followMoves> {
  try {
    return await followMoves(...moves);
  } catch (error) {
    if (!isMigrationError(error) || error.code !== "TargetFolderGone") throw error;
    throw new MigrationError("transient", "TargetFolderMissing", error.message, { cause: error });
  }
}

/**
 * The limits of a step, with no more bytes than the endpoint leaves the mailbox today.
 * @throws MigrationError `throttled`/`DailyCapReached` if it leaves none.
 */
async function limitsOfToday(
  parts: FolderSyncParts,
  state: MailboxState,
  bytesTransferred: number,
): Promise<StepLimits> {
  const { maxBytesPerDayPerMailbox: cap } = await parts.endpoints.get(state.mailbox.endpoint);
  if (cap === undefined) return parts.limits;
  const now = parts.clock();
  const { start, bytesLeft } = dailyAllowance(state.mailbox.dailyStart, bytesTransferred, cap, now);
  if (start !== state.mailbox.dailyStart)
    await state.update((mailbox) => ({ ...mailbox, dailyStart: start }));
  if (bytesLeft === 0) throw dailyCapReached(cap, now);
  return { ...parts.limits, maxBytes: Math.min(parts.limits.maxBytes, bytesLeft) };
}

/** @throws MigrationError `mailbox`/`SkippedItemLimitExceeded` where the batch's limit is passed. */
function refuseTooManySkips(progress: Progress, batch: BatchRecord): void {
  const limit = batch.options.skippedItemLimit;
  if (limit === undefined || progress.lost <= limit) return;
  throw new MigrationError(
    "mailbox",
    "SkippedItemLimitExceeded",
    `${progress.lost} items were skipped, more than skippedItemLimit (${limit}). See skipped-items.csv, then raise the limit and retry.`,
  );
}
