import type { FolderId, Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  settle,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { GuessCode } from "../../domain/warnings.ts";
import type {
  ChunkInDoubt,
  FolderAtSource,
  FolderCounts,
  FolderPlace,
  FolderRecord,
  Generation,
  ItemRecord,
  OpenChunk,
  Planning,
  SkippedItem,
} from "../ports/ledger-store.ts";
import type { FolderStatus } from "../ports/source.ts";
import { hour, minute } from "../runtime.ts";
import { leftOutCount, withLost, withoutLost } from "./left-out.ts";
import { retire } from "./retired.ts";
import { createsAside, lateArrivalMs, lookedFor, nextLook, takenBack } from "./set-aside.ts";

/*
 * The record of a folder: its predicates and its transitions, the only code that makes one from another. All are pure;
 * instants are milliseconds since 1970. What is committed together with a record is said where the transition is used.
 */

/** A folder with a place in the target. */
export type PlacedFolder = FolderRecord & { readonly place: FolderPlace };

/** A last look for a chunk comes no earlier than so long after the others, in milliseconds. */
const lastLookMs = 10 * minute;
const maxLastLooks = 20;
/** What could not be read is looked for again after so long, in milliseconds. */
const unreadLookMs = 5 * minute;

/** What a plan found out is asked for again after so long, in milliseconds. */
const planningMs = hour;

/** How far a plan that is not finished has come with the folder; undefined if none is, or it is too old. */
export function planningOf({ planning }: FolderRecord, now: number): Planning | undefined {
  return planning !== undefined && now - planning.at < planningMs ? planning : undefined;
}

/** The plan goes on in the next step. @param change what it has found out of the folder, whose place it has seen. */
export function planningNoted<Folder extends FolderRecord>(
  folder: Folder,
  change: Omit<Planning, "at">,
  now: number,
): Folder {
  return { ...folder, planning: { ...planningOf(folder, now), ...change, at: now } };
}

/** True if the folder was given a place in the target. */
export function isPlaced(folder: FolderRecord): folder is PlacedFolder {
  return folder.place !== undefined;
}

/** False for a folder of which nothing was seen yet, or everything has been forgotten. */
export function isRemembered({ checkpoint }: FolderRecord): boolean {
  return checkpoint.uidNext > 0 || sizeOf(checkpoint.settled) > 0;
}

/** True if a write into the folder may have happened, or may still happen, that no item tells of. */
export function isInDoubt({ doubt, setAside }: FolderRecord): boolean {
  return (
    doubt.openChunk !== undefined ||
    doubt.recovered.length > 0 ||
    setAside.some(({ chunk }) => chunk !== undefined)
  );
}

/** True if nothing of the folder waits for its source: what was set aside are creates in doubt. */
export function awaitsWritesOnly({ setAside, trouble }: FolderRecord): boolean {
  return trouble === undefined && setAside.every(({ chunk }) => chunk !== undefined);
}

/** When what is in doubt about the folder can be settled for good, or what is set aside is due; undefined if nothing is. */
export function lookAgainAt(folder: FolderRecord): number | undefined {
  const { recovered } = folder.doubt;
  const looks = recovered.length === 0 ? [] : [Math.max(...recovered.map((chunk) => chunk.lookAgainAfter))];
  const aside = nextLook(folder);
  if (aside !== undefined) looks.push(aside);
  return looks.length === 0 ? undefined : Math.min(...looks);
}

/** A folder that was not in the ledger before. @param total messages at the source, as far as it told. */
export function newFolder(
  folderId: FolderId,
  source: FolderAtSource,
  status: FolderStatus | undefined,
  total: number,
): FolderRecord {
  return {
    folderId,
    uidValidity: status?.uidValidity ?? ("0" as FolderRecord["uidValidity"]),
    source,
    state: "active",
    pending: true,
    checkpoint: {
      settled: emptyUidSet,
      uidNext: 0,
      messages: 0,
      unseen: status?.unseen,
      partition: status?.partition,
    },
    doubt: { recovered: [] },
    setAside: [],
    counts: { total, synced: 0, skipped: 0, leftOut: 0, bytes: 0 },
  };
}

/**
 * The folder as a round's plan finds it; the same object if nothing changed.
 * @param pending whether the round has to visit it.
 */
export function planned(
  folder: FolderRecord,
  source: Pick<FolderAtSource, "path" | "segments">,
  status: FolderStatus | undefined,
  pending: boolean,
): FolderRecord {
  const total = status?.messages ?? folder.counts.total;
  const moved = folder.source.path !== source.path || folder.state === "gone";
  if (!moved && pending === folder.pending && total === folder.counts.total) return folder;
  return {
    ...folder,
    source: { ...folder.source, path: source.path, segments: source.segments },
    state: folder.state === "gone" ? "active" : folder.state,
    pending,
    // EXAMINE does not tell it (RFC 9051, 6.3.2), so what this round's STATUS said is kept for the next round.
    checkpoint: pending
      ? { ...folder.checkpoint, unseen: status?.unseen ?? folder.checkpoint.unseen }
      : folder.checkpoint,
    counts: { ...folder.counts, total },
  };
}

/** The plan gave the folder its place in the target. */
export function placed(folder: FolderRecord, place: FolderPlace): PlacedFolder {
  return { ...folder, place };
}

/** The user deleted the folder's place: nothing is written into it any more. */
export function placeDeleted<Folder extends FolderRecord>(folder: Folder): Folder {
  return {
    ...folder,
    state: "targetGone",
    doubt: { recovered: [] },
    setAside: [],
    lastLooks: undefined,
    trouble: undefined,
    missingSince: undefined,
  };
}

/** The folder's place is answered as if it were not there. */
export function placeMissing<Folder extends FolderRecord>(folder: Folder, now: number): Folder {
  return { ...folder, pending: true, missingSince: folder.missingSince ?? now };
}

/**
 * An operator wants the folder made anew in the target. @param place where it still is; undefined to have one made.
 */
export function placeRestored(folder: FolderRecord, place: FolderPlace | undefined): FolderRecord {
  return { ...folder, state: "active", pending: true, place, missingSince: undefined };
}

/** Items whose copies went with the folder's place are forgotten: their messages are to be copied again. */
export function copiesLost<Folder extends FolderRecord>(folder: Folder, uids: UidSet): Folder {
  const { checkpoint, counts } = folder;
  return {
    ...folder,
    checkpoint: { ...checkpoint, settled: differenceOf(checkpoint.settled, uids) },
    counts: { ...counts, synced: counts.synced - sizeOf(uids) },
  };
}

/** The folder is another one under a second name. The same object if it was known. @param path of that one. */
export function secondName(folder: FolderRecord, path: string): FolderRecord {
  if (folder.sameAs === path && folder.state === "active" && !folder.pending) return folder;
  return {
    ...folder,
    state: "active",
    pending: false,
    planning: undefined,
    trouble: undefined,
    sameAs: path,
    counts: { ...folder.counts, total: 0 },
  };
}

/** The folder is no other one's second name, or no longer. The same object if it was none. */
export function nameOfItsOwn(folder: FolderRecord): FolderRecord {
  return folder.sameAs === undefined ? folder : { ...folder, pending: true, sameAs: undefined };
}

/** The folder is no longer at the source. It stays pending while something in doubt is to be looked for. */
export function gone<Folder extends FolderRecord>(folder: Folder): Folder {
  return {
    ...folder,
    state: folder.state === "targetGone" ? "targetGone" : "gone",
    pending: isInDoubt(folder),
    planning: undefined,
    setAside: folder.setAside.filter(({ chunk }) => chunk !== undefined),
    trouble: undefined,
    sameAs: undefined,
    counts: { ...folder.counts, total: 0 },
  };
}

/** All messages of the folder are forgotten; should it come back, it is new. @param emptied its counts by now. */
export function forgotten<Folder extends FolderRecord>(
  folder: Folder,
  { synced, skipped, leftOut, lost }: FolderCounts,
): Folder {
  return {
    ...folder,
    former: undefined,
    keptSince: undefined,
    replaced: undefined,
    checkpoint: { ...folder.checkpoint, settled: emptyUidSet, uidNext: 0, messages: 0 },
    counts: { ...folder.counts, synced, skipped, leftOut, lost },
  };
}

/** A chunk is about to be written. @param suspect the message of a chunk that is written alone. */
export function chunkBegun<Folder extends FolderRecord>(
  folder: Folder,
  openChunk: OpenChunk,
  suspect?: Uid,
): Folder {
  const { doubt } = folder;
  if (suspect === undefined) return { ...folder, doubt: { ...doubt, openChunk } };
  const attempts = doubt.attempting?.uid === suspect ? doubt.attempting.attempts : 0;
  return { ...folder, doubt: { ...doubt, openChunk, attempting: { uid: suspect, attempts: attempts + 1 } } };
}

/** A create in doubt that was set aside is to be looked for, as an open chunk. */
export function createReopened<Folder extends FolderRecord>(folder: Folder, create: OpenChunk): Folder {
  const next = lookedFor(folder, create.uids);
  return { ...next, doubt: { ...next.doubt, openChunk: create } };
}

/** The open chunk is known to have written nothing. */
export function chunkClosed<Folder extends FolderRecord>(folder: Folder): Folder {
  return { ...folder, doubt: { recovered: folder.doubt.recovered } };
}

/** The moves of the open chunk were finished or given up. */
export function movesClosed<Folder extends FolderRecord>(folder: Folder): Folder {
  return { ...folder, doubt: { ...folder.doubt, openChunk: undefined } };
}

/** What a chunk came to. */
export interface CopiedChunk {
  readonly items: readonly ItemRecord[];
  readonly skipped: readonly SkippedItem[];
  /** One for each copied message and each kind of guess it was read by. */
  readonly guesses: readonly GuessCode[];
  /** UIDs of messages that are no longer there. */
  readonly expunged: UidSet;
  /** The chunk with those of its messages whose write may have happened; undefined if there is none. */
  readonly inDoubt?: OpenChunk | undefined;
}

/** A chunk was copied; what of it was set aside before is taken back. @param existing all UIDs of the folder. */
export function chunkCopied<Folder extends FolderRecord>(
  folder: Folder,
  { items, skipped, guesses, expunged, inDoubt }: CopiedChunk,
  existing: UidSet,
): Folder {
  const { checkpoint, counts } = folder;
  const handled = unionOf(uidSetOf([...items, ...skipped].map(({ uid }) => uid)), expunged);
  return {
    ...takenBack(folder, handled),
    trouble: items.length > 0 ? undefined : folder.trouble,
    checkpoint: { ...checkpoint, settled: settle(checkpoint.settled, handled, existing) },
    doubt: { recovered: folder.doubt.recovered, openChunk: inDoubt },
    counts: withGuesses(withItems(withSkips(counts, skipped), items), guesses),
  };
}

/** Messages that the server announced were not there, or are given up. */
export function missingSettled<Folder extends FolderRecord>(
  folder: Folder,
  missing: UidSet,
  skipped: readonly SkippedItem[],
  existing: UidSet,
): Folder {
  const { checkpoint, counts } = folder;
  return {
    ...takenBack(folder, missing),
    checkpoint: { ...checkpoint, settled: settle(checkpoint.settled, missing, existing) },
    counts: withSkips(counts, skipped),
  };
}

/**
 * Copies of messages were found that had no record yet. What else of these messages is in doubt is looked for later.
 * @param existing all UIDs of the folder.
 */
export function copiesFound<Folder extends FolderRecord>(
  folder: Folder,
  items: readonly ItemRecord[],
  existing: UidSet,
): Folder {
  const { checkpoint, counts, doubt } = folder;
  const found = uidSetOf(items.map(({ uid }) => uid));
  return {
    ...takenBack(folder, found),
    checkpoint: { ...checkpoint, settled: settle(checkpoint.settled, found, existing) },
    doubt: { ...doubt, recovered: [...doubt.recovered, ...createsAside(folder, found)] },
    counts: withItems(counts, items),
  };
}

/**
 * The open chunk was looked for; writes that arrive late are to be looked for again.
 * @param chunk with those of its messages that have no copy of it yet, or several: the rest of it is settled.
 * @param gone those that are no longer at the source.
 */
export function chunkRecovered<Folder extends FolderRecord>(
  folder: Folder,
  chunk: OpenChunk,
  gone: UidSet,
  now: number,
): Folder {
  const { recovered, attempting } = folder.doubt;
  const left = retire({ ...chunk, uids: differenceOf(chunk.uids, gone) }, folder, gone);
  const isLeft = sizeOf(left.uids) > 0 || left.retired !== undefined;
  const again = isLeft ? [{ ...left, lookAgainAfter: now + lateArrivalMs }] : [];
  return { ...folder, doubt: { recovered: [...recovered, ...again], attempting } };
}

/** What became of a chunk in doubt that was looked for again. */
interface LookedForAgain {
  /** Those of its messages that have no record and could not be read. */
  readonly unread: UidSet;
  /** Those of which nothing else can arrive, or nothing could be told of it. */
  readonly over: UidSet;
  /** True if it is worth one more look in a later round. */
  readonly lastLook: boolean;
  readonly now: number;
}

/** A chunk is in doubt no longer, but for what could not be read. */
export function doubtSettled<Folder extends FolderRecord>(
  folder: Folder,
  chunk: ChunkInDoubt,
  { unread, over, lastLook, now }: LookedForAgain,
): Folder {
  const { doubt, lastLooks = [] } = folder;
  const isLast = !doubt.recovered.includes(chunk);
  const rest = differenceOf(differenceOf(chunk.uids, unread), over);
  const again = (uids: UidSet, ms: number): readonly ChunkInDoubt[] =>
    sizeOf(uids) === 0 ? [] : [{ ...chunk, uids, retired: undefined, lookAgainAfter: now + ms }];
  const recovered = [...doubt.recovered.filter((one) => one !== chunk), ...again(unread, unreadLookMs)];
  const last = lastLook && !isLast ? again(rest, lastLookMs) : [];
  const looks = [...lastLooks.filter((one) => one !== chunk), ...last].slice(-maxLastLooks);
  return { ...folder, doubt: { ...doubt, recovered }, lastLooks: looks.length === 0 ? undefined : looks };
}

/** A visit opened the folder. @param highestModseq of the folder, to count from if this is its first visit. */
export function visitBegun<Folder extends FolderRecord>(
  folder: Folder,
  { uidNext, highestModseq }: Pick<FolderStatus, "uidNext" | "highestModseq">,
): Folder {
  const { checkpoint } = folder;
  // Old records keep the flags that were last written, so in a new generation all flags are compared.
  const first =
    !isRemembered(folder) && checkpoint.highestModseq === undefined && folder.former === undefined;
  return {
    ...folder,
    checkpoint: {
      ...checkpoint,
      uidNextSeen: uidNext,
      ...(first && highestModseq !== undefined ? { highestModseq } : {}),
    },
  };
}

/** What a completed visit has seen. */
export interface CompletedVisit {
  readonly status: Pick<FolderStatus, "uidNext" | "highestModseq" | "partition"> & {
    readonly messages: number;
    readonly shownMessages?: number | undefined;
  };
  /** Messages that the source counts and does not show. */
  readonly unshown: number;
  readonly flagsDigest: string | undefined;
  readonly filter: string;
  /** Items whose message vanished too late for this round. */
  readonly postponed: number;
}

/** A visit is complete: the folder is up to date. */
export function visited<Folder extends FolderRecord>(
  folder: Folder,
  { status, unshown, flagsDigest, filter, postponed }: CompletedVisit,
  now: number,
): Folder {
  const { settled, unseen, partition } = folder.checkpoint;
  const { uidNext, messages, shownMessages, highestModseq } = status;
  return {
    ...folder,
    pending: false,
    missingSince: undefined,
    planning: undefined,
    checkpoint: {
      settled,
      unseen,
      uidNext,
      // Counted as if it were still there, so that the next plan finds the folder changed.
      messages: messages + postponed,
      filter,
      partition: status.partition ?? partition,
      highestModseq,
      flagsDigest,
      flagsScannedAt: highestModseq === undefined ? now : undefined,
    },
    trouble: undefined,
    counts: {
      ...folder.counts,
      total: messages,
      shown: shownMessages ?? folder.counts.shown,
      unshown: unshown === 0 ? undefined : unshown,
    },
  };
}

/** A visit ended early because folder or place went away. */
export function visitEnded<Folder extends FolderRecord>(folder: Folder): Folder {
  return { ...folder, pending: lookAgainAt(folder) !== undefined };
}

/**
 * Messages came into the folder after its checkpoint had passed over their UIDs.
 * @param allFlags true if the flags of all messages are to be compared.
 */
export function gapsReopened<Folder extends FolderRecord>(
  folder: Folder,
  returned: UidSet,
  partition: string | undefined,
  allFlags: boolean,
): Folder {
  const { checkpoint } = folder;
  return {
    ...folder,
    checkpoint: {
      ...checkpoint,
      partition: partition ?? checkpoint.partition,
      settled: differenceOf(checkpoint.settled, returned),
      highestModseq: allFlags ? undefined : checkpoint.highestModseq,
    },
  };
}

/** Messages that were in the target already are recorded as copied; nothing was transferred. @param existing all UIDs of the folder. */
export function messagesAdopted<Folder extends FolderRecord>(
  folder: Folder,
  items: readonly ItemRecord[],
  existing: UidSet,
): Folder {
  const { checkpoint, counts } = folder;
  const uids = uidSetOf(items.map(({ uid }) => uid));
  return {
    ...takenBack(folder, uids),
    checkpoint: { ...checkpoint, settled: settle(checkpoint.settled, uids, existing) },
    counts: {
      ...counts,
      synced: counts.synced + items.length,
      adopted: (counts.adopted ?? 0) + items.length,
    },
  };
}

/** It was looked for messages that were in the target already. @param ambiguous those of which that cannot be told. */
export function adoptionEnded<Folder extends FolderRecord>(folder: Folder, ambiguous: number): Folder {
  return {
    ...folder,
    adopted: true,
    counts: { ...folder.counts, ambiguous: ambiguous === 0 ? undefined : ambiguous },
  };
}

/** Skipped messages are to be tried again. */
export function skipsReopened<Folder extends FolderRecord>(
  folder: Folder,
  skips: readonly SkippedItem[],
): Folder {
  const { checkpoint, counts } = folder;
  const uids = uidSetOf(skips.map(({ uid }) => uid));
  return {
    ...folder,
    pending: true,
    checkpoint: { ...checkpoint, settled: differenceOf(checkpoint.settled, uids) },
    counts: withoutSkips(counts, skips),
  };
}

/** Flags that the target did not take on are to be tried again: all flags are compared. The same object if there are none. */
export function flagsReopened<Folder extends FolderRecord>(folder: Folder): Folder {
  if (folder.unkeptFlags === undefined || folder.state !== "active") return folder;
  const checkpoint = { ...folder.checkpoint, highestModseq: undefined, flagsDigest: undefined };
  return { ...folder, pending: true, checkpoint };
}

/** The plan noted which messages are gone for good as far as it could see. */
export function vanishedNoted<Folder extends FolderRecord>(folder: Folder, uids: UidSet): Folder {
  return { ...folder, checkpoint: { ...folder.checkpoint, vanished: uids } };
}

/** Messages that vanished were forgotten. */
export function removalsFollowed<Folder extends FolderRecord>(
  folder: Folder,
  items: number,
  skips: readonly SkippedItem[],
): Folder {
  const counts = withoutSkips(folder.counts, skips);
  return { ...folder, counts: { ...counts, synced: counts.synced - items } };
}

/**
 * Items of other folders followed their messages into this one, which closes the chunk they were moved under.
 * @param existing all UIDs of the folder.
 * @param allFlags true if the flags of all messages are to be compared.
 */
export function itemsArrived<Folder extends FolderRecord>(
  folder: Folder,
  uids: UidSet,
  existing: UidSet,
  allFlags: boolean,
): Folder {
  const { checkpoint, counts, doubt } = folder;
  return {
    ...takenBack(folder, uids),
    checkpoint: {
      ...checkpoint,
      settled: settle(checkpoint.settled, uids, existing),
      highestModseq: allFlags ? undefined : checkpoint.highestModseq,
    },
    doubt: { ...doubt, openChunk: undefined },
    counts: { ...counts, synced: counts.synced + sizeOf(uids) },
  };
}

/** One item of the folder, of this generation of it or a former one, followed its message into another folder. */
export function itemDeparted<Folder extends FolderRecord>(folder: Folder, of: Generation): Folder {
  const isPresent = of.folderId === folder.folderId && of.uidValidity === folder.uidValidity;
  // What a new generation keeps of former ones is not counted.
  if (folder.keptSince !== undefined && !isPresent) return folder;
  return { ...folder, counts: { ...folder.counts, synced: folder.counts.synced - 1 } };
}

function withItems(counts: FolderCounts, items: readonly ItemRecord[]): FolderCounts {
  const bytes = items.reduce((sum, { size }) => sum + size, counts.bytes);
  return { ...counts, synced: counts.synced + items.length, bytes };
}

function withGuesses(counts: FolderCounts, guesses: readonly GuessCode[]): FolderCounts {
  if (guesses.length === 0) return counts;
  const sums: Partial<Record<GuessCode, number>> = { ...counts.guesses };
  for (const guess of guesses) sums[guess] = (sums[guess] ?? 0) + 1;
  return { ...counts, guesses: sums };
}

function withSkips(counts: FolderCounts, skips: readonly SkippedItem[]): FolderCounts {
  return {
    ...counts,
    skipped: counts.skipped + skips.length,
    leftOut: counts.leftOut + leftOutCount(skips),
    lost: withLost(counts.lost, skips),
  };
}

function withoutSkips(counts: FolderCounts, skips: readonly SkippedItem[]): FolderCounts {
  return {
    ...counts,
    skipped: counts.skipped - skips.length,
    leftOut: counts.leftOut - leftOutCount(skips),
    lost: withoutLost(counts.lost, skips),
  };
}
