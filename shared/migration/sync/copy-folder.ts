import { randomUUID } from "node:crypto";
import type { MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  firstOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { Superseded } from "../mailbox/change.ts";
import type { ChunkOutcome, PlannedChunk } from "./chunk.ts";
import { chunksOf, type SizeLimits } from "./chunks.ts";
import { chunkBegun, chunkClosed, type PlacedFolder } from "./folder-record.ts";
import { type Budget, isStreamed, maxListedItems } from "./limits.ts";
import { ReadAhead } from "./read-ahead.ts";
import type { SyncRun } from "./run.ts";
import { dueAside, takenBack, toCopy, uidsAside } from "./set-aside.ts";
import { type ChunkSource, logSkipped, settleChunk, settleMissing } from "./settle-messages.ts";
import type { SteadyFolder } from "./steady-source.ts";
import { writeChunk } from "./write-chunk.ts";
import { WriteWindow } from "./write-window.ts";

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
  let mark: Promise<string> | undefined;
  try {
    while (sizeOf(todo) > 0 && !budget.exhausted) {
      mark ??= run.marks.of(folder.place.id);
      const window = windowOf(todo);
      const summaries = await reader.summariesOf(window);
      const missing = differenceOf(window, uidSetOf(summaries.map(({ uid }) => uid)));
      if (sizeOf(missing) > 0) record = await settleMissing(run, record, opened, existing, missing);
      const chunks = chunksOf(record, summaries, sizesOf(run), run.oneByOne);
      const others = differenceOf(todo, window);
      let nextMark: Promise<string> | undefined;
      const allRead = () => {
        if (sizeOf(others) === 0) return read();
        reader.list(windowOf(others));
        nextMark = run.marks.of(folder.place.id);
      };
      const source = { opened, existing, reader };
      record = await copyChunks(run, record, source, chunks, mark, budget, allRead);
      todo = toCopy(record, wanted, begun);
      mark = nextMark;
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

/** The limits that chunks of a run have. */
export function sizesOf({ options, target, pace }: SyncRun): SizeLimits {
  return { batch: options.maxItemSize, target: target.maxItemBytes, portion: pace.portion };
}

/** So many times as many messages as are written at once are asked for in one go: no source waits long for its target. */
const windowsTogether = 4;

/**
 * Copies chunks one behind another, under one token: while the last writes of one end and are committed, those of the next
 * one are under way. Two are open at most, and one alone that is a large message, or in which a worker may die.
 * @param marked a mark of the target from before the first write of any of them.
 * @param allRead called once all messages of the last one are read: the source may be asked for what comes next.
 * @returns the folder as last committed, once all are copied or the budget is spent.
 * @throws MigrationError after what was written is committed.
 */
async function copyChunks(
  run: SyncRun,
  folder: PlacedFolder,
  source: ChunkSource,
  chunks: readonly PlannedChunk[],
  marked: Promise<string>,
  budget: Budget,
  allRead: () => void,
): Promise<PlacedFolder> {
  const { opened, reader } = source;
  const token = randomUUID();
  const window = new WriteWindow(() => run.target.writeConcurrency);
  /** Of each chunk that was begun; settles when what it came to is committed. */
  const recorded: Promise<void>[] = [];
  let begun = 0;
  /** As last committed. */
  let record = folder;
  let left = emptyUidSet;
  let failure: MigrationError | Superseded | undefined;

  const goesOn = () => !window.stopped && !budget.exhausted && !run.pace.waits;
  const isAlone = (index: number) => {
    const { writable } = chunks[index] ?? { writable: [] };
    return isStreamed(writable) || (run.oneByOne && writable.length > 0);
  };

  const readOn = (index: number) => {
    const { writeConcurrency } = run.target;
    reader.begin(chunks.slice(index, goesOn() ? undefined : index + 1), windowsTogether * writeConcurrency);
  };

  /** The folder with those chunks from an index on open that have begun, or may begin once it is committed. */
  function withOpen(folder: PlacedFolder, index: number, mark: string): PlacedFolder {
    const ahead = isAlone(index) || isAlone(index + 1) ? index + 1 : index + 2;
    const open = chunks.slice(index, goesOn() ? Math.max(begun, ahead) : begun);
    const uids = unionOf(left, uidsOf(open));
    if (sizeOf(uids) === 0) return chunkClosed(folder);
    return chunkBegun(folder, { token, mark, uids }, isAlone(index) ? suspectIn(open) : undefined);
  }

  async function recordAfter(writes: Promise<ChunkOutcome>, index: number, planned: PlannedChunk) {
    const outcome = await writes;
    await recorded[index - 1];
    const mark = await marked;
    const settled = await settleChunk(run, record, source, planned, { token, mark }, outcome);
    if (settled.failure) {
      failure ??= settled.failure;
      window.stop();
    }
    left = unionOf(left, settled.left);
    const next = withOpen(settled.record, index + 1, mark);
    const change = { folders: [next], ...settled.part };
    await (isAlone(index) ? run.lease.commit(change) : run.lease.commitBeside(change));
    run.progressed(next);
    run.log("chunk.copied", {
      mailbox: run.mailboxId,
      folder: next.folderId,
      items: outcome.items.length,
      skipped: settled.skipped.length,
      bytes: next.counts.bytes - record.counts.bytes,
    });
    logSkipped(run, next.folderId, settled.skipped);
    record = next;
  }

  try {
    for (const [index, planned] of chunks.entries()) {
      await recorded[isAlone(index) || isAlone(index - 1) ? index - 1 : index - 2];
      if (window.stopped || budget.exhausted) break;
      begun = index + 1;
      run.checkpoint();
      const { writable, bytes } = planned;
      const pause = writable.length === 0 ? undefined : await run.pace.take(writable.length, bytes);
      failure ??= pause;
      if (failure) break;
      budget.spend(writable.length, bytes);
      if (!run.oneByOne) readOn(index);
      if (!isWithin(uidsOf([planned]), record.doubt.openChunk?.uids)) {
        await recorded[index - 1];
        const opening = withOpen(record, index, await marked);
        await run.lease.commit({ folders: [opening] });
        record = opening;
      }
      const onRead = () => {
        // One by one no message may be met before it is the suspected one.
        if (run.oneByOne || !goesOn()) return;
        if (index + 1 < chunks.length) readOn(index + 1);
        else allRead();
      };
      const { promise: allBegun, resolve } = Promise.withResolvers<void>();
      const reading = reader.take(planned, onRead);
      const writes = run.trace(
        "chunk.write",
        { mailbox: run.mailboxId, folder: folder.folderId, items: writable.length },
        () => writeChunk(run, folder, token, opened, writable, window, reading, resolve),
      );
      const recording = recordAfter(writes.finally(resolve), index, planned);
      // Observed here too: who waits for it comes later.
      recording.catch(() => undefined);
      recorded.push(recording);
      await allBegun;
    }
  } catch (error) {
    window.stop();
    throw error;
  } finally {
    // No write may go on behind the step.
    await Promise.allSettled(recorded);
  }
  await recorded.at(-1);
  if (sizeOf(left) === 0 && record.doubt.openChunk) {
    // Opened for messages that this step no longer writes it would be in doubt for the next one without a reason.
    record = chunkClosed(record);
    await run.lease.commit({ folders: [record] });
  }
  if (failure) throw failure;
  return record;
}

function isWithin(uids: UidSet, others: UidSet = emptyUidSet): boolean {
  return sizeOf(differenceOf(uids, others)) === 0;
}

function uidsOf(chunks: readonly PlannedChunk[]): UidSet {
  return uidSetOf(chunks.flatMap(({ writable }) => writable.map(({ uid }) => uid)));
}

/** The message of a chunk that is written alone: should the worker die, it died in this one. */
function suspectIn([chunk]: readonly PlannedChunk[]): Uid | undefined {
  return chunk?.writable[0]?.uid;
}
