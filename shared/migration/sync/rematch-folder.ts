import type { Uid } from "../../domain/names.ts";
import {
  above,
  differenceOf,
  firstOf,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { Generation, ItemKey, ItemRecord, Planning } from "../ports/ledger-store.ts";
import type { FolderStatus } from "../ports/source.ts";
import { deleteCopies, requireConfirmation } from "./delete-copies.ts";
import { sourceGivenUp } from "./failed-messages.ts";
import {
  generationKept,
  generationMatched,
  generationReplaced,
  isJudgementDue,
  itemsMatched,
  judged,
  newGeneration,
} from "./folder-generation.ts";
import { newFolderId } from "./folder-id.ts";
import { type PlacedFolder, planningNoted, planningOf } from "./folder-record.ts";
import { keyOf, movedTo } from "./item-records.ts";
import { ItemsByLook, type Look, lookAt } from "./looks.ts";
import type { SyncRun } from "./run.ts";
import { toCopy, uidsAside } from "./set-aside.ts";
import type { SteadyFolder } from "./steady-source.ts";

/** Each matched message changes two rows; the folder takes one more. */
const maxMatches = 48;
/** Messages whose headers are read before the clock is looked at. */
const windowSize = 2_000;

/** Notices a folder's new generation. @returns the folder as last committed. Repeatable. */
export async function beginGeneration(
  run: SyncRun,
  folder: PlacedFolder,
  status: FolderStatus,
): Promise<PlacedFolder> {
  const next = newGeneration(folder, status, newFolderId);
  if (next === undefined) return folder;
  await run.lease.commit({
    folders: [next],
    ...(next.folderId === folder.folderId ? {} : { removedFolders: [folder.folderId] }),
  });
  run.progressed(next, folder.folderId);
  return next;
}

/** A folder whose messages have been given the item records of former generations, as far as they match. */
interface Rematched {
  readonly record: PlacedFolder;
  /** Old records without a match; none before the end. */
  readonly unmatched: readonly ItemRecord[];
  /** False if they may belong to messages that cannot be read. */
  readonly isWhole: boolean;
  /** False if the step's time was over before the end. */
  readonly complete: boolean;
}

/**
 * Gives the messages of a folder's new generation the item records of its former ones, matched by header digest and
 * date, or else by envelope and size, so that nothing is copied twice. Repeatable.
 */
export async function matchGenerations(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<Rematched> {
  if (folder.former === undefined) return { record: folder, unmatched: [], isWhole: true, complete: true };
  const old = new ItemsByLook<{ readonly item: ItemRecord }>();
  for (const { folderId, uidValidity } of folder.former)
    for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity)) old.add({ item });
  let record = folder;
  let pairs: { readonly uid: Uid; readonly size: number; readonly item: ItemRecord }[] = [];
  const flush = async (): Promise<void> => {
    if (pairs.length === 0) return;
    record = itemsMatched(record, uidSetOf(pairs.map(({ uid }) => uid)), existing);
    await run.lease.commit({
      folders: [record],
      items: pairs.map(({ uid, size, item }) => movedTo(item, { ...record, uid }, size)),
      removedItems: pairs.map(({ item }) => keyOf(item)),
    });
    pairs = [];
  };
  const match = async (uid: Uid, { size }: Look, item: ItemRecord): Promise<void> => {
    pairs.push({ uid, size, item });
    if (pairs.length >= maxMatches) await flush();
  };
  const { matchedTo = 0, alikeTo = 0 } = planningOf(folder, run.clock()) ?? {};
  const all = old.size === 0 ? [] : toCopy(record, existing, run.clock());
  const goOnLater = async (progress: Pick<Planning, "matchedTo" | "alikeTo">): Promise<Rematched> => {
    record = planningNoted(record, progress, run.clock());
    await run.lease.commit({ folders: [record] });
    return { record, unmatched: [], isWhole: false, complete: false };
  };
  const changed: { readonly uid: Uid; readonly look: Look }[] = [];
  let fresh = above(all, matchedTo);
  while (sizeOf(fresh) > 0) {
    const window = firstOf(fresh, windowSize);
    for await (const message of opened.fetchHeaders(window)) {
      run.checkpoint();
      const { uid } = message;
      const look = lookAt(message);
      const found = old.takeExact(look);
      if (found) await match(uid, look, found.item);
      else changed.push({ uid, look });
    }
    await flush();
    fresh = differenceOf(fresh, window);
    const to = window.at(-1)?.[1] as Uid;
    if (sizeOf(fresh) > 0 && run.timeIsUp()) return goOnLater({ matchedTo: to });
  }
  // Only once every message with an equal header has its item: others are known by less.
  for (const { uid, look } of changed) {
    const found = old.takeAlike(look, false);
    if (found) await match(uid, look, found.item);
  }
  await flush();
  // Those that an earlier step has looked at are read again for that.
  let earlier = above(differenceOf(all, above(all, matchedTo)), alikeTo);
  while (sizeOf(earlier) > 0 && old.size > 0) {
    const window = firstOf(earlier, windowSize);
    for await (const message of opened.fetchHeaders(differenceOf(window, record.checkpoint.settled))) {
      const look = lookAt(message);
      const found = old.takeAlike(look, false);
      if (found) await match(message.uid, look, found.item);
    }
    await flush();
    earlier = differenceOf(earlier, window);
    const to = window.at(-1)?.[1] as Uid;
    if (sizeOf(earlier) > 0 && run.timeIsUp())
      return goOnLater({ matchedTo: existing.at(-1)?.[1] as Uid, alikeTo: to });
  }
  const unmatched = old.rest.map(({ item }) => item);
  const isWhole = unmatched.length === 0 || !(await hasUnreadable(run, record, opened, existing));
  return { record, unmatched, isWhole, complete: true };
}

