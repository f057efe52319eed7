import { randomUUID } from "node:crypto";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { FolderSyncMessage } from "../../domain/queue-messages.ts";
import { isAtWork } from "../batch/life.ts";
import { MailboxState, Superseded } from "../mailbox/change.ts";
import {
  deathsToFail,
  deathsToIsolate,
  isActive,
  isIsolated,
  needsLoginTest,
  stepBegun,
  stepEnded,
  waitsForOthers,
} from "../mailbox/life.ts";
import { patiently, persistently } from "../patience.ts";
import type { BatchRecord, MailboxRecord, Versioned } from "../ports/registry.ts";
import { logCrash } from "../runtime.ts";
import {
  finish,
  goOnInRound,
  isLongPause,
  noteEnd,
  recordFailure,
  settleInactive,
  wakeLater,
} from "./end-step.ts";
import { refuseOutsideHours } from "./heartbeat.ts";
import { LeaseHolder } from "./lease-holder.ts";
import type { FolderSyncParts, LookStep } from "./parts.ts";
import { resolveLedger } from "./resolve-ledger.ts";
import { unexpected } from "./retry-delay.ts";
import { type Hold, SessionPool } from "./sessions.ts";
import { bindToServer } from "./source-server.ts";
import { runStep } from "./step.ts";
import { testLogin } from "./test-login.ts";

/** Longer than the host keeps an idle session, so that it is really given back. */
const releaseMs = 15_000;

/** After an outage of the store whoever was in a step meanwhile has so long to note its end: some of the longest pauses. */
const afterOutageMs = 30_000;

/**
 * Deliveries of one message before the queue gives up on it; declared with each queue. While a host has no worker each takes
 * some tens of milliseconds: so many outlast the start of another one.
 */
export const maxDeliveryCount = 1_000;

/**
 * Handles a `folder-sync` message: one step of a mailbox's chain. Step 0 of a round plans, as does every step with a
 * new session; every step then copies until its limits are reached, stores where it is and sends the next one.
 * Repeatable at any point, by any number of workers at once: the ledger's lease lets one of them write.
 * Known failures are stored with the mailbox; what is thrown is that this was not possible for minutes.
 * @param isolated true for the messages of the queue of mailboxes in whose steps workers died again and again.
 */
export function createFolderSync(
  parts: FolderSyncParts,
): (message: FolderSyncMessage, isolated: boolean) => Promise<void> {
  const pool = new SessionPool(parts.clock);
  /** Steps that began in this process and whose end is not noted yet. */
  const unended = new Set<string>();
  let unreadAt = Number.NEGATIVE_INFINITY;
  return async (message, isolated) => {
    const held = pool.hold(message.mailboxId);
    let tries = 0;
    const stored = await patiently(() => {
      tries++;
      return openStep(parts, message, isolated).catch((error: unknown) => {
        unreadAt = parts.clock();
        throw error;
      });
    }, parts.ending);
    if (stored === undefined) return;
    const id = randomUUID();
    unended.add(id);
    const wasAway = tries > 1 || parts.clock() - unreadAt < afterOutageMs;
    const outlived = (step: string) => wasAway || unended.has(step);
    const before = parts.standstills();
    const stoodStill = () => parts.standstills() > before;
    // What is in flight may take longer than the process has: its end is no death, so the row says so now.
    const told = () => void noteEnd(parts, message, id).catch(() => undefined);
    parts.ending.addEventListener("abort", told);
    let noted = true;
    try {
      await takeStep(parts, { ...stored, id, held, stoodStill, outlived }, message, pool);
    } catch (error) {
      noted = false;
      if (!isMigrationError(error) && !(error instanceof Superseded))
        logCrash(parts.log, "step.crashed", { batch: message.batch, mailbox: message.mailboxId }, error);
      await patiently(
        () =>
          error instanceof Superseded
            ? settleInactive(parts, message, id)
            : recordFailure(
                parts,
                message,
                { id, stoodStill: stoodStill() },
                isMigrationError(error) ? error : unexpected(error),
              ),
        parts.ending,
      );
      noted = true;
    } finally {
      if (noted) unended.delete(id);
      else void persistently(() => noteEnd(parts, message, id), parts.ending).then(() => unended.delete(id));
      parts.ending.removeEventListener("abort", told);
      if (stoodStill()) parts.log("worker.stalled", { batch: message.batch, mailbox: message.mailboxId });
    }
  };
}

