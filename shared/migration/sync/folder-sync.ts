import { createHash, randomUUID } from "node:crypto";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { LedgerId } from "../../domain/names.ts";
import { providerOf } from "../../domain/providers.ts";
import type { FolderSyncMessage } from "../../domain/queue-messages.ts";
import type { Admission } from "../admission/admission.ts";
import { isFinal } from "../batch/life.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import { MailboxState, Superseded } from "../mailbox/change.ts";
import {
  copying,
  failed,
  isActive,
  needsLoginTest,
  paused,
  synced,
  waitsForOthers,
} from "../mailbox/life.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { BatchRecord, BatchStore, MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";
import type { SourceConnector } from "../ports/source.ts";
import type { TargetConnector } from "../ports/target.ts";
import type { Vault } from "../ports/vault.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, type Log, minute, type Trace } from "../runtime.ts";
import { dailyAllowance, dailyCapReached } from "./daily-allowance.ts";
import { rank } from "./folder-mapping.ts";
import { LeaseHolder } from "./lease-holder.ts";
import { isMapped, planRound } from "./plan-round.ts";
import { Progress } from "./progress.ts";
import { reopenSkipped } from "./reopen-skipped.ts";
import { afterFailure, unexpected } from "./retry-delay.ts";
import { Budget, type ChunkLimits, type SyncRun } from "./run.ts";
import { closeSession, type MailboxSession, openSource, SessionPool } from "./sessions.ts";
import { bindToServer } from "./source-server.ts";
import { testLogin } from "./test-login.ts";
import { visitFolder } from "./visit-folder.ts";

/** Deliveries of one message before the queue gives up on it; declared with the queue. */
export const maxDeliveryCount = 10;
const heartbeatMs = 15_000;
/** A pause longer than this gives the permit back to others. */
const longPauseMs = 2 * minute;
/** Longer than the host keeps an idle session, so that it is really given back. */
const releaseMs = 15_000;

export interface FolderSyncParts {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly ledger: LedgerStore;
  readonly admission: Admission;
  readonly endpoints: Endpoints;
  readonly source: SourceConnector;
  readonly target: TargetConnector;
  readonly vault: Vault;
  readonly queue: WorkQueue;
  readonly sourceAccount: (
    mailbox: Pick<MailboxRecord, "endpoint" | "userName" | "userRoot">,
  ) => Promise<string>;
  readonly limits: ChunkLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly trace: Trace;
}

/**
 * Handles a `folder-sync` message: one step of a mailbox's chain. Step 0 of a round plans, as does every step with a
 * new session; every step then copies until its limits are reached, stores where it is and sends the next one.
 * Repeatable at any point, by any number of workers at once: the ledger's lease lets one of them write.
 * Known failures are stored with the mailbox and never thrown.
 */
export function createFolderSync(
  parts: FolderSyncParts,
): (message: FolderSyncMessage, deliveryCount: number) => Promise<void> {
  const pool = new SessionPool(parts.clock);
  return async (message, deliveryCount) => {
    const step = await openStep(parts, message);
    if (step === undefined) return;
    try {
      if (deliveryCount >= maxDeliveryCount)
        throw new MigrationError(
          "mailbox",
          "WorkerCrashed",
          `The worker ended ${maxDeliveryCount - 1} times in the same step. Retry the mailbox; if it fails again, look at the log around these times.`,
        );
      await runStep(parts, step, message, pool);
    } catch (error) {
      if (error instanceof Superseded) {
        await settleInactive(parts, message);
        return;
      }
      if (!isMigrationError(error)) logUnexpected(parts.log, message, error);
      await recordFailure(parts, message, isMigrationError(error) ? error : unexpected(error));
    }
  };
}

interface Step {
  readonly batch: BatchRecord;
  readonly mailbox: Versioned<MailboxRecord>;
}

