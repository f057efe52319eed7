import { randomUUID } from "node:crypto";
import { isMigrationError } from "../../domain/errors.ts";
import type { FolderId, TargetItemId, Uid } from "../../domain/names.ts";
import {
  above,
  differenceOf,
  emptyUidSet,
  firstOf,
  hasUid,
  sizeOf,
  type UidSet,
  uidSetOf,
} from "../../domain/uid-set.ts";
import type { ItemRecord, OpenChunk, PlannedMove } from "../ports/ledger-store.ts";
import type { FolderStatus, MessageHeader } from "../ports/source.ts";
import { copyOf } from "./delete-copies.ts";
import { asStored } from "./failed-folders.ts";
import { candidateOf, knownItems } from "./find-copies.ts";
import {
  chunkBegun,
  isRemembered,
  itemDeparted,
  itemsArrived,
  type PlacedFolder,
  planningNoted,
  planningOf,
  vanishedNoted,
} from "./folder-record.ts";
import { waitsUntil } from "./folder-trouble.ts";
import { hasVanished, vanishedItems } from "./follow-removals.ts";
import { isSameKey, keyOf, movedTo, tombstoneOf } from "./item-records.ts";
import { ItemsByLook, type Look, lookAt } from "./looks.ts";
import { recoverChunk } from "./recover-chunk.ts";
import { beginGeneration, matchGenerations } from "./rematch-folder.ts";
import { reopenGaps } from "./reopen-gaps.ts";
import type { SyncRun } from "./run.ts";
import { toCopy, uidsAside } from "./set-aside.ts";
import type { SteadyFolder } from "./steady-source.ts";

/** Each move changes two item rows and the rows of two folders. */
const maxMoves = 24;
const maxUid = 4_294_967_295 as Uid;
/** Messages whose headers are read before the clock is looked at. */
const windowSize = 2_000;
/** Folder rows of one commit; a row with a long checkpoint may have 64 KiB. */
const maxFolders = 40;

