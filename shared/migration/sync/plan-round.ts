import { takesPart } from "../../domain/folder-rules.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { FolderId, TargetFolderId } from "../../domain/names.ts";
import { hasUid, uidSetOf } from "../../domain/uid-set.ts";
import type { Checkpoint, FolderRecord } from "../ports/ledger-store.ts";
import { type FolderStatus, ListingUnfinished, type SourceFolder } from "../ports/source.ts";
import type { FolderNaming, FolderState, TargetFolder, WantedFolder } from "../ports/target.ts";
import { hour } from "../runtime.ts";
import { dateFilter } from "./date-filter.ts";
import { headerDigest } from "./digest.ts";
import { isJudgementDue } from "./folder-generation.ts";
import { newFolderId } from "./folder-id.ts";
import { type MappedFolder, mapFolders } from "./folder-mapping.ts";
import {
  isInDoubt,
  isRemembered,
  nameOfItsOwn,
  newFolder,
  placeDeleted,
  placed,
  placeMissing,
  planned,
  planningNoted,
  planningOf,
  secondName,
} from "./folder-record.ts";
import { isLeftAlone, troubleForgotten } from "./folder-trouble.ts";
import type { SyncRun } from "./run.ts";
import { findSecondNames } from "./second-names.ts";

/** Folder rows of one commit; a row with a long checkpoint may have 64 KiB. */
const maxFolders = 40;
/** Folders that are missing in the target and are made at once, where it can. */
const maxPrepared = 100;
/**
 * Without mod-sequences a flag such as \Flagged changes and STATUS does not: about every seventh daily round compares
 * all flags of a folder, in milliseconds.
 */
const flagScanMs = 6.5 * 24 * hour;
/** Messages compared before two folders count as one that was renamed. */
const renameSamples = 5;

/** What a round has to do. */
export interface RoundPlan {
  /** The folders that take part, as committed; those to be visited are pending. */
  readonly current: readonly FolderRecord[];
  /** Folders that left the source, or no longer take part. */
  readonly leaving: readonly FolderRecord[];
  /** All that are neither. */
  readonly others: readonly FolderRecord[];
  /** Those of the leaving ones that are listed all the same. */
  readonly listed: ReadonlySet<FolderId>;
  /** Those of the current ones whose place was answered as if it were not there. */
  readonly missing: ReadonlySet<FolderId>;
  /** Status of the folders as listed. */
  readonly statuses: ReadonlyMap<FolderId, FolderStatus>;
  /** True if the ledger knew no folder before. */
  readonly first: boolean;
}

/**
 * Decides what a round has to do: reads all source folders with their status, finds new, changed, renamed and removed
 * ones, and creates missing target folders. A mailbox without changes costs one listing and no request to the target.
 * Repeatable.
 * @returns undefined if the step's time was over first: what was found out is committed, and the next plan goes on.
 */
export async function planRound(run: SyncRun): Promise<RoundPlan | undefined> {
  const [listed, records] = await Promise.all([listFolders(run), knownFolders(run)]);
  if (listed === undefined) return undefined;
  const takingPart = mapFolders(
    listed.filter((folder) => folder.selectable),
    run.options,
    run.target.naming,
  );
  const secondNames = await findSecondNames(run, takingPart, records);
  if (secondNames === undefined) return undefined;
  const mapped = takingPart.filter(({ source }) => !secondNames.has(source.path));
  const matches = await matchFolders(run, mapped, listed, records);
  if (matches.length < mapped.length) {
    await commitChanged(
      run,
      matches,
      matches.map((match) => refresh(run, match)),
    );
    return undefined;
  }
  const paths = new Set(listed.map((folder) => folder.path));
  // Gmail's All Mail cannot be removed: where it is missing its user has hidden it from IMAP.
  const isListed = ({ source, checkpoint }: FolderRecord) =>
    paths.has(source.path) || (checkpoint.partition !== undefined && source.specialUse === "archive");
  const left = leavingFolders(records, matches, secondNames, isListed);
  const special = [...mapped.filter(isSpecial), ...leftOutParents(listed, mapped, run.target.naming)];
  const plannedFolders = await planFolders(run, special, matches, left);
  if (plannedFolders === undefined) return undefined;
  const { current, leaving, missing } = plannedFolders;
  await commitChanged(run, matches, current);
  const second = await noteSecondNames(run, takingPart, secondNames, records);

  const statuses = new Map<FolderId, FolderStatus>();
  for (const [index, record] of current.entries()) {
    const status = matches[index]?.folder.source.status;
    if (status) statuses.set(record.folderId, status);
  }
  const known = new Set([...current, ...leaving].map(({ folderId }) => folderId));
  return {
    current,
    leaving,
    others: [
      ...second,
      ...records.filter(({ folderId, source }) => !known.has(folderId) && !secondNames.has(source.path)),
    ],
    listed: new Set(leaving.filter(isListed).map(({ folderId }) => folderId)),
    missing,
    statuses,
    first: records.length === 0,
  };
}

