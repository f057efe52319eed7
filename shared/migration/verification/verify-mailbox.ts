import type { BatchOptions } from "../../domain/batch-options.ts";
import { isMigrationError } from "../../domain/errors.ts";
import { takesPart } from "../../domain/folder-rules.ts";
import type { LedgerId, Stamp, TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { VerificationRequest } from "../../domain/verification.ts";
import type { FolderRecord, Generation, ItemRecord, LedgerStore } from "../ports/ledger-store.ts";
import type { TargetEntry, TargetMailbox, TargetPlace } from "../ports/target.ts";
import type { AbsentCopy, Difference, StrayCopy, VerificationProgress } from "../ports/verification-store.ts";
import { stampOf } from "../sync/digest.ts";
import { mapFolders } from "../sync/folder-mapping.ts";
import { isPlaced, type PlacedFolder } from "../sync/folder-record.ts";
import { streamedSize } from "../sync/limits.ts";
import { lookKey } from "../sync/look-key.ts";
import { receivedDate } from "../sync/received-date.ts";
import type { SourcePace } from "../sync/source-pace.ts";
import type { SteadyFolder, SteadySource } from "../sync/steady-source.ts";
import {
  compareCounts,
  compareFolder,
  contentDiffers,
  countsOf,
  type ExpectedMessage,
  type KnownStamps,
  locate,
  missingCopy,
  moved,
  straysOf,
} from "./compare.ts";
import { Sample } from "./sample.ts";

/** Differences kept of a mailbox; all are counted. */
const maxDifferences = 1_000;
/** Stamps made in one go. */
const stampsAtOnce = 2_000;

/** What a verification works with. Nothing of it is changed. */
export interface VerifyRun {
  readonly request: VerificationRequest;
  readonly ledgerId: LedgerId;
  readonly options: BatchOptions;
  readonly source: SteadySource;
  readonly pace: SourcePace;
  readonly target: TargetMailbox;
  readonly representable: (flags: readonly string[]) => readonly string[];
  readonly ledger: LedgerStore;
  readonly timeIsUp: () => boolean;
  /** Throws if the step has to end now. */
  readonly checkpoint: () => void;
}

/** A verification that has looked at nothing yet. */
export function begun(operation: number, pass: 1 | 2 = 1): VerificationProgress {
  return {
    operation,
    pass,
    done: [],
    differences: [],
    counts: {},
    compared: 0,
    waiting: 0,
    deletedAtSource: 0,
    absent: [],
    strays: [],
    sampled: 0,
  };
}

/**
 * Goes on with the verification of a mailbox until it is through, or its time is up after one folder at least. Reads only.
 * Where the first pass finds something missing a second one is taken, since users and servers move messages meanwhile.
 */
export async function verifyMailbox(
  run: VerifyRun,
  from: VerificationProgress,
): Promise<{ readonly progress: VerificationProgress; readonly isThrough: boolean }> {
  const scope = await scopeOf(run);
  if (run.request.level === "counts") return { progress: countsCompared(scope, from), isThrough: true };
  let progress = from;
  for (;;) {
    const compared = await compareAll(run, scope, progress);
    if (!compared.isThrough) return compared;
    progress = compared.progress.located ? compared.progress : await located(run, scope, compared.progress);
    if ((progress.counts.Missing ?? 0) === 0 || progress.pass === 2) break;
    progress = begun(from.operation, 2);
    if (run.timeIsUp()) return { progress, isThrough: false };
  }
  return run.request.level === "content"
    ? compareContents(run, scope, progress)
    : { progress, isThrough: true };
}

/** The folders that take part, with their places. */
interface Scope {
  readonly records: readonly FolderRecord[];
  /** Folders that are at the source, take part, and were not deleted in the target. */
  readonly current: readonly PlacedFolder[];
  readonly deletedByUser: readonly FolderRecord[];
  readonly places: readonly TargetPlace[];
}

async function scopeOf({ source, target, ledger, ledgerId, options }: VerifyRun): Promise<Scope> {
  const listed = await source.listFolders(
    (folder) => takesPart(folder, options),
    () => false,
  );
  const mapped = mapFolders(
    listed.filter((folder) => folder.selectable),
    options,
    target.naming,
  );
  const paths = new Set(mapped.map((folder) => folder.source.path));
  const records = await ledger.listFolders(ledgerId);
  // Of a folder with two names one is copied.
  const there = records.filter(
    ({ source: { path }, state, sameAs }) => paths.has(path) && state !== "gone" && sameAs === undefined,
  );
  return {
    records,
    current: there.filter((record) => record.state === "active").filter(isPlaced),
    deletedByUser: there.filter((record) => record.state === "targetGone"),
    places: await target.listPlaces(),
  };
}

function countsCompared(
  { current, deletedByUser, places }: Scope,
  from: VerificationProgress,
): VerificationProgress {
  const held = new Map(places.map(({ id, items }) => [id, items]));
  const byPlace = new Map<TargetFolderId, PlacedFolder[]>();
  for (const record of current)
    byPlace.set(record.place.id, [...(byPlace.get(record.place.id) ?? []), record]);
  const found = compareCounts([
    ...[...byPlace].map(([place, group]) => ({
      path: group.map(pathOf).join(" and "),
      recorded: group.reduce((sum, { counts }) => sum + counts.synced, 0),
      held: held.get(place),
      deletedByUser: false,
    })),
    ...deletedByUser.map((record) => ({
      path: pathOf(record),
      recorded: record.counts.synced,
      held: undefined,
      deletedByUser: true,
    })),
  ]);
  const waiting = current.reduce(
    (sum, { counts: { total, synced, skipped } }) => sum + Math.max(0, total - synced - skipped),
    0,
  );
  return withDifferences({ ...from, waiting }, found);
}

async function compareAll(
  run: VerifyRun,
  { current, deletedByUser, places }: Scope,
  from: VerificationProgress,
): Promise<{ readonly progress: VerificationProgress; readonly isThrough: boolean }> {
  let progress = from;
  const placeOf = new Map(places.map((place) => [place.id, place]));
  const groups = new Map<TargetFolderId, PlacedFolder[]>();
  for (const record of current) groups.set(record.place.id, [...(groups.get(record.place.id) ?? []), record]);
  if (progress.done.length === 0)
    progress = withDifferences(
      progress,
      compareCounts(
        deletedByUser.map((record) => ({
          path: pathOf(record),
          recorded: record.counts.synced,
          held: undefined,
          deletedByUser: true,
        })),
      ),
    );
  const others = places.filter(({ id }) => !groups.has(id));
  const units = [
    ...[...groups].map(([id, group]) => ({ id, place: placeOf.get(id), group })),
    ...others.map((place) => ({ id: place.id, place, group: [] })),
  ];
  const done = new Set(progress.done);
  let looked = 0;
  for (const { id, place, group } of units) {
    if (done.has(id)) continue;
    if (looked++ > 0 && run.timeIsUp()) return { progress, isThrough: false };
    run.checkpoint();
    if (group.length > 0) progress = await comparePlace(run, progress, id, place, group);
    else if (place && isOfInterest(progress)) progress = await lookElsewhere(run, progress, place);
    progress = { ...progress, done: [...progress.done, id] };
  }
  return { progress, isThrough: true };
}

/** Folders that nothing is copied into are looked at for what is missing elsewhere, and for messages with a stamp. */
function isOfInterest({ absent, stamped }: VerificationProgress): boolean {
  return absent.length > 0 || stamped === true;
}

/** Compares the folders of one place with it. */
async function comparePlace(
  run: VerifyRun,
  from: VerificationProgress,
  id: TargetFolderId,
  place: TargetPlace | undefined,
  group: readonly PlacedFolder[],
): Promise<VerificationProgress> {
  const entries = new Map((await entriesOf(run, id)).map((entry) => [entry.id, entry]));
  const recorded = new Map<TargetItemId, { readonly folder: string; readonly uid: Uid }>();
  let progress = from;
  for (const record of group) {
    run.checkpoint();
    const folder = pathOf(record);
    const items = new Map<Uid, ItemRecord>();
    for await (const item of run.ledger.listItems(run.ledgerId, record.folderId, record.uidValidity)) {
      items.set(item.uid, item);
      if (item.targetId !== undefined && (item.targetFolderId ?? id) === id)
        recorded.set(item.targetId, { folder, uid: item.uid });
    }
    progress = await compareRecord(run, progress, record, items, entries);
  }
  const isStamped = [...entries.values()].some(({ stamp }) => stamp !== undefined);
  const where = { place: id, path: place?.path ?? "", deleted: place?.deleted ?? false };
  const strays = straysOf(where, entries.values(), recorded).filter(
    ({ stamp, twin, key }) => stamp !== undefined || twin !== undefined || (!isStamped && key !== undefined),
  );
  return {
    ...progress,
    stamped: progress.stamped === true || isStamped,
    strays: [...progress.strays, ...strays],
  };
}

async function compareRecord(
  run: VerifyRun,
  progress: VerificationProgress,
  record: PlacedFolder,
  items: ReadonlyMap<Uid, ItemRecord>,
  entries: ReadonlyMap<TargetItemId, TargetEntry>,
): Promise<VerificationProgress> {
  const folder = pathOf(record);
  try {
    const opened = await run.source.openFolder(record.source.path);
    const searched = await opened.searchUids();
    // Numbered anew since the last sync: the next one finds out which message is which.
    if (opened.status.uidValidity !== record.uidValidity)
      return { ...progress, waiting: progress.waiting + sizeOf(searched) };
    const messages = await messagesOf(run, opened, searched);
    const ungiven = differenceOf(searched, uidSetOf(messages.keys()));
    const there = sizeOf(ungiven) === 0 ? emptyUidSet : await opened.searchUids({ among: ungiven });
    const { receivedSince: since, receivedBefore: before } = run.options;
    const { differences, absent, compared, waiting } = compareFolder({
      folderId: record.folderId,
      uidValidity: record.uidValidity,
      path: folder,
      place: record.place.id,
      existing: unionOf(uidSetOf(messages.keys()), there),
      messages,
      settled: record.checkpoint.settled,
      skipped: await skippedOf(run, record),
      unkept: Object.values(record.unkeptFlags ?? {}).reduce(unionOf, emptyUidSet),
      items,
      entries,
      wants: ({ internalDate }) =>
        (since === undefined || internalDate >= since) && (before === undefined || internalDate < before),
      representable: run.representable,
    });
    const keys = await keysOf(run, opened, uidSetOf(absent.map(({ uid }) => uid)));
    const copies = absent.map(
      ({ folderId, uidValidity, uid, targetId, targetFolderId, internalDate, size }): AbsentCopy => ({
        folderId,
        uidValidity,
        uid,
        targetId: targetId as TargetItemId,
        place: targetFolderId ?? record.place.id,
        folder,
        receivedAt: messages.get(uid)?.receivedAt ?? internalDate,
        size,
        key: keys.get(uid),
      }),
    );
    return {
      ...withDifferences(progress, differences),
      absent: [...progress.absent, ...copies],
      compared: progress.compared + compared,
      waiting: progress.waiting + waiting,
    };
  } catch (error) {
    if (isMigrationError(error) && error.code === "SourceFolderGone") return progress;
    if (!run.source.isAboutFolder(error)) throw error;
    const difference: Difference = {
      kind: "NotReadable",
      folder,
      source: "not readable",
      target: "unknown",
      message: `The folder cannot be read at the source. ${error.message}`,
    };
    return withDifferences(progress, [difference]);
  }
}

async function messagesOf(
  { options: { receivedDateFrom } }: VerifyRun,
  opened: SteadyFolder,
  uids: UidSet,
): Promise<Map<Uid, ExpectedMessage>> {
  const messages = new Map<Uid, ExpectedMessage>();
  const note = (uid: Uid, size: number, internalDate: Date, flags: readonly string[], received: Date) =>
    messages.set(uid, {
      uid,
      size,
      flags,
      internalDate: internalDate.getTime(),
      receivedAt: received.getTime(),
    });
  if (receivedDateFrom === "internalDate")
    for await (const { uid, size, internalDate, flags } of opened.fetchSummaries(uids))
      note(uid, size, internalDate, flags, internalDate);
  else
    for await (const { uid, size, internalDate, flags, header } of opened.fetchHeaders(uids))
      note(uid, size, internalDate, flags, receivedDate(header, internalDate, receivedDateFrom));
  return messages;
}

async function keysOf(
  { target }: VerifyRun,
  opened: SteadyFolder,
  uids: UidSet,
): Promise<ReadonlyMap<Uid, string>> {
  const keys = new Map<Uid, string>();
  if (sizeOf(uids) === 0) return keys;
  for await (const { uid, header } of opened.fetchHeaders(uids)) {
    const key = lookKey(await target.lookOf(header));
    if (key !== undefined) keys.set(uid, key);
  }
  return keys;
}

async function skippedOf({ ledger, ledgerId }: VerifyRun, record: PlacedFolder): Promise<UidSet> {
  const uids: Uid[] = [];
  for await (const { uid, uidValidity } of ledger.listSkipped(ledgerId, record.folderId))
    if (uidValidity === record.uidValidity) uids.push(uid);
  return uidSetOf(uids);
}

async function entriesOf({ target }: VerifyRun, place: TargetFolderId): Promise<readonly TargetEntry[]> {
  try {
    return await target.listEntries(place);
  } catch (error) {
    if (isMigrationError(error) && error.code === "TargetFolderGone") return [];
    throw error;
  }
}

/** Looks into a folder that nothing is copied into. */
async function lookElsewhere(
  run: VerifyRun,
  progress: VerificationProgress,
  { id, path, deleted }: TargetPlace,
): Promise<VerificationProgress> {
  const ofInterest = progress.absent.filter(({ place }) => run.target.keepsIds || place === id);
  const ids = new Set(ofInterest.map(({ targetId }) => targetId));
  const keys = new Set(progress.absent.flatMap(({ key }) => key ?? []));
  const strays = straysOf({ place: id, path, deleted }, await entriesOf(run, id), new Map()).filter(
    ({ targetId, key, stamp }) =>
      stamp !== undefined || ids.has(targetId) || (key !== undefined && keys.has(key)),
  );
  return { ...progress, strays: [...progress.strays, ...strays] };
}

/** Says what became of what was not in its place. */
async function located(
  run: VerifyRun,
  { records }: Scope,
  progress: VerificationProgress,
): Promise<VerificationProgress> {
  const { absent, strays } = progress;
  const ofCopy = ({ folderId, uidValidity, uid }: AbsentCopy) =>
    stampOf(run.ledgerId, folderId, uidValidity as Generation["uidValidity"], uid);
  const gone = records.flatMap(({ state, place }) => (state === "gone" && place ? [place.id] : []));
  const found = locate(
    absent,
    strays,
    ofCopy,
    await knownStamps(run, records, strays),
    new Set(gone),
    run.target.keepsIds,
  );
  const ids = found.missing.map(({ targetId }) => targetId);
  const anywhere = ids.length === 0 ? new Set<TargetItemId>() : await run.target.itemsAnywhere(ids);
  const missing = found.missing.map((copy) =>
    anywhere.has(copy.targetId) ? moved(copy, undefined) : missingCopy(copy),
  );
  return {
    ...withDifferences(progress, [...found.differences, ...missing]),
    compared: progress.compared + found.found,
    deletedAtSource: found.deletedAtSource,
    located: true,
    absent: [],
    strays: [],
    missingKeys: found.missing.map(({ folderId, uid }) => `${folderId} ${uid}`),
  };
}

/** Which of the strays' stamps are of messages that are recorded, or were copied once. */
async function knownStamps(
  run: VerifyRun,
  records: readonly FolderRecord[],
  strays: readonly StrayCopy[],
): Promise<KnownStamps> {
  const wanted = new Set(strays.flatMap(({ stamp }) => stamp ?? []));
  const recorded = new Set<Stamp>();
  const left = new Set<Stamp>();
  if (wanted.size === 0) return { recorded, left };
  for (const record of records)
    for (const { folderId, uidValidity } of [record, ...(record.former ?? [])]) {
      const items = new Set<Uid>();
      for await (const { uid } of run.ledger.listItems(run.ledgerId, folderId, uidValidity)) items.add(uid);
      let made = 0;
      for (const uid of uidsOf(unionOf(record.checkpoint.settled, uidSetOf(items)))) {
        const stamp = stampOf(run.ledgerId, folderId, uidValidity, uid);
        if (wanted.has(stamp)) (items.has(uid) ? recorded : left).add(stamp);
        if (++made % stampsAtOnce === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  return { recorded, left };
}

/** Compares the chosen messages byte by byte. */
async function compareContents(
  run: VerifyRun,
  { current }: Scope,
  from: VerificationProgress,
): Promise<{ readonly progress: VerificationProgress; readonly isThrough: boolean }> {
  const sample = new Sample(run.request.sample);
  const missing = new Set(from.missingKeys);
  for (const { folderId, uidValidity } of current)
    for await (const item of run.ledger.listItems(run.ledgerId, folderId, uidValidity))
      if (item.targetId !== undefined && !missing.has(`${folderId} ${item.uid}`)) sample.offer(item);
  const byId = new Map(current.map((record) => [record.folderId, record]));
  const chosen = sample.chosen();
  let progress = from;
  for (const [index, item] of chosen.entries()) {
    if (index < from.sampled) continue;
    if (index > from.sampled && run.timeIsUp()) return { progress, isThrough: false };
    run.checkpoint();
    const pause = await run.pace.take(1, item.size);
    if (pause && index === from.sampled) throw pause;
    if (pause) return { progress, isThrough: false };
    const record = byId.get(item.folderId);
    const what = record && (await contentDifferences(run, record, item));
    const differences = record && what && what.length > 0 ? [contentDiffers(pathOf(record), item, what)] : [];
    progress = { ...withDifferences(progress, differences), sampled: index + 1 };
  }
  return { progress, isThrough: true };
}

/** @returns undefined if message or copy are no longer where they were. */
async function contentDifferences(
  run: VerifyRun,
  record: PlacedFolder,
  item: ItemRecord,
): Promise<readonly string[] | undefined> {
  const opened = await run.source.openFolder(record.source.path);
  const place = item.targetFolderId ?? record.place.id;
  const targetId = item.targetId as TargetItemId;
  if (item.size > streamedSize)
    return run.target.differencesOf(place, targetId, () => opened.openMessage(item.uid));
  for await (const { content } of opened.fetchMessages([[item.uid, item.uid]]))
    return run.target.differencesOf(place, targetId, content);
  return undefined;
}

function pathOf({ source }: FolderRecord): string {
  return source.segments.join("/");
}

function withDifferences(progress: VerificationProgress, found: readonly Difference[]): VerificationProgress {
  return {
    ...progress,
    differences: [...progress.differences, ...found].slice(0, maxDifferences),
    counts: countsOf(found, progress.counts),
  };
}