/** An item record whose message left its folder. */
interface VanishedItem {
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
 * @param isWhole false if the plan knows of something at the source that it cannot see.
 * @returns all of them as last committed, and whether all could be seen. Otherwise what is missing may be where nobody
 * could look: then nothing counts as gone for good.
 * Undefined if the step's time was over first: the next plan goes on.
 */
export async function followMoves(
  run: SyncRun,
  folders: readonly PlacedFolder[],
  gone: readonly PlacedFolder[],
  statuses: ReadonlyMap<FolderId, FolderStatus>,
  isWhole: boolean,
): Promise<{ readonly records: ReadonlyMap<FolderId, PlacedFolder>; readonly isWhole: boolean } | undefined> {
  const records = new Map(gone.map((folder) => [folder.folderId, folder]));
  const vanished = new VanishedItems();
  vanished.isWhole = isWhole;
  const scanned = new Set<FolderId>();
  const sought = new Map<FolderId, Uid>();
  const seesAll = () => vanished.isWhole && !run.source.hasUnread;
  const goOnLater = async (): Promise<undefined> => {
    const noted = [...scanned].flatMap((id) => {
      const folder = records.get(id);
      if (folder === undefined) return [];
      const progress = { scanned: true, partly: seesAll() ? undefined : true, soughtTo: sought.get(id) };
      return [planningNoted(vanishedNoted(folder, uidSetOf(vanished.of(folder))), progress, run.clock())];
    });
    for (let start = 0; start < noted.length; start += maxFolders)
      await run.lease.commit({ folders: noted.slice(start, start + maxFolders) });
  };
  for (const folder of gone) vanished.add(folder.folderId, await vanishedItems(run, folder, emptyUidSet));
  const present: FolderId[] = [];
  const newest = new Map<FolderId, Uid>();
  for (const folder of folders) {
    if (scanned.size > 0 && run.timeIsUp()) return goOnLater();
    run.checkpoint();
    const status = statuses.get(folder.folderId);
    let found = { looked: true, complete: true };
    const record = await asFarAsSeen(run, folder, vanished, async () => {
      const scan = await findVanished(run, folder, status, vanished);
      found = scan;
      return scan.record;
    });
    if (!found.complete) return goOnLater();
    const { looked } = found;
    records.set(record.folderId, record);
    present.push(record.folderId);
    if (looked) scanned.add(record.folderId);
    if (status) newest.set(record.folderId, (status.uidNext - 1) as Uid);
    const before = planningOf(record, run.clock());
    if (before?.scanned && before.soughtTo !== undefined) sought.set(record.folderId, before.soughtTo);
  }
  let moved = 0;
  for (const id of present) {
    const folder = records.get(id);
    if (folder === undefined || (vanished.size === 0 && folder.doubt.openChunk?.moves === undefined))
      continue;
    const last = newest.get(id) ?? maxUid;
    const soughtTo = sought.get(id) ?? (0 as Uid);
    if (soughtTo >= last) continue;
    let reached: Uid = soughtTo;
    if (moved === 0 || !run.timeIsUp()) {
      moved++;
      reached = last;
      const opened = await openIfThere(run, folder, vanished);
      if (opened !== undefined && isSameGeneration(folder, opened.status))
        await asFarAsSeen(run, folder, vanished, async () => {
          reached = await moveInto(run, records, folder, opened, soughtTo, vanished);
          vanished.isWhole &&= isWholly(opened);
          return records.get(id) ?? folder;
        });
      sought.set(id, Math.min(reached, last) as Uid);
    }
    if (reached >= last) continue;
    for (const each of present) scanned.add(each);
    return goOnLater();
  }
  const sawAll = seesAll();
  for (const id of present) {
    const folder = records.get(id);
    if (folder) records.set(id, await noteVanished(run, folder, sawAll ? vanished.of(folder) : []));
  }
  return { records, isWhole: sawAll };
}

/** @returns what the work does, or the folder as last committed if it could not be read. */
async function asFarAsSeen(
  run: SyncRun,
  folder: PlacedFolder,
  vanished: VanishedItems,
  work: () => Promise<PlacedFolder>,
): Promise<PlacedFolder> {
  try {
    return await work();
  } catch (error) {
    if (!run.source.isAboutFolder(error)) throw error;
    vanished.isWhole = false;
    return asStored(run, folder);
  }
}

function isWholly(opened: SteadyFolder): boolean {
  return (opened.unshownMessages ?? 0) === 0;
}

function isSameGeneration({ uidValidity, checkpoint }: PlacedFolder, status: FolderStatus): boolean {
  return status.uidValidity === uidValidity && status.uidNext >= checkpoint.uidNext;
}

/** Keeps with a folder which of its messages are gone for good as far as this plan could see. */
async function noteVanished(run: SyncRun, folder: PlacedFolder, uids: readonly Uid[]): Promise<PlacedFolder> {
  if (uids.length === 0 && folder.checkpoint.vanished === undefined) return folder;
  // What the next plan finds out of it is anew.
  const record = { ...vanishedNoted(folder, uidSetOf(uids)), planning: undefined };
  await run.lease.commit({ folders: [record] });
  return record;
}

/** Items whose message left its folder, by what the message looks like. */
class VanishedItems {
  readonly #items = new ItemsByLook<VanishedItem>();
  /** False if something at the source could not be seen. */
  isWhole = true;

  get size(): number {
    return this.#items.size;
  }

  add(home: FolderId, items: readonly ItemRecord[]): void {
    for (const item of items) this.#items.add({ item, home });
  }

  /** What is left of a folder's present generation. */
  of({ folderId, uidValidity }: PlacedFolder): readonly Uid[] {
    return this.#items.rest
      .filter(({ item }) => item.folderId === folderId && item.uidValidity === uidValidity)
      .map(({ item }) => item.uid);
  }

