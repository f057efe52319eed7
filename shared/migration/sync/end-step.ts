import type { MigrationError } from "../../domain/errors.ts";
import type { FolderSyncMessage } from "../../domain/queue-messages.ts";
import { isAtWork, isFinal } from "../batch/life.ts";
import { changeMailbox, MailboxState, Superseded } from "../mailbox/change.ts";
import { failed, isActive, type Pause, paused, stepEnded, synced } from "../mailbox/life.ts";
import type { BatchRecord, MailboxRecord } from "../ports/registry.ts";
import { minute } from "../runtime.ts";
import { processEnding } from "./heartbeat.ts";
import type { FolderSyncParts } from "./parts.ts";
import { afterFailure } from "./retry-delay.ts";

/** A pause longer than this gives the permit back to others. */
const longPauseMs = 2 * minute;

/** True for a pause in which the permit goes to others. @param until milliseconds since 1970. */
export function isLongPause(until: number, now: number): boolean {
  return until - now > longPauseMs;
}

/**
 * Marks the mailbox synced and hands its permit on.
 * @param end what the end of its last step makes of it.
 * @param givenBack what ends beside that, and before somebody else has the permit: its lease and its connections. None rejects.
 */
export async function finish(
  parts: FolderSyncParts,
  batch: BatchRecord,
  state: MailboxState,
  end: (mailbox: MailboxRecord) => MailboxRecord,
  givenBack: readonly (Promise<void> | undefined)[],
): Promise<void> {
  const stored = state.update((mailbox) => synced(end(mailbox), isFinal(batch), parts.clock()));
  await Promise.allSettled([stored, ...givenBack]);
  await stored;
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

/** A step as it ended. */
interface EndedStep {
  readonly id: string;
  readonly stoodStill: boolean;
}

/**
 * Stores what a failure means for the mailbox and schedules what follows. Repeatable.
 * @throws MigrationError `transient` or `throttled` if that cannot be stored or sent.
 */
export async function recordFailure(
  parts: FolderSyncParts,
  message: FolderSyncMessage,
  step: EndedStep,
  error: MigrationError,
): Promise<void> {
  const stored = await parts.mailboxes.get(message.batch, message.mailboxId);
  if (stored === undefined || stored.value.round !== message.round || !isActive(stored.value)) {
    await settleInactive(parts, message, step.id);
    return;
  }
  const state = new MailboxState(parts, stored, message.round);
  try {
    await recordIn(parts, state, step, error);
  } catch (reason) {
    if (!(reason instanceof Superseded)) throw reason;
    await settleInactive(parts, message, step.id);
  }
}

async function recordIn(
  parts: FolderSyncParts,
  state: MailboxState,
  { id: step, stoodStill }: EndedStep,
  error: MigrationError,
): Promise<void> {
  const { batch, id, endpoint, round, attempts, trouble } = state.mailbox;
  const now = parts.clock();
  if (error.code === processEnding)
    return wakeLater(parts, state, { until: now, attempts, step, failing: false, stoodStill });
  const next = afterFailure(error, attempts, now - (trouble?.failingSince ?? now), Math.random());
  const failure = { code: error.code, message: error.message, at: now };
  if (next.move === "fail") {
    const event = state.mailbox.undoing
      ? "undo.failed"
      : state.mailbox.verifying
        ? "verification.failed"
        : "mailbox.failed";
    await state.update((mailbox) => failed(mailbox, failure));
    parts.log(event, { batch, mailbox: id, code: error.code });
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
  const { attempts: tries, delayMs } = next;
  const failing = error.kind === "transient";
  const until = now + delayMs;
  await wakeLater(parts, state, { until, attempts: tries, error: failure, failing, step, stoodStill });
}

/**
 * Lets a mailbox pause: its round is raised, so that the wake-up has a message id of its own. A long pause gives the
 * permit back; the janitor then asks for admission when the pause is over.
 */
export async function wakeLater(
  parts: FolderSyncParts,
  state: MailboxState,
  pause: Omit<Pause, "givesPermitBack">,
): Promise<void> {
  const givesPermitBack = isLongPause(pause.until, parts.clock());
  await state.update((mailbox) => paused(mailbox, { ...pause, givesPermitBack }));
  const { batch, id, round, endpoint } = state.mailbox;
  if (givesPermitBack) await parts.admission.release(endpoint, id, round);
  else await parts.queue.sendFolderSync({ batch, mailboxId: id, round, step: 0 }, pause.until);
}

/** Notes in the mailbox's row that a step ends, or is about to. Repeatable. @returns the mailbox as it was before. */
export async function noteEnd(
  parts: FolderSyncParts,
  message: FolderSyncMessage,
  step: string,
): Promise<MailboxRecord | undefined> {
  const stored = await parts.mailboxes.get(message.batch, message.mailboxId);
  if (stored) await changeMailbox(parts, stored, (mailbox) => stepEnded(mailbox, step));
  return stored?.value;
}

/**
 * A step that was replaced or stopped has ended all the same. After a stop the permit goes to somebody else; a mailbox that
 * is in a later round keeps it, and goes on.
 */
export async function settleInactive(
  parts: FolderSyncParts,
  message: FolderSyncMessage,
  step: string,
): Promise<void> {
  const [mailbox, batch] = await Promise.all([
    noteEnd(parts, message, step),
    parts.batches.get(message.batch),
  ]);
  if (mailbox === undefined) return;
  const { endpoint, id, round } = mailbox;
  if (batch === undefined || !isAtWork(batch.value) || !isActive(mailbox))
    await parts.admission.release(endpoint, id, round);
  else if (round > message.round) await goOnInRound(parts, mailbox);
}

/** Sends the current step of a mailbox whose round was raised, if it still has a permit. Repeatable. */
export async function goOnInRound(parts: FolderSyncParts, mailbox: MailboxRecord): Promise<void> {
  const { endpoint, batch, id, round, notBefore } = mailbox;
  if ((await parts.admission.permit(endpoint, id)) === undefined) return;
  const step = await currentStep(parts, mailbox);
  await parts.queue.sendFolderSync({ batch, mailboxId: id, round, step }, notBefore);
}

async function currentStep(parts: FolderSyncParts, mailbox: MailboxRecord): Promise<number> {
  if (mailbox.ledgerId === undefined) return 0;
  const position = (await parts.ledger.readChains(mailbox.ledgerId))[mailbox.id];
  return position?.round === mailbox.round ? position.step : 0;
}
