import { differenceOf, sizeOf, type UidSet, uidSetOf, unionOf } from "../../domain/uid-set.ts";
import type { ItemRecord } from "../ports/ledger-store.ts";
import type { OpenSourceFolder } from "../ports/source.ts";
import { lookUp } from "./find-copies.ts";
import { chunkRecovered, doubtSettled, type PlacedFolder } from "./folder-record.ts";
import { itemOf } from "./item-records.ts";
import type { SyncRun } from "./run.ts";

/**
 * Finds out which messages of an interrupted chunk reached the target, records those and leaves the others to be
 * copied. The chunk stays noted to be looked at again by {@link removeLateArrivals}. Repeatable.
 */
export async function recoverChunk(
  run: SyncRun,
  folder: PlacedFolder,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  const chunk = folder.doubt.openChunk;
  if (chunk === undefined) return folder;
  // Written in an earlier generation of the folder, it may be any message that has no copy in this one.
  const uids = chunk.retired === undefined ? chunk.uids : differenceOf(existing, folder.checkpoint.settled);
  const { messages } = await lookUp(run, folder, opened, { ...chunk, uids });
  const items: ItemRecord[] = [];
  for (const { header, copies } of messages) {
    const first = copies[0];
    if (first) items.push(itemOf(folder, header, header.size, header.header, first.id));
  }
  const there = unionOf(existing, uidSetOf(messages.map(({ header }) => header.uid)));
  const unreadable = differenceOf(uids, there);
  const record = chunkRecovered(folder, chunk, { uids, unreadable, items }, existing, run.clock());
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
  folder: PlacedFolder,
  opened: OpenSourceFolder | undefined,
): Promise<PlacedFolder> {
  const due = folder.doubt.recovered.filter((chunk) => chunk.lookAgainAfter <= run.clock());
  if (due.length === 0) return folder;
  for (const chunk of due) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    const { messages, retired } = await lookUp(run, folder, opened, chunk);
    for (const copy of [...messages.flatMap(({ copies }) => copies), ...retired]) {
      if (!copy.untouched) continue;
      await run.target.removeDuplicate(folder.place.id, copy.id);
      run.log("duplicate.removed", { mailbox: run.mailboxId, folder: folder.folderId });
    }
  }
  const record = doubtSettled(folder, due);
  await run.lease.commit({ folders: [record] });
  return record;
}
