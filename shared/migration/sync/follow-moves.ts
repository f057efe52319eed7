import { randomUUID } from "node:crypto";
import { isMigrationError } from "../../domain/errors.ts";
import type { FolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { differenceOf, emptyUidSet, settle, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { ItemRecord, OpenChunk, PlannedMove } from "../ports/ledger-store.ts";
import type { FolderStatus, MessageHeader, OpenSourceFolder } from "../ports/source.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { headerDigest } from "./digest.ts";
import { tombstoneOf } from "./follow-flags.ts";
import { copyOf, hasVanished, keyOf, vanishedItems } from "./follow-removals.ts";
import { candidateOf, knownItems, recoverChunk } from "./recover-chunk.ts";
import { beginLife, matchLives } from "./rematch-folder.ts";
import { reopenGaps } from "./reopen-gaps.ts";
import type { SyncRun } from "./run.ts";

/** Each move changes two item rows and the rows of two folders. */
const maxMoves = 24;

/** An item record whose message left its folder. */
interface LostItem {
  readonly item: ItemRecord;
  /** The folder it belongs to, whose record may have a new id by now. */
  readonly home: FolderId;
}

/**
 * Lets target items follow messages that moved from one source folder to another since the last round, instead of
 * copying them again. Runs before anything is written in a round, over all changed folders at once. A message that
 * moved into a folder which the user deleted in the target leaves its copy where it is. Repeatable: what has moved is
 * settled and no longer new.
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
): Promise<ReadonlyMap<FolderId, MappedRecord>> {
  const records = new Map(gone.map((folder) => [folder.folderId, folder]));
  const lost = new LostItems();
  for (const folder of gone) lost.add(folder.folderId, await vanishedItems(run, folder, emptyUidSet));
  const present: FolderId[] = [];
  for (const folder of folders) {
    const record = await findLost(run, folder, statuses.get(folder.folderId), lost);
    records.set(record.folderId, record);
    present.push(record.folderId);
  }
  for (const id of present) {
    const folder = records.get(id);
    if (folder === undefined || (lost.size === 0 && folder.openChunk?.moves === undefined)) continue;
    const opened = await openIfThere(run, folder);
    if (opened === undefined) continue;
    if (opened.status.uidValidity !== folder.uidValidity || opened.status.uidNext < folder.uidNext) continue;
    const existing = await opened.searchUids();
    await moveInto(run, records, folder, opened, existing, lost);
  }
  for (const id of present) {
    const folder = records.get(id);
    if (folder) records.set(id, await noteLost(run, folder, lost.of(folder)));
  }
  return records;
}

/** Keeps with a folder which of its messages are gone for good as far as this plan could see. */
async function noteLost(run: SyncRun, folder: MappedRecord, uids: readonly Uid[]): Promise<MappedRecord> {
  if (uids.length === 0 && folder.lost === undefined) return folder;
  const record = { ...folder, lost: uidSetOf(uids) };
  await run.lease.commit({ folders: [record] });
  return record;
}

/** Items whose message left its folder, by what the message looks like. */
class LostItems {
  readonly #byLook = new Map<string, LostItem[]>();

  get size(): number {
    return this.#byLook.size;
  }

  add(home: FolderId, items: readonly ItemRecord[]): void {
    for (const item of items) {
      const look = lookOf(item.digest, item.internalDate);
      this.#byLook.set(look, [...(this.#byLook.get(look) ?? []), { item, home }]);
    }
  }

  /** What is left of a folder's present life. */
  of({ folderId, uidValidity }: MappedRecord): readonly Uid[] {
    return [...this.#byLook.values()]
      .flat()
      .filter(({ item }) => item.folderId === folderId && item.uidValidity === uidValidity)
      .map(({ item }) => item.uid);
  }

  /** Takes out the item that is known to have become this message, or else one that looks like it. */
  take(
    look: string,
    before: PlannedMove["from"] | undefined,
  ): { readonly lost: LostItem; readonly asBefore: boolean } | undefined {
    const candidates = this.#byLook.get(look) ?? [];
    const index = before ? candidates.findIndex(({ item }) => sameKey(item, before)) : -1;
    const [lost] = candidates.splice(Math.max(index, 0), 1);
    return lost && { lost, asBefore: index >= 0 };
  }
}

/**
 * Collects the items of one folder whose message is no longer in it. A folder that lives a new life is matched with
 * its old one first.
 * @returns the folder as last committed.
 */
async function findLost(
  run: SyncRun,
  folder: MappedRecord,
  status: FolderStatus | undefined,
  lost: LostItems,
): Promise<MappedRecord> {
  const untouched =
    folder.uidNext === 0 && sizeOf(folder.settled) === 0 && !folder.rematchFrom && !folder.openChunk;
  if ((untouched && status?.uidValidity === folder.uidValidity) || onlyGrew(folder, status)) return folder;
  const opened = await openIfThere(run, folder);
  if (opened === undefined) return folder;
  const existing = await opened.searchUids();
  const reopened = await reopenGaps(run, await beginLife(run, folder, opened.status), opened, existing);
  const { record: matched, unmatched } = await matchLives(run, reopened, opened, existing);
  const rematched = await recoverInterrupted(run, matched, opened, existing);
  lost.add(rematched.folderId, unmatched);
  if (hasVanished(rematched, existing) || rematched.rematchFrom)
    lost.add(rematched.folderId, await vanishedItems(run, rematched, existing));
  return rematched;
}

/**
 * Settles a chunk in doubt: a message whose write may have happened can only follow to another folder if its copy is
 * known. A failure that is about the target folder is left to the visit.
 */
async function recoverInterrupted(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<MappedRecord> {
  if (folder.openChunk?.moves) return folder;
  try {
    return await recoverChunk(run, folder, opened, existing);
  } catch (error) {
    if (isMigrationError(error) && error.kind === "item") return folder;
    throw error;
  }
}

/** The folder opened, or undefined if it went away or does not open: its visit decides what that means. */
async function openIfThere(run: SyncRun, folder: MappedRecord): Promise<OpenSourceFolder | undefined> {
  try {
    return await run.source.openFolder(folder.path);
  } catch (error) {
    if (isMigrationError(error) && error.kind === "item") return undefined;
    throw error;
  }
}

/** True if every UID given out since the last round is there and nothing else is missing: no need to look inside. */
function onlyGrew(folder: MappedRecord, status: FolderStatus | undefined): boolean {
  return (
    status !== undefined &&
    status.messages !== undefined &&
    folder.rematchFrom === undefined &&
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
  lost: LostItems,
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
    const taken = lost.take(look, interrupted.get(message.uid)?.from);
    if (taken === undefined) continue;
    planned.push({ message, lost: taken.lost, interrupted: taken.asBefore });
    if (planned.length === maxMoves) await perform();
  }
  await perform();
}

interface Planned {
  readonly message: MessageHeader;
  readonly lost: LostItem;
  /** True if a worker ended while it let this item follow this message. */
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
  const chunk = await openMoves(run, folder, planned);
  await run.lease.commit({ folders: [{ ...folder, openChunk: chunk }] });

  const known = planned.some(({ interrupted }) => interrupted)
    ? await knownItems(run, folder)
    : new Set<TargetItemId>();
  const items: ItemRecord[] = [];
  for (const { message, lost, interrupted } of planned) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    const { item } = lost;
    const { targetFolderId: _, ...moved } = {
      ...item,
      ...keyOf({ ...folder, uid: message.uid }),
      size: message.size,
    };
    const home = records.get(lost.home);
    const copy = home && (await copyOf(run, home, item));
    if (copy === undefined) {
      items.push(tombstoneOf(moved));
      continue;
    }
    if (folder.state === "targetGone") {
      items.push({ ...moved, targetFolderId: copy.place });
      continue;
    }
    const to = folder.targetFolderId;
    let targetId = copy.place === to ? copy.id : undefined;
    if (interrupted && targetId === undefined) {
      const candidate = candidateOf(run, folder, message);
      targetId = await run.target.findMoved(copy.id, to, chunk.mark, candidate, known);
    }
    targetId ??= await run.target.moveItem(copy.place, copy.id, to);
    items.push(targetId === undefined ? tombstoneOf(moved) : { ...moved, targetId });
  }
  await commitMoves(run, records, folder, chunk, planned, existing, items);
}

/** The chunk these moves are made under: the one already stored, or a new one. */
async function openMoves(
  run: SyncRun,
  folder: MappedRecord,
  planned: readonly Planned[],
): Promise<OpenChunk> {
  const stored = folder.openChunk?.moves ? folder.openChunk : undefined;
  const mark = folder.state === "targetGone" ? "" : await run.target.markFolder(folder.targetFolderId);
  return {
    token: stored?.token ?? randomUUID(),
    mark: stored?.mark ?? mark,
    uids: uidSetOf(planned.map(({ message }) => message.uid)),
    moves: planned.map(({ message, lost }) => ({ from: keyOf(lost.item), uid: message.uid })),
  };
}

async function commitMoves(
  run: SyncRun,
  records: Map<FolderId, MappedRecord>,
  folder: MappedRecord,
  chunk: OpenChunk,
  planned: readonly Planned[],
  existing: UidSet,
  items: readonly ItemRecord[],
): Promise<void> {
  const { openChunk: _, highestModseq, ...closed } = folder;
  // A message that had no copy so far may be older than the point from which flag changes count; one that came into
  // the folder by a change of its own is not.
  const compareAll =
    folder.partition === undefined && planned.some(({ message }) => message.uid < folder.uidNext);
  const record: MappedRecord = {
    ...closed,
    ...(compareAll || highestModseq === undefined ? {} : { highestModseq }),
    settled: settle(folder.settled, chunk.uids, existing),
    syncedItemCount: folder.syncedItemCount + planned.length,
  };
  records.set(folder.folderId, record);
  for (const { lost } of planned) {
    const home = records.get(lost.home);
    if (home) records.set(home.folderId, { ...home, syncedItemCount: home.syncedItemCount - 1 });
  }
  const changed = new Set<FolderId>([folder.folderId, ...planned.map(({ lost }) => lost.home)]);
  await run.lease.commit({
    folders: [...records.values()].filter((one) => changed.has(one.folderId)),
    items,
    removedItems: planned.map(({ lost }) => keyOf(lost.item)),
  });
  run.log("items.moved", { mailbox: run.mailboxId, folder: folder.folderId, items: planned.length });
}

function lookOf(digest: string, internalDate: number): string {
  return `${digest} ${internalDate}`;
}

function sameKey(a: ItemRecord, b: PlannedMove["from"]): boolean {
  return a.folderId === b.folderId && a.uidValidity === b.uidValidity && a.uid === b.uid;
}
