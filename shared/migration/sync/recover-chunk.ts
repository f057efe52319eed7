import type { TargetItemId, Uid } from "../../domain/names.ts";
import { settle, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { ChunkInDoubt, ItemRecord, OpenChunk } from "../ports/ledger-store.ts";
import type { MessageHeader, OpenSourceFolder } from "../ports/source.ts";
import type { FoundItem, WriteCandidate } from "../ports/target.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { stampOf } from "./digest.ts";
import { copiedFlags } from "./flags.ts";
import { receivedDate } from "./received-date.ts";
import type { SyncRun } from "./run.ts";
import { itemOf } from "./write-group.ts";

/** A write whose worker died may still arrive this long after it was first looked for, in milliseconds. */
const lateArrivalMs = 45_000;

/**
 * Finds out which messages of an interrupted chunk reached the target, records those and leaves the others to be
 * copied. The chunk stays noted to be looked at again by {@link removeLateArrivals}. Repeatable.
 */
export async function recoverChunk(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<MappedRecord> {
  const { openChunk: chunk, ...closed } = folder;
  if (chunk === undefined) return folder;
  const found = await lookUp(run, folder, opened, chunk);
  const items: ItemRecord[] = [];
  for (const { header, copies } of found) {
    const first = copies[0];
    if (first) items.push(itemOf(folder, header, header.size, header.header, first.id));
  }
  const inDoubt: ChunkInDoubt = { ...chunk, lookAgainAfter: run.clock() + lateArrivalMs };
  const record: MappedRecord = {
    ...closed,
    inDoubt: [...folder.inDoubt, inDoubt],
    settled: settle(folder.settled, uidSetOf(items.map(({ uid }) => uid)), existing),
    syncedItemCount: folder.syncedItemCount + items.length,
    bytesTransferred: folder.bytesTransferred + items.reduce((sum, { size }) => sum + size, 0),
  };
  await run.lease.commit({ folders: [record], items });
  run.progressed(record);
  run.log("chunk.recovered", {
    mailbox: run.mailboxId,
    folder: record.folderId,
    items: sizeOf(chunk.uids),
    found: items.length,
  });
  return record;
}

/**
 * Looks again for writes of chunks once in doubt and removes second copies that arrived after they were first looked
 * for. A copy the user has touched stays.
 * @returns the folder without the chunks that are old enough to be settled for good.
 */
export async function removeLateArrivals(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
): Promise<MappedRecord> {
  const due = folder.inDoubt.filter((chunk) => chunk.lookAgainAfter <= run.clock());
  if (due.length === 0) return folder;
  for (const chunk of due) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    for (const { copies } of await lookUp(run, folder, opened, chunk))
      for (const copy of copies) {
        if (!copy.untouched) continue;
        await run.target.removeDuplicate(folder.targetFolderId, copy.id);
        run.log("duplicate.removed", { mailbox: run.mailboxId, folder: folder.folderId });
      }
  }
  const record = { ...folder, inDoubt: folder.inDoubt.filter((chunk) => !due.includes(chunk)) };
  await run.lease.commit({ folders: [record] });
  return record;
}

interface LookedUp {
  readonly header: MessageHeader;
  /** Copies in the target that no item record knows, oldest first. */
  readonly copies: readonly FoundItem[];
}

async function lookUp(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  chunk: OpenChunk,
): Promise<readonly LookedUp[]> {
  const headers: MessageHeader[] = [];
  // What has been shared out to another folder since can still be read here.
  for await (const header of opened.fetchHeaders(chunk.uids)) headers.push(header);
  if (headers.length === 0) return [];
  const known = await knownItems(run, folder);
  const candidates = headers.map((header) => candidateOf(run, folder, header));
  const found = await run.target.findWritten(folder.targetFolderId, chunk, candidates, known);
  return headers.map((header) => ({
    header,
    copies: (found.get(stampFor(run, folder, header.uid)) ?? []).filter(({ id }) => !known.has(id)),
  }));
}

/** What the target needs to recognise a message. */
export function candidateOf(run: SyncRun, folder: MappedRecord, header: MessageHeader): WriteCandidate {
  return {
    uid: header.uid,
    stamp: stampFor(run, folder, header.uid),
    internalDate: receivedDate(header.header, header.internalDate, run.options.receivedDateFrom),
    size: header.size,
    flags: copiedFlags(header.flags),
    header: header.header,
  };
}

/** Target items of every source folder that is copied into the same target folder. */
export async function knownItems(
  run: SyncRun,
  folder: Pick<MappedRecord, "targetFolderId">,
): Promise<ReadonlySet<TargetItemId>> {
  const known = new Set<TargetItemId>();
  for (const other of await run.ledger.listFolders(run.ledgerId)) {
    if (other.targetFolderId !== folder.targetFolderId) continue;
    const lives = [{ folderId: other.folderId, uidValidity: other.uidValidity }];
    if (other.rematchFrom) lives.push(other.rematchFrom);
    for (const { folderId, uidValidity } of lives)
      for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity))
        if (item.targetId) known.add(item.targetId);
  }
  return known;
}

function stampFor(run: SyncRun, folder: MappedRecord, uid: Uid) {
  return stampOf(run.ledgerId, folder.folderId, folder.uidValidity, uid);
}