  /** Takes out the item that is known to have become this message, or else one that looks like it. */
  take(
    look: Look,
    before: PlannedMove["from"] | undefined,
  ): { readonly vanished: VanishedItem; readonly asBefore: boolean } | undefined {
    const isBefore = (item: ItemRecord) => before !== undefined && isSameKey(item, before);
    const vanished = this.#items.takeExact(look, isBefore) ?? this.#items.takeAlike(look, true, isBefore);
    return vanished && { vanished, asBefore: isBefore(vanished.item) };
  }
}

/**
 * Collects the items of one folder whose message is no longer in it. A folder in a new generation is matched with its
 * former ones first.
 * @returns the folder as last committed, and whether it had to be looked into.
 */
async function findVanished(
  run: SyncRun,
  folder: PlacedFolder,
  status: FolderStatus | undefined,
  vanished: VanishedItems,
): Promise<{ readonly record: PlacedFolder; readonly complete: boolean; readonly looked: boolean }> {
  const known = { record: folder, complete: true, looked: false };
  const untouched = !isRemembered(folder) && !folder.former && !folder.doubt.openChunk;
  if ((untouched && status?.uidValidity === folder.uidValidity) || onlyGrew(folder, status)) return known;
  if (planningOf(folder, run.clock())?.scanned) {
    for (const generation of [folder, ...(folder.former ?? [])]) {
      const items = await vanishedItems(run, generation, emptyUidSet);
      const noted = folder.checkpoint.vanished ?? emptyUidSet;
      vanished.add(
        folder.folderId,
        generation === folder ? items.filter(({ uid }) => hasUid(noted, uid)) : items,
      );
    }
    if (planningOf(folder, run.clock())?.partly) vanished.isWhole = false;
    return known;
  }
  const opened = await openIfThere(run, folder, vanished);
  if (opened === undefined) return known;
  const existing = await opened.searchUids();
  vanished.isWhole &&= isWholly(opened);
  const reopened = await reopenGaps(run, await beginGeneration(run, folder, opened.status), opened, existing);
  const rematched = await matchGenerations(run, reopened, opened, existing);
  const { record: matched, unmatched } = rematched;
  if (!rematched.complete) return { record: matched, complete: false, looked: false };
  const record = await recoverInterrupted(run, matched, opened, existing);
  if (rematched.isWhole) vanished.add(record.folderId, unmatched);
  if (isWholly(opened) && (hasVanished(record, existing) || record.former))
    vanished.add(record.folderId, await lookedForTwice(run, record, opened, existing));
  return { record, complete: true, looked: true };
}

/** Items whose message is missing from the list of all, and is not found by itself, either. */
async function lookedForTwice(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<readonly ItemRecord[]> {
  const missing = await vanishedItems(run, folder, existing);
  if (missing.length === 0) return missing;
  const found = await opened.searchUids({ among: uidSetOf(missing.map(({ uid }) => uid)) });
  return missing.filter(({ uid }) => !hasUid(found, uid));
}

/**
 * Settles a chunk in doubt: a message whose write may have happened can only follow to another folder if its copy is
 * known. A failure that is about the target folder is left to the visit.
 */
async function recoverInterrupted(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  if (folder.doubt.openChunk?.moves) return folder;
  try {
    return await recoverChunk(run, folder, opened, existing);
  } catch (error) {
    if (isMigrationError(error) && error.kind === "item") return folder;
    throw error;
  }
}

/** The folder opened, or undefined if it went away or does not open: its visit decides what that means. */
async function openIfThere(
  run: SyncRun,
  folder: PlacedFolder,
  vanished: VanishedItems,
): Promise<SteadyFolder | undefined> {
  try {
    if (waitsUntil(folder, run.clock()) === undefined) {
      const opened = await run.source.openFolder(folder.source.path);
      opened.suspect(uidsAside(folder));
      return opened;
    }
  } catch (error) {
    if (!run.source.isAboutFolder(error)) throw error;
  }
  vanished.isWhole = false;
  return undefined;
}

/** True if every UID given out since the last round is there and nothing else is missing: no need to look inside. */
function onlyGrew(folder: PlacedFolder, status: FolderStatus | undefined): boolean {
  return (
    status !== undefined &&
    status.messages !== undefined &&
    folder.former === undefined &&
    status.uidValidity === folder.uidValidity &&
    // Where both fell alike, a server came back from a backup.
    status.uidNext >= folder.checkpoint.uidNext &&
    status.messages === folder.checkpoint.messages + (status.uidNext - folder.checkpoint.uidNext)
  );
}

/** @returns the UID up to which new messages have been looked at: less than all if the step's time was over. */
async function moveInto(
  run: SyncRun,
  records: Map<FolderId, PlacedFolder>,
  known: PlacedFolder,
  opened: SteadyFolder,
  soughtTo: Uid,
  vanished: VanishedItems,
): Promise<Uid> {
  const existing = await opened.searchUids();
  // A folder that only grew was not looked into: what a chunk has written there is known before anything is moved.
  const folder = await recoverInterrupted(run, known, opened, existing);
  records.set(folder.folderId, folder);
  const { openChunk } = folder.doubt;
  if (openChunk !== undefined && openChunk.moves === undefined) {
    vanished.isWhole = false;
    return maxUid;
  }
  const interrupted = new Map<Uid, PlannedMove>((openChunk?.moves ?? []).map((move) => [move.uid, move]));
  let fresh = above(toCopy(folder, existing, run.clock()), soughtTo);
  let planned: Planned[] = [];
  const perform = async (): Promise<void> => {
    if (planned.length === 0) return;
    await movePlanned(run, records, folder.folderId, planned, existing);
    planned = [];
  };
  while (sizeOf(fresh) > 0) {
    const window = firstOf(fresh, windowSize);
    for await (const message of opened.fetchHeaders(window)) {
      const taken = vanished.take(lookAt(message), interrupted.get(message.uid)?.from);
      if (taken === undefined) continue;
      planned.push({ message, vanished: taken.vanished, interrupted: taken.asBefore });
      if (planned.length === maxMoves) await perform();
    }
    await perform();
    fresh = differenceOf(fresh, window);
    if (sizeOf(fresh) > 0 && run.timeIsUp()) return window.at(-1)?.[1] as Uid;
  }
  return maxUid;
}

interface Planned {
  readonly message: MessageHeader;
  readonly vanished: VanishedItem;
  /** True if a worker ended while it let this item follow this message. */
  readonly interrupted: boolean;
}

async function movePlanned(
  run: SyncRun,
  records: Map<FolderId, PlacedFolder>,
  folderId: FolderId,
  planned: readonly Planned[],
  existing: UidSet,
): Promise<void> {
  const folder = records.get(folderId) as PlacedFolder;
  const chunk = await openMoves(run, folder, planned);
  await run.lease.commit({ folders: [chunkBegun(folder, chunk)] });

  const known = planned.some(({ interrupted }) => interrupted)
    ? await knownItems(run, folder)
    : new Set<TargetItemId>();
  const items: ItemRecord[] = [];
  for (const { message, vanished, interrupted } of planned) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    const { item } = vanished;
    const { targetFolderId: _, ...moved } = movedTo(item, { ...folder, uid: message.uid }, message.size);
    const home = records.get(vanished.home);
    const copy = home && (await copyOf(run, home, item));
    if (copy === undefined) {
      items.push(tombstoneOf(moved));
      continue;
    }
    if (folder.state === "targetGone") {
      items.push({ ...moved, targetFolderId: copy.place });
      continue;
    }
    const to = folder.place.id;
    let targetId = copy.place === to ? copy.id : undefined;
    if (interrupted && targetId === undefined) {
      const candidate = candidateOf(run, folder, message);
      targetId = await run.target.finishMove(copy.place, copy.id, to, chunk.mark, candidate, known);
    }
    targetId ??= await run.target.moveItem(copy.place, copy.id, to);
    items.push(targetId === undefined ? tombstoneOf(moved) : { ...moved, targetId });
  }
  await commitMoves(run, records, folder, chunk, planned, existing, items);
}

/** The chunk these moves are made under: the one already stored, or a new one. */
async function openMoves(
  run: SyncRun,
  folder: PlacedFolder,
  planned: readonly Planned[],
): Promise<OpenChunk> {
  const stored = folder.doubt.openChunk?.moves ? folder.doubt.openChunk : undefined;
  const mark = folder.state === "targetGone" ? "" : await run.target.markFolder(folder.place.id);
  return {
    token: stored?.token ?? randomUUID(),
    mark: stored?.mark ?? mark,
    uids: uidSetOf(planned.map(({ message }) => message.uid)),
    moves: planned.map(({ message, vanished }) => ({ from: keyOf(vanished.item), uid: message.uid })),
  };
}

async function commitMoves(
  run: SyncRun,
  records: Map<FolderId, PlacedFolder>,
  folder: PlacedFolder,
  chunk: OpenChunk,
  planned: readonly Planned[],
  existing: UidSet,
  items: readonly ItemRecord[],
): Promise<void> {
  // A message that had no copy so far may be older than the point from which flag changes count; one that came into
  // the folder by a change of its own is not.
  const { partition, uidNext } = folder.checkpoint;
  const allFlags = partition === undefined && planned.some(({ message }) => message.uid < uidNext);
  const record = itemsArrived(folder, chunk.uids, existing, allFlags);
  records.set(folder.folderId, record);
  for (const { vanished } of planned) {
    const home = records.get(vanished.home);
    if (home) records.set(home.folderId, itemDeparted(home, vanished.item));
  }
  const changed = new Set<FolderId>([folder.folderId, ...planned.map(({ vanished }) => vanished.home)]);
  await run.lease.commit({
    folders: [...records.values()].filter((one) => changed.has(one.folderId)),
    items,
    removedItems: planned.map(({ vanished }) => keyOf(vanished.item)),
  });
  run.log("items.moved", { mailbox: run.mailboxId, folder: folder.folderId, items: planned.length });
}
