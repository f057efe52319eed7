import { differenceOf, intersectionOf, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import { gapsReopened, type PlacedFolder } from "./folder-record.ts";
import type { SyncRun } from "./run.ts";
import type { SteadyFolder } from "./steady-source.ts";

/**
 * Takes those messages out of a folder's checkpoint that came into the folder after the checkpoint had passed over
 * their UIDs, as it does over UIDs of which there is no message. Only messages that changed since the last pass are
 * looked at, unless they were shared out anew among the folders. Repeatable.
 * @returns the folder as last committed.
 */
export async function reopenGaps(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  const { partition, highestModseq } = opened.status;
  const { checkpoint } = folder;
  const passedOver = intersectionOf(existing, checkpoint.settled);
  // Elsewhere too many messages tell: one that no list showed for a while may be back.
  const { synced, skipped } = folder.counts;
  if (partition === undefined && sizeOf(passedOver) <= synced + skipped) return folder;
  const isShared =
    partition !== undefined && partition === checkpoint.partition && highestModseq !== undefined;
  const since = isShared ? checkpoint.highestModseq : undefined;
  const suspects = since === undefined ? passedOver : await changedUids(opened, passedOver, since);
  const returned = differenceOf(suspects, await recordedUids(run, folder, suspects));
  if (sizeOf(returned) === 0 && partition === checkpoint.partition) return folder;
  // A message shared out anew has other keywords without having changed itself: all flags are compared.
  const record = gapsReopened(folder, returned, partition, partition !== undefined && since === undefined);
  await run.lease.commit({ folders: [record] });
  return record;
}

async function changedUids(opened: SteadyFolder, uids: UidSet, since: string): Promise<UidSet> {
  const changed: number[] = [];
  if (sizeOf(uids) > 0) for await (const { uid } of opened.fetchFlags(uids, since)) changed.push(uid);
  return uidSetOf(changed);
}

/** Those of the UIDs that the ledger has a record of, copied or skipped. */
async function recordedUids(run: SyncRun, folder: PlacedFolder, uids: UidSet): Promise<UidSet> {
  const [first, last] = [uids[0], uids.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { folderId, uidValidity } = folder;
  const recorded: number[] = [];
  const range = [first[0], last[1]] as const;
  for await (const { uid } of run.ledger.listItems(run.ledgerId, folderId, uidValidity, range))
    recorded.push(uid);
  for await (const skip of run.ledger.listSkipped(run.ledgerId, folderId))
    if (skip.uidValidity === uidValidity) recorded.push(skip.uid);
  return uidSetOf(recorded);
}
