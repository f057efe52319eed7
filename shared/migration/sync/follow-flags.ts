import { createHash } from "node:crypto";
import type { TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  hasUid,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { ItemRecord } from "../ports/ledger-store.ts";
import type { FlagState } from "../ports/source.ts";
import type { FlagOutcome, ItemState } from "../ports/target.ts";
import { copiedFlags, flagChange, sameFlags } from "./flags.ts";
import type { PlacedFolder } from "./folder-record.ts";
import { placeOf, tombstoneOf } from "./item-records.ts";
import { maxCommitRows } from "./limits.ts";
import type { SyncRun } from "./run.ts";
import type { SteadyFolder } from "./steady-source.ts";
import { forgetUnkept, noteUnkept, writtenFlags } from "./unkept-flags.ts";

/** A folder whose flags were compared. */
interface Followed {
  readonly record: PlacedFolder;
  /** Digest over all flags, to be kept with the checkpoint where the server has no modification sequences. */
  readonly flagsDigest?: string | undefined;
  /** False if the step's time was over before the end: what was done is known by the items. */
  readonly complete: boolean;
}

/**
 * Brings flag changes of the source to the target. Only bits that changed at the source are sent, and only where the
 * target still has what was written; an item the user removed becomes a tombstone. What the target refuses is noted with
 * the folder, and tried again whenever the message's flags are compared. Repeatable.
 */
export async function followFlags(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
): Promise<Followed> {
  const copied = intersectionOf(existing, folder.checkpoint.settled);
  let record = forgetUnkept(folder, copied);
  if (sizeOf(copied) === 0) return { record, complete: true };
  const { highestModseq } = opened.status;
  if (highestModseq !== undefined && highestModseq === folder.checkpoint.highestModseq)
    return { record, complete: true };
  const states: FlagState[] = [];
  const digest = createHash("sha256");
  const since = highestModseq === undefined ? undefined : folder.checkpoint.highestModseq;
  for await (const state of opened.fetchFlags(copied, since)) {
    const flags = copiedFlags(state.flags);
    states.push({ uid: state.uid, flags });
    if (highestModseq === undefined) digest.update(`${state.uid} ${flags.join(" ")}\n`);
  }
  const flagsDigest = highestModseq === undefined ? digest.digest("base64url") : undefined;
  if (flagsDigest !== undefined && flagsDigest === folder.checkpoint.flagsDigest)
    return { record, flagsDigest, complete: true };
  states.sort((a, b) => a.uid - b.uid);
  let changes = 0;
  for (let start = 0; start < states.length; start += maxCommitRows) {
    if (changes > 0 && run.timeIsUp()) return { record, complete: false };
    run.checkpoint();
    const applied = await applyFlags(run, record, states.slice(start, start + maxCommitRows));
    record = applied.record;
    changes += applied.changes;
  }
  return { record, flagsDigest, complete: true };
}

/**
 * What the target has refused before is tried again only while there is time: it would be tried first in every step.
 * @returns the folder as last committed, and how many changes need not be made again.
 */
async function applyFlags(
  run: SyncRun,
  folder: PlacedFolder,
  states: readonly FlagState[],
): Promise<{ readonly record: PlacedFolder; readonly changes: number }> {
  const [first, last] = [states[0], states.at(-1)];
  if (first === undefined || last === undefined) return { record: folder, changes: 0 };
  const flagsOf = new Map<Uid, readonly string[]>(states.map(({ uid, flags }) => [uid, flags]));
  const refused = unionOfAll(Object.values(folder.unkeptFlags ?? {}));
  const passedOver = run.timeIsUp() ? refused : emptyUidSet;
  const changed: ItemRecord[] = [];
  const items = run.ledger.listItems(run.ledgerId, folder.folderId, folder.uidValidity, [
    first.uid,
    last.uid,
  ]);
  for await (const item of items) {
    const flags = flagsOf.get(item.uid);
    if (hasUid(passedOver, item.uid)) continue;
    if (flags && item.targetId && !sameFlags(item.flags, flags)) changed.push(item);
  }
  const looked = differenceOf(uidSetOf(states.map(({ uid }) => uid)), passedOver);
  if (changed.length === 0) return { record: noteUnkept(folder, looked, new Map()), changes: 0 };

  const current = await readCurrent(run, folder, changed);
  const updated: ItemRecord[] = [];
  const unkept = new Map<Uid, readonly string[]>();
  const queue = [...changed];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item; item = queue.shift()) {
      const flags = flagsOf.get(item.uid) ?? item.flags;
      const state = current.get(item.targetId as TargetItemId);
      const outcome = await applyOne(run, folder, item, flags, state);
      if (typeof outcome === "object") unkept.set(item.uid, outcome.unkept);
      updated.push(
        outcome === "gone" ? tombstoneOf(item) : { ...item, flags: written(item, flags, outcome) },
      );
    }
  };
  const results = await Promise.allSettled(Array.from({ length: run.target.writeConcurrency }, worker));
  const failed = results.filter((result) => result.status === "rejected");
  // Of a message that was not reached its next look decides.
  const reached = failed.length === 0 ? looked : uidSetOf(updated.map(({ uid }) => uid));
  const record = noteUnkept(folder, reached, unkept);
  await run.lease.commit({ ...(record === folder ? {} : { folders: [record] }), items: updated });
  run.progressed(record);
  for (const { reason } of failed) throw reason;
  return { record, changes: changed.filter(({ uid }) => !hasUid(refused, uid)).length };
}

function unionOfAll(sets: readonly UidSet[]): UidSet {
  return sets.reduce((all, set) => unionOf(all, set), emptyUidSet);
}

function written(item: ItemRecord, flags: readonly string[], outcome: FlagOutcome): readonly string[] {
  return typeof outcome === "object" ? writtenFlags(item.flags, flags, outcome.unkept) : flags;
}

/** @returns `gone` if the item is no longer where it was written. */
async function applyOne(
  run: SyncRun,
  folder: PlacedFolder,
  item: ItemRecord,
  flags: readonly string[],
  state: ItemState | undefined,
): Promise<FlagOutcome> {
  const place = placeOf(folder, item);
  if (state === undefined || place === undefined) return "gone";
  const change = flagChange(run.representable(item.flags), run.representable(flags), state.flags);
  if (change.add.length === 0 && change.remove.length === 0) return "done";
  await run.lease.ensure(60_000);
  return run.target.changeFlags(place, state.id, change);
}

async function readCurrent(
  run: SyncRun,
  folder: PlacedFolder,
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
    if (place === folder.place.id || (await run.target.folderState(place)) === "there")
      for (const [id, state] of await run.target.readItems(place, ids)) current.set(id, state);
  return current;
}
