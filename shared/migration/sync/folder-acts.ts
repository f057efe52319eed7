import type { FolderId } from "../../domain/names.ts";
import { uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord, ItemRecord } from "../ports/ledger-store.ts";
import type { FolderAct } from "../ports/registry.ts";
import { replacementConfirmed } from "./folder-generation.ts";
import { copiesLost, placeRestored } from "./folder-record.ts";
import { keyOf } from "./item-records.ts";
import type { SyncRun } from "./run.ts";

/** Items of one commit, with room for the folder's row. */
const maxItems = 90;

/**
 * Does what an operator asked for with single folders: `confirm` lets a folder that the source shows anew go on as it is;
 * `recreate` has one made anew in the target that its user deleted. A folder that needs neither is left alone. Repeatable.
 * A plan has to follow.
 */
export async function applyFolderActs(
  run: SyncRun,
  acts: Readonly<Record<FolderId, FolderAct>>,
): Promise<void> {
  for (const folder of await run.ledger.listFolders(run.ledgerId)) {
    const act = acts[folder.folderId];
    if (act === "confirm" && folder.replaced !== undefined) await commit(run, replacementConfirmed(folder));
    if (act === "recreate" && folder.state === "targetGone") await recreate(run, folder);
  }
}

/**
 * Where the place is there after all, the folder goes on in it. Otherwise its messages are copied again, unless their
 * copies are elsewhere in the mailbox, or were removed one by one.
 */
async function recreate(run: SyncRun, folder: FolderRecord): Promise<void> {
  const { place } = folder;
  if (place && (await run.target.folderState(place.id)) === "there")
    return commit(run, placeRestored(folder, place));
  let record = folder;
  let items: ItemRecord[] = [];
  const flush = async (): Promise<void> => {
    record = await forgetLost(run, record, items);
    items = [];
  };
  for await (const item of run.ledger.listItems(run.ledgerId, folder.folderId, folder.uidValidity)) {
    if (item.targetId !== undefined) items.push(item);
    if (items.length >= maxItems) await flush();
  }
  if (items.length > 0) await flush();
  await commit(run, placeRestored(record, undefined));
}

async function forgetLost(
  run: SyncRun,
  folder: FolderRecord,
  items: readonly ItemRecord[],
): Promise<FolderRecord> {
  run.checkpoint();
  const kept = await run.target.itemsAnywhere(items.flatMap(({ targetId }) => targetId ?? []));
  const lost = items.filter(({ targetId }) => targetId === undefined || !kept.has(targetId));
  if (lost.length === 0) return folder;
  const record = copiesLost(folder, uidSetOf(lost.map(({ uid }) => uid)));
  await run.lease.commit({ folders: [record], removedItems: lost.map(keyOf) });
  return record;
}

async function commit(run: SyncRun, folder: FolderRecord): Promise<void> {
  await run.lease.commit({ folders: [folder] });
}
