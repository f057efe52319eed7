import { randomUUID } from "node:crypto";
import type { Uid } from "../../domain/names.ts";
import { differenceOf, hasUid, sizeOf, type UidSet, uidSetOf, uidsOf } from "../../domain/uid-set.ts";
import type { OpenChunk } from "../ports/ledger-store.ts";
import type { MessageSummary, OpenSourceFolder } from "../ports/source.ts";
import { chunksOf, type PlannedChunk } from "./chunks.ts";
import { chunkBegun, chunkClosed, chunkCopied, missingSettled, type PlacedFolder } from "./folder-record.ts";
import { skipOf } from "./item-records.ts";
import { type Budget, maxChunkItems, streamedSize } from "./limits.ts";
import type { SyncRun } from "./run.ts";
import { writeChunk } from "./write-chunk.ts";

/** How many messages are asked for their size and date at once. */
const windowSize = 1000;

/**
 * Copies what is not settled yet, chunk by chunk, until all of it is or the budget is spent.
 * @param existing all UIDs of the folder.
 * @param wanted those of them that pass the batch's filters.
 * @returns the folder as last committed.
 * @throws MigrationError after the chunk's result was committed.
 */
export async function copyFolder(
  run: SyncRun,
  folder: PlacedFolder,
  opened: OpenSourceFolder,
  existing: UidSet,
  wanted: UidSet,
  budget: Budget,
): Promise<PlacedFolder> {
  let record = folder;
  let todo = differenceOf(wanted, record.checkpoint.settled);
  while (sizeOf(todo) > 0 && !budget.exhausted) {
    const window = firstOf(todo, run.target.order, Math.min(windowSize, budget.messages));
    const summaries = await summariesOf(opened, window, run.target.order);
    const missing = differenceOf(window, uidSetOf(summaries.map(({ uid }) => uid)));
    if (sizeOf(missing) > 0) record = await settleMissing(run, record, opened, existing, missing);

    const chunks = chunksOf(record, summaries, run.options.maxItemSize, run.oneByOne);
    for (const [index, chunk] of chunks.entries()) {
      if (budget.exhausted) return closeUnwritten(run, record);
      run.checkpoint();
      record = await copyChunk(
        run,
        record,
        opened,
        existing,
        chunk,
        budget.exhausted ? undefined : chunks[index + 1],
      );
      budget.spend(chunk.writable.length, chunk.bytes);
    }
    todo = differenceOf(wanted, record.checkpoint.settled);
  }
  return record;
}

/** A chunk opened for messages that this step no longer writes would be in doubt for the next step without a reason. */
async function closeUnwritten(run: SyncRun, folder: PlacedFolder): Promise<PlacedFolder> {
  if (folder.doubt.openChunk === undefined) return folder;
  const closed = chunkClosed(folder);
  await run.lease.commit({ folders: [closed] });
  return closed;
}

/** Writes one chunk and commits it, opening the next one in the same transaction. */
async function copyChunk(
  run: SyncRun,
  folder: PlacedFolder,
  opened: OpenSourceFolder,
  existing: UidSet,
  planned: PlannedChunk,
  next: PlannedChunk | undefined,
): Promise<PlacedFolder> {
  let record = folder;
  const chunk = await openChunk(run, record, planned);
  if (chunk && record.doubt.openChunk?.token !== chunk.token) {
    record = chunkBegun(record, chunk, suspectIn(run, planned));
    await run.lease.commit({ folders: [record] });
  }
  const outcome =
    chunk === undefined
      ? { items: [], skipped: [], absent: [], inDoubt: [], guesses: [] }
      : await run.trace(
          "chunk.write",
          { mailbox: run.mailboxId, folder: record.folderId, items: planned.writable.length },
          () => writeChunk(run, record, chunk, opened, planned.writable),
        );
  const unreadable = await stillThere(opened, outcome.absent, outcome.failure === undefined);
  const skipped = [
    ...planned.skipped,
    ...outcome.skipped,
    ...planned.writable
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
  const inDoubt =
    chunk && outcome.inDoubt.length > 0 ? { ...chunk, uids: uidSetOf(outcome.inDoubt) } : undefined;
  const expunged = uidSetOf(outcome.absent);
  const { items, guesses } = outcome;
  record = chunkCopied(record, { items, guesses, skipped, expunged, inDoubt }, existing);
  if (outcome.failure === undefined && next) {
    const following = await openChunk(run, record, next);
    if (following) record = chunkBegun(record, following, suspectIn(run, next));
  }
  await run.lease.commit({ folders: [record], items: outcome.items, skipped });
  run.progressed(record);
  run.log("chunk.copied", {
    mailbox: run.mailboxId,
    folder: record.folderId,
    items: outcome.items.length,
    skipped: skipped.length,
    bytes: record.counts.bytes - folder.counts.bytes,
  });
  for (const { code, size } of skipped)
    run.log("item.skipped", { mailbox: run.mailboxId, folder: record.folderId, code, size });
  if (outcome.failure) throw outcome.failure;
  return record;
}

/** The chunk that messages are written under: the one already stored for them, or a new one. */
async function openChunk(
  run: SyncRun,
  folder: PlacedFolder,
  { writable }: PlannedChunk,
): Promise<OpenChunk | undefined> {
  if (writable.length === 0) return undefined;
  const uids = uidSetOf(writable.map(({ uid }) => uid));
  const stored = folder.doubt.openChunk;
  if (stored && sizeOf(differenceOf(uids, stored.uids)) === 0) return stored;
  return { token: randomUUID(), mark: await run.target.markFolder(folder.place.id), uids };
}

/** The message of a chunk that is written alone: should the worker die, it died in this one. */
function suspectIn({ oneByOne }: SyncRun, { writable: [only] }: PlannedChunk): Uid | undefined {
  return only && (oneByOne || only.size > streamedSize) ? only.uid : undefined;
}

/** Messages announced by SEARCH without a summary: expunged since, or never delivered by the server. */
async function settleMissing(
  run: SyncRun,
  folder: PlacedFolder,
  opened: OpenSourceFolder,
  existing: UidSet,
  missing: UidSet,
): Promise<PlacedFolder> {
  const unreadable = await opened.searchUids({ among: missing });
  let record = folder;
  const uids = [...uidsOf(missing)];
  for (let start = 0; start < uids.length; start += maxChunkItems) {
    const part = uids.slice(start, start + maxChunkItems);
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
    record = missingSettled(record, uidSetOf(part), skipped, existing);
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