/** What is known of the folders from rounds before. Where that is nothing the target is told what is coming. */
async function knownFolders(run: SyncRun): Promise<readonly FolderRecord[]> {
  const records = await run.ledger.listFolders(run.ledgerId);
  if (records.length === 0) run.target.expectWrites();
  return records;
}

/** @returns undefined if the listing is not finished. One that is stays with its session until the plan is. */
async function listFolders(run: SyncRun): Promise<readonly SourceFolder[] | undefined> {
  try {
    run.unfinished.listed ??= await run.source.listFolders(
      (folder) => takesPart(folder, run.options),
      run.timeIsUp,
    );
    return run.unfinished.listed;
  } catch (error) {
    if (!(error instanceof ListingUnfinished)) throw error;
    run.unfinished.listed = undefined;
    return undefined;
  }
}

/**
 * Folders that were at the source in the last round and are not any more. Where folders share out messages, those of a
 * folder that the options now leave out may belong to another one, so it leaves as well.
 */
function leavingFolders(
  records: readonly FolderRecord[],
  matches: readonly Match[],
  secondNames: ReadonlyMap<string, string>,
  isListed: (record: FolderRecord) => boolean,
): readonly FolderRecord[] {
  const matched = new Set(matches.map(({ stored }) => stored?.folderId));
  return records.filter(
    (record) =>
      !matched.has(record.folderId) &&
      !secondNames.has(record.source.path) &&
      (!isListed(record) || record.checkpoint.partition !== undefined || record.sameAs !== undefined) &&
      (record.state === "active" ||
        (record.state === "targetGone" && (isRemembered(record) || record.counts.total > 0))),
  );
}

/** The records of folders that are others under second names, as stored from now on. */
async function noteSecondNames(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  secondNames: ReadonlyMap<string, string>,
  records: readonly FolderRecord[],
): Promise<readonly FolderRecord[]> {
  const byPath = new Map(records.map((record) => [record.source.path, record]));
  const noted = mapped.flatMap((folder) => {
    const { path } = folder.source;
    const other = secondNames.get(path);
    return other === undefined ? [] : [secondName(byPath.get(path) ?? newRecord(folder), other)];
  });
  const changed = noted.filter((record) => byPath.get(record.source.path) !== record);
  for (const record of changed) run.progressed(record);
  await commitFolders(run, changed);
  return noted;
}

/**
 * The record of each folder for this round, with its place in the target. What the user deleted there is looked for
 * before anything is created, since an IMAP server would not tell a folder from a new one of its name.
 * @returns the folders in the order of the matches, the stored record itself where nothing changed, and those that
 * left the source; undefined if the step's time was over first.
 */
async function planFolders(
  run: SyncRun,
  special: readonly SpecialFolder[],
  matches: readonly Match[],
  leaving: readonly FolderRecord[],
): Promise<Pick<RoundPlan, "current" | "leaving" | "missing"> | undefined> {
  const refreshed = matches.map((match) => refresh(run, match));
  const createdPaths = new Set(
    matches
      .filter(({ stored }) => stored?.place === undefined)
      .map(({ folder }) => folder.segments.join("/")),
  );
  const visited = refreshed.filter(
    (record, index) =>
      record.pending ||
      record !== matches[index]?.stored ||
      (record.place !== undefined && createdPaths.has(record.place.path)),
  );
  const states = await statesOfPlaces(run, [...visited, ...leaving]);
  if (states === undefined) return undefined;
  const missing = new Set<FolderId>();
  const stateOf = ({ state, place }: FolderRecord) =>
    state === "targetGone" ? undefined : place && states.get(place.id);
  const stillPlaced = (record: FolderRecord): FolderRecord =>
    stateOf(record) === "deleted" ? placeDeleted(record) : record;
  /** Whether a place that is missing was removed its visit decides; a folder that left the source gets none. */
  const lookedAt = (record: FolderRecord): FolderRecord => {
    const state = stateOf(record);
    if (state === "missing" || (state === undefined && record.missingSince !== undefined))
      missing.add(record.folderId);
    return state === "missing" ? placeMissing(record, run.clock()) : stillPlaced(record);
  };
  const wanted = matches
    .filter((_, index) => refreshed[index]?.place === undefined)
    .map(({ folder }) => wantedFor(special, folder));
  const current: FolderRecord[] = [];
  let made = 0;
  for (const record of refreshed) {
    if (made > 0 && run.timeIsUp()) {
      const seen = current.map((each, at) =>
        each === matches[at]?.stored || each.place === undefined
          ? each
          : planningNoted(each, {}, run.clock()),
      );
      await commitChanged(run, matches, seen);
      return undefined;
    }
    run.checkpoint();
    if (record.place !== undefined) {
      current.push(lookedAt(record));
      continue;
    }
    if (made % maxPrepared === 0) {
      const next = wanted.slice(made, made + maxPrepared);
      await run.target.prepareFolders(next.flatMap(({ above, own }) => [...above, own]));
    }
    const { id, path } = await ensureTarget(run, wanted[made++] as Wanted);
    current.push(placed(record, { id, path }));
  }
  return { current, leaving: leaving.map(stillPlaced), missing };
}

