import { MigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { hasUid, intersectionOf, sizeOf, type UidSet } from "../../domain/uid-set.ts";
import type { ItemKey, ItemRecord, SkippedItem } from "../ports/ledger-store.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { placeOf } from "./follow-flags.ts";
import { leftOutCount } from "./left-out.ts";
import type { SyncRun } from "./run.ts";

/** Removals of one commit, with room for the folder's row. */
const maxRemovals = 90;
const confirmationShare = 0.2;
const confirmationCount = 100;

/**
 * True if records of this folder have lost their message at the source.
 * Counts suffice: every settled UID that exists has either an item or a skip record.
 */
export function hasVanished(folder: MappedRecord, existing: UidSet): boolean {
  return sizeOf(intersectionOf(existing, folder.settled)) < folder.syncedItemCount + folder.skippedItemCount;
}

/** Item records whose message is no longer in the source folder. */
export async function vanishedItems(
  run: SyncRun,
  folder: Pick<MappedRecord, "folderId" | "uidValidity">,
  existing: UidSet,
): Promise<ItemRecord[]> {
  const vanished: ItemRecord[] = [];
  for await (const item of run.ledger.listItems(run.ledgerId, folder.folderId, folder.uidValidity))
    if (!hasUid(existing, item.uid)) vanished.push(item);
  return vanished;
}

async function vanishedSkips(
  run: SyncRun,
  folder: Pick<MappedRecord, "folderId" | "uidValidity">,
  existing: UidSet,
): Promise<SkippedItem[]> {
  const skips: SkippedItem[] = [];
  for await (const skip of run.ledger.listSkipped(run.ledgerId, folder.folderId))
    if (skip.uidValidity === folder.uidValidity && !hasUid(existing, skip.uid)) skips.push(skip);
  return skips;
}

/** What is left of a folder after removals were followed. */
interface Removals {
  readonly record: MappedRecord;
  /** Items whose message vanished too late for this round. */
  readonly postponed: number;
}

/**
 * Forgets messages that vanished at the source and, where the batch asks for it, moves their copies to the deleted
 * items of the target. What vanished after the round was planned may have moved to where this round has been already:
 * it is kept for the next plan. Repeatable.
 * @param lost UIDs that were gone when the round was planned.
 * @throws MigrationError `mailbox`/`TooManyDeletions` where a confirmation is needed; nothing has been deleted then.
 */
export async function followRemovals(
  run: SyncRun,
  folder: MappedRecord,
  existing: UidSet,
  lost: UidSet,
): Promise<Removals> {
  if (!hasVanished(folder, existing)) return { record: folder, postponed: 0 };
  const absent = await vanishedItems(run, folder, existing);
  const vanished = absent.filter(({ uid }) => hasUid(lost, uid));
  const skips = await vanishedSkips(run, folder, existing);
  requireConfirmation(run, folder, vanished);
  let record = folder;
  for (let start = 0; start < Math.max(vanished.length, skips.length); start += maxRemovals / 2) {
    run.checkpoint();
    const items = vanished.slice(start, start + maxRemovals / 2);
    const forgotten = skips.slice(start, start + maxRemovals / 2);
    if (run.options.propagateDeletes) await deleteCopies(run, folder, items);
    record = {
      ...record,
      syncedItemCount: record.syncedItemCount - items.length,
      skippedItemCount: record.skippedItemCount - forgotten.length,
      leftOutItemCount: (record.leftOutItemCount ?? 0) - leftOutCount(forgotten),
    };
    await run.lease.commit({
      folders: [record],
      removedItems: items.map(keyOf),
      removedSkips: forgotten.map(keyOf),
    });
    run.progressed(record);
  }
  return { record, postponed: absent.length - vanished.length };
}

/**
 * Stops a mass deletion until an operator confirms it.
 * @throws MigrationError `mailbox`/`TooManyDeletions` above 20% and 100 messages of a folder.
 */
export function requireConfirmation(
  run: SyncRun,
  folder: MappedRecord,
  vanished: readonly ItemRecord[],
): void {
  if (!run.options.propagateDeletes || run.deletionsConfirmed) return;
  const count = vanished.filter((item) => placeOf(folder, item) !== undefined).length;
  if (count <= confirmationCount || count <= folder.syncedItemCount * confirmationShare) return;
  throw new MigrationError(
    "mailbox",
    "TooManyDeletions",
    `${count} of ${folder.syncedItemCount} messages of a folder are gone at the source. Nothing was deleted in the target. Retry the mailbox to confirm, or switch propagateDeletes off.`,
  );
}

/** Moves the copies of vanished messages to the deleted items. Repeatable. */
export async function deleteCopies(
  run: SyncRun,
  folder: MappedRecord,
  items: readonly ItemRecord[],
): Promise<void> {
  for (const item of items) {
    const copy = await copyOf(run, folder, item);
    if (copy === undefined) continue;
    await run.lease.ensure(60_000);
    await run.target.deleteItem(copy.place, copy.id);
  }
}

/** The copy of an item and the folder it was put into, unless the user deleted that folder. */
export async function copyOf(
  run: Pick<SyncRun, "target">,
  folder: MappedRecord,
  item: ItemRecord,
): Promise<{ readonly id: TargetItemId; readonly place: TargetFolderId } | undefined> {
  const place = placeOf(folder, item);
  if (item.targetId === undefined || place === undefined) return undefined;
  // The plan has looked at the folder's own place.
  if (place !== folder.targetFolderId && !(await run.target.folderExists(place))) return undefined;
  return { id: item.targetId, place };
}

/** The key of a record. */
export function keyOf(record: ItemKey): {
  folderId: ItemKey["folderId"];
  uidValidity: ItemKey["uidValidity"];
  uid: Uid;
} {
  return { folderId: record.folderId, uidValidity: record.uidValidity, uid: record.uid };
}
