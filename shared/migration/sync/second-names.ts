import { differenceOf, firstOf, intersectionOf, sizeOf, type UidSet, unionOf } from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { FolderStatus } from "../ports/source.ts";
import { envelopeDigest, headerDigest } from "./digest.ts";
import type { MappedFolder } from "./folder-mapping.ts";
import { isInDoubt } from "./folder-record.ts";
import type { SyncRun } from "./run.ts";

/*
 * Some servers list one mailbox under two names (aliases, links between directories, INBOX in its namespace): it would be
 * copied twice. Servers are known, too, that give all folders one UIDVALIDITY, and users copy folders; so that UIDVALIDITY,
 * UIDNEXT and the number of messages agree is a hint, and the messages have the last word.
 */

/** Messages at each end of a folder that are looked at. */
const looked = 3;

/** A folder that may be another one under a second name, and those it may be, the likeliest first. */
export interface Suspect {
  readonly folder: MappedFolder;
  readonly others: readonly MappedFolder[];
}

/**
 * Folders of which nothing was copied yet, and of which the server tells the same as of another one. Pure.
 * @param mapped in the order of copying.
 */
export function suspects(
  mapped: readonly MappedFolder[],
  records: ReadonlyMap<string, FolderRecord>,
): readonly Suspect[] {
  const alike = new Map<string, MappedFolder[]>();
  for (const folder of mapped) {
    const { status } = folder.source;
    const key = keyOf(status);
    if (status === undefined || key === undefined) continue;
    alike.set(key, [...(alike.get(key) ?? []), folder]);
  }
  return [...alike.values()].flatMap((folders) => {
    const status = folders[0]?.source.status;
    if (status === undefined || folders.length < 2) return [];
    // A copy of a folder counts its messages from 1, and one made in the same second has the same UIDVALIDITY; those that
    // were removed from a mailbox leave gaps under all its names.
    const isGapless = status.uidNext - 1 === status.messages;
    const first = [...folders].sort((a, b) => precedence(records, a) - precedence(records, b));
    return first.flatMap((folder, index) => {
      const isAlike = isGapless ? hasSameId : mayHaveSameId;
      const others = first.slice(0, index).filter((other) => isAlike(folder, other));
      return others.length === 0 || !isBlank(records.get(folder.source.path)) ? [] : [{ folder, others }];
    });
  });
}

/** What all names of one mailbox share; undefined where nothing can be told by it. */
function keyOf(status: FolderStatus | undefined): string | undefined {
  if (status === undefined || status.partition !== undefined || !status.messages) return undefined;
  return `${status.uidValidity} ${status.uidNext} ${status.messages}`;
}

/** Of the names of one mailbox the one it was copied under comes first, then those that are not known for second names. */
function precedence(records: ReadonlyMap<string, FolderRecord>, { source }: MappedFolder): number {
  const record = records.get(source.path);
  if (record !== undefined && !isBlank(record)) return 0;
  return record?.sameAs === undefined ? 1 : 2;
}

/** True for a folder from which nothing was taken yet. */
function isBlank(record: FolderRecord | undefined): boolean {
  return (
    record === undefined ||
    (record.state !== "targetGone" &&
      !isInDoubt(record) &&
      record.setAside.length === 0 &&
      sizeOf(record.checkpoint.settled) === 0 &&
      record.counts.synced + record.counts.skipped === 0)
  );
}

/** By MAILBOXID (RFC 8474), where the server tells one. */
function hasSameId(a: MappedFolder, b: MappedFolder): boolean {
  return a.source.mailboxId !== undefined && a.source.mailboxId === b.source.mailboxId;
}

function mayHaveSameId(a: MappedFolder, b: MappedFolder): boolean {
  return a.source.mailboxId === undefined || b.source.mailboxId === undefined || hasSameId(a, b);
}

/**
 * Finds folders that are others under second names.
 * @returns by the path of each the path it is copied under; undefined if the step's time was over first.
 */
export async function findSecondNames(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  stored: readonly FolderRecord[],
): Promise<ReadonlyMap<string, string> | undefined> {
  const records = new Map(stored.map((record) => [record.source.path, record]));
  run.unfinished.sameFolders ??= new Map();
  const verdicts = run.unfinished.sameFolders;
  const found = new Map<string, string>();
  const take = ({ folder }: Suspect, other: MappedFolder) => found.set(folder.source.path, other.source.path);
  for (const suspect of suspects(mapped, records)) {
    const { folder, others } = suspect;
    const known = records.get(folder.source.path)?.sameAs;
    const firsts = others.filter(({ source }) => !found.has(source.path));
    const before = firsts.find(({ source }) => source.path === known);
    if (before !== undefined) {
      take(suspect, before);
      continue;
    }
    for (const other of firsts) {
      const key = `${folder.source.path}\0${other.source.path}`;
      if (!verdicts.has(key)) {
        if (verdicts.size > 0 && run.timeIsUp()) return undefined;
        run.checkpoint();
        verdicts.set(key, await holdTheSame(run, folder, other));
      }
      if (!verdicts.get(key)) continue;
      take(suspect, other);
      break;
    }
  }
  await stillTheSame(run, mapped, records, found);
  return found;
}

/** Of second names that were found before, those stay whose status differs now: mail may have come in between. */
async function stillTheSame(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  records: ReadonlyMap<string, FolderRecord>,
  found: Map<string, string>,
): Promise<void> {
  const byPath = new Map(mapped.map((folder) => [folder.source.path, folder]));
  for (const folder of mapped) {
    const { path } = folder.source;
    const other = byPath.get(records.get(path)?.sameAs ?? "");
    if (other === undefined || found.has(path) || found.has(other.source.path)) continue;
    const isUntold = [folder, other].some(({ source }) => source.status === undefined);
    if (isUntold || (await holdTheSame(run, folder, other))) found.set(path, other.source.path);
  }
}

interface Sample {
  readonly uidNext: number;
  readonly uidValidity: string;
  readonly existing: UidSet;
  readonly looks: readonly string[];
}

async function holdTheSame(run: SyncRun, a: MappedFolder, b: MappedFolder): Promise<boolean> {
  try {
    const one = await look(run, a);
    const other = await look(run, b, one);
    if (one.uidValidity !== other.uidValidity) return false;
    const seenByBoth: UidSet = [[1, Math.max(1, Math.min(one.uidNext, other.uidNext) - 1)]];
    const differing = unionOf(
      differenceOf(one.existing, other.existing),
      differenceOf(other.existing, one.existing),
    );
    if (sizeOf(intersectionOf(differing, seenByBoth)) > 0) return false;
    return one.looks.length > 0 && one.looks.every((each, index) => each === other.looks[index]);
  } catch (error) {
    if (run.source.isAboutFolder(error)) return false;
    throw error;
  }
}

/** The first and the last messages of a folder, or those that another one shows there. */
async function look(run: SyncRun, { source }: MappedFolder, like?: Sample): Promise<Sample> {
  const opened = await run.source.openFolder(source.path);
  const { uidNext, uidValidity } = opened.status;
  const existing = await opened.searchUids();
  const chosen = like?.existing ?? existing;
  const looks: string[] = [];
  const some = unionOf(firstOf(chosen, looked), firstOf(chosen, looked, "descending"));
  for await (const { uid, internalDate, header } of opened.fetchHeaders(some))
    looks.push(`${uid} ${internalDate.getTime()} ${envelopeDigest(header) ?? headerDigest(header)}`);
  return { uidNext, uidValidity, existing, looks: looks.sort() };
}
