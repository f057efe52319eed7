import type { MigrationError } from "../../domain/errors.ts";
import type { FolderSyncMessage } from "../../domain/queue-messages.ts";
import { isFinal } from "../batch/life.ts";
import { MailboxState } from "../mailbox/change.ts";
import { failed, isActive, paused, synced } from "../mailbox/life.ts";
import type { BatchRecord, MailboxRecord } from "../ports/registry.ts";
import { minute } from "../runtime.ts";
import type { FolderSyncParts } from "./parts.ts";
import { afterFailure } from "./retry-delay.ts";

/** A pause longer than this gives the permit back to others. */
const longPauseMs = 2 * minute;

/** Marks the mailbox synced and hands its permit on. */
export async function finish(parts: FolderSyncParts, batch: BatchRecord, state: MailboxState): Promise<void> {
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
export async function recordFailure(
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
export async function wakeLater(
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
export async function settleInactive(parts: FolderSyncParts, message: FolderSyncMessage): Promise<void> {
  const stored = await parts.mailboxes.get(message.batch, message.mailboxId);
  if (stored === undefined || isActive(stored.value)) return;
  await parts.admission.release(stored.value.endpoint, stored.value.id, stored.value.round);
}