/**
 * What the target tells of the folders' places. Those that an unfinished plan has seen are not asked for.
 * @returns undefined if the step's time was over first.
 */
async function statesOfPlaces(
  run: SyncRun,
  records: readonly FolderRecord[],
): Promise<ReadonlyMap<TargetFolderId, FolderState> | undefined> {
  const wanted = records.filter((record) => planningOf(record, run.clock()) === undefined);
  const states = new Map<TargetFolderId, FolderState>();
  for (const { place, state } of wanted) {
    if (place === undefined || state === "targetGone" || states.has(place.id)) continue;
    if (states.size > 0 && run.timeIsUp()) {
      await commitFolders(run, seenPlaces(wanted, states, run.clock()));
      return undefined;
    }
    run.checkpoint();
    states.set(place.id, await run.target.folderState(place.id));
  }
  return states;
}

/** The folders whose places were seen, as they are to be kept until the plan goes on. */
function seenPlaces(
  records: readonly FolderRecord[],
  states: ReadonlyMap<TargetFolderId, FolderState>,
  now: number,
): readonly FolderRecord[] {
  return records.flatMap((record) => {
    const state = record.state === "targetGone" ? undefined : record.place && states.get(record.place.id);
    if (state === undefined) return [];
    if (state === "deleted") return [placeDeleted(record)];
    return [planningNoted(state === "missing" ? placeMissing(record, now) : record, {}, now)];
  });
}

/** True if a folder may hold something the ledger does not know. Pure. */
export function isChanged(record: FolderRecord, status: FolderStatus | undefined): boolean {
  if (status === undefined || isInDoubt(record) || record.setAside.length > 0) return true;
  const { checkpoint, trouble, counts, lastLooks } = record;
  if (lastLooks !== undefined) return true;
  if (trouble !== undefined || (counts.unshown ?? 0) > 0) return true;
  return (
    record.uidValidity !== status.uidValidity ||
    checkpoint.uidNext !== status.uidNext ||
    (status.messages !== undefined && checkpoint.messages !== status.messages) ||
    checkpoint.partition !== status.partition ||
    checkpoint.highestModseq !== status.highestModseq ||
    (status.unseen !== undefined && checkpoint.unseen !== undefined && checkpoint.unseen !== status.unseen)
  );
}

/** True if flags have to be compared although nothing else shows a change. Pure. */
export function isFlagScanDue(
  { flagsScannedAt = 0 }: Pick<Checkpoint, "flagsScannedAt">,
  status: FolderStatus | undefined,
  { clock, final }: Pick<SyncRun, "clock" | "final">,
): boolean {
  if (status === undefined || status.highestModseq !== undefined || status.messages === 0) return false;
  return final || clock() - flagsScannedAt >= flagScanMs;
}

interface Match {
  readonly folder: MappedFolder;
  /** Undefined for a folder that is new. */
  readonly stored?: FolderRecord | undefined;
}

/**
 * Finds the record of each folder: by path, or, for a folder that was renamed, by what is in it.
 * @returns the first of them only, if the step's time was over then.
 */
