import { randomUUID } from "node:crypto";
import type { FolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { differenceOf, emptyUidSet, settle, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { ItemRecord, OpenChunk, PlannedMove } from "../ports/ledger-store.ts";
import type { FolderStatus, MessageHeader, OpenSourceFolder } from "../ports/source.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { headerDigest } from "./digest.ts";
import { placeOf, tombstoneOf } from "./follow-flags.ts";
import { hasVanished, keyOf, vanishedItems } from "./follow-removals.ts";
import { candidateOf, knownItems } from "./recover-chunk.ts";
import type { SyncRun } from "./run.ts";

/** Each move changes two item rows and the rows of two folders. */
const maxMoves = 24;

/**
 * Lets target items follow messages that moved from one source folder to another since the last round, instead of
 * copying them again. Runs before anything is written in a round, over all changed folders at once. Repeatable: what
 * has moved is settled and no longer new.
 * @param folders the folders of this round that changed.
 * @param gone folders that no longer exist at the source.
 * @param statuses of the folders, as listed.
 * @returns all of them as last committed.
 */
export async function followMoves(
  run: SyncRun,
  folders: readonly MappedRecord[],
  gone: readonly MappedRecord[],
  statuses: ReadonlyMap<FolderId, FolderStatus>,
): Promise<readonly MappedRecord[]> {
  const records = new Map([...folders, ...gone].map((folder) => [folder.folderId, folder]));
  const lost = await lostMessages(run, folders, gone, statuses);
  for (const folder of folders) {
    if (lost.size === 0 && folder.openChunk?.moves === undefined) continue;
    const opened = await run.source.openFolder(folder.path);
    // A folder that lives a new life is rematched when it is visited.
    if (opened.status.uidValidity !== folder.uidValidity || opened.status.uidNext < folder.uidNext) continue;
    const existing = await opened.searchUids();
    await moveInto(run, records, folder, opened, existing, lost);
  }
  return [...records.values()];
}

/** Items with a copy whose message left its folder, by what the message looks like. */
async function lostMessages(
  run: SyncRun,
  folders: readonly MappedRecord[],
  gone: readonly MappedRecord[],
  statuses: ReadonlyMap<FolderId, FolderStatus>,
): Promise<Map<string, ItemRecord[]>> {
  const lost = new Map<string, ItemRecord[]>();
  const add = (items: readonly ItemRecord[]): void => {
    for (const item of items) {
      const key = lookOf(item.digest, item.internalDate);
      lost.set(key, [...(lost.get(key) ?? []), item]);
    }
  };
  for (const folder of gone) add(await vanishedItems(run, folder, emptyUidSet));
  for (const folder of folders) {
    if (folder.uidNext === 0 || folder.rematchFrom || onlyGrew(folder, statuses.get(folder.folderId)))
      continue;
    const opened = await run.source.openFolder(folder.path);
    if (opened.status.uidValidity !== folder.uidValidity || opened.status.uidNext < folder.uidNext) continue;
    const existing = await opened.searchUids();
    if (!hasVanished(folder, existing)) continue;
    add(await vanishedItems(run, folder, existing));
  }
  return lost;
}

/** True if every UID given out since the last round is there and nothing else is missing: no need to look inside. */
function onlyGrew(folder: MappedRecord, status: FolderStatus | undefined): boolean {
  return (
    status !== undefined &&
    status.uidValidity === folder.uidValidity &&
    status.messages === folder.messages + (status.uidNext - folder.uidNext)
  );
}

async function moveInto(
  run: SyncRun,
  records: Map<FolderId, MappedRecord>,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
  lost: Map<string, ItemRecord[]>,
): Promise<void> {
  const interrupted = new Map<Uid, PlannedMove>(
    (folder.openChunk?.moves ?? []).map((move) => [move.uid, move]),
  );
  const fresh = differenceOf(existing, folder.settled);
  if (sizeOf(fresh) === 0) return;
  let planned: Planned[] = [];
  const perform = async (): Promise<void> => {
    if (planned.length === 0) return;
    await movePlanned(run, records, folder.folderId, planned, existing);
    planned = [];
  };
  for await (const message of opened.fetchHeaders(fresh)) {
    const look = lookOf(headerDigest(message.header), message.internalDate.getTime());
    const candidates = lost.get(look);
    const before = interrupted.get(message.uid)?.from;
    const index = before ? (candidates?.findIndex((item) => sameKey(item, before)) ?? -1) : 0;
    const item = candidates?.splice(Math.max(index, 0), 1)[0];
    if (item === undefined) continue;
    planned.push({ message, item, interrupted: before !== undefined && index >= 0 });
    if (planned.length === maxMoves) await perform();
  }
  await perform();
}

interface Planned {
  readonly message: MessageHeader;
  readonly item: ItemRecord;
  /** True if an earlier worker may have moved it already. */
  readonly interrupted: boolean;
}

async function movePlanned(
  run: SyncRun,
  records: Map<FolderId, MappedRecord>,
  folderId: FolderId,
  planned: readonly Planned[],
  existing: UidSet,
): Promise<void> {
  const folder = records.get(folderId) as MappedRecord;
  const stored = folder.openChunk?.moves ? folder.openChunk : undefined;
  const chunk: OpenChunk = {
    token: stored?.token ?? randomUUID(),
    mark: stored?.mark ?? (await run.target.markFolder(folder.targetFolderId)),
    uids: uidSetOf(planned.map(({ message }) => message.uid)),
    moves: planned.map(({ message, item }) => ({ from: keyOf(item), uid: message.uid })),
  };
  await run.lease.commit({ folders: [{ ...folder, openChunk: chunk }] });

  const known = planned.some(({ interrupted }) => interrupted)
    ? await knownItems(run, folder)
    : new Set<TargetItemId>();
  const items: ItemRecord[] = [];
  for (const { message, item, interrupted } of planned) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    const here: ItemRecord = { ...item, ...keyOf({ ...folder, uid: message.uid }), size: message.size };
    const { targetFolderId: _, ...moved } = here;
    const source = records.get(item.folderId);
    if (item.targetId === undefined || source === undefined) {
      items.push(tombstoneOf(moved));
      continue;
    }
    const from = placeOf(source, item);
    const to = folder.targetFolderId;
    let targetId = from === to ? item.targetId : undefined;
    if (interrupted && targetId === undefined)
      targetId = await run.target.findMoved(
        item.targetId,
        to,
        chunk.mark,
        candidateOf(run, folder, message),
        known,
      );
    targetId ??= await run.target.moveItem(from, item.targetId, to);
    items.push(targetId === undefined ? tombstoneOf(moved) : { ...moved, targetId });
  }
  const { openChunk: _, ...closed } = folder;
  const record: MappedRecord = {
    ...closed,
    settled: settle(folder.settled, chunk.uids, existing),
    syncedItemCount: folder.syncedItemCount + planned.length,
  };
  records.set(folder.folderId, record);
  for (const { item } of planned) {
    const source = records.get(item.folderId);
    if (source === undefined) continue;
    records.set(source.folderId, { ...source, syncedItemCount: source.syncedItemCount - 1 });
  }
  const changed = new Set<FolderId>([folder.folderId, ...planned.map(({ item }) => item.folderId)]);
  await run.lease.commit({
    folders: [...records.values()].filter((one) => changed.has(one.folderId)),
    items,
    removedItems: planned.map(({ item }) => keyOf(item)),
  });
  run.log("items.moved", { mailbox: run.mailboxId, folder: folder.folderId, items: planned.length });
}

function lookOf(digest: string, internalDate: number): string {
  return `${digest} ${internalDate}`;
}

function sameKey(a: ItemRecord, b: PlannedMove["from"]): boolean {
  return a.folderId === b.folderId && a.uidValidity === b.uidValidity && a.uid === b.uid;
}
