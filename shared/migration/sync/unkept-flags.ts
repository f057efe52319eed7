import type { Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";

type UnkeptFlags = NonNullable<FolderRecord["unkeptFlags"]>;

/**
 * A folder's record of flags that the target did not take on, after some of its messages were looked at. Pure.
 * @param looked UIDs whose flags were compared.
 * @param unkept flags that the target did not take on now, by UID.
 */
export function noteUnkept<Folder extends Pick<FolderRecord, "unkeptFlags">>(
  folder: Folder,
  looked: UidSet,
  unkept: ReadonlyMap<Uid, readonly string[]>,
): Folder {
  const flags = new Set([...Object.keys(folder.unkeptFlags ?? {}), ...[...unkept.values()].flat()]);
  return changed(folder, flags, (flag) => {
    const now = [...unkept].filter(([, names]) => names.includes(flag)).map(([uid]) => uid);
    return unionOf(differenceOf(folder.unkeptFlags?.[flag] ?? emptyUidSet, looked), uidSetOf(now));
  });
}

/** The folder without what it notes about messages that are no longer there. Pure. */
export function forgetUnkept<Folder extends Pick<FolderRecord, "unkeptFlags">>(
  folder: Folder,
  existing: UidSet,
): Folder {
  const { unkeptFlags = {} } = folder;
  return changed(folder, Object.keys(unkeptFlags), (flag) =>
    intersectionOf(unkeptFlags[flag] ?? emptyUidSet, existing),
  );
}

/** The same folder where nothing changes. */
function changed<Folder extends Pick<FolderRecord, "unkeptFlags">>(
  folder: Folder,
  flags: Iterable<string>,
  setOf: (flag: string) => UidSet,
): Folder {
  const entries = [...flags].map((flag) => [flag, setOf(flag)] as const).filter(([, set]) => sizeOf(set) > 0);
  const unkeptFlags: UnkeptFlags = Object.fromEntries(entries);
  if (JSON.stringify(unkeptFlags) === JSON.stringify(folder.unkeptFlags ?? {})) return folder;
  const { unkeptFlags: _, ...rest } = folder;
  return { ...(rest as Folder), ...(entries.length === 0 ? {} : { unkeptFlags }) };
}

/**
 * Source flags as they are in the target now: of those it did not take on, the state that was last written. Pure.
 * @param before source flags when they were last written.
 * @param after source flags now.
 */
export function writtenFlags(
  before: readonly string[],
  after: readonly string[],
  unkept: readonly string[],
): readonly string[] {
  const names = new Set(unkept.map((flag) => flag.toLowerCase()));
  const isUnkept = (flag: string) => names.has(flag.toLowerCase());
  return [...after.filter((flag) => !isUnkept(flag)), ...before.filter(isUnkept)].sort();
}