async function matchFolders(
  run: SyncRun,
  mapped: readonly MappedFolder[],
  listed: readonly SourceFolder[],
  records: readonly FolderRecord[],
): Promise<readonly Match[]> {
  const byPath = new Map(records.map((record) => [record.source.path, record]));
  const paths = new Set(listed.map((folder) => folder.path));
  const orphans = records.filter((record) => !paths.has(record.source.path) && record.state !== "gone");
  const matches: Match[] = [];
  let looked = 0;
  for (const folder of mapped) {
    if (looked > 0 && run.timeIsUp()) break;
    const stored = byPath.get(folder.source.path);
    if (stored) {
      matches.push({ folder, stored });
      continue;
    }
    if (orphans.length > 0) looked++;
    const index = await findIndex(orphans, (orphan) => isRenamed(run, orphan, folder.source));
    matches.push({ folder, stored: index < 0 ? undefined : orphans.splice(index, 1)[0] });
  }
  return matches;
}

/**
 * A vanished and a new folder are one if MAILBOXID says so, or if UIDs overlap and the messages behind them are equal. One
 * that cannot be read counts as new: its messages are moved to once it can.
 */
async function isRenamed(run: SyncRun, orphan: FolderRecord, folder: SourceFolder): Promise<boolean> {
  try {
    return await holdsTheSame(run, orphan, folder);
  } catch (error) {
    if (run.source.isAboutFolder(error)) return false;
    throw error;
  }
}

async function holdsTheSame(run: SyncRun, orphan: FolderRecord, folder: SourceFolder): Promise<boolean> {
  if (orphan.source.mailboxId !== undefined && folder.mailboxId !== undefined)
    return orphan.source.mailboxId === folder.mailboxId;
  if (folder.status?.uidValidity !== orphan.uidValidity) return false;
  if (folder.status.uidNext < orphan.checkpoint.uidNext) return false;
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
  if (isLeftAlone(stored, run.lastRound)) return planned(stored, source, source.status, false);
  const named = nameOfItsOwn(stored);
  const known = named.trouble?.leftAt === undefined ? named : troubleForgotten(named);
  const pending =
    known.pending ||
    known.state === "gone" ||
    isChanged(known, source.status) ||
    isJudgementDue(known, run.clock()) ||
    (known.checkpoint.filter ?? "") !== dateFilter(run.options) ||
    isFlagScanDue(known.checkpoint, source.status, run);
  return planned(known, source, source.status, pending);
}

function newRecord({ source, specialUse }: MappedFolder): FolderRecord {
  const { path, segments, mailboxId, status, estimatedMessages } = source;
  const total = status?.messages ?? estimatedMessages ?? 0;
  return newFolder(newFolderId(), { path, segments, specialUse, mailboxId }, status, total);
}

/** A folder at the source that stands for the target's own folder of its use. */
type SpecialFolder = Pick<MappedFolder, "segments"> & { readonly specialUse: SpecialUse };

function isSpecial(folder: MappedFolder): folder is MappedFolder & SpecialFolder {
  return folder.specialUse !== undefined && !folder.isBelowRoot;
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

/** What a folder needs in the target. */
interface Wanted {
  /** Folders with a special use: it belongs below the target's own folder of that use, whatever its name there. */
  readonly above: readonly SpecialFolder[];
  readonly own: WantedFolder;
}

function wantedFor(special: readonly SpecialFolder[], folder: MappedFolder): Wanted {
  const { segments, isBelowRoot, specialUse } = folder;
  return {
    above: special.filter((above) => isBelow(segments, above.segments)),
    own: { segments, specialUse: isBelowRoot ? undefined : specialUse },
  };
}

async function ensureTarget(run: SyncRun, { above, own }: Wanted): Promise<TargetFolder> {
  for (const { segments, specialUse } of above) await run.target.ensureFolder(segments, specialUse);
  return run.target.ensureFolder(own.segments, own.specialUse);
}

function isBelow(segments: readonly string[], above: readonly string[]): boolean {
  return segments.length > above.length && above.every((segment, i) => segments[i] === segment);
}

async function commitChanged(
  run: SyncRun,
  matches: readonly Match[],
  records: readonly FolderRecord[],
): Promise<void> {
  const changed = records.filter((record, index) => record !== matches[index]?.stored);
  for (const record of changed) run.progressed(record);
  await commitFolders(run, changed);
}

async function commitFolders(run: SyncRun, folders: readonly FolderRecord[]): Promise<void> {
  for (let start = 0; start < folders.length; start += maxFolders)
    await run.lease.commit({ folders: folders.slice(start, start + maxFolders) });
}

async function findIndex<T>(list: readonly T[], matches: (element: T) => Promise<boolean>): Promise<number> {
  for (const [index, element] of list.entries()) if (await matches(element)) return index;
  return -1;
}
