import type { FolderId } from "../../domain/names.ts";
import { emptyUidSet, settle, sizeOf, type UidSet } from "../../domain/uid-set.ts";
import type { FolderRecord, Generation } from "../ports/ledger-store.ts";
import type { FolderStatus } from "../ports/source.ts";
import { hour } from "../runtime.ts";
import { isRemembered } from "./folder-record.ts";
import { noneLost } from "./left-out.ts";
import { retire, retired } from "./retired.ts";
import { createsAside, lateArrivalMs, takenBack, uidsAside } from "./set-aside.ts";

/*
 * How a folder's record goes from one generation of its messages to the next, or loses them for good. All functions are
 * pure.
 */

/** Of so many items, this part has to be found again for a new generation to be believed. */
const believedItems = 20;
const believedShare = 0.8;
/** Items without a match are kept this long, in milliseconds: until the next daily round has seen the same generation. */
const keptMs = 20 * hour;

/**
 * The folder as a new generation, if its status shows one: another UIDVALIDITY, or UIDs that were handed out again.
 * @param newFolderId makes an id: under a UIDVALIDITY that the folder had before, only another id tells old from new.
 * @returns undefined if it is the generation we know.
 */
export function newGeneration<Folder extends FolderRecord>(
  folder: Folder,
  status: Pick<FolderStatus, "uidValidity" | "uidNext">,
  newFolderId: () => FolderId,
): Folder | undefined {
  const { folderId, uidValidity, doubt } = folder;
  const known = isRemembered(folder) || doubt.openChunk !== undefined || folder.setAside.length > 0;
  if (uidValidity !== status.uidValidity) {
    const was = folder.former?.some(
      (one) => one.folderId === folderId && one.uidValidity === status.uidValidity,
    );
    const next = { folderId: was ? newFolderId() : folderId, uidValidity: status.uidValidity };
    return inGeneration(folder, next, known ? [{ folderId, uidValidity }] : []);
  }
  if (!known || status.uidNext > highestUid(folder)) return undefined;
  return inGeneration(folder, { folderId: newFolderId(), uidValidity }, [{ folderId, uidValidity }]);
}

function inGeneration<Folder extends FolderRecord>(
  folder: Folder,
  next: Generation,
  before: readonly Generation[],
): Folder {
  const { settled: _, ...checkpoint } = folder.checkpoint;
  const { openChunk, recovered } = folder.doubt;
  const former = [...(folder.former ?? []), ...before];
  return {
    ...folder,
    ...next,
    ...(former.length > 0 ? { former } : {}),
    keptSince: undefined,
    replaced: undefined,
    checkpoint: {
      ...checkpoint,
      settled: emptyUidSet,
      uidNext: 0,
      uidNextSeen: undefined,
      highestModseq: undefined,
      flagsDigest: undefined,
      vanished: undefined,
    },
    doubt: {
      // Any message of the new generation may be one that the chunk wrote.
      openChunk: openChunk && !openChunk.moves ? retire(openChunk, folder, openChunk.uids) : undefined,
      recovered: retired(folder, [...recovered, ...createsAside(folder)]),
    },
    setAside: [],
    lastLooks: undefined,
    planning: undefined,
    // All flags are compared in the new generation, which finds them again.
    unkeptFlags: undefined,
  };
}

/** Messages of the new generation were given the items of a former one. */
export function itemsMatched<Folder extends FolderRecord>(
  folder: Folder,
  uids: UidSet,
  existing: UidSet,
): Folder {
  const { checkpoint, counts, keptSince } = folder;
  return {
    ...takenBack(folder, uids),
    checkpoint: { ...checkpoint, settled: settle(checkpoint.settled, uids, existing) },
    // Those of a first match are counted when it is judged.
    counts: keptSince === undefined ? counts : { ...counts, synced: counts.synced + sizeOf(uids) },
  };
}

/**
 * What is to be made of a new generation that was matched with the former ones:
 * - `replaced`: hardly anything was found again, as of a server that failed over to an empty one. The folder waits.
 * - `kept`: it goes on, and items without a match are kept until it was the same for most of a day.
 * - `believed`: items without a match are of messages that are gone.
 * @param matched messages that have an item.
 * @param unmatched items that found no message.
 * @param isWhole false if they may belong to messages that cannot be read: then they are kept on.
 */
export function judged(
  { keptSince, replaced }: FolderRecord,
  matched: number,
  unmatched: number,
  isWhole: boolean,
): "replaced" | "kept" | "believed" {
  if (unmatched === 0) return "believed";
  if (replaced?.confirmed || keptSince !== undefined) return isWhole ? "believed" : "kept";
  const items = matched + unmatched;
  return items >= believedItems && matched < items * believedShare ? "replaced" : "kept";
}

/** True while items without a match are kept, and their time has not come. */
export function isKeeping({ keptSince }: FolderRecord, now: number): boolean {
  return keptSince !== undefined && now - keptSince < keptMs;
}

/** True if the generations of the folder are to be matched, and a judgement is due. */
export function isJudgementDue(folder: FolderRecord, now: number): boolean {
  return folder.former !== undefined && !isKeeping(folder, now);
}

/** The folder goes on in its new generation. @param matched messages that were given an item, where it was not counted before. */
export function generationKept<Folder extends FolderRecord>(
  folder: Folder,
  matched: number,
  now: number,
): Folder {
  const counts =
    folder.keptSince === undefined
      ? { ...folder.counts, synced: matched, skipped: 0, leftOut: 0, lost: noneLost(folder.counts.lost) }
      : folder.counts;
  return { ...folder, keptSince: now, replaced: undefined, counts };
}

/** Former generations are forgotten. @param matched messages that were given an item, where it was not counted before. */
export function generationMatched<Folder extends FolderRecord>(folder: Folder, matched: number): Folder {
  const { counts } = generationKept(folder, matched, 0);
  return { ...folder, former: undefined, keptSince: undefined, replaced: undefined, counts };
}

/** The folder waits until it comes back or an operator confirms. @param items that found no match. */
export function generationReplaced<Folder extends FolderRecord>(folder: Folder, items: number): Folder {
  return { ...folder, pending: false, replaced: { items, confirmed: false } };
}

/** An operator confirmed that the folder is meant to be as the source shows it. The same object if it does not wait. */
export function replacementConfirmed(folder: FolderRecord): FolderRecord {
  const { replaced } = folder;
  return replaced === undefined
    ? folder
    : { ...folder, pending: true, replaced: { ...replaced, confirmed: true } };
}

/** The folder's messages can no longer be read: what its chunks wrote has no record, and cannot be given one. */
export function abandoned<Folder extends FolderRecord>(folder: Folder, now: number): Folder {
  const { openChunk, recovered } = folder.doubt;
  const open = openChunk && !openChunk.moves ? [{ ...openChunk, lookAgainAfter: now + lateArrivalMs }] : [];
  const chunks = retired(folder, [...recovered, ...open, ...createsAside(folder)]);
  return { ...folder, doubt: { recovered: chunks }, setAside: [] };
}

/** The highest UID that the generation is known to have given out; 0 if none is. */
function highestUid({ checkpoint, doubt, setAside }: FolderRecord): number {
  const { uidNext, uidNextSeen = 0, settled } = checkpoint;
  return Math.max(
    uidNext - 1,
    uidNextSeen - 1,
    settled.at(-1)?.[1] ?? 0,
    doubt.openChunk?.uids.at(-1)?.[1] ?? 0,
    uidsAside({ setAside }).at(-1)?.[1] ?? 0,
  );
}