/** @returns the mailbox if this message is its current step; otherwise what is missing has been sent or released. */
async function openStep(parts: FolderSyncParts, message: FolderSyncMessage): Promise<Step | undefined> {
  const [batch, mailbox] = await Promise.all([
    parts.batches.get(message.batch),
    parts.mailboxes.get(message.batch, message.mailboxId),
  ]);
  if (batch === undefined || mailbox === undefined || message.round > mailbox.value.round) return undefined;
  if (!isActive(mailbox.value) || waitsForOthers(mailbox.value)) {
    await parts.admission.release(mailbox.value.endpoint, mailbox.value.id, mailbox.value.round);
    return undefined;
  }
  const { endpoint, id, round, notBefore } = mailbox.value;
  if (message.round < round) {
    // The worker that raised the round may have ended before it sent the wake-up.
    if (await parts.admission.permit(endpoint, id))
      await parts.queue.sendFolderSync(
        { ...message, round, step: await currentStep(parts, mailbox.value) },
        notBefore,
      );
    return undefined;
  }
  if (!(await parts.admission.extend(endpoint, id))) return undefined;
  return { batch: batch.value, mailbox };
}

async function currentStep(parts: FolderSyncParts, mailbox: MailboxRecord): Promise<number> {
  if (mailbox.ledgerId === undefined) return 0;
  const position = (await parts.ledger.readChains(mailbox.ledgerId))[mailbox.id];
  return position?.round === mailbox.round ? position.step : 0;
}

