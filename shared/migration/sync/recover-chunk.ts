import type { Stamp, TargetItemId, Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  settle,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { ChunkInDoubt, FolderRecord, ItemRecord, OpenChunk } from "../ports/ledger-store.ts";
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
  // Written in an earlier life of the folder, it may be any message that has no copy in this one.
  const uids = chunk.retired === undefined ? chunk.uids : differenceOf(existing, folder.settled);
  const { messages } = await lookUp(run, folder, opened, { ...chunk, uids });
  const items: ItemRecord[] = [];
  for (const { header, copies } of messages) {
    const first = copies[0];
    if (first) items.push(itemOf(folder, header, header.size, header.header, first.id));
  }
  const there = unionOf(existing, uidSetOf(messages.map(({ header }) => header.uid)));
  const inDoubt: ChunkInDoubt = {
    ...retire({ ...chunk, uids }, folder, differenceOf(uids, there)),
    lookAgainAfter: run.clock() + lateArrivalMs,
  };
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
 * for, and copies of messages that have another identity by now. A copy the user has touched stays.
 * @param opened undefined if the folder is no longer at the source.
 * @returns the folder without the chunks that are old enough to be settled for good.
 */
export async function removeLateArrivals(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder | undefined,
): Promise<MappedRecord> {
  const due = folder.inDoubt.filter((chunk) => chunk.lookAgainAfter <= run.clock());
  if (due.length === 0) return folder;
  for (const chunk of due) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    const { messages, retired } = await lookUp(run, folder, opened, chunk);
    for (const copy of [...messages.flatMap(({ copies }) => copies), ...retired]) {
      if (!copy.untouched) continue;
      await run.target.removeDuplicate(folder.targetFolderId, copy.id);
      run.log("duplicate.removed", { mailbox: run.mailboxId, folder: folder.folderId });
    }
  }
  const record = { ...folder, inDoubt: folder.inDoubt.filter((chunk) => !due.includes(chunk)) };
  await run.lease.commit({ folders: [record] });
  return record;
}

/**
 * Closes the open chunk of a folder whose messages can no longer be read: what it wrote has no record, and cannot be
 * given one. Pure.
 * @param now milliseconds since 1970.
 */
export function abandonChunk<Folder extends FolderRecord>(folder: Folder, now: number): Folder {
  const { openChunk: chunk, attempting: _, ...rest } = folder;
  const inDoubt = chunk && !chunk.moves ? [{ ...chunk, lookAgainAfter: now + lateArrivalMs }] : [];
  return { ...(rest as Folder), inDoubt: retired(folder, [...folder.inDoubt, ...inDoubt]) };
}

/** Chunks of a folder whose messages are no longer there as they were written, those with a record aside. Pure. */
export function retired(
  folder: Pick<FolderRecord, "folderId" | "uidValidity" | "settled">,
  chunks: readonly ChunkInDoubt[],
): readonly ChunkInDoubt[] {
  return chunks.map((chunk) => ({
    ...retire(chunk, folder, differenceOf(chunk.uids, folder.settled)),
    uids: emptyUidSet,
  }));
}

/** The chunk with some of its messages no longer there as they were written. Pure. */
export function retire<Chunk extends OpenChunk>(
  chunk: Chunk,
  { folderId, uidValidity }: Pick<FolderRecord, "folderId" | "uidValidity">,
  uids: UidSet,
): Chunk {
  if (sizeOf(uids) === 0) return chunk;
  return { ...chunk, retired: [...(chunk.retired ?? []), { folderId, uidValidity, uids }] };
}

interface LookedUp {
  /** Those of the chunk's messages that can still be read. */
  readonly messages: readonly {
    readonly header: MessageHeader;
    /** Copies in the target that no item record knows, oldest first. */
    readonly copies: readonly FoundItem[];
  }[];
  /** Copies of messages that are no longer there as they were written. */
  readonly retired: readonly FoundItem[];
}

async function lookUp(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder | undefined,
  chunk: OpenChunk,
): Promise<LookedUp> {
  const headers: MessageHeader[] = [];
  // What has been shared out to another folder since can still be read here.
  if (opened && sizeOf(chunk.uids) > 0)
    for await (const header of opened.fetchHeaders(chunk.uids)) headers.push(header);
  const retired = (chunk.retired ?? []).flatMap(({ folderId, uidValidity, uids }) =>
    [...uidsOf(uids)].map((uid) => stampOf(run.ledgerId, folderId, uidValidity, uid)),
  );
  if (headers.length === 0 && retired.length === 0) return { messages: [], retired: [] };
  const known = await knownItems(run, folder);
  const candidates = headers.map((header) => candidateOf(run, folder, header));
  const { token, mark } = chunk;
  const found = await run.target.findWritten(
    folder.targetFolderId,
    { token, mark, retired },
    candidates,
    known,
  );
  const copiesOf = (stamp: Stamp) => (found.get(stamp) ?? []).filter(({ id }) => !known.has(id));
  return {
    messages: headers.map((header) => ({ header, copies: copiesOf(stampFor(run, folder, header.uid)) })),
    retired: retired.flatMap(copiesOf),
  };
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
    if (other.rematchFrom) lives.push(...other.rematchFrom);
    for (const { folderId, uidValidity } of lives)
      for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity))
        if (item.targetId) known.add(item.targetId);
  }
  return known;
}

function stampFor(run: SyncRun, folder: MappedRecord, uid: Uid) {
  return stampOf(run.ledgerId, folder.folderId, folder.uidValidity, uid);
}
