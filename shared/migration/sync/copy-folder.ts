import { randomUUID } from "node:crypto";
import type { TargetFolderId, Uid } from "../../domain/names.ts";
import { differenceOf, hasUid, settle, sizeOf, type UidSet, uidSetOf, uidsOf } from "../../domain/uid-set.ts";
import type { GuessCode } from "../../domain/warnings.ts";
import type { FolderRecord, OpenChunk, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary, OpenSourceFolder } from "../ports/source.ts";
import { isMarkedDeleted } from "./flags.ts";
import { leftOutCount } from "./left-out.ts";
import type { Budget, SyncRun } from "./run.ts";
import { skipOf, streamedSize, writeGroup } from "./write-group.ts";

/** Items of one commit: with the folder's and the lease's row they fill a transaction of 100. */
export const maxGroupItems = 98;
const maxGroupBytes = 32 * 1024 * 1024;
/** How many messages are asked for their size and date at once. */
const windowSize = 1000;
/** Deaths of the worker in the middle of one large message before it is left out. */
const maxDeaths = 5;

/** A folder with a place in the target. */
export type MappedRecord = FolderRecord & { readonly targetFolderId: TargetFolderId };

/**
 * Copies what is not settled yet, group by group, until all of it is or the budget is spent.
 * @param existing all UIDs of the folder.
 * @param wanted those of them that pass the batch's filters.
 * @returns the folder as last committed.
 * @throws MigrationError after the group's result was committed.
 */
export async function copyFolder(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
  wanted: UidSet,
  budget: Budget,
): Promise<MappedRecord> {
  let record = folder;
  let todo = differenceOf(wanted, record.settled);
  while (sizeOf(todo) > 0 && !budget.exhausted) {
    const window = firstOf(todo, run.target.order, Math.min(windowSize, budget.messages));
    const summaries = await summariesOf(opened, window, run.target.order);
    const missing = differenceOf(window, uidSetOf(summaries.map(({ uid }) => uid)));
    if (sizeOf(missing) > 0) record = await settleMissing(run, record, opened, existing, missing);

    const groups = groupsOf(record, summaries, run.options.maxItemSize);
    for (const [index, group] of groups.entries()) {
      if (budget.exhausted) return closeUnwritten(run, record);
      run.checkpoint();
      record = await copyGroup(
        run,
        record,
        opened,
        existing,
        group,
        budget.exhausted ? undefined : groups[index + 1],
      );
      budget.spend(group.writable.length, group.bytes);
    }
    todo = differenceOf(wanted, record.settled);
  }
  return record;
}

interface Group {
  readonly writable: readonly MessageSummary[];
  readonly skipped: readonly SkippedItem[];
  readonly bytes: number;
}

/** Cuts messages into chunks of one commit each; a large message is a chunk of its own. Pure. */
export function groupsOf(
  folder: Pick<FolderRecord, "folderId" | "uidValidity" | "attempting">,
  messages: readonly MessageSummary[],
  maxItemSize: number | undefined,
): readonly Group[] {
  const groups: { writable: MessageSummary[]; skipped: SkippedItem[]; bytes: number }[] = [];
  let current: (typeof groups)[number] | undefined;
  for (const message of messages) {
    const skip = skipBeforeReading(folder, message, maxItemSize);
    const alone = skip === undefined && message.size > streamedSize;
    const full =
      current === undefined ||
      current.writable.length + current.skipped.length >= maxGroupItems ||
      (current.bytes > 0 && current.bytes + message.size > maxGroupBytes);
    if (current === undefined || full || alone) {
      current = { writable: [], skipped: [], bytes: 0 };
      groups.push(current);
    }
    if (skip) current.skipped.push(skip);
    else {
      current.writable.push(message);
      current.bytes += message.size;
    }
    if (alone) current = undefined;
  }
  return groups;
}

function skipBeforeReading(
  folder: Pick<FolderRecord, "folderId" | "uidValidity" | "attempting">,
  message: MessageSummary,
  maxItemSize: number | undefined,
): SkippedItem | undefined {
  if (isMarkedDeleted(message.flags))
    return skipOf(folder, message, "MarkedDeleted", "The message is marked as deleted at the source.");
  if (maxItemSize !== undefined && message.size > maxItemSize)
    return skipOf(
      folder,
      message,
      "LargerThanMaxItemSize",
      `The message is larger than maxItemSize (${maxItemSize} bytes).`,
    );
  if (folder.attempting?.uid === message.uid && folder.attempting.attempts >= maxDeaths)
    return skipOf(
      folder,
      message,
      "WorkerCrashed",
      `The worker ended ${maxDeaths} times while it copied this message. Copy it by hand.`,
    );
  return undefined;
}

/** A chunk opened for a group that this step no longer writes would be in doubt for the next step without a reason. */
async function closeUnwritten(run: SyncRun, folder: MappedRecord): Promise<MappedRecord> {
  if (folder.openChunk === undefined) return folder;
  const { openChunk: _, attempting: __, ...closed } = folder;
  await run.lease.commit({ folders: [closed] });
  return closed;
}

