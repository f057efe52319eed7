import { isMigrationError } from "../../domain/errors.ts";
import type { LedgerId, TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { emptyUidSet, hasUid, sizeOf, uidsOf, unionOf } from "../../domain/uid-set.ts";
import type { FolderRecord, Generation, ItemRecord, LedgerStore, OpenChunk } from "../ports/ledger-store.ts";
import type { LeftCopy, UndoProgress } from "../ports/mailbox-files.ts";
import type { LeftReason, UndoRequest } from "../ports/registry.ts";
import type { ItemState, TargetMailbox } from "../ports/target.ts";
import type { Clock } from "../runtime.ts";
import { commitParts } from "../sync/commit-parts.ts";
import { stampOf } from "../sync/digest.ts";
import { sameFlags, withoutReceipt } from "../sync/flags.ts";
import { tombstoneOf } from "../sync/item-records.ts";
import type { LeaseHolder } from "../sync/lease-holder.ts";
import { createsAside } from "../sync/set-aside.ts";

/** Copies looked at in one go. */
const pageSize = 100;
/** Copies that are named; all are counted. */
const maxLeft = 1_000;
/** The longest that one removal may take, in milliseconds. */
const removalMs = 60_000;

/** What the undoing of one mailbox works with. The source is not asked. */
export interface UndoRun {
  readonly request: UndoRequest;
  readonly ledger: LedgerStore;
  readonly ledgerId: LedgerId;
  readonly lease: Pick<LeaseHolder, "ensure" | "renew" | "commit">;
  readonly target: TargetMailbox;
  readonly representable: (flags: readonly string[]) => readonly string[];
  /** Keeps how far it is. Repeatable. */
  readonly keep: (progress: UndoProgress) => Promise<void>;
  readonly clock: Clock;
  readonly timeIsUp: () => boolean;
  /** Throws if the step has to end now. */
  readonly checkpoint: () => void;
}

/** An undoing that has removed nothing yet. */
export function undoBegun(operation: number): UndoProgress {
  return { operation, done: [], after: 0 as Uid, removed: 0, left: [], counts: {}, inDoubt: 0 };
}

/**
 * Takes out of the target what was written there and nobody has touched since. A copy that is not where it was put, or has
 * other flags than it was given, is the user's by now: it is left, and named. So is one that was there before. What was
 * removed stays recorded without a copy, so that no later round writes it again. Page by page: which copies are about to
 * be removed is kept before the first of them goes, so that a repetition counts each once. Repeatable.
 */
export async function undoMailbox(
  run: UndoRun,
  from: UndoProgress,
): Promise<{ readonly progress: UndoProgress; readonly isThrough: boolean; readonly next?: number }> {
  let progress = from;
  const folders = await run.ledger.listFolders(run.ledgerId);
  const landed = run.target.keepsIds ? allLanded(folders) : 0;
  if (landed > run.clock()) return { progress, isThrough: false, next: landed };
  for (const folder of folders) {
    for (const generation of [folder, ...(folder.former ?? [])]) {
      const name = `${generation.folderId} ${generation.uidValidity}`;
      if (progress.done.includes(name)) continue;
      progress = await resumed(run, folder, progress);
      for await (const page of pagesOf(run, generation, progress.after)) {
        if (run.timeIsUp()) return { progress, isThrough: false };
        progress = await passPage(run, folder, generation, page, progress);
      }
      progress = { ...progress, done: [...progress.done, name], after: 0 as Uid };
    }
    progress = await withoutDoubt(run, folder, progress);
  }
  return { progress, isThrough: true };
}

/** When no write in doubt lands any more, in milliseconds since 1970; 0 if none is known to be under way. */
function allLanded(folders: readonly FolderRecord[]): number {
  const chunks = folders.flatMap((folder) => [...createsAside(folder), ...folder.doubt.recovered]);
  return Math.max(0, ...chunks.map(({ lookAgainAfter }) => lookAgainAfter));
}

/** Items of a generation that have a copy. */
async function* pagesOf(
  { ledger, ledgerId }: UndoRun,
  { folderId, uidValidity }: Generation,
  after: Uid,
): AsyncGenerator<readonly ItemRecord[]> {
  let page: ItemRecord[] = [];
  for await (const item of ledger.listItems(ledgerId, folderId, uidValidity, [after + 1, 0xffff_ffff])) {
    if (item.targetId === undefined) continue;
    if (page.push(item) < pageSize) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

async function passPage(
  run: UndoRun,
  folder: FolderRecord,
  { folderId, uidValidity }: Generation,
  page: readonly ItemRecord[],
  progress: UndoProgress,
): Promise<UndoProgress> {
  const states = await statesOf(run, folder, page);
  const removable: ItemRecord[] = [];
  let next: UndoProgress = { ...progress, after: page.at(-1)?.uid ?? progress.after };
  for (const item of page) {
    const reason = reasonToLeave(run, folder, item, states.get(item));
    if (reason === undefined) removable.push(item);
    else next = withLeft(next, folder, item, reason);
  }
  if (removable.length === 0) return next;
  const uids = removable.map(({ uid }) => uid);
  next = { ...next, underWay: { folderId, uidValidity, uids } };
  // Whoever has lost the lease writes over nothing that its successor keeps.
  await run.lease.renew();
  await run.keep(next);
  return removed(run, folder, removable, states, next);
}

/** Goes on with what somebody was removing. */
async function resumed(run: UndoRun, folder: FolderRecord, progress: UndoProgress): Promise<UndoProgress> {
  const { underWay } = progress;
  if (underWay === undefined) return progress;
  const { folderId, uidValidity, uids } = underWay;
  const wanted = new Set<Uid>(uids);
  const [first = 0, last = 0] = [uids[0], uids.at(-1)];
  const open: ItemRecord[] = [];
  for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity, [first, last]))
    if (wanted.has(item.uid) && item.targetId !== undefined) open.push(item);
  const states = await statesOf(run, folder, open);
  const settled = uids.length - open.length;
  let next: UndoProgress = { ...progress, removed: progress.removed + settled };
  const removable: ItemRecord[] = [];
  for (const item of open) {
    const state = states.get(item);
    const reason = state && reasonToLeave(run, folder, item, state);
    if (reason === undefined) removable.push(item);
    else next = withLeft(next, folder, item, reason);
  }
  return removed(run, folder, removable, states, next);
}

/** @param items those without a state are gone already. */
async function removed(
  run: UndoRun,
  folder: FolderRecord,
  items: readonly ItemRecord[],
  states: ReadonlyMap<ItemRecord, ItemState>,
  progress: UndoProgress,
): Promise<UndoProgress> {
  let next = progress;
  const gone: ItemRecord[] = [];
  for (const item of items) {
    const place = placeIn(folder, item);
    const refusal = states.has(item) && place !== undefined ? await remove(run, place, item) : undefined;
    if (refusal === undefined) gone.push(item);
    else next = withLeft(next, folder, item, "other", refusal);
  }
  for (const part of commitParts(gone.map(tombstoneOf))) await run.lease.commit({ items: part.items });
  return { ...next, underWay: undefined, removed: next.removed + gone.length };
}

/** @returns why the target refuses. */
async function remove(run: UndoRun, place: TargetFolderId, item: ItemRecord): Promise<string | undefined> {
  const id = item.targetId as TargetItemId;
  run.checkpoint();
  await run.lease.ensure(removalMs);
  try {
    if (run.request.forGood) await run.target.purgeItem(place, id);
    else await run.target.deleteItem(place, id);
    return undefined;
  } catch (error) {
    if (isMigrationError(error) && error.kind === "item") return error.message;
    throw error;
  }
}

/** What the target shows of those that are still where they were put. */
async function statesOf(
  run: UndoRun,
  folder: FolderRecord,
  items: readonly ItemRecord[],
): Promise<ReadonlyMap<ItemRecord, ItemState>> {
  const byPlace = new Map<TargetFolderId, ItemRecord[]>();
  for (const item of items) {
    const place = placeIn(folder, item);
    if (place !== undefined) byPlace.set(place, [...(byPlace.get(place) ?? []), item]);
  }
  const states = new Map<ItemRecord, ItemState>();
  for (const [place, those] of byPlace) {
    const found = await run.target.readItems(
      place,
      those.flatMap(({ targetId }) => targetId ?? []),
    );
    for (const item of those) {
      const state = item.targetId && found.get(item.targetId);
      if (state) states.set(item, state);
    }
  }
  return states;
}

function placeIn(folder: FolderRecord, item: ItemRecord): TargetFolderId | undefined {
  return item.targetFolderId ?? (folder.state === "targetGone" ? undefined : folder.place?.id);
}

function reasonToLeave(
  run: UndoRun,
  folder: FolderRecord,
  item: ItemRecord,
  state: ItemState | undefined,
): LeftReason | undefined {
  if (item.adopted) return "adopted";
  if (state === undefined) return "movedOrDeleted";
  const unkept = Object.entries(folder.unkeptFlags ?? {}).flatMap(([flag, uids]) =>
    hasUid(uids, item.uid) ? [flag.toLowerCase()] : [],
  );
  const looked = (flags: readonly string[]) =>
    withoutReceipt(flags).filter((flag) => !unkept.includes(flag.toLowerCase()));
  return sameFlags(looked(state.flags), looked(run.representable(item.flags))) ? undefined : "changed";
}

const sentences: Readonly<Record<LeftReason, string>> = {
  changed: "The copy was read, marked or otherwise changed in the target.",
  movedOrDeleted: "The copy is not where it was put: it was moved or deleted in the target.",
  adopted: "The message was in the target before, and was not copied.",
  other: "The target refused to remove the copy.",
};

function withLeft(
  progress: UndoProgress,
  { source }: FolderRecord,
  { uid, internalDate, size }: ItemRecord,
  reason: LeftReason,
  message = sentences[reason],
): UndoProgress {
  const folder = source.segments.join("/");
  const entry: LeftCopy = { folder, uid, receivedAt: internalDate, size, reason, message };
  return {
    ...progress,
    left: progress.left.length < maxLeft ? [...progress.left, entry] : progress.left,
    counts: { ...progress.counts, [reason]: (progress.counts[reason] ?? 0) + 1 },
  };
}

/**
 * Removes what was written although nobody saw the answers. Only a target that keeps stamps can be searched for that
 * without the source; elsewhere it is counted.
 */
async function withoutDoubt(
  run: UndoRun,
  folder: FolderRecord,
  progress: UndoProgress,
): Promise<UndoProgress> {
  const { openChunk, recovered } = folder.doubt;
  const { lastLooks = [] } = folder;
  const chunks = [...(openChunk ? [openChunk] : []), ...createsAside(folder), ...recovered, ...lastLooks];
  if (chunks.length === 0 || folder.place === undefined) return progress;
  const known = new Set<TargetItemId>();
  let settled = emptyUidSet;
  for await (const item of run.ledger.listItems(run.ledgerId, folder.folderId, folder.uidValidity)) {
    if (item.targetId) known.add(item.targetId);
    settled = unionOf(settled, [[item.uid, item.uid]]);
  }
  let next = progress;
  for (const chunk of chunks) {
    const stamps = stampsOf(run, folder, chunk);
    if (!run.target.keepsIds) {
      const open = [...uidsOf(chunk.uids)].filter((uid) => !hasUid(settled, uid));
      next = { ...next, inDoubt: next.inDoubt + open.length };
      continue;
    }
    const { token, mark } = chunk;
    const found = await run.target.findWritten(folder.place.id, { token, mark, retired: stamps }, [], known);
    for (const { id, untouched } of [...found.values()].flat()) {
      if (known.has(id) || !untouched) continue;
      run.checkpoint();
      await run.lease.ensure(removalMs);
      await run.target.purgeItem(folder.place.id, id);
      next = { ...next, removed: next.removed + 1 };
    }
  }
  return next;
}

function stampsOf({ ledgerId }: UndoRun, folder: FolderRecord, { uids, retired = [] }: OpenChunk) {
  return [{ ...folder, uids }, ...retired].flatMap(({ folderId, uidValidity, uids: those }) =>
    sizeOf(those) === 0 ? [] : [...uidsOf(those)].map((uid) => stampOf(ledgerId, folderId, uidValidity, uid)),
  );
}
