import pMap from "p-map";
import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { BatchName, EndpointName } from "../../domain/names.ts";
import {
  type OperationMessage,
  operationMessageSchema,
  stepLetterSchema,
  tickMs,
} from "../../domain/queue-messages.ts";
import { type Admission, clockSkewMs } from "../admission/admission.ts";
import { isAtWork } from "../batch/life.ts";
import { changeMailbox, changeMailboxes } from "../mailbox/change.ts";
import { failed, isActive, isWaiting, returned, woken } from "../mailbox/life.ts";
import { type PutToWorkParts, putToWork } from "../operations/put-to-work.ts";
import type { AdmissionStore, Permit } from "../ports/admission-store.ts";
import type { BatchState, BatchStateStore } from "../ports/batch-state.ts";
import type { UploadStore } from "../ports/blobs.ts";
import type { BatchRecord, BatchStore } from "../ports/registry.ts";
import type { DeadLetter, DeadLetterQueue, WorkQueue } from "../ports/work-queue.ts";
import { hour, minute } from "../runtime.ts";

/** A file this old was missed by the trigger. */
const uploadAgeMs = 2 * minute;
/** Longest time of one duty in one sweep; what is left is for the next one. In milliseconds. */
const budgetMs = 4_000;
const deadLettersPerSweep = 500;
/** Permits renewed at once. */
const concurrency = 16;
/** Entries taken off a wait list together: as many as one transaction holds beside the gate. */
const groupSize = 99;

export interface JanitorParts extends PutToWorkParts {
  readonly uploads: Pick<UploadStore, "list">;
  readonly batches: BatchStore;
  readonly states: Pick<BatchStateStore, "list">;
  /** Forgets the figures of a batch that is gone. Repeatable. */
  readonly forgetFigures: (batch: BatchName) => Promise<void>;
  readonly admissions: AdmissionStore;
  readonly admission: Admission;
  readonly deadLetters: DeadLetterQueue;
  readonly queue: WorkQueue;
}

/**
 * Mends what a lost event, a lost message or a crash between two writes has left: uploads nobody read, permits whose
 * worker died, dead letters, batches that nobody looks at any more. Its duties run beside each other, each for a limited
 * time, and none of them is long: files and batches have messages of their own. Repeatable, also by two at once.
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
    const began = clock();
    const deadline = began + budgetMs;
    const duties: readonly (readonly [string, () => Promise<number>])[] = [
      ["uploads", () => announceMissedUploads(parts, lookAgain)],
      ["deadLetters", () => readDeadLetters(parts, deadline, lookAgain)],
      ["permits", () => renewPermits(parts, deadline, lookAgain)],
      ["batches", () => wakeBatches(parts, lookAgain)],
    ];
    const done: Record<string, number> = {};
    const failures: unknown[] = [];
    await Promise.all(
      duties.map(async ([name, duty]) => {
        try {
          done[name] = await duty();
        } catch (error) {
          failures.push(error);
          lookAgain();
          log("janitor.failed", { duty: name, code: isMigrationError(error) ? error.code : "InternalError" });
        }
      }),
    );
    log("janitor.swept", { ...done, durationMs: clock() - began });
    const unknown = failures.find((failure) => !isMigrationError(failure));
    if (unknown !== undefined) throw unknown;
    return Number.isFinite(next) ? next : undefined;
  };
}

/** Says when something needs another look, milliseconds since 1970; now where left out. */
type LookAgain = (at?: number) => void;

/** A file is read by a message of its own: it may take minutes. */
async function announceMissedUploads(
  { uploads, queue, clock }: JanitorParts,
  lookAgain: LookAgain,
): Promise<number> {
  const messages: OperationMessage[] = [];
  for await (const { name, version, modifiedAt } of uploads.list()) {
    lookAgain(modifiedAt + uploadAgeMs);
    const ageMs = clock() - modifiedAt;
    if (ageMs < uploadAgeMs) continue;
    messages.push({
      kind: "upload",
      file: name,
      version: version.replace(/[^A-Za-z0-9]/g, ""),
      attempt: Math.floor(clock() / uploadAgeMs),
    });
  }
  await queue.sendOperations(messages);
  return messages.length;
}

