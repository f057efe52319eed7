import type { BatchOptions } from "../../domain/batch-options.ts";
import { takesPart } from "../../domain/folder-rules.ts";
import type { TargetItemId, Uid } from "../../domain/names.ts";
import { sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { RehearsedFolder } from "../ports/mailbox-files.ts";
import type { RehearsalOutcome } from "../ports/registry.ts";
import type { MessageSummary, SourceFolder } from "../ports/source.ts";
import type { TargetMailbox, TargetPlace, TargetRoom } from "../ports/target.ts";
import { adoptablesOf, adoptionOf, type Unclaimed, unclaimedAmong } from "../sync/adopt.ts";
import { isMarkedDeleted } from "../sync/flags.ts";
import { type MappedFolder, mapFolders } from "../sync/folder-mapping.ts";
import type { SourcePace } from "../sync/source-pace.ts";
import type { SteadyFolder, SteadySource } from "../sync/steady-source.ts";

/** What a tenant takes where nobody raised it, in bytes. */
const tenantDefault = 35 * 1024 * 1024;
/** What a mailbox in Microsoft 365 takes in a second, at worst and at best; in bytes. */
const takenInSecond = [256 * 1024, 1024 * 1024] as const;
/** Messages it takes in a second at best (limits.md). */
const messagesInSecond = 16;
/** Read at the source to measure how fast it gives: so many messages and bytes. */
const sampleMessages = 5;
const sampleBytes = 5 * 1024 * 1024;
/** Of less the time tells of round trips alone. */
const tellingBytes = 64 * 1024;

/** What a rehearsal works with. Nothing of it is changed. */
export interface RehearseRun {
  readonly options: BatchOptions;
  readonly source: SteadySource;
  readonly pace: SourcePace;
  readonly target: TargetMailbox;
  readonly maxBytesPerDay: number | undefined;
  readonly timeIsUp: () => boolean;
  readonly clock: () => number;
  readonly checkpoint: () => void;
}

/** What a rehearsal found: of the mailbox, and of each of its folders. */
export interface Rehearsal {
  readonly outcome: RehearsalOutcome;
  readonly folders: readonly RehearsedFolder[];
}

/** Messages of one folder, as they would be treated. */
interface Treated {
  readonly items: readonly MessageSummary[];
  readonly leftOut: number;
}

/**
 * Looks at a mailbox as its first copy would: folders, messages, sizes, and what is in the target already. Reads only. What
 * there is no time for is told by the server's counts, and said to be.
 */
export async function rehearseMailbox(run: RehearseRun): Promise<Rehearsal> {
  const { source, target, options } = run;
  const listed = (
    await source.listFolders(
      () => true,
      () => false,
    )
  ).filter(({ selectable }) => selectable);
  const mapped = mapFolders(listed, options, target.naming);
  const room = await target.roomLeft();
  const places = options.adoptExisting === "off" ? [] : await target.listPlaces();
  const folders: RehearsedFolder[] = [];
  const rates: number[] = [];
  for (const folder of mapped) {
    run.checkpoint();
    folders.push(await rehearseFolder(run, folder, places, rates));
  }
  const left = listed.filter((folder) => !takesPart(folder, options)).map(leftOutFolder(options));
  return { outcome: outcomeOf(folders, left.length, rates, room, run), folders: [...folders, ...left] };
}

async function rehearseFolder(
  run: RehearseRun,
  { source: folder, segments, specialUse }: MappedFolder,
  places: readonly TargetPlace[],
  rates: number[],
): Promise<RehearsedFolder> {
  const path = folder.segments.join("/");
  const targetPath = segments.join("/");
  const base = {
    path,
    targetPath: specialUse === undefined ? targetPath : `#${specialUse}#`,
    renamed: specialUse === undefined && targetPath !== path,
    leftOut: "",
  };
  const nothing = {
    itemsLeftOut: 0,
    over35MB: 0,
    tooLarge: 0,
    adoptable: 0,
    adoptableBytes: 0,
    ambiguous: 0,
  };
  if (run.timeIsUp())
    return { ...base, items: folder.status?.messages ?? 0, bytes: 0, ...nothing, estimated: true, error: "" };
  try {
    const opened = await run.source.openFolder(folder.path);
    const treated = await treatedOf(run, opened, await opened.searchUids());
    if (rates.length === 0) await measure(run, opened, treated.items, rates);
    const adoption = await adoptionIn(run, opened, treated.items, places, base.targetPath);
    const larger = (than: number) => treated.items.filter(({ size }) => size > than).length;
    return {
      ...base,
      items: treated.items.length,
      bytes: treated.items.reduce((sum, { size }) => sum + size, 0),
      itemsLeftOut: treated.leftOut,
      over35MB: larger(tenantDefault),
      tooLarge: larger(run.target.maxItemBytes),
      ...adoption,
      estimated: false,
      error: "",
    };
  } catch (error) {
    if (!run.source.isAboutFolder(error)) throw error;
    const items = folder.status?.messages ?? 0;
    return { ...base, items, bytes: 0, ...nothing, estimated: true, error: error.message };
  }
}

async function treatedOf({ options }: RehearseRun, opened: SteadyFolder, uids: UidSet): Promise<Treated> {
  const { receivedSince: since, receivedBefore: before, maxItemSize } = options;
  const items: MessageSummary[] = [];
  let leftOut = 0;
  if (sizeOf(uids) === 0) return { items, leftOut };
  for await (const message of opened.fetchSummaries(uids)) {
    const received = message.internalDate.getTime();
    const wanted =
      !isMarkedDeleted(message.flags) &&
      (since === undefined || received >= since) &&
      (before === undefined || received < before) &&
      (maxItemSize === undefined || message.size <= maxItemSize);
    if (wanted) items.push({ ...message, flags: [] });
    else leftOut++;
  }
  return { items, leftOut };
}

/** Notes how many bytes the source gives in a second. */
async function measure(
  run: RehearseRun,
  opened: SteadyFolder,
  items: readonly MessageSummary[],
  rates: number[],
): Promise<void> {
  const chosen: Uid[] = [];
  let bytes = 0;
  for (const { uid, size } of items.toSorted((a, b) => b.size - a.size)) {
    if (chosen.length === sampleMessages) break;
    if (bytes + size > sampleBytes) continue;
    chosen.push(uid);
    bytes += size;
  }
  if (chosen.length === 0 || (await run.pace.take(chosen.length, bytes))) return;
  const began = run.clock();
  let read = 0;
  for await (const { content } of opened.fetchMessages(uidSetOf(chosen))) read += content.length;
  if (read >= tellingBytes) rates.push((read * 1000) / Math.max(1, run.clock() - began));
}

async function adoptionIn(
  { options, target }: RehearseRun,
  opened: SteadyFolder,
  items: readonly MessageSummary[],
  places: readonly TargetPlace[],
  targetPath: string,
): Promise<Pick<RehearsedFolder, "adoptable" | "adoptableBytes" | "ambiguous">> {
  const looked = places.filter(
    ({ path, deleted }) => isPlaceOf(path, targetPath) || (options.adoptExisting === "anywhere" && !deleted),
  );
  const unclaimed: Unclaimed[] = [];
  const none: ReadonlySet<TargetItemId> = new Set();
  for (const { id } of looked) unclaimed.push(...unclaimedAmong(id, await target.listEntries(id), none));
  if (unclaimed.length === 0) return { adoptable: 0, adoptableBytes: 0, ambiguous: 0 };
  const uids = uidSetOf(items.map(({ uid }) => uid));
  const { adopted, ambiguous } = adoptionOf(await adoptablesOf(target, opened, uids), unclaimed);
  const adoptableBytes = items.reduce((sum, { uid, size }) => sum + (adopted.has(uid) ? size : 0), 0);
  return { adoptable: adopted.size, adoptableBytes, ambiguous: ambiguous.length };
}

/** Names of the target's own folders, by which a place is found without making it. */
const ownNames: Readonly<Record<string, readonly string[]>> = {
  "#inbox#": ["inbox"],
  "#sent#": ["sent items", "sent"],
  "#drafts#": ["drafts"],
  "#trash#": ["deleted items", "trash"],
  "#junk#": ["junk email", "junk"],
  "#archive#": ["archive"],
};

function isPlaceOf(path: string, targetPath: string): boolean {
  const name = path.toLowerCase();
  return (ownNames[targetPath] ?? [targetPath.toLowerCase()]).includes(name);
}

/** Why a folder is left out. */
function leftOutFolder({ subscribedOnly, includeFolders }: BatchOptions) {
  return (folder: SourceFolder): RehearsedFolder => ({
    path: folder.segments.join("/"),
    targetPath: "",
    renamed: false,
    leftOut:
      subscribedOnly && !folder.subscribed
        ? "not subscribed"
        : folder.onRequest && includeFolders.length === 0
          ? "holds no mail, or shows what other folders hold"
          : "excludeFolders or includeFolders",
    items: folder.status?.messages ?? 0,
    bytes: 0,
    itemsLeftOut: folder.status?.messages ?? 0,
    over35MB: 0,
    tooLarge: 0,
    adoptable: 0,
    adoptableBytes: 0,
    ambiguous: 0,
    estimated: true,
    error: "",
  });
}

function outcomeOf(
  folders: readonly RehearsedFolder[],
  foldersLeftOut: number,
  rates: readonly number[],
  room: TargetRoom | undefined,
  run: RehearseRun,
): RehearsalOutcome {
  const sum = (of: (folder: RehearsedFolder) => number) =>
    folders.reduce((total, folder) => total + of(folder), 0);
  const items = sum((folder) => folder.items) - sum((folder) => folder.adoptable);
  const bytes = sum((folder) => folder.bytes) - sum((folder) => folder.adoptableBytes);
  const foldersEstimated = folders.filter(({ estimated }) => estimated).length;
  const [worst, best] = takenInSecond;
  const given = rates[0] ?? Number.POSITIVE_INFINITY;
  const secondsAt = (rate: number) =>
    Math.ceil(Math.max(bytes / Math.min(rate, given), items / messagesInSecond));
  return {
    at: run.clock(),
    folders: folders.length,
    foldersLeftOut,
    items: sum((folder) => folder.items),
    bytes: sum((folder) => folder.bytes),
    itemsLeftOut: sum((folder) => folder.itemsLeftOut),
    over35MB: sum((folder) => folder.over35MB),
    tooLarge: sum((folder) => folder.tooLarge),
    adoptable: sum((folder) => folder.adoptable),
    ambiguous: sum((folder) => folder.ambiguous),
    foldersEstimated,
    seconds: [secondsAt(best), secondsAt(worst)],
    ...(run.maxBytesPerDay === undefined ? {} : { days: Math.ceil(bytes / run.maxBytesPerDay) }),
    freeBytes: room?.bytes,
    freeItems: room?.items,
    fits: fitsInto(room, { bytes, items }, foldersEstimated === 0),
  };
}

/** @param isAll false if there may be more to copy than is known. @returns undefined where nothing can be said. Pure. */
function fitsInto(
  room: TargetRoom | undefined,
  what: Required<TargetRoom>,
  isAll: boolean,
): boolean | undefined {
  if (room === undefined) return undefined;
  const { bytes = Number.POSITIVE_INFINITY, items = Number.POSITIVE_INFINITY } = room;
  if (what.bytes > bytes || what.items > items) return false;
  return isAll ? true : undefined;
}
