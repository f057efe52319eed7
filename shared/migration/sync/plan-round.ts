import type { FolderId } from "../../domain/names.ts";
import { emptyUidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { FolderStatus, SourceFolder } from "../ports/source.ts";
import type { TargetFolder } from "../ports/target.ts";
import { hour } from "../runtime.ts";
import type { MappedRecord } from "./copy-folder.ts";
import { headerDigest } from "./digest.ts";
import { type MappedFolder, mapFolders } from "./folder-mapping.ts";
import { followMoves } from "./follow-moves.ts";
import { deleteCopies, keyOf, requireConfirmation, vanishedItems } from "./follow-removals.ts";
import type { SyncRun } from "./run.ts";
import { newFolderId } from "./visit-folder.ts";

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
  const listed = await run.source.listFolders();
  const records = await run.ledger.listFolders(run.ledgerId);
  const mapped = mapFolders(
    listed.filter((folder) => folder.selectable),
    run.options,
    run.target.naming,
  );
  const matches = await matchFolders(run, mapped, listed, records);

  const changed: FolderRecord[] = [];
  const targetIds = new Map<FolderId, MappedRecord>();
  for (const { folder, record } of matches) {
    run.checkpoint();
    const next = await withTarget(run, mapped, folder, record ?? newRecord(folder));
    if (record === undefined || next !== record) changed.push(next);
    if (isMapped(next)) targetIds.set(next.folderId, next);
  }
  const matched = new Set(matches.map(({ record }) => record?.folderId));
  const paths = new Set(listed.map((folder) => folder.path));
  const gone = records
    .filter((record) => !matched.has(record.folderId) && !paths.has(record.path) && record.state === "active")
    .map((record): FolderRecord => ({ ...record, state: "gone", pending: false, totalItemCount: 0 }));
  for (const record of [...changed, ...gone]) run.progressed(record);
  await commitFolders(run, [...changed, ...gone]);

  const statuses = new Map<FolderId, FolderStatus>();
  for (const { folder, record } of matches)
    if (record && folder.source.status) statuses.set(record.folderId, folder.source.status);
  const pending = [...targetIds.values()].filter((record) => record.pending);
  const goneMapped = gone.filter(isMapped);
  if (records.length > 0 && pending.length + goneMapped.length > 0)
    for (const record of await followMoves(run, pending, goneMapped, statuses)) run.progressed(record);
  for (const record of goneMapped) await forgetFolder(run, record);

  run.log("folder.planned", {
    mailbox: run.mailboxId,
    folders: matches.length,
    changed: pending.length,
    gone: gone.length,
  });
  return run.ledger.listFolders(run.ledgerId);
}