interface Stored {
  readonly batch: BatchRecord;
  readonly mailbox: Versioned<MailboxRecord>;
}

interface Step extends Stored {
  /** By which the mailbox's row knows that the step has not ended yet. */
  readonly id: string;
  readonly held: Hold;
  readonly stoodStill: () => boolean;
  /**
   * True for a step without an end in the row of which no worker died: this process is in it or gave it up, or rows
   * could not be read just now, so that whoever was in it could not note its end, either.
   */
  readonly outlived: (step: string) => boolean;
}

/** @returns the mailbox if this message is its current step; otherwise what is missing has been sent or released. */
async function openStep(
  parts: FolderSyncParts,
  message: FolderSyncMessage,
  isolated: boolean,
): Promise<Stored | undefined> {
  const [batch, mailbox] = await Promise.all([
    parts.batches.get(message.batch),
    parts.mailboxes.get(message.batch, message.mailboxId),
  ]);
  if (batch === undefined || mailbox === undefined || message.round > mailbox.value.round) return undefined;
  if (!isAtWork(batch.value) || !isActive(mailbox.value) || waitsForOthers(mailbox.value)) {
    await parts.admission.release(mailbox.value.endpoint, mailbox.value.id, mailbox.value.round);
    return undefined;
  }
  const { endpoint, id, round } = mailbox.value;
  if (message.round < round) {
    // The worker that raised the round may have ended before it sent the wake-up.
    await goOnInRound(parts, mailbox.value);
    return undefined;
  }
  if (isIsolated(mailbox.value) && !isolated) {
    await parts.queue.sendIsolatedSync(message);
    return undefined;
  }
  if (!(await parts.admission.extend(endpoint, id))) return undefined;
  return { batch: batch.value, mailbox };
}

async function takeStep(
  parts: FolderSyncParts,
  step: Step,
  message: FolderSyncMessage,
  pool: SessionPool,
): Promise<void> {
  const { id, batch, mailbox, held, stoodStill } = step;
  const state = new MailboxState(parts, mailbox, message.round);
  // What is left of the lock's time may be too short for a step, after a long wait for storage or queue.
  if (held.tooLong()) return letGo(parts, state, id);
  const isUndone = state.mailbox.undoing !== undefined;
  if (!isUndone) {
    const { endpoint } = state.mailbox;
    refuseOutsideHours(endpoint, (await parts.endpoints.get(endpoint)).readingHours, parts.clock());
    await bindToServer(parts, batch, state);
  }
  const isTest = !isUndone && needsLoginTest(batch.options, state.mailbox);
  // No lease tells yet whether the worker of a step that has not ended is alive; where target or source are met first, it counts as dead.
  if (isTest || state.mailbox.targetId === undefined) {
    await begin(parts, state, step);
    refuseTooManyDeaths(state.mailbox);
  }
  if (isTest) return testLoginFirst(parts, state, id);
  const ledgerId = await resolveLedger(parts, state, id);
  const lease = await LeaseHolder.acquire(parts.ledger, ledgerId, id, parts.clock);
  if ("heldUntil" in lease) {
    const { attempts } = state.mailbox;
    await wakeLater(parts, state, { until: lease.heldUntil + 1000, attempts, step: id });
    return;
  }
  let release = true;
  try {
    if (state.mailbox.step?.id !== id) await begin(parts, state, step);
    refuseTooManyDeaths(state.mailbox);
    const position = lease.chain(message.mailboxId);
    if (position && position.round === message.round && position.step > message.step) {
      await parts.queue.sendFolderSync({ ...message, step: position.step }, state.mailbox.notBefore);
      await state.update((current) => stepEnded(current, id));
      return;
    }
    const look = lookOf(parts, batch, state.mailbox);
    const end = look
      ? await look(batch, state, lease, id, stoodStill)
      : await runStep(parts, batch, state, lease, message, pool, id, stoodStill);
    if (end === "ended") {
      await lease.release();
      release = false;
      const { endpoint, round } = state.mailbox;
      await parts.admission.release(endpoint, state.mailbox.id, round);
      return;
    }
    if ("finished" in end) {
      release = false;
      await finish(parts, batch, state, end.finished, [lease.release(), end.closed]);
      return;
    }
    const next = end.next === undefined && held.tooLong() ? parts.clock() + releaseMs : end.next;
    if (next !== undefined && isLongPause(next, parts.clock())) {
      await lease.release();
      release = false;
      await wakeLater(parts, state, { until: next, attempts: 0, step: id });
      return;
    }
    const nextMessage = { ...message, step: message.step + 1 };
    await lease.commit({
      chain: { mailboxId: message.mailboxId, position: { round: message.round, step: nextMessage.step } },
      until: parts.clock(),
    });
    release = false;
    await parts.queue.sendFolderSync(nextMessage, next);
  } finally {
    if (release) await lease.release();
  }
}

