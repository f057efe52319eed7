import { createHash } from "node:crypto";
import type { TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { intersectionOf, sizeOf, type UidSet } from "../../domain/uid-set.ts";
import type { ItemRecord } from "../ports/ledger-store.ts";
import type { FlagState, OpenSourceFolder } from "../ports/source.ts";
import type { ItemState } from "../ports/target.ts";
import { type MappedRecord, maxGroupItems } from "./copy-folder.ts";
import { copiedFlags, flagChange, sameFlags } from "./flags.ts";
import type { SyncRun } from "./run.ts";

/**
 * Brings flag changes of the source to the target. Only bits that changed at the source are sent, and only where the
 * target still has what was written; an item the user removed becomes a tombstone. Repeatable.
 * @returns the digest over all flags to be kept with the checkpoint where the server has no modification sequences.
 */
export async function followFlags(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
): Promise<string | undefined> {
  const copied = intersectionOf(existing, folder.settled);
  if (sizeOf(copied) === 0) return undefined;
  const { highestModseq } = opened.status;
  if (highestModseq !== undefined && highestModseq === folder.highestModseq) return undefined;
  const states: FlagState[] = [];
  const digest = createHash("sha256");
  const since = highestModseq === undefined ? undefined : folder.highestModseq;
  for await (const state of opened.fetchFlags(copied, since)) {
    const flags = copiedFlags(state.flags);
    states.push({ uid: state.uid, flags });
    if (highestModseq === undefined) digest.update(`${state.uid} ${flags.join(" ")}\n`);
  }
  const flagsDigest = highestModseq === undefined ? digest.digest("base64url") : undefined;
  if (flagsDigest !== undefined && flagsDigest === folder.flagsDigest) return flagsDigest;
  states.sort((a, b) => a.uid - b.uid);
  for (let start = 0; start < states.length; start += maxGroupItems) {
    run.checkpoint();
    await applyFlags(run, folder, states.slice(start, start + maxGroupItems));
  }
  return flagsDigest;
}

async function applyFlags(run: SyncRun, folder: MappedRecord, states: readonly FlagState[]): Promise<void> {
  const [first, last] = [states[0], states.at(-1)];
  if (first === undefined || last === undefined) return;
  const flagsOf = new Map<Uid, readonly string[]>(states.map(({ uid, flags }) => [uid, flags]));
  const changed: ItemRecord[] = [];
  const items = run.ledger.listItems(run.ledgerId, folder.folderId, folder.uidValidity, [
    first.uid,
    last.uid,
  ]);
  for await (const item of items) {
    const flags = flagsOf.get(item.uid);
    if (flags && item.targetId && !sameFlags(item.flags, flags)) changed.push(item);
  }
  if (changed.length === 0) return;

  const current = await readCurrent(run, folder, changed);
  const updated: ItemRecord[] = [];
  const queue = [...changed];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item; item = queue.shift()) {
      const flags = flagsOf.get(item.uid) ?? item.flags;
      const state = current.get(item.targetId as TargetItemId);
      updated.push(
        (await applyOne(run, folder, item, flags, state)) ? { ...item, flags } : tombstoneOf(item),
      );
    }
  };
  const results = await Promise.allSettled(Array.from({ length: run.target.writeConcurrency }, worker));
  await run.lease.commit({ items: updated });
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** @returns false if the item is no longer where it was written. */
async function applyOne(
  run: SyncRun,
  folder: MappedRecord,
  item: ItemRecord,
  flags: readonly string[],
  state: ItemState | undefined,
): Promise<boolean> {
  const place = placeOf(folder, item);
  if (state === undefined || place === undefined) return false;
  const change = flagChange(run.representable(item.flags), run.representable(flags), state.flags);
  if (change.add.length === 0 && change.remove.length === 0) return true;
  await run.lease.ensure(60_000);
  return (await run.target.changeFlags(place, state.id, change)) === "done";
}

async function readCurrent(
  run: SyncRun,
  folder: MappedRecord,
  items: readonly ItemRecord[],
): Promise<ReadonlyMap<TargetItemId, ItemState>> {
  const byPlace = new Map<TargetFolderId, TargetItemId[]>();
  for (const item of items) {
    const place = placeOf(folder, item);
    if (place === undefined) continue;
    byPlace.set(place, [...(byPlace.get(place) ?? []), item.targetId as TargetItemId]);
  }
  const current = new Map<TargetItemId, ItemState>();
  for (const [place, ids] of byPlace)
    if (place === folder.targetFolderId || (await run.target.folderExists(place)))
      for (const [id, state] of await run.target.readItems(place, ids)) current.set(id, state);
  return current;
}

/** The target folder a copy was put into; undefined if there is none, or if the user deleted it with its folder. */
export function placeOf(
  folder: Pick<MappedRecord, "state" | "targetFolderId">,
  item: Pick<ItemRecord, "targetId" | "targetFolderId">,
): TargetFolderId | undefined {
  if (item.targetId === undefined) return undefined;
  return item.targetFolderId ?? (folder.state === "targetGone" ? undefined : folder.targetFolderId);
}

/** The record of an item that the user removed from the target: it is not created again. */
export function tombstoneOf(item: ItemRecord): ItemRecord {
  const { targetId: _, ...tombstone } = item;
  return tombstone;
}
