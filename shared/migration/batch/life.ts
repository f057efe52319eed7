import { type BatchOptions, defaultBatchOptions } from "../../domain/batch-options.ts";
import type { BatchName, EndpointName } from "../../domain/names.ts";
import type { BatchIntent } from "../../domain/states.ts";
import type { BatchRecord, ConfirmedServer, PendingOperation, RecordedError } from "../ports/registry.ts";
import { day, hour, minute } from "../runtime.ts";

/*
 * The life of a batch: the one place that writes what the operator intends with it. Every function is pure. Its status
 * follows from the intent and from its mailboxes (domain/states.ts).
 *
 * created -> running <-> stopped, running <-> completed; removing is final.
 */

/** A batch of so few mailboxes is read whenever it is shown. */
export const smallBatch = 1_000;

/** True if mailboxes of the batch are to be worked on. */
export function isAtWork({ intent }: BatchRecord): boolean {
  return intent === "running" || intent === "completed";
}

/** True if mailboxes of the batch are synced daily. */
export function isSyncedDaily({ intent }: BatchRecord): boolean {
  return intent === "running";
}

/** True if this is the batch's last sync: nothing may be left for a later one. */
export function isFinal({ intent }: BatchRecord): boolean {
  return intent === "completed";
}

export function isRemoving({ intent }: BatchRecord): boolean {
  return intent === "removing";
}

/** True once anything of the batch may have been worked on. */
export function wasStarted({ intent }: BatchRecord): boolean {
  return intent !== "created";
}

/** True if the batch waits for its start time. */
export function awaitsStart({ intent, options }: BatchRecord): boolean {
  return intent === "created" && options.autoStart && options.startAfter !== undefined;
}

/** True if the batch waited for its start time and that has come. @param now milliseconds since 1970. */
export function isStartDue(batch: BatchRecord, now: number): boolean {
  return batch.options.startAfter !== undefined && startsByItself(batch, now);
}

/** A batch that was not there before its upload. @param now milliseconds since 1970. */
export function newBatch(
  name: { readonly batch: BatchName; readonly displayName: string; readonly endpoint: EndpointName },
  options: BatchOptions | undefined,
  now: number,
): BatchRecord {
  return {
    name: name.batch,
    displayName: name.displayName,
    endpoint: name.endpoint,
    intent: "created",
    options: options ?? defaultBatchOptions,
    createdAt: now,
    invalidRowCount: 0,
    lastOperation: Math.floor(now / 1000),
    operations: [],
    admitsFrom: 0,
  };
}

/** An operator confirmed the server of the batch's endpoint. */
export function serverConfirmedBy(
  batch: BatchRecord,
  confirmedServer: ConfirmedServer,
): BatchRecord | undefined {
  return isRemoving(batch) ? undefined : { ...batch, confirmedServer };
}

/**
 * The rows of an upload were stored: the batch starts if its options say so and nobody decided otherwise. A completed one
 * goes on.
 * @param now milliseconds since 1970.
 */
export function uploaded(
  batch: BatchRecord,
  rows: { readonly valid: number; readonly invalid: number },
  now: number,
): BatchRecord {
  const largestFile = Math.max(batch.largestFile ?? 0, rows.valid);
  const counted = { ...batch, invalidRowCount: rows.invalid, uploadError: undefined, largestFile };
  const begins = startsByItself(batch, now) || isFinal(batch);
  return rows.valid > 0 && begins ? touched(begun(counted, now), now) : touched(counted, now);
}

/** An upload could not be read, or not yet. @param error why, as the operator is told. @param now milliseconds since 1970. */
export function uploadStopped(
  batch: BatchRecord,
  { code, message }: Pick<RecordedError, "code" | "message">,
  now: number,
): BatchRecord | undefined {
  if (isRemoving(batch)) return undefined;
  const { uploadError } = batch;
  if (uploadError?.code === code && uploadError.message === message) return batch;
  return { ...batch, uploadError: { code, message, at: now } };
}

/** A mail to the operators was sent, or could not be. @param error undefined once one was sent. */
export function noticeNoted(batch: BatchRecord, error: RecordedError | undefined): BatchRecord | undefined {
  if (isRemoving(batch)) return undefined;
  return batch.noticeError?.code === error?.code ? batch : { ...batch, noticeError: error };
}