function readDeadLetters(parts: JanitorParts, deadline: number, lookAgain: LookAgain): Promise<number> {
  const goesOn = (drained: number) => drained < deadLettersPerSweep && parts.clock() <= deadline;
  return parts.deadLetters.drain(goesOn, (letter) => {
    lookAgain();
    return returnMailboxOf(parts, letter);
  });
}

/**
 * A message the queue gave up on: nothing it needs could be reached, or no worker was there. Its mailbox is tried again
 * after a while, unless a newer round has begun. Deaths are counted by its steps. An operation goes on by itself.
 */
async function returnMailboxOf(parts: JanitorParts, letter: DeadLetter): Promise<void> {
  const body = stepLetterSchema.safeParse(letter.body);
  const readable = body.success || operationMessageSchema.safeParse(letter.body).success;
  parts.log("deadletter.handled", { queue: letter.queue, reason: letter.reason, readable });
  if (!body.success) return;
  const { batch, mailboxId, round } = body.data;
  const stored = await parts.mailboxes.get(batch, mailboxId);
  const waiting =
    stored &&
    (await changeMailbox(parts, stored, (mailbox) =>
      mailbox.round === round ? returned(mailbox, parts.clock()) : undefined,
    ));
  if (waiting) await parts.admission.release(waiting.endpoint, waiting.id, waiting.round);
}

