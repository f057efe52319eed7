import { z } from "zod";
import { isMigrationError } from "../../domain/errors.ts";
import type { EndpointName, MailboxId } from "../../domain/names.ts";
import { mailboxSyncMessageSchema } from "../../domain/queue-messages.ts";
import { type Admission, clockSkewMs } from "../admission/admission.ts";
import { awaitsStart, isAtWork, isRemoving, isStartDue } from "../batch/life.ts";
import { changeMailbox, failMailbox } from "../mailbox/change.ts";
import {
  hasRecoveredWithout,
  hasWork,
  isActive,
  isBeingTested,
  isDue,
  isPauseOver,
  isQueued,
  isSynced,
  returned,
  syncedAgain,
  waitsForOthers,
  woken,
} from "../mailbox/life.ts";
import type { AdmissionState, AdmissionStore, Permit } from "../ports/admission-store.ts";
import type { UploadStore } from "../ports/blobs.ts";
import type {
  BatchRecord,
  BatchStore,
  MailboxRecord,
  MailboxStore,
  Recovery,
  Versioned,
} from "../ports/registry.ts";
import type { DeadLetter, DeadLetterQueue } from "../ports/work-queue.ts";
import { type Clock, type Log, minute } from "../runtime.ts";
import type { BatchControl } from "./batch-control.ts";

/** A file this old was missed by the trigger. */
const uploadAgeMs = 2 * minute;
const deadLettersPerSweep = 500;
/** Mailboxes of each kind taken off a wait list together: a transaction holds the rows of both. */
const turnedAway = 40;
/** For so long a recovery is news to those that wait, in milliseconds: several sweeps. */
const recoveryMs = 10 * minute;