/** The operator decides. @returns undefined if the batch is being removed, which nobody can take back. */
export function intended(batch: BatchRecord, intent: BatchIntent, now: number): BatchRecord | undefined {
  if (isRemoving(batch) && intent !== "removing") return undefined;
  if (intent === "running") return begun(batch, now);
  return batch.intent === intent ? batch : { ...batch, intent };
}

/** An operator did something with the batch. @param now milliseconds since 1970. */
export function touched(batch: BatchRecord, now: number): BatchRecord {
  return { ...batch, touchedAt: now };
}

/** A batch that nobody touches for so long stops by itself, as it does in Exchange; in milliseconds. */
export const idleMs = 60 * day;

/**
 * When the batch stops by itself unless somebody does something with it, milliseconds since 1970; undefined if it is not
 * synced daily. Pure.
 */
export function idleStopAt(batch: BatchRecord): number | undefined {
  return isSyncedDaily(batch) && batch.touchedAt !== undefined ? batch.touchedAt + idleMs : undefined;
}

/**
 * When the batch is to be completed by itself, milliseconds since 1970; undefined if never. One that was started again after
 * that instant is not: its operator wants it to go on. Pure.
 */
export function completionAt(batch: BatchRecord): number | undefined {
  const { completeAfter } = batch.options;
  if (!isSyncedDaily(batch) || completeAfter === undefined) return undefined;
  const wasResumed = batch.runningSince !== undefined && batch.runningSince !== batch.startedAt;
  return wasResumed && (batch.runningSince ?? 0) > completeAfter ? undefined : completeAfter;
}

/** True if operation `later` leaves nothing for `earlier` to do, or undoes it. */
export function supersedes(later: PendingOperation, earlier: PendingOperation): boolean {
  // What somebody approved stays so, whatever becomes of the batch.
  if (earlier.kind === "approve") return later.kind === "remove";
  return (
    later.whole && (halts(later) || (earlier.whole && earlier.kind === "stop" && later.kind !== "approve"))
  );
}

function halts({ kind }: PendingOperation): boolean {
  return kind === "stop" || kind === "remove";
}

/** An operation begins: it is the last one, and ends those that it supersedes. */
export function operated(batch: BatchRecord, operation: PendingOperation): BatchRecord {
  const { seq, kind, whole } = operation;
  return {
    ...batch,
    lastOperation: seq,
    operations: [
      ...batch.operations.filter((earlier) => !supersedes(operation, earlier)),
      { seq, kind, whole },
    ],
    admitsFrom: whole && halts(operation) ? seq : batch.admitsFrom,
  };
}

/** An operation is through. @returns undefined if it is over already. */
export function settledOperation(batch: BatchRecord, seq: number): BatchRecord | undefined {
  const operations = batch.operations.filter((operation) => operation.seq !== seq);
  return operations.length < batch.operations.length ? { ...batch, operations } : undefined;
}

/** Time given to each mailbox of a batch in its daily window, until that is full; in milliseconds. */
const perMailboxMs = 2_000;
const windowMs = 8 * hour;

/**
 * The daily window of a batch: when it began, and how long it is; undefined if it is not synced daily. Pure.
 * @param mailboxes of the batch.
 */
export function dailyWindow(
  batch: BatchRecord,
  mailboxes: number,
): { readonly from: number; readonly spanMs: number } | undefined {
  if (!isSyncedDaily(batch)) return undefined;
  return { from: batch.resyncAt ?? 0, spanMs: Math.min(windowMs, mailboxes * perMailboxMs) };
}

/** The timer fires twice at times. */
const doubleMs = minute;

/** A daily window begins. @param now milliseconds since 1970. */
export function resyncing(batch: BatchRecord, now: number): BatchRecord | undefined {
  if (!isSyncedDaily(batch)) return undefined;
  return now - (batch.resyncAt ?? 0) < doubleMs
    ? batch
    : { ...batch, resyncAt: now, touchedAt: batch.touchedAt ?? now };
}

function begun(batch: BatchRecord, now: number): BatchRecord {
  if (batch.intent === "running" && batch.startedAt !== undefined) return batch;
  return {
    ...batch,
    intent: "running",
    startedAt: batch.startedAt ?? now,
    runningSince: batch.intent === "running" ? batch.runningSince : now,
    failedLeft: undefined,
  };
}

function startsByItself({ intent, options }: BatchRecord, now: number): boolean {
  return intent === "created" && options.autoStart && (options.startAfter ?? 0) <= now;
}
