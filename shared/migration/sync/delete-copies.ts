import { MigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { ItemRecord } from "../ports/ledger-store.ts";
import type { PlacedFolder } from "./folder-record.ts";
import { placeOf } from "./item-records.ts";
import type { SyncRun } from "./run.ts";

const confirmationShare = 0.2;
const confirmationCount = 100;

/**
 * Stops a mass deletion until an operator confirms it.
 * @throws MigrationError `mailbox`/`TooManyDeletions` above 20% and 100 messages of a folder.
 */
export function requireConfirmation(
  run: SyncRun,
  folder: PlacedFolder,
  vanished: readonly ItemRecord[],
): void {
  if (!run.options.propagateDeletes || run.deletionsConfirmed) return;
  const { synced } = folder.counts;
  const count = vanished.filter((item) => placeOf(folder, item) !== undefined).length;
  if (count <= confirmationCount || count <= synced * confirmationShare) return;
  throw new MigrationError(
    "mailbox",
    "TooManyDeletions",
    `${count} of ${synced} messages of a folder are gone at the source. Nothing was deleted in the target. Retry the mailbox to confirm, or switch propagateDeletes off.`,
  );
}

/** Moves the copies of vanished messages to the deleted items. Repeatable. */
export async function deleteCopies(
  run: SyncRun,
  folder: PlacedFolder,
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
  folder: PlacedFolder,
  item: ItemRecord,
): Promise<{ readonly id: TargetItemId; readonly place: TargetFolderId } | undefined> {
  const place = placeOf(folder, item);
  if (item.targetId === undefined || place === undefined) return undefined;
  // The plan has looked at the folder's own place.
  if (place !== folder.place.id && (await run.target.folderState(place)) !== "there") return undefined;
  return { id: item.targetId, place };
}