export interface JanitorParts {
  readonly uploads: UploadStore;
  readonly ingest: (blobName: string) => Promise<void>;
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly admissions: AdmissionStore;
  readonly admission: Admission;
  readonly control: BatchControl;
  readonly deadLetters: DeadLetterQueue;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Mends what a lost event, a lost message or a crash between two writes has left: uploads nobody read, permits whose
 * worker died, mailboxes that wait for nothing, dead letters, batches to be started or removed, syncs that are due.
 * Every duty is tried even if another one failed. Repeatable, also by two at once.
 * @returns a function that sweeps once, and returns when the next sweep is due, milliseconds since 1970: past where
 * anything is at work, undefined where nothing is even planned.
 */
export function createJanitor(parts: JanitorParts): () => Promise<number | undefined> {
  const { clock, log } = parts;
  return async () => {
    let next = Number.POSITIVE_INFINITY;
    const lookAgain: LookAgain = (at = clock()) => {
      next = Math.min(next, at);
    };
    const duties: readonly (readonly [string, () => Promise<number>])[] = [
      ["uploads", () => readMissedUploads(parts, lookAgain)],
      ["deadLetters", () => readDeadLetters(parts, lookAgain)],
      ["permits", () => renewPermits(parts, lookAgain)],
      ["batches", () => tendBatches(parts, lookAgain)],
    ];
    const done: Record<string, number> = {};
    let failure: unknown;
    for (const [name, duty] of duties) {
      try {
        done[name] = await duty();
      } catch (error) {
        failure ??= error;
        lookAgain();
        log("janitor.failed", { duty: name, code: isMigrationError(error) ? error.code : "InternalError" });
      }
    }
    log("janitor.swept", done);
    if (failure !== undefined && !isMigrationError(failure)) throw failure;
    return Number.isFinite(next) ? next : undefined;
  };
}

/** Says when something needs another look, milliseconds since 1970; now where left out. */
type LookAgain = (at?: number) => void;

/** Does a duty for each, whatever happens to the others. @returns the sum. @throws the first failure. */
async function forEach<T>(items: Iterable<T>, duty: (item: T) => Promise<number>): Promise<number> {
  let count = 0;
  const failures: unknown[] = [];
  for (const item of items) {
    try {
      count += await duty(item);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return count;
}

async function readMissedUploads(
  { uploads, ingest, clock, log }: JanitorParts,
  lookAgain: LookAgain,
): Promise<number> {
  let count = 0;
  for await (const file of uploads.list()) {
    lookAgain(file.modifiedAt + uploadAgeMs);
    if (clock() - file.modifiedAt < uploadAgeMs) continue;
    try {
      await ingest(file.name);
      count++;
    } catch (error) {
      // The files behind it are read whatever is wrong with this one.
      log("upload.failed", { code: isMigrationError(error) ? error.code : "InternalError" });
    }
  }
  return count;
}

/** The body of a message about a mailbox. */
const letterSchema = mailboxSyncMessageSchema.extend({ step: z.int().optional() });

function readDeadLetters(parts: JanitorParts, lookAgain: LookAgain): Promise<number> {
  return parts.deadLetters.drain(deadLettersPerSweep, (letter) => {
    lookAgain();
    return returnMailboxOf(parts, letter);
  });
}

/**
 * A message the queue gave up on: nothing it needs could be reached, or no worker was there. Its mailbox is tried again
 * after a while, unless a newer round has begun. Deaths are counted by its steps.
 */
async function returnMailboxOf(parts: JanitorParts, letter: DeadLetter): Promise<void> {
  const body = letterSchema.safeParse(letter.body);
  parts.log("deadletter.handled", { queue: letter.queue, reason: letter.reason, readable: body.success });
  if (!body.success) return;
  const { batch, mailboxId, round } = body.data;
  const stored = await parts.mailboxes.get(batch, mailboxId);
  const waiting =
    stored &&
    (await changeMailbox(parts.mailboxes, stored, (mailbox) =>
      mailbox.round === round ? returned(mailbox, parts.clock()) : undefined,
    ));
  if (waiting) await parts.admission.release(waiting.endpoint, waiting.id, waiting.round);
}

/** Permits whose worker no longer prolongs them: the mailbox starts another round, or its place becomes free. */
async function renewPermits(parts: JanitorParts, lookAgain: LookAgain): Promise<number> {
  return forEach(await parts.admissions.endpoints(), async (endpoint) => {
    const { permits, waiting } = await parts.admissions.read(endpoint, 1);
    if (permits.length + waiting.length > 0) lookAgain();
    const oldest = Math.min(...waiting.map(({ since }) => since), parts.clock());
    parts.log("queue.measured", { endpoint, permits: permits.length, queueAgeMs: parts.clock() - oldest });
    const expired = permits.filter((permit) => permit.until + clockSkewMs <= parts.clock());
    const count = await forEach(expired, (permit) => renewPermit(parts, endpoint, permit));
    await admitWaiting(parts, endpoint);
    return count;
  });
}

/** Admits whoever can be admitted. Where the endpoint is gone or needs attention nobody can: those that wait fail. */
async function admitWaiting(parts: JanitorParts, endpoint: EndpointName): Promise<void> {
  try {
    await parts.admission.admit(endpoint);
  } catch (error) {
    if (!isMigrationError(error) || error.kind !== "mailbox") throw error;
    for (;;) {
      const { waiting, version } = await parts.admissions.read(endpoint, turnedAway);
      if (waiting.length === 0) return;
      for (const { batch, mailboxId: id, round } of waiting)
        await failMailbox(parts, { batch, id, round }, error);
      const served = waiting.map(({ mailboxId }) => mailboxId);
      if (!(await parts.admissions.apply(endpoint, version, { served }))) return;
    }
  }
}

async function renewPermit(parts: JanitorParts, endpoint: EndpointName, permit: Permit): Promise<number> {
  const stored = await parts.mailboxes.get(permit.batch, permit.mailboxId);
  const queued =
    stored &&
    (await changeMailbox(parts.mailboxes, stored, (mailbox) =>
      isActive(mailbox) ? woken(mailbox) : undefined,
    ));
  if (queued) await requestFor(parts, queued);
  // Many may wait before it, and none of them would get on while the old permit lasts.
  await parts.admission.release(endpoint, permit.mailboxId, permit.round);
  return 1;
}

/** What a sweep sees of outages: mailboxes that got over one, and mailboxes that wait for another try. */
interface Outages {
  readonly recoveries: Recovery[];
  readonly waiting: Versioned<MailboxRecord>[];
}

async function tendBatches(parts: JanitorParts, lookAgain: LookAgain): Promise<number> {
  const outages: Outages = { recoveries: [], waiting: [] };
  const count = await forEach(await parts.batches.list(), async (batch) => {
    if (isRemoving(batch)) {
      if (!(await parts.control.finishRemoval(batch.name))) lookAgain();
    } else if (isStartDue(batch, parts.clock())) await parts.control.start(batch.name);
    else if (isAtWork(batch)) return tendMailboxes(parts, batch, lookAgain, outages);
    else if (awaitsStart(batch)) lookAgain(batch.options.startAfter);
    return 0;
  });
  return count + (await wakeRecovered(parts, outages));
}

/** What kept one mailbox from going on kept others as well: once it has passed they need not sit out their pauses. */
async function wakeRecovered(parts: JanitorParts, { recoveries, waiting }: Outages): Promise<number> {
  if (recoveries.length === 0) return 0;
  return forEach(waiting, async (stored) => {
    const changed = await changeMailbox(parts.mailboxes, stored, (mailbox) =>
      hasRecoveredWithout(mailbox, recoveries) ? woken(mailbox) : undefined,
    );
    if (changed === undefined) return 0;
    await requestFor(parts, changed);
    return 1;
  });
}

async function tendMailboxes(
  parts: JanitorParts,
  batch: BatchRecord,
  lookAgain: LookAgain,
  { recoveries, waiting }: Outages,
): Promise<number> {
  const admitted = await parts.admissions.read(batch.endpoint, 1);
  let count = 0;
  let tested = true;
  let anyWaits = false;
  for await (const stored of parts.mailboxes.scan(batch.name)) {
    const mailbox = stored.value;
    const next = nextLookAt(mailbox, parts.clock());
    if (next !== undefined) lookAgain(next);
    anyWaits ||= waitsForOthers(mailbox);
    tested &&= !isBeingTested(batch.options, mailbox);
    if (mailbox.recovery && parts.clock() - mailbox.recovery.at < recoveryMs)
      recoveries.push(mailbox.recovery);
    if (isQueued(mailbox) && mailbox.trouble?.failingSince !== undefined) waiting.push(stored);
    if (tended(mailbox, admitted, parts.clock()) === undefined) continue;
    if (await isBeingServed(parts, batch.endpoint, mailbox.id)) continue;
    const changed = await changeMailbox(parts.mailboxes, stored, (current) =>
      tended(current, admitted, parts.clock()),
    );
    if (changed === undefined) continue;
    await requestFor(parts, changed);
    count++;
  }
  return anyWaits && tested ? count + (await parts.control.releaseTested(batch.name)) : count;
}

/**
 * The mailbox as it has to be queued, or undefined if nothing has been lost and nothing is due. Pure.
 * A mailbox that waits for its turn is lost only if nobody waits at the endpoint; one that waits for the logins of
 * others is not lost.
 */
export function tended(
  mailbox: MailboxRecord,
  state: AdmissionState,
  now: number,
): MailboxRecord | undefined {
  if (isDue(mailbox, now)) return syncedAgain(mailbox);
  if (mailbox.notBefore !== undefined) return isPauseOver(mailbox, now) ? woken(mailbox) : undefined;
  const admitted = state.permits.some((permit) => permit.mailboxId === mailbox.id);
  const nobodyWaits = !state.waiting.some((entry) => entry.kind === mailbox.kind);
  return !admitted && nobodyWaits ? woken(mailbox) : undefined;
}

/**
 * When the mailbox needs another look, milliseconds since 1970: `now` while it is at work, undefined if nothing is planned.
 * Pure.
 */
export function nextLookAt(mailbox: MailboxRecord, now: number): number | undefined {
  if (hasWork(mailbox)) return isQueued(mailbox) ? (mailbox.notBefore ?? now) : now;
  return isSynced(mailbox) ? mailbox.dueAt : undefined;
}

async function isBeingServed(parts: JanitorParts, endpoint: EndpointName, id: MailboxId): Promise<boolean> {
  const { permit, wait } = await parts.admissions.find(endpoint, id);
  return permit !== undefined || wait !== undefined;
}

/** Asks for admission. A mailbox whose endpoint is gone or needs attention fails, as it would by its message. */
async function requestFor(parts: JanitorParts, mailbox: MailboxRecord): Promise<void> {
  const { endpoint, id, batch, kind, round } = mailbox;
  try {
    await parts.admission.request(endpoint, { mailboxId: id, batch, kind, round, since: parts.clock() });
  } catch (error) {
    if (!isMigrationError(error) || error.kind !== "mailbox") throw error;
    await failMailbox(parts, mailbox, error);
  }
}
