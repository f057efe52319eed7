import type { Stamp, TargetItemId, Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { ItemRecord, OpenChunk } from "../ports/ledger-store.ts";
import type { MessageHeader } from "../ports/source.ts";
import type { FoundItem, ItemState, WriteCandidate } from "../ports/target.ts";
import { itemOf } from "./copied-item.ts";
import { stampOf } from "./digest.ts";
import { copiedFlags } from "./flags.ts";
import { isPlaced, type PlacedFolder } from "./folder-record.ts";
import { placeOf } from "./item-records.ts";
import { receivedDate } from "./received-date.ts";
import { retire } from "./retired.ts";
import type { SyncRun } from "./run.ts";
import type { SteadyFolder } from "./steady-source.ts";

/** What of a chunk is in the target. */
export interface LookedUp {
  /** Those of the chunk's messages that can still be read. */
  readonly messages: readonly {
    readonly header: MessageHeader;
    /** Copies in the target that no item record knows, oldest first. */
    readonly copies: readonly FoundItem[];
  }[];
  /** Those that are no longer at the source. */
  readonly gone: UidSet;
  /** Copies of these, and of messages that are no longer there as they were written. */
  readonly retired: readonly FoundItem[];
}

/**
 * Looks for what a chunk wrote.
 * @param opened undefined if the folder is no longer at the source.
 * @param existing all UIDs of the folder.
 */
export async function lookUp(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder | undefined,
  existing: UidSet,
  chunk: OpenChunk,
): Promise<LookedUp> {
  const headers: MessageHeader[] = [];
  // What has been shared out to another folder since can still be read here.
  if (opened && sizeOf(chunk.uids) > 0)
    for await (const header of opened.fetchHeaders(chunk.uids)) headers.push(header);
  const missing = differenceOf(chunk.uids, uidSetOf(headers.map(({ uid }) => uid)));
  const gone = opened ? await leftOf(opened, missing, existing) : emptyUidSet;
  const retired = (retire(chunk, folder, gone).retired ?? []).flatMap(({ folderId, uidValidity, uids }) =>
    [...uidsOf(uids)].map((uid) => stampOf(run.ledgerId, folderId, uidValidity, uid)),
  );
  if (headers.length === 0 && retired.length === 0) return { messages: [], gone, retired: [] };
  const known = await knownItems(run, folder);
  const candidates = headers.map((header) => candidateOf(run, folder, header));
  const { token, mark } = chunk;
  const found = await run.target.findWritten(folder.place.id, { token, mark, retired }, candidates, known);
  const copiesOf = (stamp: Stamp) => (found.get(stamp) ?? []).filter(({ id }) => !known.has(id));
  return {
    messages: headers.map((header) => ({ header, copies: copiesOf(stampFor(run, folder, header.uid)) })),
    gone,
    retired: retired.flatMap(copiesOf),
  };
}

/** Those of some messages without a header that are not there any more; they may have left since all were listed. */
async function leftOf(opened: SteadyFolder, missing: UidSet, existing: UidSet): Promise<UidSet> {
  const gone = differenceOf(missing, existing);
  const listed = differenceOf(differenceOf(missing, gone), uidSetOf(opened.unread.keys()));
  if (sizeOf(listed) === 0) return gone;
  return unionOf(gone, differenceOf(listed, await opened.searchUids({ among: listed })));
}

/** Those of the copies that do not look as their messages do now: either side may have changed since they were written. */
export async function statesOfTouched(
  run: SyncRun,
  folder: PlacedFolder,
  copies: readonly FoundItem[],
): Promise<ReadonlyMap<TargetItemId, ItemState>> {
  const touched = copies.filter(({ untouched }) => !untouched).map(({ id }) => id);
  return touched.length === 0 ? new Map() : run.target.readItems(folder.place.id, touched);
}

/** Item record of a message whose copy was found. @param state of the copy if it was touched. */
export function itemOfFound(
  { representable }: SyncRun,
  folder: PlacedFolder,
  header: MessageHeader,
  { id }: FoundItem,
  state: ItemState | undefined,
): ItemRecord {
  const item = itemOf(folder, header, header.size, header.header, id);
  if (state === undefined) return item;
  const has = new Set(state.flags.map((flag) => flag.toLowerCase()));
  // What was changed at the source since it was written is brought to it as any later change.
  const flags = item.flags.filter((flag) =>
    representable([flag]).every((held) => has.has(held.toLowerCase())),
  );
  return { ...item, flags };
}

/** What the target needs to recognise a message. */
export function candidateOf(run: SyncRun, folder: PlacedFolder, header: MessageHeader): WriteCandidate {
  return {
    uid: header.uid,
    stamp: stampFor(run, folder, header.uid),
    internalDate: receivedDate(header.header, header.internalDate, run.options.receivedDateFrom),
    size: header.size,
    flags: copiedFlags(header.flags),
    header: header.header,
  };
}

/**
 * Target items that lie in a folder's place, of every source folder that is copied there, or whose messages' copies stayed
 * there since the user deleted its own place.
 */
export async function knownItems(
  run: SyncRun,
  { place }: Pick<PlacedFolder, "place">,
): Promise<ReadonlySet<TargetItemId>> {
  const known = new Set<TargetItemId>();
  for (const other of await run.ledger.listFolders(run.ledgerId)) {
    if (!isPlaced(other) || (other.place.id !== place.id && other.state !== "targetGone")) continue;
    for (const { folderId, uidValidity } of [other, ...(other.former ?? [])])
      for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity))
        if (item.targetId && placeOf(other, item) === place.id) known.add(item.targetId);
  }
  return known;
}

function stampFor(run: SyncRun, folder: PlacedFolder, uid: Uid) {
  return stampOf(run.ledgerId, folder.folderId, folder.uidValidity, uid);
}
