import type { FolderId, Stamp, TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { hasUid, type UidSet, uidsOf } from "../../domain/uid-set.ts";
import type { DifferenceCounts } from "../../domain/verification.ts";
import type { ItemRecord } from "../ports/ledger-store.ts";
import type { TargetEntry } from "../ports/target.ts";
import type { AbsentCopy, Difference, StrayCopy } from "../ports/verification-store.ts";
import { iso } from "../status/instants.ts";
import { copiedFlags, sameFlags, withoutReceipt } from "../sync/flags.ts";
import { lookKey } from "../sync/look-key.ts";

/*
 * What differs between a folder at the source, its records and its place in the target: pure decisions. Nothing here
 * repairs anything.
 */

/** A message at the source as it should be in the target. */
export interface ExpectedMessage {
  readonly uid: Uid;
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** INTERNALDATE, which the batch's filters go by. */
  readonly internalDate: number;
  readonly flags: readonly string[];
}

/** One folder at the source, with everything that is known of it. */
export interface ComparedFolder {
  readonly folderId: FolderId;
  readonly uidValidity: string;
  /** At the source. */
  readonly path: string;
  readonly place: TargetFolderId;
  /** UIDs that are there now. */
  readonly existing: UidSet;
  /** Those of them that the source gives. */
  readonly messages: ReadonlyMap<Uid, ExpectedMessage>;
  readonly settled: UidSet;
  /** Left out for a reason that is reported elsewhere. */
  readonly skipped: UidSet;
  /** Messages of which a change of flags was refused; a warning tells of them. */
  readonly unkept: UidSet;
  readonly items: ReadonlyMap<Uid, ItemRecord>;
  /** What lies at the folder's place. */
  readonly entries: ReadonlyMap<TargetItemId, TargetEntry>;
  /** True for a message that the batch's options let take part. */
  readonly wants: (message: ExpectedMessage) => boolean;
  /** Flags in the form the target can hold. */
  readonly representable: (flags: readonly string[]) => readonly string[];
}

export interface ComparedMessages {
  readonly differences: readonly Difference[];
  /** Messages whose copy is not at the folder's place. */
  readonly absent: readonly ItemRecord[];
  readonly compared: number;
  /** Messages that came, or changed, since the last sync. */
  readonly waiting: number;
}

/** Compares the messages of one folder with their records and their copies. Pure. */
export function compareFolder(folder: ComparedFolder): ComparedMessages {
  const differences: Difference[] = [];
  const absent: ItemRecord[] = [];
  let compared = 0;
  let waiting = 0;
  for (const uid of uidsOf(folder.existing)) {
    const message = folder.messages.get(uid);
    const item = folder.items.get(uid);
    if (hasUid(folder.skipped, uid)) continue;
    if (message === undefined) {
      if (item !== undefined || hasUid(folder.settled, uid)) differences.push(notReadable(folder, uid, item));
      else waiting++;
      continue;
    }
    if (item === undefined) {
      if (hasUid(folder.settled, uid)) differences.push(unrecorded(folder, message));
      else if (folder.wants(message)) waiting++;
      continue;
    }
    if (item.targetId === undefined) {
      differences.push(deletedByUser(folder.path, item, message.receivedAt));
      continue;
    }
    const isElsewhere = item.targetFolderId !== undefined && item.targetFolderId !== folder.place;
    const entry = isElsewhere ? undefined : folder.entries.get(item.targetId);
    if (entry === undefined) {
      absent.push(item);
      continue;
    }
    compared++;
    if (!isSameSecond(entry.receivedAt, message.receivedAt))
      differences.push(dateDiffers(folder, message, entry));
    if (hasUid(folder.unkept, uid)) continue;
    if (!sameFlags(copiedFlags(message.flags), item.flags)) waiting++;
    else if (!sameFlags(withoutReceipt(entry.flags), withoutReceipt(folder.representable(item.flags))))
      differences.push(flagsDiffer(folder, message, entry));
  }
  return { differences, absent, compared, waiting };
}

/** Instants of one second: some targets keep no fractions. Pure. */
export function isSameSecond(a: number, b: number): boolean {
  return Math.floor(a / 1000) === Math.floor(b / 1000);
}

/** What a place holds beside the recorded copies. Pure. @param recorded the copies of all folders with this place. */
export function straysOf(
  place: Pick<StrayCopy, "place" | "path" | "deleted">,
  entries: Iterable<TargetEntry>,
  recorded: ReadonlyMap<TargetItemId, { readonly folder: string; readonly uid: Uid }>,
): readonly StrayCopy[] {
  const twins = new Map<string, { readonly folder: string; readonly uid: Uid }>();
  const others: TargetEntry[] = [];
  for (const entry of entries) {
    const item = recorded.get(entry.id);
    if (item === undefined) others.push(entry);
    else for (const look of looksOf(entry)) twins.set(look, item);
  }
  return others.map((entry) => {
    const { id, receivedAt, stamp, look } = entry;
    const twin = looksOf(entry).map((text) => twins.get(text));
    return {
      ...place,
      targetId: id,
      receivedAt,
      stamp,
      key: lookKey(look),
      twin: twin.find((item) => item !== undefined),
    };
  });
}

/** A second copy looks like the first: it bears the same stamp, or is the same message of the same moment. */
function looksOf({ stamp, look, receivedAt }: TargetEntry): readonly string[] {
  const key = lookKey(look);
  return [
    ...(stamp === undefined ? [] : [stamp]),
    ...(key === undefined ? [] : [`${key} ${Math.floor(receivedAt / 1000)}`]),
  ];
}

/** What is known about stamps that no record of their folder explains. */
export interface KnownStamps {
  /** Of recorded copies, anywhere in the mailbox. */
  readonly recorded: ReadonlySet<Stamp>;
  /** Of messages that were copied once and left the source, or may have. */
  readonly left: ReadonlySet<Stamp>;
}

/** What became of what was not in its place. */
export interface Located {
  readonly differences: readonly Difference[];
  readonly missing: readonly AbsentCopy[];
  /** Copies found after all where they belong. */
  readonly found: number;
  readonly deletedAtSource: number;
}

/**
 * Finds the absent copies among the strays, and says what the other strays are. Pure.
 * @param stampOf the stamp of a recorded message.
 * @param gone places of folders that are no longer at the source.
 * @param keepsIds as of the target.
 */
export function locate(
  absent: readonly AbsentCopy[],
  strays: readonly StrayCopy[],
  stampOf: (copy: AbsentCopy) => Stamp,
  stamps: KnownStamps,
  gone: ReadonlySet<string>,
  keepsIds: boolean,
): Located {
  const differences: Difference[] = [];
  const missing: AbsentCopy[] = [];
  const left = new Set(strays);
  const by = <Key>(keyOfStray: (stray: StrayCopy) => Key | undefined) => {
    const index = new Map<Key, StrayCopy[]>();
    for (const stray of strays) {
      const key = keyOfStray(stray);
      if (key !== undefined) index.set(key, [...(index.get(key) ?? []), stray]);
    }
    return (key: Key | undefined, fits: (stray: StrayCopy) => boolean = () => true) =>
      key === undefined ? undefined : index.get(key)?.find((stray) => left.has(stray) && fits(stray));
  };
  const byId = by(({ targetId }) => targetId);
  const byStamp = by(({ stamp }) => stamp);
  const byKey = by(({ key }) => key);
  let found = 0;
  for (const copy of absent) {
    const stray =
      byId(copy.targetId, ({ place }) => keepsIds || place === copy.place) ??
      byStamp(stampOf(copy)) ??
      byKey(copy.key, (other) => isSameSecond(other.receivedAt, copy.receivedAt));
    if (stray === undefined) {
      missing.push(copy);
      continue;
    }
    left.delete(stray);
    if (stray.deleted) differences.push(deletedByUser(copy.folder, copy, copy.receivedAt));
    else if (stray.place === copy.place) found++;
    else differences.push(moved(copy, stray.path));
  }
  let deletedAtSource = 0;
  for (const stray of left) {
    if (stray.deleted) continue;
    if (stray.stamp !== undefined && stamps.left.has(stray.stamp)) deletedAtSource++;
    else if (stray.twin || (stray.stamp !== undefined && stamps.recorded.has(stray.stamp)))
      differences.push(duplicate(stray));
    else if (stray.stamp !== undefined && gone.has(stray.place)) deletedAtSource++;
    else if (stray.stamp !== undefined) differences.push(unexpected(stray));
  }
  return { differences, missing, found, deletedAtSource };
}

/** How often each kind is among differences. Pure. */
export function countsOf(
  differences: readonly Difference[],
  before: DifferenceCounts = {},
): DifferenceCounts {
  const counts: Partial<Record<Difference["kind"], number>> = { ...before };
  for (const { kind } of differences) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** A copy that is nowhere. Pure. */
export function missingCopy({ folder, uid, receivedAt, size }: AbsentCopy): Difference {
  return {
    kind: "Missing",
    folder,
    uid,
    receivedAt,
    size,
    source: "there",
    target: "nowhere",
    message: "The message was copied, and its copy is nowhere in the target, the deleted items included.",
  };
}

/** A copy that its user put elsewhere. Pure. @param path of the folder it lies in; undefined if that is not known. */
export function moved({ folder, uid, receivedAt, size }: AbsentCopy, path: string | undefined): Difference {
  return {
    kind: "MovedInTarget",
    folder,
    uid,
    receivedAt,
    size,
    source: "there",
    target: path ?? "elsewhere",
    message: "The copy lies in another folder: its user moved it.",
  };
}

/** A copy whose content differs. Pure. */
export function contentDiffers(folder: string, item: ItemRecord, what: readonly string[]): Difference {
  const { uid, internalDate, size } = item;
  return {
    kind: "ContentDiffers",
    folder,
    uid,
    receivedAt: internalDate,
    size,
    source: "there",
    target: "differs",
    message: what.join(" "),
  };
}

/** A folder as counts alone compare it: how many copies are recorded, and how many messages its place holds. */
export interface CountedFolder {
  readonly path: string;
  readonly recorded: number;
  /** Undefined if there is no such folder in the target. */
  readonly held: number | undefined;
  readonly deletedByUser: boolean;
}

/** Folders that are not there, or hold less than was copied into them. Pure. */
export function compareCounts(folders: readonly CountedFolder[]): readonly Difference[] {
  return folders.flatMap(({ path, recorded, held, deletedByUser: deleted }): readonly Difference[] => {
    const counts = { folder: path, source: `${recorded} copied`, target: `${held ?? 0} there` };
    if (deleted)
      return [{ kind: "DeletedInTarget", ...counts, message: "The user deleted the folder in the target." }];
    if (held === undefined)
      return recorded === 0
        ? []
        : [{ kind: "FolderMissing", ...counts, message: "The folder is not in the target." }];
    return held < recorded
      ? [
          {
            kind: "FolderShort",
            ...counts,
            message: "The folder holds fewer messages than were copied into it. Level items says which.",
          },
        ]
      : [];
  });
}

function notReadable({ path }: ComparedFolder, uid: Uid, item: ItemRecord | undefined): Difference {
  return {
    kind: "NotReadable",
    folder: path,
    uid,
    receivedAt: item?.internalDate,
    size: item?.size,
    source: "not readable",
    target: item?.targetId === undefined ? "unknown" : "copied",
    message: "The source lists the message and does not give it, so that it cannot be compared.",
  };
}

function unrecorded({ path }: ComparedFolder, { uid, receivedAt, size }: ExpectedMessage): Difference {
  return {
    kind: "Missing",
    folder: path,
    uid,
    receivedAt,
    size,
    source: "there",
    target: "never copied",
    message: "The message counts as done, and neither a copy of it nor a reason to leave it out is recorded.",
  };
}

function deletedByUser(
  folder: string,
  { uid, size }: Pick<ItemRecord, "uid" | "size">,
  receivedAt: number,
): Difference {
  return {
    kind: "DeletedInTarget",
    folder,
    uid,
    receivedAt,
    size,
    source: "there",
    target: "deleted",
    message: "The user deleted the copy.",
  };
}

function dateDiffers(
  { path }: ComparedFolder,
  { uid, receivedAt, size }: ExpectedMessage,
  entry: TargetEntry,
): Difference {
  return {
    kind: "DateDiffers",
    folder: path,
    uid,
    receivedAt,
    size,
    source: iso(receivedAt),
    target: iso(entry.receivedAt),
    message: "The copy bears another date of receipt.",
  };
}

function flagsDiffer(
  { path }: ComparedFolder,
  { uid, receivedAt, size, flags }: ExpectedMessage,
  entry: TargetEntry,
): Difference {
  return {
    kind: "FlagsDiffer",
    folder: path,
    uid,
    receivedAt,
    size,
    source: copiedFlags(flags).join(" "),
    target: entry.flags.join(" "),
    message: "The flags of the copy were changed in the target.",
  };
}

function duplicate({ path, twin, receivedAt }: StrayCopy): Difference {
  return {
    kind: "Duplicate",
    folder: twin?.folder ?? path,
    uid: twin?.uid,
    receivedAt,
    source: "once",
    target: `again in ${path}`,
    message: "The target holds another copy of the message, of which no record tells.",
  };
}

function unexpected({ path, receivedAt }: StrayCopy): Difference {
  return {
    kind: "Unexpected",
    folder: path,
    receivedAt,
    source: "unknown",
    target: "there",
    message:
      "A message bears the mark of this product, and no record tells of it. A copy from another source account of the same mailbox looks like that as well.",
  };
}
