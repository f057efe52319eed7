import type { Uid } from "../../domain/names.ts";
import {
  differenceOf,
  everyUid,
  hasUid,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { ChunkInDoubt, FolderRecord, SetAside } from "../ports/ledger-store.ts";
import { hour, minute } from "../runtime.ts";

/*
 * What of a folder is set aside: messages that source or target cannot give or take yet, and creates in doubt. Each
 * holds up itself and nothing else. All functions are pure; instants are milliseconds since 1970.
 *
 * A copy passes over what is set aside, in the commit that settles the rest of its chunk, and tries again what is due. A
 * visit that leaves something aside ends with the instant of nextLook. A new generation keeps only creates in doubt,
 * as chunks to be looked for.
 *
 * Pauses triple with the time that has passed: tries follow after 10 s, 30 s, 90 s, 5 and 14 minutes, then every nine
 * minutes, after an hour every half hour. What source or target give or take of other messages meanwhile tells a bad message from a bad server.
 */

/** Messages set aside in one folder at most: all of them are in the folder's row, 250 bytes each at the worst. */
export const maxSetAside = 500;

/** A write in doubt may still arrive this long after it was first looked for, in milliseconds. */
export const lateArrivalMs = 45_000;

/** Tries that tell something about a message, and the milliseconds over which it has to fail, before it is given up. */
const triesToGiveUp = 4;
const giveUpMs = 10 * minute;
/** After so long it is given up whatever its tries tell. */
const hopelessMs = 24 * hour;
const firstPauseMs = 10_000;
const longestPauseAtFirstMs = 9 * minute;
const longestPauseMs = 30 * minute;

/** What one try of some messages came to. */
export type FailedTry = Pick<SetAside, "uids" | "chunk" | "code"> & {
  /** True if the same side gave or took other messages then, so that the failure is about these. */
  readonly telling: boolean;
  /** Where the pauses are not the usual ones; in milliseconds since 1970. */
  readonly lookAgainAt?: number | undefined;
  /** True if nothing is held against those that were not aside before: more than they failed. */
  readonly blameless?: boolean | undefined;
};

/**
 * Sets messages aside. Those that are aside already have been tried once more; what was known of a create in doubt is
 * kept until the messages are taken back.
 * @param now when the try failed.
 * @returns undefined if too many messages would be aside: then the step ends as for a failure that is about more than
 * single messages.
 */
export function setAside<Folder extends FolderRecord>(
  folder: Folder,
  { uids, code, chunk, telling, lookAgainAt, blameless }: FailedTry,
  now: number,
): Folder | undefined {
  const tries = telling ? 1 : 0;
  const again = folder.setAside.flatMap((entry): SetAside[] => {
    const tried = intersectionOf(entry.uids, uids);
    if (sizeOf(tried) === 0) return [];
    const next = {
      ...entry,
      code,
      uids: tried,
      tries: entry.tries + tries,
      lookAgainAt: lookAgainAt ?? nextTryAt(entry.since, now),
    };
    return [chunk === undefined ? next : { ...next, chunk }];
  });
  const fresh = differenceOf(uids, uidsAside(folder));
  const entry = {
    code,
    uids: fresh,
    tries,
    since: now,
    lookAgainAt: lookAgainAt ?? nextTryAt(now, now),
    ...(chunk === undefined ? {} : { chunk }),
    ...(blameless ? { blameless } : {}),
  };
  const first = sizeOf(fresh) === 0 ? [] : [entry];
  const next = { ...folder, setAside: joined([...without(folder.setAside, uids), ...again], first) };
  return sizeOf(uidsAside(next)) > maxSetAside ? undefined : next;
}

/** When something is tried again that has failed since then. @param now of its last try. */
export function nextTryAt(since: number, now: number): number {
  const lasted = now - since;
  // Tries that come late make those before it is given up no rarer.
  const longest = lasted < hour ? longestPauseAtFirstMs : longestPauseMs;
  return now + Math.min(Math.max(2 * lasted, firstPauseMs), longest);
}

/** True if what has failed since then so often is not tried any more. */
export function isHopeless({ tries, since }: Pick<SetAside, "tries" | "since">, now: number): boolean {
  const lasted = now - since;
  return (tries >= triesToGiveUp && lasted >= giveUpMs) || lasted >= hopelessMs;
}

/** What is known of a message that is aside. */
export function asideOf({ setAside }: Pick<FolderRecord, "setAside">, uid: Uid): SetAside | undefined {
  return setAside.find(({ uids }) => hasUid(uids, uid));
}

/** Messages are not tried again. @param lookAgainAt when what may have been written is looked for, in milliseconds since 1970. */
export function madeHopeless<Folder extends FolderRecord>(
  folder: Folder,
  uids: UidSet,
  lookAgainAt: number,
): Folder {
  return changed(folder, uids, (entry) => ({ ...entry, hopeless: true, lookAgainAt }));
}

/** Creates in doubt are being looked for: those that are not found are to be tried again, as often as is left. */
export function lookedFor<Folder extends FolderRecord>(folder: Folder, uids: UidSet): Folder {
  const blameless = folder.setAside
    .filter((entry) => entry.blameless)
    .flatMap((entry) => [...uidsOf(entry.uids)]);
  const tried = takenBack(folder, intersectionOf(uids, uidSetOf(blameless)));
  return changed(tried, uids, ({ chunk: _, ...entry }) => entry);
}

function changed<Folder extends FolderRecord>(
  folder: Folder,
  uids: UidSet,
  change: (entry: SetAside) => SetAside,
): Folder {
  const entries = folder.setAside.flatMap((entry) => {
    const those = intersectionOf(entry.uids, uids);
    if (sizeOf(those) === 0) return [entry];
    const others = differenceOf(entry.uids, uids);
    return [change({ ...entry, uids: those }), ...(sizeOf(others) === 0 ? [] : [{ ...entry, uids: others }])];
  });
  return { ...folder, setAside: entries };
}

/** Takes messages back: they were copied or skipped, are to be copied as any other, or have vanished. */
export function takenBack<Folder extends FolderRecord>(folder: Folder, uids: UidSet): Folder {
  return { ...folder, setAside: without(folder.setAside, uids) };
}

/** All UIDs that are aside. */
export function uidsAside({ setAside }: Pick<FolderRecord, "setAside">): UidSet {
  return uidSetOf(setAside.flatMap(({ uids }) => [...uidsOf(uids)]));
}

/** What is to be tried or looked for again now. */
export function dueAside({ setAside }: Pick<FolderRecord, "setAside">, now: number): readonly SetAside[] {
  return setAside.filter(({ lookAgainAt }) => lookAgainAt <= now);
}

/**
 * What of the wanted UIDs is still to be copied: neither settled nor set aside, unless it is due. Pure.
 * @param now when the visit began to copy: what it tries in vain is not due again in it.
 */
export function toCopy(
  { checkpoint, setAside }: Pick<FolderRecord, "checkpoint" | "setAside">,
  wanted: UidSet,
  now: number,
): UidSet {
  // What is in doubt is looked for before it is tried again.
  const due = dueAside({ setAside }, now).filter(({ chunk }) => chunk === undefined);
  const waiting = differenceOf(uidsAside({ setAside }), uidsAside({ setAside: due }));
  return differenceOf(differenceOf(wanted, checkpoint.settled), waiting);
}

/** When the next of what is aside is due; undefined if nothing is aside. */
export function nextLook({ setAside }: Pick<FolderRecord, "setAside">): number | undefined {
  return setAside.length === 0 ? undefined : Math.min(...setAside.map(({ lookAgainAt }) => lookAgainAt));
}

/** Creates in doubt that are set aside, as chunks to be looked for once, when none of them can arrive any more. */
export function createsAside(
  { setAside }: Pick<FolderRecord, "setAside">,
  among: UidSet = everyUid,
): readonly ChunkInDoubt[] {
  return setAside.flatMap((entry) => {
    const { chunk, lookAgainAt } = entry;
    const uids = intersectionOf(entry.uids, among);
    if (chunk === undefined || sizeOf(uids) === 0) return [];
    return [{ ...chunk, uids, lookAgainAfter: lookAgainAt + lateArrivalMs }];
  });
}

/** What failed in one go by one error is one entry, however many messages it is. */
function joined(entries: readonly SetAside[], added: readonly SetAside[]): readonly SetAside[] {
  const last = entries.at(-1);
  const [entry] = added;
  const isAlike =
    last !== undefined &&
    entry !== undefined &&
    last.hopeless === undefined &&
    last.blameless === entry.blameless &&
    last.code === entry.code &&
    last.tries === entry.tries &&
    last.since === entry.since &&
    last.lookAgainAt === entry.lookAgainAt &&
    last.chunk?.token === entry.chunk?.token;
  if (!isAlike) return [...entries, ...added];
  return [...entries.slice(0, -1), { ...last, uids: unionOf(last.uids, entry.uids) }];
}

function without(entries: readonly SetAside[], uids: UidSet): readonly SetAside[] {
  return entries
    .map((entry) => ({ ...entry, uids: differenceOf(entry.uids, uids) }))
    .filter((entry) => sizeOf(entry.uids) > 0);
}
