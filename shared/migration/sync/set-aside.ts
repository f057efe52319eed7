import { differenceOf, intersectionOf, sizeOf, type UidSet, uidSetOf, uidsOf } from "../../domain/uid-set.ts";
import type { ChunkInDoubt, FolderRecord, SetAside } from "../ports/ledger-store.ts";

/*
 * What of a folder is set aside: messages that source or target cannot give or take yet, and creates in doubt. Each
 * holds up itself and nothing else. All functions are pure; instants are milliseconds since 1970.
 *
 * A copy passes over what is set aside, in the commit that settles the rest of its chunk, and tries again what is due. A
 * visit that leaves something aside ends with the instant of nextLook. A new generation keeps only creates in doubt,
 * as chunks to be looked for.
 */

/** Messages set aside in one folder at most: all of them are in the folder's row, 250 bytes each at the worst. */
export const maxSetAside = 500;

/** What one try of some messages came to. */
export type FailedTry = Pick<SetAside, "uids" | "chunk" | "code" | "lookAgainAt">;

/**
 * Sets messages aside. Those that are aside already have been tried once more; what was known of a create in doubt is
 * kept until the messages are taken back.
 * @param now when the try failed.
 * @returns undefined if too many messages would be aside: then the step ends as for a failure that is about more than
 * single messages.
 */
export function setAside<Folder extends FolderRecord>(
  folder: Folder,
  { uids, ...failure }: FailedTry,
  now: number,
): Folder | undefined {
  const again = folder.setAside.flatMap((entry) => {
    const tried = intersectionOf(entry.uids, uids);
    return sizeOf(tried) === 0
      ? []
      : [{ ...entry, ...failure, chunk: failure.chunk ?? entry.chunk, uids: tried, tries: entry.tries + 1 }];
  });
  const fresh = differenceOf(uids, uidsAside(folder));
  const first = sizeOf(fresh) === 0 ? [] : [{ ...failure, uids: fresh, tries: 1, since: now }];
  const next = { ...folder, setAside: [...without(folder.setAside, uids), ...again, ...first] };
  return sizeOf(uidsAside(next)) > maxSetAside ? undefined : next;
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

/** When the next of what is aside is due; undefined if nothing is aside. */
export function nextLook({ setAside }: Pick<FolderRecord, "setAside">): number | undefined {
  return setAside.length === 0 ? undefined : Math.min(...setAside.map(({ lookAgainAt }) => lookAgainAt));
}

/** Creates in doubt that are set aside, as chunks to be looked for. */
export function createsAside({ setAside }: Pick<FolderRecord, "setAside">): readonly ChunkInDoubt[] {
  return setAside.flatMap(({ chunk, uids, lookAgainAt }) =>
    chunk === undefined ? [] : [{ ...chunk, uids, lookAgainAfter: lookAgainAt }],
  );
}

function without(entries: readonly SetAside[], uids: UidSet): readonly SetAside[] {
  return entries
    .map((entry) => ({ ...entry, uids: differenceOf(entry.uids, uids) }))
    .filter((entry) => sizeOf(entry.uids) > 0);
}
