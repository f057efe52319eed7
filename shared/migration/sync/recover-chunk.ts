import type { TargetItemId } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { ItemRecord, OpenChunk } from "../ports/ledger-store.ts";
import type { FoundItem, ItemState } from "../ports/target.ts";
import { commitParts } from "./commit-parts.ts";
import { itemOf } from "./copied-item.ts";
import { lookUp } from "./find-copies.ts";
import { copiedFlags, withoutReceipt } from "./flags.ts";
import {
  chunkCopied,
  chunkRecovered,
  createReopened,
  doubtSettled,
  lastLookMs,
  type PlacedFolder,
} from "./folder-record.ts";
import type { SyncRun } from "./run.ts";
import { dueAside, setAside } from "./set-aside.ts";
import type { SteadyFolder } from "./steady-source.ts";

/**
 * Finds out which messages of an interrupted chunk reached the target, records those and leaves the others to be
 * copied. A message that the source cannot give is set aside with the chunk, since it cannot be looked for. The chunk
 * stays noted to be looked at again by {@link removeLateArrivals}. Repeatable.
 */
export async function recoverChunk(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  const chunk = folder.doubt.openChunk;
  if (chunk === undefined) return folder;
  // Written in an earlier generation of the folder, it may be any message that has no copy in this one.
  const uids = chunk.retired === undefined ? chunk.uids : differenceOf(existing, folder.checkpoint.settled);
  const { messages } = await lookUp(run, folder, opened, { ...chunk, uids });
  const unread = intersectionOf(uids, uidSetOf(opened.unread.keys()));
  const states = await statesOfTouched(
    run,
    folder,
    messages.flatMap(({ copies }) => copies.slice(0, 1)),
  );
  const items: ItemRecord[] = [];
  for (const { header, copies } of messages) {
    const first = copies[0];
    if (first === undefined) continue;
    const item = itemOf(folder, header, header.size, header.header, first.id);
    const state = states.get(first.id);
    // What was changed at the source since it was written is brought to it as any later change.
    items.push(state ? { ...item, flags: flagsOnCopy(run, item.flags, state) } : item);
  }
  const read = uidSetOf(messages.map(({ header }) => header.uid));
  const unreadable = await leftOf(opened, differenceOf(uids, read), existing);
  const looked = { uids: differenceOf(uids, unread), unreadable, items };
  const parts = commitParts(items);
  let record = folder;
  for (const part of parts.slice(0, -1)) {
    const { openChunk = chunk } = record.doubt;
    const inDoubt = {
      ...openChunk,
      uids: differenceOf(openChunk.uids, uidSetOf(part.items.map(({ uid }) => uid))),
    };
    record = chunkCopied(record, { ...part, guesses: [], expunged: emptyUidSet, inDoubt }, existing);
    await run.lease.commit({ folders: [record], items: part.items });
  }
  const last = parts.at(-1)?.items ?? [];
  record = chunkRecovered(record, chunk, { ...looked, items: last }, existing, run.clock());
  record = waitingFor(record, chunk, unread, opened, run.clock());
  await run.lease.commit({ folders: [record], items: last });
  run.progressed(record);
  run.log("chunk.recovered", {
    mailbox: run.mailboxId,
    folder: record.folderId,
    items: sizeOf(chunk.uids),
    found: items.length,
  });
  return record;
}

/** Those of some messages without a header that are not there any more; they may have left since all were listed. */
async function leftOf(opened: SteadyFolder, missing: UidSet, existing: UidSet): Promise<UidSet> {
  const gone = differenceOf(missing, existing);
  const listed = differenceOf(differenceOf(missing, gone), uidSetOf(opened.unread.keys()));
  if (sizeOf(listed) === 0) return gone;
  return unionOf(gone, differenceOf(listed, await opened.searchUids({ among: listed })));
}

/** Those of the copies that do not look as their messages do now: either side may have changed since they were written. */
async function statesOfTouched(
  run: SyncRun,
  folder: PlacedFolder,
  copies: readonly FoundItem[],
): Promise<ReadonlyMap<TargetItemId, ItemState>> {
  const touched = copies.filter(({ untouched }) => !untouched).map(({ id }) => id);
  return touched.length === 0 ? new Map() : run.target.readItems(folder.place.id, touched);
}

/** Those of a message's flags that its copy has, or cannot have. */
function flagsOnCopy(
  { representable }: SyncRun,
  flags: readonly string[],
  { flags: current }: ItemState,
): readonly string[] {
  const has = new Set(current.map((flag) => flag.toLowerCase()));
  return flags.filter((flag) => representable([flag]).every((held) => has.has(held.toLowerCase())));
}

/** Looks for creates in doubt that are set aside, and are due, as for any other chunk. Repeatable. */
export async function recoverAside(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  const due = new Map<string, OpenChunk>();
  for (const { chunk, uids } of dueAside(folder, run.clock()))
    if (chunk)
      due.set(chunk.token, { ...chunk, uids: unionOf(uids, due.get(chunk.token)?.uids ?? emptyUidSet) });
  let record = folder;
  for (const chunk of due.values())
    record = await recoverChunk(run, createReopened(record, chunk), opened, existing);
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

/** @throws the error of a message for which there is no room aside. */
function waitingFor(
  folder: PlacedFolder,
  { token, mark }: OpenChunk,
  unread: UidSet,
  opened: SteadyFolder,
  now: number,
): PlacedFolder {
  if (sizeOf(unread) === 0) return folder;
  const [error] = [...opened.unread.values()].map((one) => one.error);
  const failed = { uids: unread, chunk: { token, mark }, code: error?.code ?? "", telling: false };
  const next = setAside(folder, failed, now);
  if (next === undefined) throw error;
  return next;
}

/**
 * Looks again for writes of chunks once in doubt and removes second copies that arrived after they were first looked
 * for, and copies of messages that have another identity by now. A copy the user has touched stays. A later round looks
 * once more where the target keeps stamps.
 * @param opened undefined if the folder is no longer at the source.
 * @returns the folder without the chunks that are old enough to be settled for good.
 */
export async function removeLateArrivals(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder | undefined,
): Promise<PlacedFolder> {
  const chunks = [...folder.doubt.recovered, ...(folder.lastLooks ?? [])];
  const due = chunks.filter((chunk) => chunk.lookAgainAfter <= run.clock());
  if (due.length === 0) return folder;
  for (const chunk of due) {
    run.checkpoint();
    await run.lease.ensure(60_000);
    const { messages, retired } = await lookUp(run, folder, opened, chunk);
    const states = await statesOfTouched(
      run,
      folder,
      messages.flatMap(({ copies }) => copies),
    );
    const second = messages.flatMap(({ header, copies }) =>
      copies.filter((copy) => copy.untouched || hasNothingOfItsOwn(run, header.flags, states.get(copy.id))),
    );
    for (const copy of [...second, ...retired.filter(({ untouched }) => untouched)]) {
      await run.target.purgeItem(folder.place.id, copy.id);
      run.log("duplicate.removed", { mailbox: run.mailboxId, folder: folder.folderId });
    }
  }
  const lastLookAt = run.target.keepsIds ? run.clock() + lastLookMs : undefined;
  const record = doubtSettled(folder, due, lastLookAt);
  await run.lease.commit({ folders: [record] });
  return record;
}
