import { randomUUID } from "node:crypto";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  firstOf,
  hasUid,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { OpenChunk, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";
import { chunksOf, type PlannedChunk, type SizeLimits } from "./chunks.ts";
import { type CommitPart, commitParts } from "./commit-parts.ts";
import { type AfterTries, afterTries, type FailedMessage, withDoubtsAside } from "./failed-messages.ts";
import { chunkBegun, chunkClosed, chunkCopied, missingSettled, type PlacedFolder } from "./folder-record.ts";
import { type Budget, isStreamed, maxCommitRows, maxListedItems, streamedSize } from "./limits.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { SyncRun } from "./run.ts";
import { dueAside, takenBack, toCopy, uidsAside } from "./set-aside.ts";
import type { SteadyFolder, Unread } from "./steady-source.ts";
import { type ChunkOutcome, type DoubtfulWrite, writeChunk } from "./write-chunk.ts";

/**
 * Copies what is not settled yet, chunk by chunk, until all of it is, or is set aside, or the budget is spent.
 * @param existing all UIDs of the folder.
 * @param wanted those of them that pass the batch's filters.
 * @param read called once all is read and nothing more is asked of the source for the folder, as far as can be told.
 * @returns the folder as last committed.
 * @throws MigrationError after the chunk's result was committed.
 */
export async function copyFolder(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
  wanted: UidSet,
  budget: Budget,
  read: () => void,
): Promise<PlacedFolder> {
  const begun = run.clock();
  let record = withoutNeedless(folder, existing, wanted, begun);
  opened.suspect(uidsAside(record));
  const reader = new ReadAhead(opened, run.target.order);
  const windowOf = (uids: UidSet) =>
    firstOf(uids, Math.min(maxListedItems, budget.messages), run.target.order);
  let todo = toCopy(record, wanted, begun);
  try {
    while (sizeOf(todo) > 0 && !budget.exhausted) {
      const window = windowOf(todo);
      const mark = markedNow(run, record);
      const summaries = await reader.summariesOf(window);
      const missing = differenceOf(window, uidSetOf(summaries.map(({ uid }) => uid)));
      if (sizeOf(missing) > 0) record = await settleMissing(run, record, opened, existing, missing);

      const chunks = chunksOf(record, summaries, sizesOf(run), run.oneByOne);
      for (const [index, chunk] of chunks.entries()) {
        if (budget.exhausted) return await closeUnwritten(run, record);
        run.checkpoint();
        const { writable, bytes } = chunk;
        const pause = writable.length === 0 ? undefined : await run.pace.take(writable.length, bytes);
        if (pause) throw pause;
        budget.spend(writable.length, bytes);
        const following = chunks[index + 1];
        const goesOn = () => !budget.exhausted && !run.pace.waits;
        const onRead = () => {
          // One by one no message may be met before it is the suspected one.
          if (!goesOn() || run.oneByOne) return;
          const others = differenceOf(todo, window);
          if (following) reader.begin(following);
          else if (sizeOf(others) > 0) reader.list(windowOf(others));
          // What is streamed is read while it is written.
          else if (!isStreamed(writable)) read();
        };
        const next = goesOn() ? following : undefined;
        const turn = { planned: chunk, mark: index === 0 ? mark : undefined, next, onRead };
        record = await copyChunk(run, record, { opened, existing, reader }, turn);
      }
      todo = toCopy(record, wanted, begun);
    }
  } finally {
    await reader.stop();
  }
  return record;
}

/**
 * The folder without those aside that are gone, settled, or no longer wanted. What was created in doubt is looked for when
 * it is due, gone or not.
 */
function withoutNeedless(folder: PlacedFolder, existing: UidSet, wanted: UidSet, now: number): PlacedFolder {
  const setAside = folder.setAside.filter(({ chunk }) => chunk === undefined);
  const open = differenceOf(existing, folder.checkpoint.settled);
  const due = uidsAside({ setAside: dueAside({ setAside }, now) });
  return takenBack(folder, unionOf(differenceOf(uidsAside({ setAside }), open), differenceOf(due, wanted)));
}

/** A chunk opened for messages that this step no longer writes would be in doubt for the next step without a reason. */
async function closeUnwritten(run: SyncRun, folder: PlacedFolder): Promise<PlacedFolder> {
  if (folder.doubt.openChunk === undefined) return folder;
  const closed = chunkClosed(folder);
  await run.lease.commit({ folders: [closed] });
  return closed;
}

interface Turn {
  readonly planned: PlannedChunk;
  /** Of its folder, if it was asked for since the chunk before it was committed. */
  readonly mark: Promise<string> | undefined;
  /** The chunk that comes next, if there is time for it. */
  readonly next: PlannedChunk | undefined;
  /** Called when all its messages are read: the source may be asked for what comes next. */
  readonly onRead: () => void;
}

/** Writes one chunk and commits it, opening the next one in the same transaction. */
async function copyChunk(
  run: SyncRun,
  folder: PlacedFolder,
  source: { readonly opened: SteadyFolder; readonly existing: UidSet; readonly reader: ReadAhead },
  { planned, mark, next, onRead }: Turn,
): Promise<PlacedFolder> {
  const { opened, existing, reader } = source;
  let record = folder;
  if (!run.oneByOne) reader.begin(planned);
  const chunk = await openChunk(run, record, planned, mark);
  if (chunk && record.doubt.openChunk?.token !== chunk.token) {
    record = chunkBegun(record, chunk, suspectIn(run, planned));
    await run.lease.commit({ folders: [record] });
  }
  const opening = next === undefined ? undefined : marked(openChunk(run, chunkClosed(record), next));
  // Observed here too, should the writes fail first.
  opening?.catch(() => undefined);
  const outcome =
    chunk === undefined
      ? { items: [], skipped: [], absent: [], inDoubt: [], refused: [], guesses: [] }
      : await run.trace(
          "chunk.write",
          { mailbox: run.mailboxId, folder: record.folderId, items: planned.writable.length },
          () => writeChunk(run, record, chunk, opened, planned.writable, reader.messagesOf(planned, onRead)),
        );
  const absent = new Set(outcome.absent);
  const missing = planned.writable.filter(({ uid }) => absent.has(uid));
  if (missing.length > 0) await reader.stop();
  const after = await afterMissing(run, record, opened, missing).catch((failure: unknown) => {
    // What was written is recorded first.
    if (!isMigrationError(failure)) throw failure;
    return { record, skipped: [], expunged: emptyUidSet, failure };
  });
  const refused = afterTries(after.record, refusedBy(outcome, chunk), run.clock());
  const skipped = [...planned.skipped, ...outcome.skipped, ...after.skipped, ...refused.skipped];
  const failure = outcome.failure ?? after.failure ?? refused.failure;
  const { guesses } = outcome;
  const { expunged } = after;
  const parts = commitParts(outcome.items, skipped);
  const last = parts.at(-1) ?? { items: [], skipped: [] };
  record = await commitFirst(run, refused.record, parts.slice(0, -1), chunk, existing);
  record = chunkCopied(record, { ...last, guesses, expunged }, existing);
  if (chunk) {
    const doubts = withDoubtsAside(record, stillInDoubt(record, outcome), chunk, run.clock());
    const { left } = doubts;
    record = sizeOf(left) === 0 ? doubts.record : chunkBegun(doubts.record, { ...chunk, uids: left });
  }
  const opens = await opening;
  if (failure === undefined && next && opens) record = chunkBegun(record, opens, suspectIn(run, next));
  await run.lease.commit({ folders: [record], ...last });
  run.progressed(record);
  run.log("chunk.copied", {
    mailbox: run.mailboxId,
    folder: record.folderId,
    items: outcome.items.length,
    skipped: skipped.length,
    bytes: record.counts.bytes - folder.counts.bytes,
  });
  logSkipped(run, record, skipped);
  if (failure) throw failure;
  return record;
}

/** The next chunk, unless the target could not be asked for its mark: then it is asked again. */
async function marked(opening: Promise<OpenChunk | undefined>): Promise<OpenChunk | undefined> {
  return opening.catch((error: unknown) => {
    if (isMigrationError(error)) return undefined;
    throw error;
  });
}

/** Commits all but the last part of what a chunk came to; what is not committed yet stays in doubt with it. */
async function commitFirst(
  run: SyncRun,
  folder: PlacedFolder,
  parts: readonly CommitPart[],
  chunk: OpenChunk | undefined,
  existing: UidSet,
): Promise<PlacedFolder> {
  let record = folder;
  let inDoubt = chunk;
  for (const part of parts) {
    const done = uidSetOf([...part.items, ...part.skipped].map(({ uid }) => uid));
    inDoubt &&= { ...inDoubt, uids: differenceOf(inDoubt.uids, done) };
    record = chunkCopied(record, { ...part, guesses: [], expunged: emptyUidSet, inDoubt }, existing);
    await run.lease.commit({ folders: [record], ...part });
  }
  return record;
}

function sizesOf({ options, target, pace }: SyncRun): SizeLimits {
  return { batch: options.maxItemSize, target: target.maxItemBytes, portion: pace.portion };
}

/** Writes in doubt that were not set aside yet. */
function stillInDoubt(folder: PlacedFolder, { inDoubt, refused }: ChunkOutcome): readonly DoubtfulWrite[] {
  const aside = uidsAside(folder);
  const refusals = refused.filter(({ error, message }) => error.inDoubt && !hasUid(aside, message.uid));
  return [...inDoubt, ...refusals];
}

/** @param chunk they were written under. */
function refusedBy({ refused }: ChunkOutcome, chunk: OpenChunk | undefined): readonly FailedMessage[] {
  return refused.map(({ message, error, telling }) => ({
    message,
    side: "target",
    error,
    telling,
    ...(chunk && error.inDoubt ? { chunk: { token: chunk.token, mark: chunk.mark } } : {}),
  }));
}

/** A mark from before a chunk's first write is as good as one from right before it. */
function markedNow(run: SyncRun, folder: PlacedFolder): Promise<string> {
  const mark = run.target.markFolder(folder.place.id);
  // Observed here too, should nobody need it.
  mark.catch(() => undefined);
  return mark;
}

/** The chunk that messages are written under: the one already stored for them, or a new one. */
async function openChunk(
  run: SyncRun,
  folder: PlacedFolder,
  { writable }: PlannedChunk,
  mark?: Promise<string>,
): Promise<OpenChunk | undefined> {
  if (writable.length === 0) return undefined;
  const uids = uidSetOf(writable.map(({ uid }) => uid));
  const stored = folder.doubt.openChunk;
  if (stored && sizeOf(differenceOf(uids, stored.uids)) === 0) return stored;
  return { token: randomUUID(), mark: await (mark ?? run.target.markFolder(folder.place.id)), uids };
}

/** The message of a chunk that is written alone: should the worker die, it died in this one. */
function suspectIn({ oneByOne }: SyncRun, { writable: [only] }: PlannedChunk): Uid | undefined {
  return only && (oneByOne || only.size > streamedSize) ? only.uid : undefined;
}

/**
 * Settles messages that were not given, as far as they are gone, and sets the others aside.
 * @param missing with what is known of them.
 */
async function afterMissing(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  missing: readonly MessageSummary[],
): Promise<AfterTries<PlacedFolder> & { readonly expunged: UidSet }> {
  const unasked = missing.filter(({ uid }) => !opened.unread.has(uid)).map(({ uid }) => uid);
  const listed = unasked.length === 0 ? [] : await opened.searchUids({ among: uidSetOf(unasked) });
  const failed: FailedMessage[] = [];
  for (const message of missing) {
    const unread = opened.unread.get(message.uid);
    if (unread) failed.push(await failedRead(run, message, unread));
    else if (hasUid(listed, message.uid))
      failed.push({ message, side: "source", error: leftOut(), telling: true });
  }
  const expunged = differenceOf(uidSetOf(unasked), listed);
  return { ...afterTries(folder, failed, run.clock()), expunged };
}

async function failedRead(run: SyncRun, message: MessageSummary, unread: Unread): Promise<FailedMessage> {
  const telling = await run.source.isTelling(unread);
  return { message, side: "source", error: unread.error, telling };
}

function leftOut(): MigrationError {
  return new MigrationError(
    "item",
    "SourceMessageUnreadable",
    "The source lists the message and does not deliver it.",
  );
}

/** Messages announced by SEARCH without a summary: expunged since, or not to be had. */
async function settleMissing(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
  missing: UidSet,
): Promise<PlacedFolder> {
  let record = folder;
  const uids = [...uidsOf(missing)];
  for (let start = 0; start < uids.length; start += maxCommitRows) {
    const part = uids.slice(start, start + maxCommitRows);
    const unknown = part.map((uid) => ({ uid, size: 0, internalDate: new Date(0), flags: [] }));
    const after = await afterMissing(run, record, opened, unknown);
    const settled = unionOf(after.expunged, uidSetOf(after.skipped.map(({ uid }) => uid)));
    record = missingSettled(after.record, settled, after.skipped, existing);
    await run.lease.commit({ folders: [record], skipped: after.skipped });
    run.progressed(record);
    logSkipped(run, record, after.skipped);
    if (after.failure) throw after.failure;
  }
  return record;
}

function logSkipped(run: SyncRun, { folderId }: PlacedFolder, skipped: readonly SkippedItem[]): void {
  for (const { code, size } of skipped)
    run.log("item.skipped", { mailbox: run.mailboxId, folder: folderId, code, size });
}
