import { randomUUID } from "node:crypto";
import type { FolderId, UidValidity } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  intersectionOf,
  settle,
  sizeOf,
  type UidSet,
  uidSetOf,
} from "../../domain/uid-set.ts";
import type { FolderLife, FolderRecord, ItemKey, ItemRecord } from "../ports/ledger-store.ts";
import type { FolderStatus, MessageHeader, OpenSourceFolder } from "../ports/source.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { headerDigest } from "./digest.ts";
import { deleteCopies, keyOf, requireConfirmation } from "./follow-removals.ts";
import { retire, retired } from "./recover-chunk.ts";
import type { SyncRun } from "./run.ts";

/** Each matched message changes two rows; the folder takes one more. */
const maxMatches = 48;

/** A new identity for a folder. */
export function newFolderId(): FolderId {
  return randomUUID().replaceAll("-", "").slice(0, 16) as FolderId;
}

/** Notices a folder's new life. @returns the folder as last committed. Repeatable. */
export async function beginLife(
  run: SyncRun,
  folder: MappedRecord,
  status: FolderStatus,
): Promise<MappedRecord> {
  const reborn = newLife(folder, status, newFolderId);
  if (reborn === undefined) return folder;
  await run.lease.commit({
    folders: [reborn],
    ...(reborn.folderId === folder.folderId ? {} : { removedFolders: [folder.folderId] }),
  });
  run.progressed(reborn);
  return reborn;
}

/** What the record becomes if the folder lives a new life at the source; undefined if it is the one we know. Pure. */
export function newLife(
  folder: MappedRecord,
  status: FolderStatus,
  newFolderId: () => FolderId,
): MappedRecord | undefined {
  const known = folder.uidNext > 0 || sizeOf(folder.settled) > 0 || folder.openChunk !== undefined;
  if (!known)
    return folder.uidValidity === status.uidValidity
      ? undefined
      : reborn(folder, folder.folderId, status.uidValidity);
  if (folder.uidValidity !== status.uidValidity)
    return reborn(folder, folder.folderId, status.uidValidity, folder);
  const { uidNext, uidNextSeen = 0, settled, openChunk } = folder;
  const highest = Math.max(
    uidNext - 1,
    uidNextSeen - 1,
    settled.at(-1)?.[1] ?? 0,
    openChunk?.uids.at(-1)?.[1] ?? 0,
  );
  // UIDs that were handed out again under the same UIDVALIDITY: only another folder id tells old from new.
  if (status.uidNext <= highest) return reborn(folder, newFolderId(), status.uidValidity, folder);
  return undefined;
}

function reborn(
  folder: MappedRecord,
  folderId: FolderId,
  uidValidity: UidValidity,
  from?: Pick<FolderRecord, "folderId" | "uidValidity">,
): MappedRecord {
  const {
    openChunk: chunk,
    attempting: __,
    highestModseq: ___,
    flagsDigest: ____,
    lost: _____,
    uidNextSeen: ______,
    // All flags are compared in the new life, which finds them again.
    unkeptFlags: _______,
    ...rest
  } = folder;
  return {
    ...rest,
    folderId,
    uidValidity,
    settled: emptyUidSet,
    uidNext: 0,
    // Any message of the new life may be one that the chunk wrote.
    ...(chunk && !chunk.moves ? { openChunk: retire(chunk, folder, chunk.uids) } : {}),
    inDoubt: retired(folder, folder.inDoubt),
    ...(from === undefined
      ? {}
      : {
          rematchFrom: [
            ...(folder.rematchFrom ?? []),
            { folderId: from.folderId, uidValidity: from.uidValidity },
          ],
        }),
  };
}

/** A folder whose messages have been given the item records of its old life, as far as they match. */
interface Rematched {
  readonly record: MappedRecord;
  /** Old records without a match. */
  readonly unmatched: readonly ItemRecord[];
}

/**
 * Gives the messages of a folder's new life the item records of its old one, matched by header digest and date, so
 * that nothing is copied twice. Repeatable.
 */
export async function matchLives(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<Rematched> {
  if (folder.rematchFrom === undefined) return { record: folder, unmatched: [] };
  const old = new Map<string, ItemRecord[]>();
  for (const { folderId, uidValidity } of folder.rematchFrom)
    for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity)) {
      const key = matchKey(item.digest, item.internalDate);
      old.set(key, [...(old.get(key) ?? []), item]);
    }
  let record = folder;
  let pairs: { readonly message: MessageHeader; readonly item: ItemRecord }[] = [];
  const flush = async (): Promise<void> => {
    if (pairs.length === 0) return;
    record = {
      ...record,
      settled: settle(record.settled, uidSetOf(pairs.map(({ message }) => message.uid)), existing),
    };
    await run.lease.commit({
      folders: [record],
      items: pairs.map(({ message, item }) => ({
        ...item,
        ...keyOf({ ...record, uid: message.uid }),
        size: message.size,
      })),
      removedItems: pairs.map(({ item }) => keyOf(item)),
    });
    pairs = [];
  };
  const fresh = differenceOf(existing, record.settled);
  if (old.size > 0 && sizeOf(fresh) > 0)
    for await (const message of opened.fetchHeaders(fresh)) {
      run.checkpoint();
      const item = old.get(matchKey(headerDigest(message.header), message.internalDate.getTime()))?.shift();
      if (item === undefined) continue;
      pairs.push({ message, item });
      if (pairs.length >= maxMatches) await flush();
    }
  await flush();
  return { record, unmatched: [...old.values()].flat() };
}

/** Ends the change of a folder's life: what found no match is treated as vanished. Repeatable. */
export async function rematchFolder(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<MappedRecord> {
  if (folder.rematchFrom === undefined) return folder;
  const { record, unmatched } = await matchLives(run, folder, opened, existing);
  const matched = sizeOf(intersectionOf(existing, record.settled));
  run.log("folder.rematched", { mailbox: run.mailboxId, folder: record.folderId, items: matched });
  await forgetOldLives(run, record, folder.rematchFrom, unmatched);
  const { rematchFrom: _, ...rest } = record;
  const settledIn: MappedRecord = {
    ...rest,
    syncedItemCount: matched,
    skippedItemCount: 0,
    leftOutItemCount: 0,
  };
  await run.lease.commit({ folders: [settledIn] });
  run.progressed(settledIn);
  return settledIn;
}

/** What found no match has vanished at the source. Its copies follow the rule for deletions. */
async function forgetOldLives(
  run: SyncRun,
  folder: MappedRecord,
  lives: readonly FolderLife[],
  vanished: readonly ItemRecord[],
): Promise<void> {
  requireConfirmation(run, folder, vanished);
  for (let start = 0; start < vanished.length; start += maxMatches) {
    const part = vanished.slice(start, start + maxMatches);
    if (run.options.propagateDeletes) await deleteCopies(run, folder, part);
    await run.lease.commit({ removedItems: part.map(keyOf) });
  }
  const skips: ItemKey[] = [];
  for (const folderId of new Set(lives.map((life) => life.folderId)))
    for await (const skip of run.ledger.listSkipped(run.ledgerId, folderId))
      if (folderId !== folder.folderId || skip.uidValidity !== folder.uidValidity) skips.push(keyOf(skip));
  for (let start = 0; start < skips.length; start += maxMatches)
    await run.lease.commit({ removedSkips: skips.slice(start, start + maxMatches) });
}

function matchKey(digest: string, internalDate: number): string {
  return `${digest} ${internalDate}`;
}
