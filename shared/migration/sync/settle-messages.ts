import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { FolderId } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  hasUid,
  type UidSet,
  uidSetOf,
  uidsOf,
  unionOf,
} from "../../domain/uid-set.ts";
import type { Superseded } from "../mailbox/change.ts";
import type { OpenChunk, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";
import type { ChunkOutcome, DoubtfulWrite, PlannedChunk } from "./chunk.ts";
import { type CommitPart, commitParts } from "./commit-parts.ts";
import { type AfterTries, afterTries, type FailedMessage, withDoubtsAside } from "./failed-messages.ts";
import { chunkCopied, missingSettled, type PlacedFolder } from "./folder-record.ts";
import { maxCommitRows } from "./limits.ts";
import type { ReadAhead } from "./read-ahead.ts";
import type { SyncRun } from "./run.ts";
import { uidsAside } from "./set-aside.ts";
import type { SteadyFolder, Unread } from "./steady-source.ts";

/** Where a folder's chunks come from. */
export interface ChunkSource {
  readonly opened: SteadyFolder;
  /** All UIDs of the folder. */
  readonly existing: UidSet;
  readonly reader: ReadAhead;
}

/** What a chunk came to, to be committed together. */
export interface SettledChunk {
  /** Without an open chunk. */
  readonly record: PlacedFolder;
  readonly part: CommitPart;
  /** What has been skipped of all the chunk. */
  readonly skipped: CommitPart["skipped"];
  /** Those in doubt for which there is no room aside: they stay in the open chunk. */
  readonly left: UidSet;
  /** Why nothing more is to be copied now. */
  readonly failure?: MigrationError | Superseded | undefined;
}

/**
 * Makes records of a chunk's outcome: what was copied and skipped is settled, the rest set aside or left to be tried again.
 * All but the last part of it is committed, where it does not fit into one transaction; other chunks stay open in that.
 * @param folder with the chunk, and others beside it, open.
 * @param chunk that its messages were written under.
 */
export async function settleChunk(
  run: SyncRun,
  folder: PlacedFolder,
  { opened, existing, reader }: ChunkSource,
  planned: PlannedChunk,
  chunk: Pick<OpenChunk, "token" | "mark">,
  outcome: ChunkOutcome,
): Promise<SettledChunk> {
  const absent = new Set(outcome.absent);
  const missing = planned.writable.filter(({ uid }) => absent.has(uid));
  const look = () => afterMissing(run, folder, opened, missing);
  const looked = missing.length === 0 ? look() : reader.alone(look);
  const after = await looked.catch((failure: unknown) => {
    // What was written is recorded first.
    if (!isMigrationError(failure)) throw failure;
    return { record: folder, skipped: [], expunged: emptyUidSet, failure };
  });
  const refused = afterTries(after.record, refusedBy(outcome, chunk), run.clock());
  const skipped = [...planned.skipped, ...outcome.skipped, ...after.skipped, ...refused.skipped];
  const parts = commitParts(outcome.items, skipped);
  const part = parts.at(-1) ?? { items: [], skipped: [] };
  const first = await commitFirst(run, refused.record, parts.slice(0, -1), existing);
  const copied = chunkCopied(
    first,
    { ...part, guesses: outcome.guesses, expunged: after.expunged },
    existing,
  );
  const doubts = withDoubtsAside(copied, stillInDoubt(copied, outcome), chunk, run.clock());
  return {
    ...doubts,
    part,
    skipped,
    failure: outcome.failure ?? after.failure ?? refused.failure,
  };
}

/** Commits all but the last part of what a chunk came to; what is not committed yet stays open. */
async function commitFirst(
  run: SyncRun,
  folder: PlacedFolder,
  parts: readonly CommitPart[],
  existing: UidSet,
): Promise<PlacedFolder> {
  let record = folder;
  for (const part of parts) {
    const done = uidSetOf([...part.items, ...part.skipped].map(({ uid }) => uid));
    const { openChunk } = record.doubt;
    const inDoubt = openChunk && { ...openChunk, uids: differenceOf(openChunk.uids, done) };
    record = chunkCopied(record, { ...part, guesses: [], expunged: emptyUidSet, inDoubt }, existing);
    await run.lease.commitBeside({ folders: [record], ...part });
  }
  return record;
}

/** Writes in doubt that were not set aside yet. */
function stillInDoubt(folder: PlacedFolder, { inDoubt, refused }: ChunkOutcome): readonly DoubtfulWrite[] {
  const aside = uidsAside(folder);
  const refusals = refused.filter(({ error, message }) => error.inDoubt && !hasUid(aside, message.uid));
  return [...inDoubt, ...refusals];
}

function refusedBy(
  { refused }: ChunkOutcome,
  { token, mark }: Pick<OpenChunk, "token" | "mark">,
): readonly FailedMessage[] {
  return refused.map(({ message, error, telling }) => ({
    message,
    side: "target",
    error,
    telling,
    ...(error.inDoubt ? { chunk: { token, mark } } : {}),
  }));
}

/**
 * What becomes of messages that were not given: those that are gone are settled, the others are set aside. Nothing is
 * committed.
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

/**
 * Commits what becomes of messages announced by SEARCH without a summary: expunged since, or not to be had. Repeatable.
 * @throws MigrationError where there is no more room to set them aside, after what was settled is committed.
 */
export async function settleMissing(
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
    logSkipped(run, record.folderId, after.skipped);
    if (after.failure) throw after.failure;
  }
  return record;
}

/** One event for each message that was skipped. */
export function logSkipped(run: SyncRun, folder: FolderId, skipped: readonly SkippedItem[]): void {
  for (const { code, size } of skipped)
    run.log("item.skipped", { mailbox: run.mailboxId, folder, code, size });
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
