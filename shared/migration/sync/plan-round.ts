import type { SpecialUse } from "../../domain/folders.ts";
import type { FolderId, TargetFolderId } from "../../domain/names.ts";
import { emptyUidSet, everyUid, hasUid, sizeOf, uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { FolderStatus, SourceFolder } from "../ports/source.ts";
import type { FolderNaming, TargetFolder } from "../ports/target.ts";
import { hour } from "../runtime.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { headerDigest } from "./digest.ts";
import { type MappedFolder, mapFolders, takesPart } from "./folder-mapping.ts";
import { followMoves } from "./follow-moves.ts";
import { followRemovals } from "./follow-removals.ts";
import { newFolderId } from "./rematch-folder.ts";
import type { SyncRun } from "./run.ts";
import { dateFilter, withoutTarget } from "./visit-folder.ts";

/** Folder rows of one commit; a row with a long checkpoint may have 64 KiB. */
const maxFolders = 40;
/**
 * Without mod-sequences a flag such as \Flagged changes and STATUS does not: about every seventh daily round compares
 * all flags of a folder, in milliseconds.
 */
const flagScanMs = 6.5 * 24 * hour;
/** Messages compared before two folders count as one that was renamed. */
const renameSamples = 5;

/**
 * Decides what a round has to do: reads all source folders with their status, finds new, changed, renamed and removed
 * ones, lets moved messages follow, and creates missing target folders. A mailbox without changes costs one listing
 * and no request to the target. Repeatable.
 */
export async function planRound(run: SyncRun): Promise<readonly FolderRecord[]> {
  const listed = await run.source.listFolders((folder) => takesPart(folder, run.options));
  const records = await run.ledger.listFolders(run.ledgerId);
  const mapped = mapFolders(
    listed.filter((folder) => folder.selectable),
    run.options,
    run.target.naming,
  );
  const matches = await matchFolders(run, mapped, listed, records);
  const paths = new Set(listed.map((folder) => folder.path));
  // Gmail's All Mail cannot be removed: where it is missing its user has hidden it from IMAP.
  const isListed = (record: FolderRecord) =>
    paths.has(record.path) || (record.partition !== undefined && record.specialUse === "archive");
  const left = leavingFolders(records, matches, isListed);
  const special = [...mapped.filter(isSpecial), ...leftOutParents(listed, mapped, run.target.naming)];
  const { current, leaving } = await planFolders(run, special, matches, left);
  const changed = current.filter((record, index) => record !== matches[index]?.stored);
  for (const record of changed) run.progressed(record);
  await commitFolders(run, changed);

  const statuses = new Map<FolderId, FolderStatus>();
  for (const [index, record] of current.entries()) {
    const status = matches[index]?.folder.source.status;
    if (status) statuses.set(record.folderId, status);
  }
  const pending = current.filter(isMapped).filter((record) => record.pending);
  const gone = leaving.filter(isMapped);
  if (records.length > 0 && pending.length + gone.length > 0) {
    const followed = await followMoves(run, pending, gone, statuses);
    for (const record of followed.values()) run.progressed(record);
    for (const record of gone) {
      const current = followed.get(record.folderId) ?? record;
      await (isListed(record) ? markGone(run, current) : forgetFolder(run, current));
    }
  }
  for (const record of leaving.filter((one) => !isMapped(one))) await markGone(run, record);

  run.log("folder.planned", {
    mailbox: run.mailboxId,
    folders: matches.length,
    changed: pending.length,
    gone: leaving.length,
  });
  return run.ledger.listFolders(run.ledgerId);
}

/**
 * Folders that were at the source in the last round and are not any more. Where folders share out messages, those of a
 * folder that the options now leave out may belong to another one, so it leaves as well.
 */
function leavingFolders(
  records: readonly FolderRecord[],
  matches: readonly Match[],
  isListed: (record: FolderRecord) => boolean,
): readonly FolderRecord[] {
  const matched = new Set(matches.map(({ stored }) => stored?.folderId));
  return records.filter(
    (record) =>
      !matched.has(record.folderId) &&
      (!isListed(record) || record.partition !== undefined) &&
      (record.state === "active" ||
        (record.state === "targetGone" && (isRemembered(record) || record.totalItemCount > 0))),
  );
}

/** False once everything about a folder has been forgotten. */
function isRemembered(record: FolderRecord): boolean {
  return record.uidNext > 0 || sizeOf(record.settled) > 0;
}

/**
 * The record of each folder for this round, with its place in the target. What the user deleted there is looked for
 * before anything is created, since an IMAP server would not tell a folder from a new one of its name.
 * @returns the folders in the order of the matches, the stored record itself where nothing changed, and those that
 * left the source.
 */
async function planFolders(
  run: SyncRun,
  special: readonly SpecialFolder[],
  matches: readonly Match[],
  leaving: readonly FolderRecord[],
): Promise<{ readonly current: readonly FolderRecord[]; readonly leaving: readonly FolderRecord[] }> {
  const refreshed = matches.map((match) => refresh(run, match));
  const createdPaths = new Set(
    matches.filter(({ stored }) => stored === undefined).map(({ folder }) => folder.segments.join("/")),
  );
  const visited = refreshed.filter(
    (record, index) =>
      record.pending ||
      record !== matches[index]?.stored ||
      (record.targetPath !== undefined && createdPaths.has(record.targetPath)),
  );
  const deleted = await deletedPlaces(run, [...visited, ...leaving]);
  const placed = (record: FolderRecord): FolderRecord =>
    record.targetFolderId !== undefined && record.state !== "targetGone" && deleted.has(record.targetFolderId)
      ? withoutTarget(record)
      : record;
  const current: FolderRecord[] = [];
  for (const [index, record] of refreshed.entries()) {
    run.checkpoint();
    const { folder } = matches[index] as Match;
    if (record.targetFolderId !== undefined) {
      current.push(placed(record));
      continue;
    }
    const target = await ensureTarget(run, special, folder);
    current.push({ ...record, targetFolderId: target.id, targetPath: target.path });
  }
  return { current, leaving: leaving.map(placed) };
}

/** Which of the folders' places in the target the user deleted. */
async function deletedPlaces(
  run: SyncRun,
  records: readonly FolderRecord[],
): Promise<ReadonlySet<TargetFolderId>> {
  const places = new Set<TargetFolderId>();
  for (const { targetFolderId, state } of records)
    if (targetFolderId !== undefined && state !== "targetGone") places.add(targetFolderId);
  const deleted = new Set<TargetFolderId>();
  for (const place of places) if (!(await run.target.folderExists(place))) deleted.add(place);
  return deleted;
}

/** True if a folder may hold something the ledger does not know. Pure. */
export function isChanged(record: FolderRecord, status: FolderStatus | undefined): boolean {
  if (status === undefined || record.openChunk || record.inDoubt.length > 0 || record.rematchFrom)
    return true;
  return (
    record.uidValidity !== status.uidValidity ||
    record.uidNext !== status.uidNext ||
    (status.messages !== undefined && record.messages !== status.messages) ||
    record.partition !== status.partition ||
    record.highestModseq !== status.highestModseq ||
    (status.unseen !== undefined && record.unseen !== undefined && record.unseen !== status.unseen)
  );
}

/** True if flags have to be compared although nothing else shows a change. Pure. */
export function isFlagScanDue(
  record: Pick<FolderRecord, "flagsScannedAt">,
  status: FolderStatus | undefined,
  { clock, final }: Pick<SyncRun, "clock" | "final">,
): boolean {
  if (status === undefined || status.highestModseq !== undefined || status.messages === 0) return false;
  return final || clock() - (record.flagsScannedAt ?? 0) >= flagScanMs;
}

interface Match {
  readonly folder: MappedFolder;
  /** Undefined for a folder that is new. */
  readonly stored?: FolderRecord | undefined;
}

/** Finds the record of each folder: by path, or, for a folder that was renamed, by what is in it. */
async function matchFolders(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  listed: readonly SourceFolder[],
  records: readonly FolderRecord[],
): Promise<readonly Match[]> {
  const byPath = new Map(records.map((record) => [record.path, record]));
  const paths = new Set(listed.map((folder) => folder.path));
  const orphans = records.filter((record) => !paths.has(record.path) && record.state !== "gone");
  const matches: Match[] = [];
  for (const folder of mapped) {
    const stored = byPath.get(folder.source.path);
    if (stored) {
      matches.push({ folder, stored });
      continue;
    }
    const index = await findIndex(orphans, (orphan) => isRenamed(run, orphan, folder.source));
    matches.push({ folder, stored: index < 0 ? undefined : orphans.splice(index, 1)[0] });
  }
  return matches;
}

/** A vanished and a new folder are one if MAILBOXID says so, or if UIDs overlap and the messages behind them are equal. */
async function isRenamed(run: SyncRun, orphan: FolderRecord, folder: SourceFolder): Promise<boolean> {
  if (orphan.mailboxId !== undefined && folder.mailboxId !== undefined)
    return orphan.mailboxId === folder.mailboxId;
  if (folder.status?.uidValidity !== orphan.uidValidity || folder.status.uidNext < orphan.uidNext)
    return false;
  const opened = await run.source.openFolder(folder.path);
  const existing = await opened.searchUids();
  const samples = new Map<number, string>();
  for await (const item of run.ledger.listItems(run.ledgerId, orphan.folderId, orphan.uidValidity)) {
    if (hasUid(existing, item.uid)) samples.set(item.uid, item.digest);
    if (samples.size === renameSamples) break;
  }
  if (samples.size === 0) return false;
  let equal = 0;
  for await (const message of opened.fetchHeaders(uidSetOf(samples.keys()))) {
    if (samples.get(message.uid) !== headerDigest(message.header)) return false;
    equal++;
  }
  return equal > 0;
}

/** The record as this round sees the folder, and whether the round has to visit it; the same object if nothing changed. */
function refresh(run: SyncRun, { folder, stored }: Match): FolderRecord {
  if (stored === undefined) return newRecord(folder);
  const { source } = folder;
  const pending =
    stored.pending ||
    stored.state === "gone" ||
    isChanged(stored, source.status) ||
    (stored.filter ?? "") !== dateFilter(run.options) ||
    isFlagScanDue(stored, source.status, run);
  const total = source.status?.messages ?? stored.totalItemCount;
  const moved = stored.path !== source.path || stored.state === "gone";
  if (!moved && pending === stored.pending && total === stored.totalItemCount) return stored;
  return {
    ...stored,
    path: source.path,
    segments: source.segments,
    state: stored.state === "gone" ? "active" : stored.state,
    pending,
    totalItemCount: total,
    ...(pending ? unseenOf(source) : {}),
  };
}

/** EXAMINE does not tell it (RFC 9051, 6.3.2), so what this round's STATUS said is kept for the next round. */
function unseenOf({ status }: SourceFolder): Pick<FolderRecord, "unseen"> {
  return status?.unseen === undefined ? {} : { unseen: status.unseen };
}

/** A folder at the source that stands for the target's own folder of its use. */
type SpecialFolder = Pick<MappedFolder, "segments"> & { readonly specialUse: SpecialUse };

function isSpecial(folder: MappedFolder): folder is MappedFolder & SpecialFolder {
  return folder.specialUse !== undefined;
}

/** Folders with a special use that take no part; what is below them may. Pure. */
function leftOutParents(
  listed: readonly SourceFolder[],
  mapped: readonly MappedFolder[],
  naming: FolderNaming,
): readonly SpecialFolder[] {
  const taking = new Set(mapped.map(({ source }) => source.path));
  return listed.flatMap(({ path, segments, specialUse }) =>
    specialUse === undefined || taking.has(path)
      ? []
      : [{ segments: segments.map((segment) => naming.sanitize(segment)), specialUse }],
  );
}

/** A folder below one with a special use belongs below the target's own folder of that use, whatever its name there. */
async function ensureTarget(
  run: SyncRun,
  special: readonly SpecialFolder[],
  folder: MappedFolder,
): Promise<TargetFolder> {
  for (const above of special)
    if (isBelow(folder.segments, above.segments))
      await run.target.ensureFolder(above.segments, above.specialUse);
  return run.target.ensureFolder(folder.segments, folder.specialUse);
}

function isBelow(segments: readonly string[], above: readonly string[]): boolean {
  return segments.length > above.length && above.every((segment, i) => segments[i] === segment);
}

function newRecord({ source, specialUse }: MappedFolder): FolderRecord {
  return {
    folderId: newFolderId(),
    path: source.path,
    segments: source.segments,
    ...(specialUse ? { specialUse } : {}),
    ...(source.mailboxId ? { mailboxId: source.mailboxId } : {}),
    state: "active",
    uidValidity: source.status?.uidValidity ?? ("0" as FolderRecord["uidValidity"]),
    uidNext: 0,
    messages: 0,
    ...unseenOf(source),
    ...(source.status?.partition === undefined ? {} : { partition: source.status.partition }),
    settled: emptyUidSet,
    pending: true,
    inDoubt: [],
    totalItemCount: source.status?.messages ?? source.estimatedMessages ?? 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    bytesTransferred: 0,
    estimatedBytes: 0,
  };
}

/**
 * Copies of a folder that was removed at the source follow the rule for deletions; otherwise its records wait for the
 * folder to come back. Where the user deleted the folder in the target nothing waits. Repeatable.
 */
async function forgetFolder(run: SyncRun, record: MappedRecord): Promise<void> {
  if (!run.options.propagateDeletes && record.state === "active") return markGone(run, record);
  const { record: emptied } = await followRemovals(run, record, emptyUidSet, everyUid);
  const { syncedItemCount, skippedItemCount, leftOutItemCount } = emptied;
  const forgotten = {
    ...record,
    settled: emptyUidSet,
    uidNext: 0,
    messages: 0,
    syncedItemCount,
    skippedItemCount,
    leftOutItemCount,
  };
  await markGone(run, forgotten);
}

async function markGone(run: SyncRun, record: FolderRecord): Promise<void> {
  const state = record.state === "targetGone" ? "targetGone" : "gone";
  // What an interrupted chunk wrote into it is still to be looked for.
  const pending = record.openChunk !== undefined || record.inDoubt.length > 0;
  const marked: FolderRecord = { ...record, state, pending, totalItemCount: 0 };
  await run.lease.commit({ folders: [marked] });
  run.progressed(marked);
}

async function commitFolders(run: SyncRun, folders: readonly FolderRecord[]): Promise<void> {
  for (let start = 0; start < folders.length; start += maxFolders)
    await run.lease.commit({ folders: folders.slice(start, start + maxFolders) });
}

/** True if the folder was given a place in the target. */
export function isMapped(record: FolderRecord): record is MappedRecord {
  return record.targetFolderId !== undefined;
}

async function findIndex<T>(list: readonly T[], matches: (element: T) => Promise<boolean>): Promise<number> {
  for (const [index, element] of list.entries()) if (await matches(element)) return index;
  return -1;
}
