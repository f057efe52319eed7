import pMap from "p-map";
import type { BatchName, MailboxId } from "../../domain/names.ts";
import { type TendMessage, tickMs } from "../../domain/queue-messages.ts";
import type { Admission } from "../admission/admission.ts";
import { completionAt, dailyWindow, isAtWork, isFinal, isRemoving, isStartDue } from "../batch/life.ts";
import {
  dueAt,
  hasRecoveredWithout,
  hasWork,
  isBeingTested,
  isPauseOver,
  isQueued,
  isSynced,
  type MailboxFacts,
  syncedAgain,
  waitsForOthers,
  woken,
} from "../mailbox/life.ts";
import type { Operations } from "../operations/carry-out.ts";
import { type PutToWorkParts, putToWork } from "../operations/put-to-work.ts";
import { patiently } from "../patience.ts";
import type { AdmissionStore } from "../ports/admission-store.ts";
import type { BatchRecord, BatchStore, MailboxSummary, Recovery } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { minute } from "../runtime.ts";
import type { BatchStates } from "../status/batch-states.ts";
import type { BatchControl } from "./batch-control.ts";

/** Mailboxes put to work in one look at a batch. */
const maxMailboxes = 1_000;
/** A look at a batch takes at most this part of the time. */
const partOfTime = 1 / 10;
/** What is due later than this is left to the janitor, in milliseconds. */
const ownMs = minute;
/** Mailboxes read at once. */
const concurrency = 16;

export interface TendBatchParts extends PutToWorkParts {
  readonly batches: BatchStore;
  readonly admissions: Pick<AdmissionStore, "permits" | "waiting">;
  readonly admission: Admission;
  readonly states: BatchStates;
  readonly operations: Pick<Operations, "resume">;
  readonly control: BatchControl;
  readonly queue: WorkQueue;
  /** Aborted when the process is about to end. */
  readonly ending: AbortSignal;
}

/**
 * Looks at one batch, every ten seconds while anything in it is at work: stores where it stands, goes on with what stands
 * still, starts it if its time has come, and puts to work whose pause is over, who is due, and who waits for nothing.
 * Each look sends the message of the next one. Repeatable, also by two at once.
 */
export function createBatchTending(parts: TendBatchParts): (message: TendMessage) => Promise<void> {
  const { batches, states, operations, control, queue, clock } = parts;

  async function tend({ batch: name, tick }: TendMessage): Promise<void> {
    const batch = (await batches.get(name))?.value;
    if (batch === undefined) return;
    if (isStartDue(batch, clock())) {
      await control.act(name, "start", "app");
      return;
    }
    if ((completionAt(batch) ?? Number.POSITIVE_INFINITY) <= clock()) {
      const begun = await control.act(name, "complete", "app");
      if (begun.outcome === "begun") return;
    }
    if ((await operations.resume(batch)) && isRemoving(batch)) return again(batch.name, tick, clock());
    const began = clock();
    const state = await states.refresh(batch);
    const took = clock() - began;
    if (isAtWork(batch) && batch.operations.length === 0) await tendMailboxes(parts, batch, state.mailboxes);
    const now = clock();
    if (state.nextAt === undefined || state.nextAt > now + ownMs) return;
    await again(name, tick, Math.max(state.nextAt, now + took / partOfTime - took));
  }

  /** @param at milliseconds since 1970. */
  async function again(batch: BatchName, tick: number, at: number): Promise<void> {
    const next = Math.max(Math.ceil(Math.max(at, clock() + tickMs) / tickMs), tick + 1);
    await queue.sendOperations([{ kind: "tend", batch, tick: next }], next * tickMs);
  }

  return (message) => patiently(() => tend(message), parts.ending);
}

async function tendMailboxes(
  parts: TendBatchParts,
  batch: BatchRecord,
  mailboxes: readonly MailboxSummary[],
): Promise<void> {
  const now = parts.clock();
  const failing = mailboxes.some(
    (mailbox) => isQueued(mailbox) && mailbox.trouble?.failingSince !== undefined,
  );
  const recoveries = failing ? await parts.states.recoveries() : [];
  const window = dailyWindow(batch, mailboxes.length);
  const lost = new Set(await lostOf(parts, batch, mailboxes));
  const chosen = mailboxes.filter(
    (mailbox) =>
      lost.has(mailbox.id) ||
      isTimeFor(mailbox, window, recoveries, now) ||
      // Its round had begun before the batch was to be completed.
      (isFinal(batch) && isSynced(mailbox)),
  );
  const some = chosen.slice(0, maxMailboxes);
  const read = await pMap(some, ({ id }) => parts.mailboxes.get(batch.name, id), { concurrency });
  const place = { operation: batch.lastOperation, since: now };
  const rounds = new Map(some.map(({ id, round }) => [id, round]));
  const stored = read.filter((mailbox) => mailbox !== undefined);
  const changed = await putToWork(parts, batch.endpoint, stored, place, (mailbox) => {
    if (isFinal(batch) && isSynced(mailbox)) return syncedAgain(mailbox);
    if (!lost.has(mailbox.id) && !isTimeFor(mailbox, window, recoveries, now)) return undefined;
    return isSynced(mailbox)
      ? syncedAgain(mailbox)
      : mailbox.round === rounds.get(mailbox.id)
        ? woken(mailbox)
        : undefined;
  });
  if (changed.length > 0) {
    await parts.admission.admit(batch.endpoint);
    parts.log("batch.tended", { batch: batch.name, mailboxes: changed.length, lost: lost.size });
  }
  if (mailboxes.some(waitsForOthers) && !mailboxes.some((mailbox) => isBeingTested(batch.options, mailbox)))
    await parts.control.releaseTested(batch.name);
}

/** True if the mailbox is due, its pause is over, or what it pauses for has passed. Pure. */
export function isTimeFor(
  mailbox: MailboxFacts,
  window: ReturnType<typeof dailyWindow>,
  recoveries: readonly Recovery[],
  now: number,
): boolean {
  const due = dueAt(mailbox, window);
  return (
    (due !== undefined && due <= now) ||
    isPauseOver(mailbox, now) ||
    (hasWork(mailbox) && hasRecoveredWithout(mailbox, recoveries))
  );
}

/**
 * Mailboxes that wait for nothing: they have no permit, and nobody of the batch is on the list of their kind any more.
 * While somebody is, they may be as well.
 */
async function lostOf(
  { admissions }: TendBatchParts,
  { name, endpoint, admitsFrom }: BatchRecord,
  mailboxes: readonly MailboxSummary[],
): Promise<readonly MailboxId[]> {
  const suspects = mailboxes.filter(
    (mailbox) => hasWork(mailbox) && mailbox.notBefore === undefined && !waitsForOthers(mailbox),
  );
  if (suspects.length === 0) return [];
  const lost: MailboxId[] = [];
  let admitted: ReadonlySet<MailboxId> | undefined;
  for (const kind of ["initial", "incremental"] as const) {
    const ofKind = suspects.filter((mailbox) => mailbox.kind === kind);
    if (ofKind.length === 0) continue;
    if ((await admissions.waiting(endpoint, kind, name, admitsFrom, 1)).length > 0) continue;
    admitted ??= new Set((await admissions.permits(endpoint)).map(({ mailboxId }) => mailboxId));
    for (const { id } of ofKind) if (!admitted.has(id)) lost.push(id);
  }
  return lost;
}
