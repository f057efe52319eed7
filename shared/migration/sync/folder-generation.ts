import type { FolderId } from "../../domain/names.ts";
import { emptyUidSet, settle, type UidSet } from "../../domain/uid-set.ts";
import type { FolderRecord, Generation } from "../ports/ledger-store.ts";
import type { FolderStatus } from "../ports/source.ts";
import { isRemembered, lateArrivalMs } from "./folder-record.ts";
import { retire, retired } from "./retired.ts";
import { createsAside, uidsAside } from "./set-aside.ts";

/*
 * How a folder's record goes from one generation of its messages to the next, or loses them for good. All functions are
 * pure.
 */

/**
 * The folder as a new generation, if its status shows one: another UIDVALIDITY, or UIDs that were handed out again.
 * @param newFolderId makes an id: under the same UIDVALIDITY, only another folder id tells old from new.
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
    const next = { folderId, uidValidity: status.uidValidity };
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
  const { checkpoint } = folder;
  return { ...folder, checkpoint: { ...checkpoint, settled: settle(checkpoint.settled, uids, existing) } };
}

/** Former generations are forgotten. @param matched messages that were given an item. */
export function generationMatched<Folder extends FolderRecord>(folder: Folder, matched: number): Folder {
  return {
    ...folder,
    former: undefined,
    counts: { ...folder.counts, synced: matched, skipped: 0, leftOut: 0 },
  };
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