/** True if a folder may hold something the ledger does not know. Pure. */
export function isChanged(record: FolderRecord, status: FolderStatus | undefined): boolean {
  if (status === undefined || record.openChunk || record.inDoubt.length > 0 || record.rematchFrom)
    return true;
  return (
    record.uidValidity !== status.uidValidity ||
    record.uidNext !== status.uidNext ||
    record.messages !== status.messages ||
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
  readonly record?: FolderRecord | undefined;
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
  const orphans = records.filter((record) => !paths.has(record.path) && record.state === "active");
  const matches: Match[] = [];
  for (const folder of mapped) {
    const record = byPath.get(folder.source.path);
    if (record) {
      matches.push({ folder, record });
      continue;
    }
    const index = await findIndex(orphans, (orphan) => isRenamed(run, orphan, folder.source));
    const orphan = index < 0 ? undefined : orphans.splice(index, 1)[0];
    matches.push({ folder, ...(orphan ? { record: renamedRecord(orphan, folder) } : {}) });
  }
  return matches;
}

function renamedRecord(record: FolderRecord, { source }: MappedFolder): FolderRecord {
  return { ...record, path: source.path, segments: source.segments };
}

/** A vanished and a new folder are one if MAILBOXID says so, or if UIDs overlap and the messages behind them are equal. */
async function isRenamed(run: SyncRun, orphan: FolderRecord, folder: SourceFolder): Promise<boolean> {
  if (orphan.mailboxId !== undefined && folder.mailboxId !== undefined)
    return orphan.mailboxId === folder.mailboxId;
  if (folder.status?.uidValidity !== orphan.uidValidity || folder.status.uidNext < orphan.uidNext)
    return false;
  const samples = new Map<number, string>();
  for await (const item of run.ledger.listItems(run.ledgerId, orphan.folderId, orphan.uidValidity)) {
    samples.set(item.uid, item.digest);
    if (samples.size === renameSamples) break;
  }
  if (samples.size === 0) return false;
  const opened = await run.source.openFolder(folder.path);
  let equal = 0;
  for await (const message of opened.fetchHeaders(uidSetOf(samples.keys()))) {
    if (samples.get(message.uid) !== headerDigest(message.header)) return false;
    equal++;
  }
  return equal > 0;
}

/** The record with its place in the target and whether this round has to visit it; the same object if nothing changed. */
async function withTarget(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  folder: MappedFolder,
  record: FolderRecord,
): Promise<FolderRecord> {
  if (record.state === "targetGone") return record;
  const { source } = folder;
  const pending =
    record.pending ||
    record.state === "gone" ||
    isChanged(record, source.status) ||
    isFlagScanDue(record, source.status, run);
  const total = source.status?.messages ?? record.totalItemCount;
  const moved = record.path !== source.path || record.state === "gone";
  const known = record.targetFolderId !== undefined;
  if (known && !moved && pending === record.pending && total === record.totalItemCount) return record;
  const target = known ? undefined : await ensureTarget(run, mapped, folder);
  return {
    ...record,
    state: "active",
    pending,
    totalItemCount: total,
    // EXAMINE does not tell it (RFC 9051, 6.3.2), so what this round saw is kept for the next one.
    ...(pending && source.status?.unseen !== undefined ? { unseen: source.status.unseen } : {}),
    ...(target ? { targetFolderId: target.id, targetPath: target.path } : {}),
  };
}

/** A folder below one with a special use belongs below the target's own folder of that use, whatever its name there. */
async function ensureTarget(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  folder: MappedFolder,
): Promise<TargetFolder> {
  for (const above of mapped)
    if (above.specialUse && isBelow(folder.segments, above.segments))
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
    settled: emptyUidSet,
    pending: true,
    inDoubt: [],
    totalItemCount: source.status?.messages ?? 0,
    syncedItemCount: 0,
    skippedItemCount: 0,
    bytesTransferred: 0,
    estimatedBytes: 0,
  };
}

/** Copies of a folder that was removed at the source follow the rule for deletions; otherwise its records wait. */
async function forgetFolder(run: SyncRun, record: MappedRecord): Promise<void> {
  if (!run.options.propagateDeletes) return;
  const items = await vanishedItems(run, record, emptyUidSet);
  requireConfirmation(run, record, items);
  for (let start = 0; start < items.length; start += maxFolders) {
    const part = items.slice(start, start + maxFolders);
    await deleteCopies(run, record, part);
    await run.lease.commit({ removedItems: part.map(keyOf) });
  }
  const forgotten: FolderRecord = {
    ...record,
    settled: emptyUidSet,
    uidNext: 0,
    messages: 0,
    syncedItemCount: 0,
  };
  await run.lease.commit({ folders: [forgotten] });
  run.progressed(forgotten);
}

async function commitFolders(run: SyncRun, folders: readonly FolderRecord[]): Promise<void> {
  for (let start = 0; start < folders.length; start += maxFolders)
    await run.lease.commit({ folders: folders.slice(start, start + maxFolders) });
}

/** True if the folder has a place in the target and may be written into. */
export function isMapped(record: FolderRecord): record is MappedRecord {
  return record.targetFolderId !== undefined && record.state !== "targetGone";
}

async function findIndex<T>(list: readonly T[], matches: (element: T) => Promise<boolean>): Promise<number> {
  for (const [index, element] of list.entries()) if (await matches(element)) return index;
  return -1;
}
