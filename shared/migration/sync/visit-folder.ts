import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import { differenceOf, emptyUidSet, firstOf, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { MessageSummary } from "../ports/source.ts";
import { adopt } from "./adopt.ts";
import { maxAheadItems, readableAhead } from "./chunks.ts";
import { copyFolder, sizesOf } from "./copy-folder.ts";
import { dateFilter } from "./date-filter.ts";
import { asStored } from "./failed-folders.ts";
import { abandoned } from "./folder-generation.ts";
import {
  awaitsWritesOnly,
  isRemembered,
  lookAgainAt,
  movesClosed,
  type PlacedFolder,
  placeDeleted,
  visitBegun,
  visitEnded,
  visited,
} from "./folder-record.ts";
import { followFlags } from "./follow-flags.ts";
import { followRemovals } from "./follow-removals.ts";
import { settleLateArrivals } from "./late-arrivals.ts";
import type { Budget } from "./limits.ts";
import { inOrder } from "./message-order.ts";
import { lookForPlace, nextLookForPlace, suspectPlace } from "./missing-place.ts";
import { recoverAside, recoverChunk } from "./recover-chunk.ts";
import { beginGeneration, rematchFolder } from "./rematch-folder.ts";
import { reopenGaps } from "./reopen-gaps.ts";
import type { SyncRun } from "./run.ts";
import { toCopy, uidsAside } from "./set-aside.ts";
import type { SteadyFolder } from "./steady-source.ts";

/**
 * How a visit ended: the folder is up to date, has more to copy, has to be looked at again after an instant, or cannot be
 * read. With `doubtOnly` all it waits for is to look for its own writes: the plan holds until then.
 */
export type Visit =
  | { readonly end: "done" | "more" }
  | { readonly end: "later"; readonly at: number; readonly doubtOnly?: boolean }
  | { readonly end: "failed"; readonly error: MigrationError };

/**
 * Brings one folder up to date within the budget: settles what is in doubt, copies what is new, follows flags and
 * removals, and closes the round for it. Repeatable at any point.
 * @param next the folder that is visited next, which may be asked for while this one's last messages are written.
 * @throws MigrationError for anything that is not about a single message or this folder.
 */
export async function visitFolder(
  run: SyncRun,
  folder: PlacedFolder,
  budget: Budget,
  next: PlacedFolder | undefined,
): Promise<Visit> {
  const found = await lookForPlace(run, folder);
  if ("removed" in found) return leave(run, folder, placeDeleted);
  if ("at" in found) return { end: "later", at: found.at };
  try {
    return await visitOrAbandon(run, folder, budget, next);
  } catch (error) {
    if (isMigrationError(error) && error.code === "TargetFolderGone") {
      const now = run.clock();
      const { missingSince = now } = await suspectPlace(run, await asStored(run, folder));
      return { end: "later", at: nextLookForPlace(missingSince, now) };
    }
    if (!run.source.isAboutFolder(error)) throw error;
    return run.source.stopped ? { end: "more" } : { end: "failed", error };
  }
}

/** Visits a folder that may be gone at the source: the next plan lets its messages follow to where they went. */
async function visitOrAbandon(...visited: Parameters<typeof visit>): Promise<Visit> {
  const [run, folder] = visited;
  try {
    return await visit(...visited);
  } catch (error) {
    if (!isMigrationError(error) || error.code !== "SourceFolderGone") throw error;
    return leave(run, folder, (record) => abandoned(record, run.clock()));
  }
}

async function visit(
  run: SyncRun,
  folder: PlacedFolder,
  budget: Budget,
  next: PlacedFolder | undefined,
): Promise<Visit> {
  const summariesNext = !isRemembered(folder);
  const opened = await run.source.openFolder(folder.source.path, { summariesNext });
  opened.suspect(uidsAside(folder));
  const existing = await opened.searchUids({ summariesNext });
  let record = await begin(run, folder, opened, existing);

  if (record.doubt.openChunk?.moves) record = await closeMoves(run, record);
  const rematched = await rematchFolder(run, record, opened, existing);
  if (!rematched.complete) return { end: "more" };
  record = rematched.record;
  if (record.replaced !== undefined) return { end: "done" };
  record = await recoverChunk(run, record, opened, existing);
  record = await recoverAside(run, record, opened, existing);
  record = await settleLateArrivals(run, record, opened, existing);
  if (record.state !== "targetGone") {
    const wanted = await wantedUids(run, record, opened, existing);
    record = await adopt(run, record, opened, existing, wanted);
    const begun = run.clock();
    const read = () => {
      // Without mod-sequences the flags are still to be compared.
      if (next !== undefined && opened.status.highestModseq !== undefined) lookAhead(run, next);
    };
    record = await copyFolder(run, record, opened, existing, wanted, budget, read);
    if (sizeOf(toCopy(record, wanted, begun)) > 0) return { end: "more" };
  }

  const removals = await followRemovals(run, record, existing, record.checkpoint.vanished ?? emptyUidSet);
  if (!removals.complete) return { end: "more" };
  record = removals.record;
  const followed = await followFlags(run, record, opened, existing);
  if (!followed.complete) return { end: "more" };
  const { flagsDigest } = followed;
  record = followed.record;
  const late = lookAgainAt(record);
  if (late !== undefined) return { end: "later", at: late, doubtOnly: awaitsWritesOnly(record) };

  const seen = {
    status: opened.status,
    unshown: opened.unshownMessages ?? 0,
    flagsDigest,
    filter: dateFilter(run.options),
    postponed: removals.postponed,
  };
  const done = visited(record, seen, run.clock());
  await run.lease.defer(done);
  run.progressed(done);
  return { end: "done" };
}

/**
 * Asks for the folder that comes next; of a new one, which has something to copy as a rule, also for the messages that are
 * copied first, and for the mark of its place.
 */
function lookAhead(run: SyncRun, next: PlacedFolder): void {
  const { receivedSince, receivedBefore } = run.options;
  if (next.state === "targetGone") return;
  const summariesNext = !isRemembered(next);
  const readsAll = summariesNext && receivedSince === undefined && receivedBefore === undefined;
  const { order } = run.target;
  const first = {
    among: (uids: UidSet) => firstOf(uids, maxAheadItems, order),
    of: (summaries: readonly MessageSummary[]) =>
      readableAhead(next, inOrder(summaries, order), sizesOf(run)),
  };
  run.source.lookAhead(next.source.path, { summariesNext }, readsAll ? first : undefined);
  if (summariesNext) run.marks.lookAhead(next.place.id);
}

/** Notices a folder's new generation and keeps the points from which flag changes and new UIDs count. */
async function begin(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  const known = await beginGeneration(run, folder, opened.status);
  // The plan has seen to the gaps of the folders that it could open.
  return visitBegun(await reopenGaps(run, known, opened, existing), opened.status);
}

/**
 * UIDs that pass the batch's filters, or of which the source does not tell whether they do. What is settled or set aside
 * needs no exact check.
 */
async function wantedUids(
  run: SyncRun,
  record: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<UidSet> {
  const { receivedSince: since, receivedBefore: before } = run.options;
  if (since === undefined && before === undefined) return existing;
  const found = await opened.searchUids({
    ...(since === undefined ? {} : { since }),
    ...(before === undefined ? {} : { before }),
  });
  const near = toCopy(record, found, run.clock());
  if (sizeOf(near) === 0) return emptyUidSet;
  const others: number[] = [];
  for await (const { uid, internalDate } of opened.fetchSummaries(near)) {
    const received = internalDate.getTime();
    if ((since !== undefined && received < since) || (before !== undefined && received >= before))
      others.push(uid);
  }
  return differenceOf(near, uidSetOf(others));
}

/** Moves of an interrupted round were finished or given up when this round was planned. */
async function closeMoves(run: SyncRun, folder: PlacedFolder): Promise<PlacedFolder> {
  const closed = movesClosed(folder);
  await run.lease.commit({ folders: [closed] });
  return closed;
}

/** Ends the visit of a folder that went away meanwhile, from its state as last committed. */
async function leave(
  run: SyncRun,
  folder: PlacedFolder,
  change: (record: PlacedFolder) => PlacedFolder,
): Promise<Visit> {
  const changed = change(await asStored(run, folder));
  await run.lease.commit({ folders: [changed] });
  const searched = await settleLateArrivals(run, changed, undefined, emptyUidSet);
  const record = visitEnded(searched);
  await run.lease.commit({ folders: [record] });
  run.progressed(record);
  run.log("folder.left", { mailbox: run.mailboxId, folder: folder.folderId, state: record.state });
  const at = lookAgainAt(record);
  return at === undefined ? { end: "done" } : { end: "later", at };
}