/** What is done with a mailbox instead of copying it. */
function lookOf(
  parts: FolderSyncParts,
  { options }: BatchRecord,
  { undoing, verifying }: MailboxRecord,
): LookStep | undefined {
  if (undoing) return parts.undo;
  if (verifying) return parts.verify;
  return options.dryRun ? parts.rehearse : undefined;
}

/** Lets the process have the mailbox no longer, so that the host gives its session back. */
function letGo(parts: FolderSyncParts, state: MailboxState, step: string): Promise<void> {
  const { attempts } = state.mailbox;
  return wakeLater(parts, state, { until: parts.clock() + releaseMs, attempts, step });
}

/** Notes in the mailbox's row that a step runs; one that is found there died with its worker, or was outlived. */
async function begin(parts: FolderSyncParts, state: MailboxState, { id, outlived }: Step): Promise<void> {
  const before = state.mailbox.trouble?.deaths ?? 0;
  let died = false;
  await state.update((mailbox) => {
    const { step } = mailbox;
    const current = step && step.id !== id && outlived(step.id) ? stepEnded(mailbox, step.id) : mailbox;
    died = current.step !== undefined && current.step.id !== id;
    return stepBegun(current, id, true, parts.clock());
  });
  const { batch, id: mailbox, trouble } = state.mailbox;
  const deaths = trouble?.deaths ?? 0;
  if (died) parts.log("worker.died", { batch, mailbox, deaths });
  // Where it is alone it cannot take others with it, so that the next time is its own fault.
  if (deaths > before && deaths === deathsToIsolate) {
    const { attempts } = state.mailbox;
    await wakeLater(parts, state, { until: parts.clock(), attempts, step: id });
    throw new Superseded();
  }
}

/** @throws MigrationError `mailbox`/`WorkerCrashed` where workers died too often, the last times with this mailbox alone. */
function refuseTooManyDeaths({ trouble }: MailboxRecord): void {
  const deaths = trouble?.deaths ?? 0;
  if (deaths < deathsToFail) return;
  throw new MigrationError(
    "mailbox",
    "WorkerCrashed",
    `The worker process ended, or stood still for ten seconds, ${deaths} times in a row while it worked on this mailbox, the last ${deaths - deathsToIsolate} times on no other one. Something in it takes more memory or time than a worker has: look at the log around these times, then retry the mailbox.`,
  );
}

/** The permit goes to the next one to be tested, or stays for another test if the row was mended during this one. */
async function testLoginFirst(parts: FolderSyncParts, state: MailboxState, step: string): Promise<void> {
  if (!(await testLogin(parts, state))) {
    await wakeLater(parts, state, { until: parts.clock(), attempts: 0, step });
    return;
  }
  const { batch, id, endpoint, round } = state.mailbox;
  parts.log("login.passed", { batch, mailbox: id });
  await parts.admission.release(endpoint, id, round);
}
