import { randomUUID } from "node:crypto";
import { isMigrationError } from "../../domain/errors.ts";
import type { FolderId } from "../../domain/names.ts";
import { differenceOf, emptyUidSet, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { OpenSourceFolder } from "../ports/source.ts";
import { copyFolder, type MappedRecord } from "./copy-folder.ts";
import { followFlags } from "./follow-flags.ts";
import { followRemovals } from "./follow-removals.ts";
import { recoverChunk, removeLateArrivals } from "./recover-chunk.ts";
import { newLife, rematchFolder } from "./rematch-folder.ts";
import type { Budget, SyncRun } from "./run.ts";

/** How a visit ended: the folder is up to date, has more to copy, or has to be looked at again after an instant. */
export type Visit = { readonly end: "done" | "more" } | { readonly end: "later"; readonly at: number };

/** A new identity for a folder. */
export function newFolderId(): FolderId {
  return randomUUID().replaceAll("-", "").slice(0, 16) as FolderId;
}

/**
 * Brings one folder up to date within the budget: settles what is in doubt, copies what is new, follows flags and
 * removals, and closes the round for it. Repeatable at any point.
 * @throws MigrationError for anything that is not about a single message or this folder.
 */
export async function visitFolder(run: SyncRun, folder: MappedRecord, budget: Budget): Promise<Visit> {
  try {
    return await visit(run, folder, budget);
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    if (error.code === "SourceFolderGone") return leave(run, folder, "gone");
    if (error.code === "TargetFolderGone") return leave(run, folder, "targetGone");
    throw error;
  }
}

async function visit(run: SyncRun, folder: MappedRecord, budget: Budget): Promise<Visit> {
  const opened = await run.source.openFolder(folder.path);
  let record = await begin(run, folder, opened);
  const existing = await opened.searchUids();
  const wanted = await wantedUids(run, opened, existing, record.settled);

  if (record.openChunk?.moves) record = await closeMoves(run, record);
  record = await recoverChunk(run, record, opened, existing);
  record = await rematchFolder(run, record, opened, existing);
  record = await copyFolder(run, record, opened, existing, wanted, budget);
  if (sizeOf(differenceOf(wanted, record.settled)) > 0) return { end: "more" };

  record = await followRemovals(run, record, existing);
  const flagsDigest = await followFlags(run, record, opened, existing);
  record = await removeLateArrivals(run, record, opened, existing);
  const late = record.inDoubt.reduce((latest, chunk) => Math.max(latest, chunk.lookAgainAfter), 0);
  if (late > 0) return { end: "later", at: late };

  const { uidNext, messages, highestModseq } = opened.status;
  const { highestModseq: _, flagsDigest: __, flagsScannedAt: ___, ...rest } = record;
  const done: MappedRecord = {
    ...rest,
    uidNext,
    messages,
    pending: false,
    totalItemCount: messages,
    ...(highestModseq === undefined ? { flagsScannedAt: run.clock() } : { highestModseq }),
    ...(flagsDigest === undefined ? {} : { flagsDigest }),
  };
  await run.lease.commit({ folders: [done] });
  run.progressed(done);
  return { end: "done" };
}

/** Notices a folder's new life and keeps the point from which flag changes count. */
async function begin(run: SyncRun, folder: MappedRecord, opened: OpenSourceFolder): Promise<MappedRecord> {
  const reborn = newLife(folder, opened.status, newFolderId);
  if (reborn) {
    await run.lease.commit({
      folders: [reborn],
      ...(reborn.folderId === folder.folderId ? {} : { removedFolders: [folder.folderId] }),
    });
    run.progressed(reborn);
    return reborn;
  }
  const { highestModseq } = opened.status;
  const first = folder.uidNext === 0 && sizeOf(folder.settled) === 0 && folder.highestModseq === undefined;
  return first && highestModseq !== undefined ? { ...folder, highestModseq } : folder;
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

async function leave(run: SyncRun, folder: MappedRecord, state: "gone" | "targetGone"): Promise<Visit> {
  const current =
    (await run.ledger.listFolders(run.ledgerId)).find((one) => one.folderId === folder.folderId) ?? folder;
  const record = { ...current, state, pending: false };
  await run.lease.commit({ folders: [record] });
  run.progressed(record);
  run.log("folder.left", { mailbox: run.mailboxId, folder: folder.folderId, state });
  return { end: "done" };
}