/** Permits whose worker no longer prolongs them: the mailbox starts another round, or its place becomes free. */
async function renewPermits(parts: JanitorParts, deadline: number, lookAgain: LookAgain): Promise<number> {
  const batches = await parts.batches.list();
  let count = 0;
  const failures: unknown[] = [];
  for (const endpoint of shuffled(await parts.admissions.endpoints())) {
    if (parts.clock() > deadline) break;
    try {
      const own = batches.filter((batch) => batch.endpoint === endpoint);
      count += await tendEndpoint(parts, endpoint, own, deadline, lookAgain);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return count;
}

/** In another order each time, so that an endpoint that takes all the time holds up the others once at most. */
function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}

async function tendEndpoint(
  parts: JanitorParts,
  endpoint: EndpointName,
  batches: readonly BatchRecord[],
  deadline: number,
  lookAgain: LookAgain,
): Promise<number> {
  const { admission, clock } = parts;
  const permits = await admission.recount(endpoint);
  const oldest = await oldestWaiting(parts, endpoint, batches);
  if (permits.length > 0) lookAgain();
  else if (oldest !== undefined) lookAgain(await admission.opensAt(endpoint));
  parts.log("queue.measured", {
    endpoint,
    permits: permits.length,
    queueAgeMs: oldest === undefined ? 0 : Math.max(0, clock() - oldest),
  });
  let count = 0;
  const failures: unknown[] = [];
  const expired = permits.filter(({ until }) => until + clockSkewMs <= clock());
  await pMap(
    expired,
    async (permit) => {
      if (clock() > deadline) return;
      try {
        await renewPermit(parts, endpoint, permit, batches);
        count++;
      } catch (error) {
        failures.push(error);
      }
    },
    { concurrency },
  );
  const problem = await admission.problemOf(endpoint);
  if (problem) await failWaiting(parts, endpoint, batches.filter(isAtWork), problem, deadline);
  else await admission.admit(endpoint);
  await forgetDead(parts, endpoint, batches, deadline, lookAgain);
  if (failures.length > 0) throw failures[0];
  return count;
}

/**
 * Removes what a stopped batch has left on the list, and what a worker that stood still has put there for a batch that was
 * removed meanwhile. Nobody reads either, so it waits while operations are at work on the list.
 */
async function forgetDead(
  { admissions, clock }: JanitorParts,
  endpoint: EndpointName,
  batches: readonly BatchRecord[],
  deadline: number,
  lookAgain: LookAgain,
): Promise<void> {
  if (batches.some(({ operations }) => operations.length > 0)) return lookAgain();
  for (const name of await admissions.listed(endpoint)) {
    const admitsFrom = batches.find((batch) => batch.name === name)?.admitsFrom ?? Number.MAX_SAFE_INTEGER;
    while (admitsFrom > 0 && clock() <= deadline) {
      const gone = await admissions.forget(endpoint, name, admitsFrom, groupSize);
      if (gone > 0) lookAgain();
      if (gone < groupSize) break;
    }
  }
}

/** Where the endpoint is gone or needs attention nobody can be admitted: those that wait fail. */
async function failWaiting(
  parts: JanitorParts,
  endpoint: EndpointName,
  batches: readonly BatchRecord[],
  { code, message }: MigrationError,
  deadline: number,
): Promise<void> {
  const { admissions, mailboxes, clock, log } = parts;
  for (const { name, admitsFrom } of batches)
    for (const kind of ["initial", "incremental"] as const)
      while (clock() <= deadline) {
        const gate = await admissions.gate(endpoint);
        const waiting = await admissions.waiting(endpoint, kind, name, admitsFrom, groupSize);
        if (waiting.length === 0) break;
        const read = await Promise.all(waiting.map(({ mailboxId }) => mailboxes.get(name, mailboxId)));
        const stored = read.filter((mailbox) => mailbox !== undefined);
        const changed = await changeMailboxes(parts, stored, (mailbox) =>
          isWaiting(mailbox) ? failed(mailbox, { code, message, at: clock() }) : undefined,
        );
        for (const { id } of changed) log("mailbox.failed", { batch: name, mailbox: id, code });
        const { shares, version } = gate;
        if (!(await admissions.apply(endpoint, version, { shares, served: waiting }))) break;
      }
}

async function oldestWaiting(
  { admissions }: JanitorParts,
  endpoint: EndpointName,
  batches: readonly BatchRecord[],
): Promise<number | undefined> {
  const first = await Promise.all(
    batches
      .filter(isAtWork)
      .flatMap(({ name, admitsFrom }) =>
        (["initial", "incremental"] as const).map((kind) =>
          admissions.waiting(endpoint, kind, name, admitsFrom, 1),
        ),
      ),
  );
  const since = first.flat().map((entry) => entry.since);
  return since.length === 0 ? undefined : Math.min(...since);
}

async function renewPermit(
  parts: JanitorParts,
  endpoint: EndpointName,
  permit: Permit,
  batches: readonly BatchRecord[],
): Promise<void> {
  const stored = await parts.mailboxes.get(permit.batch, permit.mailboxId);
  const batch = batches.find(({ name }) => name === permit.batch);
  if (stored && batch && isAtWork(batch)) {
    const place = { operation: batch.lastOperation, since: parts.clock() };
    await putToWork(parts, endpoint, [stored], place, (mailbox) =>
      isActive(mailbox) ? woken(mailbox) : undefined,
    );
  }
  // Many may wait before it, and none of them would get on while the old permit lasts.
  await parts.admission.release(endpoint, permit.mailboxId, stored?.value.round ?? permit.round);
}

/** Has batches looked at that are at work; those whose own messages go on get none twice. */
async function wakeBatches(parts: JanitorParts, lookAgain: LookAgain): Promise<number> {
  const { queue, clock } = parts;
  const [batches, states] = await Promise.all([parts.batches.list(), parts.states.list()]);
  const stateOf = new Map<BatchName, BatchState>(states.map((state) => [state.batch, state]));
  const now = clock();
  const tick = Math.floor(now / tickMs) + 1;
  const messages: OperationMessage[] = [];
  for (const batch of batches) {
    const state = stateOf.get(batch.name);
    const nextAt = nextLook(batch, state, now);
    // Soon enough to have it looked at when it is due.
    lookAgain((nextAt ?? Number.POSITIVE_INFINITY) - minute);
    // What pauses may have recovered with others; and once an hour every mailbox is read.
    const isNews = state?.atRest === false || now - (state?.asOf ?? 0) >= hour;
    if (isNews || (nextAt !== undefined && nextAt <= now + minute))
      messages.push({ kind: "tend", batch: batch.name, tick });
  }
  await queue.sendOperations(messages, tick * tickMs);
  // A worker that stood still may have stored those of a batch that was removed meanwhile.
  const names = new Set(batches.map(({ name }) => name));
  for (const { batch } of states) if (!names.has(batch)) await parts.forgetFigures(batch);
  return messages.length;
}

/** When a batch is to be looked at, by what is known of it. Pure. @param now milliseconds since 1970. */
export function nextLook(batch: BatchRecord, state: BatchState | undefined, now: number): number | undefined {
  if (batch.operations.length > 0 || state === undefined) return now;
  // A window began since.
  return (batch.resyncAt ?? 0) > state.asOf ? now : state.nextAt;
}
