import { isMigrationError } from "../../domain/errors.ts";
import { differenceOf, emptyUidSet, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { OpenSourceFolder } from "../ports/source.ts";
import { copyFolder, type MappedRecord } from "./copy-folder.ts";
import { followFlags } from "./follow-flags.ts";
import { followRemovals } from "./follow-removals.ts";
import { abandonChunk, recoverChunk, removeLateArrivals } from "./recover-chunk.ts";
import { beginLife, rematchFolder } from "./rematch-folder.ts";
import { reopenGaps } from "./reopen-gaps.ts";
import type { Budget, SyncRun } from "./run.ts";

/** How a visit ended: the folder is up to date, has more to copy, or has to be looked at again after an instant. */
export type Visit = { readonly end: "done" | "more" } | { readonly end: "later"; readonly at: number };

/**
 * Brings one folder up to date within the budget: settles what is in doubt, copies what is new, follows flags and
 * removals, and closes the round for it. Repeatable at any point.
 * @throws MigrationError for anything that is not about a single message or this folder.
 */
export async function visitFolder(run: SyncRun, folder: MappedRecord, budget: Budget): Promise<Visit> {
  try {
    return await visitOrAbandon(run, folder, budget);
  } catch (error) {
    if (isMigrationError(error) && error.code === "TargetFolderGone")
      return leave(run, folder, withoutTarget);
    throw error;
  }
}

/** Visits a folder that may be gone at the source: the next plan lets its messages follow to where they went. */
async function visitOrAbandon(run: SyncRun, folder: MappedRecord, budget: Budget): Promise<Visit> {
  try {
    return await visit(run, folder, budget);
  } catch (error) {
    if (!isMigrationError(error) || error.code !== "SourceFolderGone") throw error;
    return leave(run, folder, (record) => abandonChunk(record, run.clock()));
  }
}

async function visit(run: SyncRun, folder: MappedRecord, budget: Budget): Promise<Visit> {
  const opened = await run.source.openFolder(folder.path);
  const existing = await opened.searchUids();
  let record = await begin(run, folder, opened, existing);

  if (record.openChunk?.moves) record = await closeMoves(run, record);
  record = await rematchFolder(run, record, opened, existing);
  record = await recoverChunk(run, record, opened, existing);
  if (record.state !== "targetGone") {
    const wanted = await wantedUids(run, opened, existing, record.settled);
    record = await copyFolder(run, record, opened, existing, wanted, budget);
    if (sizeOf(differenceOf(wanted, record.settled)) > 0) return { end: "more" };
  }

  const removals = await followRemovals(run, record, existing, record.lost ?? emptyUidSet);
  record = removals.record;
  const followed = await followFlags(run, record, opened, existing);
  const { flagsDigest } = followed;
  record = followed.record;
  record = await removeLateArrivals(run, record, opened);
  const late = lookAgainAt(record);
  if (late !== undefined) return { end: "later", at: late };

  const { uidNext, messages, shownMessages, highestModseq, partition } = opened.status;
  const {
    highestModseq: _,
    flagsDigest: __,
    flagsScannedAt: ___,
    lost: ____,
    uidNextSeen: _____,
    ...rest
  } = record;
  const done: MappedRecord = {
    ...rest,
    uidNext,
    // Counted as if it were still there, so that the next plan finds the folder changed.
    messages: messages + removals.postponed,
    pending: false,
    filter: dateFilter(run.options),
    ...(partition === undefined ? {} : { partition }),
    totalItemCount: messages,
    ...(shownMessages === undefined ? {} : { shownItemCount: shownMessages }),
    ...(highestModseq === undefined ? { flagsScannedAt: run.clock() } : { highestModseq }),
    ...(flagsDigest === undefined ? {} : { flagsDigest }),
  };
  await run.lease.commit({ folders: [done] });
  run.progressed(done);
  return { end: "done" };
}

/** Notices a folder's new life and keeps the points from which flag changes and new UIDs count. */
async function begin(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<MappedRecord> {
  const { highestModseq, uidNext } = opened.status;
  // The plan has seen to the gaps of the folders that it could open.
  const whole = await reopenGaps(run, await beginLife(run, folder, opened.status), opened, existing);
  const record = { ...whole, uidNextSeen: uidNext };
  const first = record.uidNext === 0 && sizeOf(record.settled) === 0 && record.highestModseq === undefined;
  // Old records keep the flags that were last written, so after a new life all flags are compared.
  const compared = first && record.rematchFrom === undefined;
  return compared && highestModseq !== undefined ? { ...record, highestModseq } : record;
}

/** The batch's date filter as kept with a folder; empty for none. */
export function dateFilter({ receivedSince, receivedBefore }: SyncRun["options"]): string {
  return receivedSince === undefined && receivedBefore === undefined
    ? ""
    : `${receivedSince ?? ""}-${receivedBefore ?? ""}`;
}

/** UIDs that pass the batch's filters. Settled ones need no exact check. */
async function wantedUids(
  run: SyncRun,
  opened: OpenSourceFolder,
  existing: UidSet,
  settled: UidSet,
): Promise<UidSet> {
  const { receivedSince: since, receivedBefore: before } = run.options;
  if (since === undefined && before === undefined) return existing;
  const near = differenceOf(
    await opened.searchUids({
      ...(since === undefined ? {} : { since }),
      ...(before === undefined ? {} : { before }),
    }),
    settled,
  );
  if (sizeOf(near) === 0) return emptyUidSet;
  const uids: number[] = [];
  for await (const { uid, internalDate } of opened.fetchSummaries(near)) {
    const received = internalDate.getTime();
    if ((since === undefined || received >= since) && (before === undefined || received < before))
      uids.push(uid);
  }
  return uidSetOf(uids);
}

/** Moves of an interrupted round were finished or given up when this round was planned. */
async function closeMoves(run: SyncRun, folder: MappedRecord): Promise<MappedRecord> {
  const { openChunk: _, ...closed } = folder;
  await run.lease.commit({ folders: [closed] });
  return closed;
}

/** Ends the visit of a folder that went away meanwhile, from its state as last committed. */
async function leave(
  run: SyncRun,
  folder: MappedRecord,
  change: (record: MappedRecord) => MappedRecord,
): Promise<Visit> {
  const current = (await run.ledger.listFolders(run.ledgerId)).find(
    (one): one is MappedRecord => one.folderId === folder.folderId && one.targetFolderId !== undefined,
  );
  const changed = change(current ?? folder);
  await run.lease.commit({ folders: [changed] });
  const searched = await removeLateArrivals(run, changed, undefined);
  const at = lookAgainAt(searched);
  const record = { ...searched, pending: at !== undefined };
  await run.lease.commit({ folders: [record] });
  run.progressed(record);
  run.log("folder.left", { mailbox: run.mailboxId, folder: folder.folderId, state: record.state });
  return at === undefined ? { end: "done" } : { end: "later", at };
}

/** When what is in doubt about a folder can be settled for good. */
function lookAgainAt({ inDoubt }: FolderRecord): number | undefined {
  return inDoubt.length === 0 ? undefined : Math.max(...inDoubt.map((chunk) => chunk.lookAgainAfter));
}

/** A folder whose place in the target the user deleted: nothing is written into it any more. Pure. */
export function withoutTarget<Folder extends FolderRecord>(record: Folder): Folder {
  const { openChunk: _, attempting: __, ...rest } = record;
  return { ...(rest as Folder), state: "targetGone", inDoubt: [] };
}