/** True if some message of the folder cannot be read, be it for now or for good. */
async function hasUnreadable(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<boolean> {
  const waiting = unionOf(uidsAside(folder), uidSetOf(opened.unread.keys()));
  if ((opened.unshownMessages ?? 0) > 0 || sizeOf(intersectionOf(existing, waiting)) > 0) return true;
  for await (const skip of run.ledger.listSkipped(run.ledgerId, folder.folderId))
    if (skip.uidValidity === folder.uidValidity && skip.code === sourceGivenUp) return true;
  return false;
}

/**
 * Ends a folder's change of generation, as far as it can be believed: what found no match is kept for most of a day, since
 * the folder may come back as it was, and is then treated as vanished. Repeatable.
 * @returns the folder as last committed; it waits, and is not to be worked on, while it is `replaced`.
 */
export async function rematchFolder(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<{ readonly record: PlacedFolder; readonly complete: boolean }> {
  if (folder.former === undefined || !isJudgementDue(folder, run.clock()))
    return { record: folder, complete: true };
  const { record, unmatched, isWhole, complete } = await matchGenerations(run, folder, opened, existing);
  if (!complete) return { record, complete };
  // Not by what is there: a message that left since it was matched still has its item.
  const matched = await countItems(run, record);
  const judgement = judged(record, matched, unmatched.length, isWhole);
  run.log("folder.rematched", {
    mailbox: run.mailboxId,
    folder: record.folderId,
    items: matched,
    unmatched: unmatched.length,
    judgement,
  });
  if (judgement === "replaced")
    return { record: await commit(run, generationReplaced(record, unmatched.length)), complete };
  if (judgement === "believed" && !(await forgetItems(run, record, unmatched)))
    return { record, complete: false };
  await forgetSkips(run, record, folder.former);
  const settled =
    judgement === "kept" ? generationKept(record, matched, run.clock()) : generationMatched(record, matched);
  return { record: await commit(run, settled), complete };
}

/**
 * Forgets what is left of former generations of a folder that left the source. Repeatable.
 * @returns false if the step's time was over before the end.
 */
export async function forgetFormer(run: SyncRun, folder: PlacedFolder): Promise<boolean> {
  for (const { folderId, uidValidity } of folder.former ?? []) {
    const items: ItemRecord[] = [];
    for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity)) items.push(item);
    if (!(await forgetItems(run, folder, items))) return false;
  }
  await forgetSkips(run, folder, folder.former ?? []);
  return true;
}

async function countItems(run: SyncRun, { folderId, uidValidity }: Generation): Promise<number> {
  let count = 0;
  for await (const _ of run.ledger.listItems(run.ledgerId, folderId, uidValidity)) count++;
  return count;
}

async function commit(run: SyncRun, folder: PlacedFolder): Promise<PlacedFolder> {
  await run.lease.commit({ folders: [folder] });
  run.progressed(folder);
  return folder;
}

/**
 * What found no match has vanished at the source. Its copies follow the rule for deletions.
 * @returns false if the step's time was over before the end.
 */
async function forgetItems(
  run: SyncRun,
  folder: PlacedFolder,
  vanished: readonly ItemRecord[],
): Promise<boolean> {
  requireConfirmation(run, folder, vanished);
  for (let start = 0; start < vanished.length; start += maxMatches) {
    if (start > 0 && run.timeIsUp()) return false;
    const part = vanished.slice(start, start + maxMatches);
    if (run.options.propagateDeletes) await deleteCopies(run, folder, part);
    await run.lease.commit({ removedItems: part.map(keyOf) });
  }
  return true;
}

/** Messages that were skipped in former generations are tried again in this one. */
async function forgetSkips(run: SyncRun, folder: PlacedFolder, former: readonly Generation[]): Promise<void> {
  const skips: ItemKey[] = [];
  for (const folderId of new Set(former.map((generation) => generation.folderId)))
    for await (const skip of run.ledger.listSkipped(run.ledgerId, folderId))
      if (folderId !== folder.folderId || skip.uidValidity !== folder.uidValidity) skips.push(keyOf(skip));
  for (let start = 0; start < skips.length; start += maxMatches)
    await run.lease.commit({ removedSkips: skips.slice(start, start + maxMatches) });
}
