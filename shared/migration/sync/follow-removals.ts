import { hasUid, intersectionOf, sizeOf, type UidSet } from "../../domain/uid-set.ts";
import type { Generation, ItemRecord, SkippedItem } from "../ports/ledger-store.ts";
import { deleteCopies, requireConfirmation } from "./delete-copies.ts";
import { type PlacedFolder, removalsFollowed } from "./folder-record.ts";
import { keyOf } from "./item-records.ts";
import type { SyncRun } from "./run.ts";

/** Removals of one commit, with room for the folder's row. */
const maxRemovals = 90;

/**
 * True if records of this folder have a message that is no longer at the source.
 * Counts suffice: every settled UID that exists has either an item or a skip record.
 */
export function hasVanished(folder: PlacedFolder, existing: UidSet): boolean {
  const { synced, skipped } = folder.counts;
  return sizeOf(intersectionOf(existing, folder.checkpoint.settled)) < synced + skipped;
}

/** Item records whose message is no longer in the source folder. */
export async function vanishedItems(
  run: SyncRun,
  folder: Generation,
  existing: UidSet,
): Promise<ItemRecord[]> {
  const vanished: ItemRecord[] = [];
  for await (const item of run.ledger.listItems(run.ledgerId, folder.folderId, folder.uidValidity))
    if (!hasUid(existing, item.uid)) vanished.push(item);
  return vanished;
}

async function vanishedSkips(run: SyncRun, folder: Generation, existing: UidSet): Promise<SkippedItem[]> {
  const skips: SkippedItem[] = [];
  for await (const skip of run.ledger.listSkipped(run.ledgerId, folder.folderId))
    if (skip.uidValidity === folder.uidValidity && !hasUid(existing, skip.uid)) skips.push(skip);
  return skips;
}

/** What is left of a folder after removals were followed. */
interface Removals {
  readonly record: PlacedFolder;
  /** Items whose message vanished too late for this round. */
  readonly postponed: number;
  /** False if the step's time was over before the end. */
  readonly complete: boolean;
}

/**
 * Forgets messages that vanished at the source and, where the batch asks for it, moves their copies to the deleted
 * items of the target. What vanished after the round was planned may have moved to where this round has been already:
 * it is kept for the next plan. Repeatable.
 * @param noted UIDs of messages that had vanished when the round was planned.
 * @throws MigrationError `mailbox`/`TooManyDeletions` where a confirmation is needed; nothing has been deleted then.
 */
export async function followRemovals(
  run: SyncRun,
  folder: PlacedFolder,
  existing: UidSet,
  noted: UidSet,
): Promise<Removals> {
  if (!hasVanished(folder, existing)) return { record: folder, postponed: 0, complete: true };
  const absent = await vanishedItems(run, folder, existing);
  const vanished = absent.filter(({ uid }) => hasUid(noted, uid));
  const skips = await vanishedSkips(run, folder, existing);
  requireConfirmation(run, folder, vanished);
  let record = folder;
  const removals = Math.max(vanished.length, skips.length);
  for (let start = 0; start < removals; start += maxRemovals / 2) {
    if (start > 0 && run.timeIsUp()) return { record, postponed: 0, complete: false };
    run.checkpoint();
    const items = vanished.slice(start, start + maxRemovals / 2);
    const forgotten = skips.slice(start, start + maxRemovals / 2);
    if (run.options.propagateDeletes) await deleteCopies(run, folder, items);
    record = removalsFollowed(record, items.length, forgotten);
    await run.lease.commit({
      folders: [record],
      removedItems: items.map(keyOf),
      removedSkips: forgotten.map(keyOf),
    });
    run.progressed(record);
  }
  return { record, postponed: absent.length - vanished.length, complete: true };
}