/** Writes one group and commits it, opening the next one in the same transaction. */
async function copyGroup(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
  group: Group,
  next: Group | undefined,
): Promise<MappedRecord> {
  let record = folder;
  const chunk = await openedChunk(run, record, group);
  if (chunk && record.openChunk?.token !== chunk.token) {
    record = { ...record, ...begin(record, chunk, group) };
    await run.lease.commit({ folders: [record] });
  }
  const outcome =
    chunk === undefined
      ? { items: [], skipped: [], absent: [], inDoubt: [], guesses: [] }
      : await run.trace(
          "chunk.write",
          { mailbox: run.mailboxId, folder: record.folderId, items: group.writable.length },
          () => writeGroup(run, { ...record, openChunk: chunk }, opened, group.writable),
        );
  const unreadable = await stillThere(opened, outcome.absent, outcome.failure === undefined);
  const skipped = [
    ...group.skipped,
    ...outcome.skipped,
    ...group.writable
      .filter(({ uid }) => unreadable.has(uid))
      .map((message) =>
        skipOf(
          record,
          message,
          "SourceMessageUnreadable",
          "The source lists the message and does not deliver it.",
        ),
      ),
  ];
  const settledUids = uidSetOf([
    ...outcome.items.map(({ uid }) => uid),
    ...skipped.map(({ uid }) => uid),
    ...outcome.absent,
  ]);
  const { openChunk: _, attempting: __, ...rest } = record;
  record = {
    ...rest,
    settled: settle(record.settled, settledUids, existing),
    syncedItemCount: record.syncedItemCount + outcome.items.length,
    skippedItemCount: record.skippedItemCount + skipped.length,
    leftOutItemCount: (record.leftOutItemCount ?? 0) + leftOutCount(skipped),
    bytesTransferred: record.bytesTransferred + outcome.items.reduce((sum, { size }) => sum + size, 0),
    ...(outcome.guesses.length > 0 ? { guesses: addGuesses(record.guesses, outcome.guesses) } : {}),
    ...(chunk && outcome.inDoubt.length > 0
      ? { openChunk: { ...chunk, uids: uidSetOf(outcome.inDoubt) } }
      : {}),
  };
  if (outcome.failure === undefined && next) {
    const following = await openedChunk(run, record, next);
    if (following) record = { ...record, ...begin(record, following, next) };
  }
  await run.lease.commit({ folders: [record], items: outcome.items, skipped });
  run.progressed(record);
  run.log("chunk.copied", {
    mailbox: run.mailboxId,
    folder: record.folderId,
    items: outcome.items.length,
    skipped: skipped.length,
    bytes: record.bytesTransferred - folder.bytesTransferred,
  });
  for (const { code, size } of skipped)
    run.log("item.skipped", { mailbox: run.mailboxId, folder: record.folderId, code, size });
  if (outcome.failure) throw outcome.failure;
  return record;
}

function addGuesses(
  before: FolderRecord["guesses"],
  guesses: readonly GuessCode[],
): NonNullable<FolderRecord["guesses"]> {
  const counts: Partial<Record<GuessCode, number>> = { ...before };
  for (const guess of guesses) counts[guess] = (counts[guess] ?? 0) + 1;
  return counts;
}

/** The chunk a group is written under: the one already stored for it, or a new one. */
async function openedChunk(run: SyncRun, folder: MappedRecord, group: Group): Promise<OpenChunk | undefined> {
  if (group.writable.length === 0) return undefined;
  const uids = uidSetOf(group.writable.map(({ uid }) => uid));
  const stored = folder.openChunk;
  if (stored && sizeOf(differenceOf(uids, stored.uids)) === 0) return stored;
  return { token: randomUUID(), mark: await run.target.markFolder(folder.targetFolderId), uids };
}

/** Fields of a folder whose chunk is about to be written. */
function begin(
  folder: FolderRecord,
  chunk: OpenChunk,
  group: Group,
): Pick<FolderRecord, "openChunk" | "attempting"> {
  const [only] = group.writable;
  if (!only || only.size <= streamedSize) return { openChunk: chunk };
  const attempts = folder.attempting?.uid === only.uid ? folder.attempting.attempts : 0;
  return { openChunk: chunk, attempting: { uid: only.uid, attempts: attempts + 1 } };
}

/** Messages announced by SEARCH without a summary: expunged since, or never delivered by the server. */
async function settleMissing(
  run: SyncRun,
  folder: MappedRecord,
  opened: OpenSourceFolder,
  existing: UidSet,
  missing: UidSet,
): Promise<MappedRecord> {
  const unreadable = await opened.searchUids({ among: missing });
  let record = folder;
  const uids = [...uidsOf(missing)];
  for (let start = 0; start < uids.length; start += maxGroupItems) {
    const part = uids.slice(start, start + maxGroupItems);
    const skipped = part
      .filter((uid) => hasUid(unreadable, uid))
      .map((uid) =>
        skipOf(
          record,
          { uid, size: 0, internalDate: new Date(0), flags: [] },
          "SourceMessageUnreadable",
          "The source lists the message and does not deliver it.",
        ),
      );
    record = {
      ...record,
      settled: settle(record.settled, uidSetOf(part), existing),
      skippedItemCount: record.skippedItemCount + skipped.length,
    };
    await run.lease.commit({ folders: [record], skipped });
    run.progressed(record);
  }
  return record;
}

async function stillThere(
  opened: OpenSourceFolder,
  absent: readonly Uid[],
  usable: boolean,
): Promise<ReadonlySet<Uid>> {
  if (absent.length === 0 || !usable) return new Set();
  return new Set(uidsOf(await opened.searchUids({ among: uidSetOf(absent) })));
}

async function summariesOf(
  opened: OpenSourceFolder,
  uids: UidSet,
  order: "ascending" | "descending",
): Promise<MessageSummary[]> {
  const byUid = new Map<Uid, MessageSummary>();
  for await (const summary of opened.fetchSummaries(uids))
    if (hasUid(uids, summary.uid)) byUid.set(summary.uid, summary);
  const sign = order === "ascending" ? 1 : -1;
  return [...byUid.values()].sort((a, b) => sign * (a.uid - b.uid));
}

function firstOf(set: UidSet, order: "ascending" | "descending", count: number): UidSet {
  const uids: Uid[] = [];
  for (const uid of uidsOf(set, order)) if (uids.push(uid) >= count) break;
  return uidSetOf(uids);
}
