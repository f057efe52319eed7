import {
  differenceOf,
  hasUid,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { ChunkInDoubt, SkippedItem } from "../ports/ledger-store.ts";
import type { ItemState } from "../ports/target.ts";
import { commitParts } from "./commit-parts.ts";
import { itemOfFound, lookUp, statesOfTouched } from "./find-copies.ts";
import { copiedFlags, withoutReceipt } from "./flags.ts";
import { copiesFound, doubtSettled, type PlacedFolder, skipsReopened } from "./folder-record.ts";
import { keyOf } from "./item-records.ts";
import { isLeftOut } from "./left-out.ts";
import type { SyncRun } from "./run.ts";
import type { SteadyFolder } from "./steady-source.ts";

/** Skips of one commit, with room for the folder's row. */
const maxReopened = 90;

/**
 * Looks again for writes of chunks once in doubt. What arrived after they were first looked for is the copy of its message
 * if that has none yet; second copies are removed, and copies of messages that have another identity by now. A copy the
 * user has touched stays. A later round looks once more where the target keeps stamps. Comes before anything is copied:
 * what has arrived is not written again. Repeatable.
 * @param opened undefined if the folder is no longer at the source.
 * @param existing all UIDs of the folder.
 * @returns the folder without the chunks that are old enough to be settled for good.
 */
export async function settleLateArrivals(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder | undefined,
  existing: UidSet,
): Promise<PlacedFolder> {
  const chunks = [...folder.doubt.recovered, ...(folder.lastLooks ?? [])];
  const due = chunks.filter((chunk) => chunk.lookAgainAfter <= run.clock());
  if (due.length === 0) return folder;
  let record = folder;
  for (const chunk of due) record = await lookAgain(run, record, opened, existing, chunk);
  await run.lease.commit({ folders: [record] });
  return record;
}

async function lookAgain(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder | undefined,
  existing: UidSet,
  chunk: ChunkInDoubt,
): Promise<PlacedFolder> {
  run.checkpoint();
  await run.lease.ensure(60_000);
  const { messages, gone, retired } = await lookUp(run, folder, opened, existing, chunk);
  const found = messages.filter(({ copies }) => copies.length > 0);
  const states = await statesOfTouched(
    run,
    folder,
    found.flatMap(({ copies }) => copies),
  );
  let record = await reopenLost(run, folder, uidSetOf(found.map(({ header }) => header.uid)));
  const { settled } = record.checkpoint;
  const adopted = found.flatMap(({ header, copies: [copy] }) =>
    copy && !hasUid(settled, header.uid) ? [itemOfFound(run, record, header, copy, states.get(copy.id))] : [],
  );
  const first = new Set(adopted.map(({ targetId }) => targetId));
  const second = found.flatMap(({ header, copies }) =>
    copies.filter(
      (copy) =>
        !first.has(copy.id) && (copy.untouched || hasNothingOfItsOwn(run, header.flags, states.get(copy.id))),
    ),
  );
  for (const { items } of adopted.length === 0 ? [] : commitParts(adopted)) {
    record = copiesFound(record, items, existing);
    await run.lease.commit({ folders: [record], items });
    run.progressed(record);
  }
  // Of a message that left long after it was written nobody can tell what its user has done to a copy since.
  const old = folder.doubt.recovered.includes(chunk) ? retired.filter(({ untouched }) => untouched) : [];
  for (const copy of [...second, ...old]) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    await run.target.purgeItem(folder.place.id, copy.id);
    run.log("duplicate.removed", { mailbox: run.mailboxId, folder: folder.folderId });
  }
  const read = uidSetOf(messages.map(({ header }) => header.uid));
  const unread = differenceOf(differenceOf(chunk.uids, read), gone);
  return doubtSettled(record, chunk, {
    unread: differenceOf(unread, record.checkpoint.settled),
    over: unionOf(gone, uidSetOf(adopted.map(({ uid }) => uid))),
    lastLook: run.target.keepsIds,
    now: run.clock(),
  });
}

/** Messages of which a copy arrived after they were skipped, but not on purpose, are taken back. */
async function reopenLost(run: SyncRun, folder: PlacedFolder, arrived: UidSet): Promise<PlacedFolder> {
  if (sizeOf(intersectionOf(arrived, folder.checkpoint.settled)) === 0) return folder;
  const skips: SkippedItem[] = [];
  for await (const skip of run.ledger.listSkipped(run.ledgerId, folder.folderId))
    if (skip.uidValidity === folder.uidValidity && hasUid(arrived, skip.uid) && !isLeftOut(skip.code))
      skips.push(skip);
  let record = folder;
  for (let start = 0; start < skips.length; start += maxReopened) {
    const part = skips.slice(start, start + maxReopened);
    record = skipsReopened(record, part);
    await run.lease.commit({ folders: [record], removedSkips: part.map(keyOf) });
  }
  return record;
}

/** True for a copy all of whose flags its message has now: it lacks what was changed at the source since it was written. */
function hasNothingOfItsOwn(
  { representable }: SyncRun,
  flags: readonly string[],
  state: ItemState | undefined,
): boolean {
  const held = new Set(representable(copiedFlags(flags)).map((flag) => flag.toLowerCase()));
  return state !== undefined && withoutReceipt(state.flags).every((flag) => held.has(flag.toLowerCase()));
}
