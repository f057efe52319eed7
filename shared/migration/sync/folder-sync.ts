import { randomUUID } from "node:crypto";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { FolderSyncMessage } from "../../domain/queue-messages.ts";
import { MailboxState, Superseded } from "../mailbox/change.ts";
import { isActive, needsLoginTest, waitsForOthers } from "../mailbox/life.ts";
import type { BatchRecord, MailboxRecord, Versioned } from "../ports/registry.ts";
import type { Log } from "../runtime.ts";
import { finish, recordFailure, settleInactive, wakeLater } from "./end-step.ts";
import { LeaseHolder } from "./lease-holder.ts";
import type { FolderSyncParts } from "./parts.ts";
import { resolveLedger } from "./resolve-ledger.ts";
import { unexpected } from "./retry-delay.ts";
import { SessionPool } from "./sessions.ts";
import { bindToServer } from "./source-server.ts";
import { runStep } from "./step.ts";
import { testLogin } from "./test-login.ts";

/** Deliveries of one message before the queue gives up on it; declared with the queue. */
export const maxDeliveryCount = 10;

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
      await takeStep(parts, step, message, pool);
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

async function takeStep(
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
    const next = await runStep(parts, step.batch, state, lease, message, pool);
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
