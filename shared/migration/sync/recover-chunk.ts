import {
  differenceOf,
  emptyUidSet,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { OpenChunk } from "../ports/ledger-store.ts";
import { commitParts } from "./commit-parts.ts";
import { itemOfFound, type LookedUp, lookUp, statesOfTouched } from "./find-copies.ts";
import {
  chunkBegun,
  chunkRecovered,
  copiesFound,
  createReopened,
  type PlacedFolder,
} from "./folder-record.ts";
import type { SyncRun } from "./run.ts";
import { dueAside, setAside } from "./set-aside.ts";
import type { SteadyFolder } from "./steady-source.ts";

/**
 * Finds out which messages of an interrupted chunk reached the target, records those and leaves the others to be
 * copied. A message that the source cannot give is set aside with the chunk, since it cannot be looked for. The chunk
 * stays noted to be looked at again by {@link settleLateArrivals}, but for those of its writes that are known by their copies. Repeatable.
 */
export async function recoverChunk(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<PlacedFolder> {
  const chunk = folder.doubt.openChunk;
  if (chunk === undefined) return folder;
  const uids = chunk.retired === undefined ? chunk.uids : renumbered(run, folder, existing);
  const { messages, gone } = await lookUp(run, folder, opened, existing, { ...chunk, uids });
  const unread = intersectionOf(uids, uidSetOf(opened.unread.keys()));
  const firsts = messages.flatMap(({ header, copies }) => {
    const [copy] = copies;
    return copy ? [{ header, copy }] : [];
  });
  const states = await statesOfTouched(
    run,
    folder,
    firsts.map(({ copy }) => copy),
  );
  const items = firsts.map(({ header, copy }) => itemOfFound(run, folder, header, copy, states.get(copy.id)));
  const open = differenceOf(differenceOf(uids, unread), writtenOnce(run, messages));
  const parts = commitParts(items);
  let record = folder;
  for (const part of parts.slice(0, -1)) {
    const { openChunk = chunk } = record.doubt;
    const found = uidSetOf(part.items.map(({ uid }) => uid));
    record = copiesFound(record, part.items, existing);
    record = chunkBegun(record, { ...openChunk, uids: differenceOf(openChunk.uids, found) });
    await run.lease.commit({ folders: [record], items: part.items });
  }
  const last = parts.at(-1)?.items ?? [];
  record = copiesFound(record, last, existing);
  record = chunkRecovered(record, { ...chunk, uids: open }, gone, run.clock());
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

/** Those whose write is known by its copy; without stamps a copy may as well be of an earlier write of its message. */
function writtenOnce({ target }: SyncRun, messages: LookedUp["messages"]): UidSet {
  if (!target.keepsIds) return emptyUidSet;
  return uidSetOf(messages.filter(({ copies }) => copies.length === 1).map(({ header }) => header.uid));
}

/** Those messages of a new generation that a chunk of an earlier one may have written: any without a copy. */
function renumbered({ target }: SyncRun, { checkpoint }: PlacedFolder, existing: UidSet): UidSet {
  // Where stamps are kept, no message of this generation has the stamp of another one.
  return target.keepsIds ? emptyUidSet : differenceOf(existing, checkpoint.settled);
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