async function runStep(
  parts: FolderSyncParts,
  step: Step,
  message: FolderSyncMessage,
  pool: SessionPool,
): Promise<void> {
  const state = new MailboxState(parts.mailboxes, step.mailbox, message.round);
  await bindToServer(parts, step.batch, state);
  if (needsLoginTest(step.batch.options, state.mailbox)) return testLoginFirst(parts, state);
  const ledgerId = await resolveLedger(parts, state);
  const lease = await LeaseHolder.acquire(parts.ledger, ledgerId, randomUUID(), parts.clock);
  if ("heldUntil" in lease) {
    await wakeLater(parts, state, lease.heldUntil + 1000, state.mailbox.attempts);
    return;
  }
  let release = true;
  try {
    const position = lease.chain(message.mailboxId);
    if (position && position.round === message.round && position.step > message.step) {
      await parts.queue.sendFolderSync({ ...message, step: position.step }, state.mailbox.notBefore);
      return;
    }
    const next = await work(parts, step.batch, state, lease, message, pool);
    if (next === "finished") {
      await lease.release();
      release = false;
      await finish(parts, step.batch, state);
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

/** The permit goes to the next one to be tested, or stays for another test if the row was mended during this one. */
async function testLoginFirst(parts: FolderSyncParts, state: MailboxState): Promise<void> {
  if (!(await testLogin(parts, state))) {
    await wakeLater(parts, state, parts.clock(), 0);
    return;
  }
  const { batch, id, endpoint, round } = state.mailbox;
  parts.log("login.passed", { batch, mailbox: id });
  await parts.admission.release(endpoint, id, round);
}

/**
 * The ledger of a mailbox, found by its target's object id and the account at the source. Resolved once.
 */
async function resolveLedger(parts: FolderSyncParts, state: MailboxState): Promise<LedgerId> {
  const account = await parts.sourceAccount(state.mailbox);
  const targetId = state.mailbox.targetId ?? (await parts.target.resolve(state.mailbox.emailAddress)).id;
  const ledgerId = createHash("sha256")
    .update(`${targetId}\0${account}`)
    .digest("hex")
    .slice(0, 32) as LedgerId;
  await state.update((mailbox) => copying(mailbox, { targetId, ledgerId }, parts.clock()));
  return ledgerId;
}

/** Plans and copies. @returns "finished", or the instant (or undefined for at once) of the next step. */
async function work(
  parts: FolderSyncParts,
  batch: BatchRecord,
  state: MailboxState,
  lease: LeaseHolder,
  message: FolderSyncMessage,
  pool: SessionPool,
): Promise<"finished" | number | undefined> {
  const { mailbox } = state;
  const key = `${mailbox.id}-${mailbox.ledgerId}`;
  const { host } = await parts.endpoints.get(mailbox.endpoint);
  const heart = startHeartbeat(parts, state, lease);
  const progress = new Progress(state, parts.clock, providerOf(host));
  let session: MailboxSession | undefined;
  let good = false;
  let goesOn = false;
  try {
    const kept = pool.take(key, lease.epoch);
    session = kept ?? (await openSession(parts, mailbox));
    const run: SyncRun = {
      mailboxId: mailbox.id,
      ledgerId: lease.ledgerId,
      options: batch.options,
      final: isFinal(batch),
      deletionsConfirmed: mailbox.deletionsConfirmed ?? false,
      source: session.source,
      target: session.target,
      representable: (flags) => parts.target.representableFlags(flags),
      ledger: parts.ledger,
      lease,
      limits: parts.limits,
      clock: parts.clock,
      log: (event, fields) => parts.log(event, { batch: batch.name, endpoint: mailbox.endpoint, ...fields }),
      trace: parts.trace,
      checkpoint: heart.check,
      progressed: (folder) => progress.update(folder),
    };
    // What a new session sees of the source may be newer than the plan: it plans again.
    const plans = message.step === 0 || kept === undefined;
    if (mailbox.retriesSkipped) {
      await reopenSkipped(run);
      // Once a round only: what is skipped anew stays skipped.
      await state.update((current) => ({ ...current, retriesSkipped: undefined }));
    }
    const next = await visitFolders(run, plans, progress, batch, () =>
      limitsOfToday(parts, state, progress.bytesTransferred),
    );
    good = true;
    goesOn = next === undefined;
    await progress.store();
    if (next === undefined && pool.heldTooLong(key)) return parts.clock() + releaseMs;
    return next;
  } finally {
    heart.stop();
    if (!good) await progress.store().catch(() => undefined);
    // The next round is a day away, and what a session knows of folders would be of today.
    if (session && goesOn) pool.give(key, session, lease.epoch);
    else if (session) await closeSession(session);
  }
}

async function visitFolders(
  run: SyncRun,
  plans: boolean,
  progress: Progress,
  batch: BatchRecord,
  limitsNow: () => Promise<ChunkLimits>,
): Promise<"finished" | number | undefined> {
  const folders = plans ? await planRound(run) : await run.ledger.listFolders(run.ledgerId);
  progress.replace(folders);
  const pending = folders.filter((folder) => folder.pending).filter(isMapped);
  if (pending.length === 0) {
    // What an earlier round lost counts also where nothing has changed since: a retry alone passes no limit.
    refuseTooManySkips(progress, batch);
    return "finished";
  }
  const budget = new Budget(await limitsNow(), run.clock);
  pending.sort((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
  let later: number | undefined;
  for (const folder of pending) {
    run.checkpoint();
    if (budget.exhausted) return undefined;
    const visit = await visitFolder(run, folder, budget);
    refuseTooManySkips(progress, batch);
    if (visit.end === "more") return undefined;
    if (visit.end === "later") later = Math.max(later ?? 0, visit.at);
  }
  return later ?? "finished";
}

/**
 * The limits of a step, with no more bytes than the endpoint leaves the mailbox today.
 * @throws MigrationError `throttled`/`DailyCapReached` if it leaves none.
 */
async function limitsOfToday(
  parts: FolderSyncParts,
  state: MailboxState,
  bytesTransferred: number,
): Promise<ChunkLimits> {
  const { maxBytesPerDayPerMailbox: cap } = await parts.endpoints.get(state.mailbox.endpoint);
  if (cap === undefined) return parts.limits;
  const now = parts.clock();
  const { start, bytesLeft } = dailyAllowance(state.mailbox.dailyStart, bytesTransferred, cap, now);
  if (start !== state.mailbox.dailyStart)
    await state.update((mailbox) => ({ ...mailbox, dailyStart: start }));
  if (bytesLeft === 0) throw dailyCapReached(cap, now);
  return { ...parts.limits, maxBytes: Math.min(parts.limits.maxBytes, bytesLeft) };
}

/** @throws MigrationError `mailbox`/`SkippedItemLimitExceeded` where the batch's limit is passed. */
function refuseTooManySkips(progress: Progress, batch: BatchRecord): void {
  const limit = batch.options.skippedItemLimit;
  if (limit === undefined || progress.lost <= limit) return;
  throw new MigrationError(
    "mailbox",
    "SkippedItemLimitExceeded",
    `${progress.lost} items were skipped, more than skippedItemLimit (${limit}). See skipped-items.csv, then raise the limit and retry.`,
  );
}

async function openSession(parts: FolderSyncParts, mailbox: MailboxRecord): Promise<MailboxSession> {
  const source = await openSource(parts, mailbox);
  try {
    const target = await parts.target.open({
      id: mailbox.targetId as string,
      emailAddress: mailbox.emailAddress,
    });
    return { source, target };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** Marks the mailbox synced and hands its permit on. */
async function finish(parts: FolderSyncParts, batch: BatchRecord, state: MailboxState): Promise<void> {
  await state.update((mailbox) => synced(mailbox, isFinal(batch), parts.clock()));
  const { id, endpoint, round, syncedItemCount, skippedItemCount, bytesTransferred } = state.mailbox;
  parts.log("mailbox.synced", {
    batch: batch.name,
    mailbox: id,
    round,
    items: syncedItemCount,
    skipped: skippedItemCount,
    bytes: bytesTransferred,
  });
  await parts.admission.release(endpoint, id, round);
}

/** Stores what a failure means for the mailbox and schedules what follows. */
async function recordFailure(
  parts: FolderSyncParts,
  message: FolderSyncMessage,
  error: MigrationError,
): Promise<void> {
  const stored = await parts.mailboxes.get(message.batch, message.mailboxId);
  if (stored === undefined || stored.value.round !== message.round || !isActive(stored.value)) {
    await settleInactive(parts, message);
    return;
  }
  const state = new MailboxState(parts.mailboxes, stored, message.round);
  const { batch, id, endpoint, round, attempts } = stored.value;
  const next = afterFailure(error, attempts, Math.random());
  const failure = { code: error.code, message: error.message, at: parts.clock() };
  if (next.move === "fail") {
    await state.update((mailbox) => failed(mailbox, failure));
    parts.log("mailbox.failed", { batch, mailbox: id, code: error.code });
    await parts.admission.release(endpoint, id, round);
    return;
  }
  parts.log("mailbox.deferred", {
    batch,
    mailbox: id,
    code: error.code,
    kind: error.kind,
    delayMs: Math.round(next.delayMs),
  });
  await wakeLater(parts, state, parts.clock() + next.delayMs, next.attempts, failure);
}

/**
 * Lets a mailbox pause: its round is raised, so that the wake-up has a message id of its own. A long pause gives the
 * permit back; the janitor then asks for admission when the pause is over.
 */
async function wakeLater(
  parts: FolderSyncParts,
  state: MailboxState,
  notBefore: number,
  attempts: number,
  error?: MailboxRecord["error"],
): Promise<void> {
  const givesPermitBack = notBefore - parts.clock() > longPauseMs;
  await state.update((mailbox) => paused(mailbox, { until: notBefore, attempts, error, givesPermitBack }));
  const { batch, id, round, endpoint } = state.mailbox;
  if (givesPermitBack) await parts.admission.release(endpoint, id, round);
  else await parts.queue.sendFolderSync({ batch, mailboxId: id, round, step: 0 }, notBefore);
}

/** After a stop the permit goes to somebody else. */
async function settleInactive(parts: FolderSyncParts, message: FolderSyncMessage): Promise<void> {
  const stored = await parts.mailboxes.get(message.batch, message.mailboxId);
  if (stored === undefined || isActive(stored.value)) return;
  await parts.admission.release(stored.value.endpoint, stored.value.id, stored.value.round);
}

/** Keeps lease and permit alive while a step runs, and notices when it has to end. */
function startHeartbeat(
  parts: FolderSyncParts,
  state: MailboxState,
  lease: LeaseHolder,
): { readonly check: () => void; readonly stop: () => void } {
  let ended: unknown;
  const beat = async (): Promise<void> => {
    const { endpoint, id } = state.mailbox;
    await lease.renew();
    if (!(await parts.admission.extend(endpoint, id))) throw new Superseded();
    await state.refresh();
  };
  const timer = setInterval(() => {
    beat().catch((error: unknown) => {
      if (error instanceof Superseded || (isMigrationError(error) && error.code === "LeaseLost"))
        ended ??= error;
    });
  }, heartbeatMs);
  return {
    check: () => {
      if (ended !== undefined) throw ended;
    },
    stop: () => clearInterval(timer),
  };
}

function logUnexpected(log: Log, message: FolderSyncMessage, error: unknown): void {
  const frames =
    error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)) : [];
  log("step.crashed", {
    batch: message.batch,
    mailbox: message.mailboxId,
    error: error instanceof Error ? error.name : typeof error,
    stack: frames.slice(0, 8).join("\n"),
  });
}
