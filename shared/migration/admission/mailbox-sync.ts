import { isMigrationError } from "../../domain/errors.ts";
import type { MailboxSyncMessage } from "../../domain/queue-messages.ts";
import { isAtWork } from "../batch/life.ts";
import { changeMailbox, failMailbox } from "../mailbox/change.ts";
import { queued, waitsForOthers } from "../mailbox/life.ts";
import { patiently } from "../patience.ts";
import type { BatchStore, MailboxRecord, MailboxStore } from "../ports/registry.ts";
import type { Clock, Log } from "../runtime.ts";
import type { Admission } from "./admission.ts";

/**
 * Handles a `mailbox-sync` message, which asks for admission: the mailbox joins the wait list of its endpoint and is
 * admitted as soon as there is room, unless it has to wait for the logins of others to be tested. Touches neither source
 * nor target. Repeatable; a message older than the mailbox's round does nothing.
 */
export function createMailboxSync(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the process is about to end. */
  readonly ending: AbortSignal;
}): (message: MailboxSyncMessage) => Promise<void> {
  const { batches, mailboxes, admission, clock } = parts;

  /** @returns the mailbox as Queued, or undefined if it is not waiting for this round. */
  async function queuedFor({
    batch,
    mailboxId,
    round,
  }: MailboxSyncMessage): Promise<MailboxRecord | undefined> {
    const stored = await mailboxes.get(batch, mailboxId);
    return (
      stored &&
      changeMailbox(mailboxes, stored, (mailbox) => (mailbox.round === round ? queued(mailbox) : undefined))
    );
  }

  async function handle(message: MailboxSyncMessage): Promise<void> {
    const batch = await batches.get(message.batch);
    if (batch === undefined || !isAtWork(batch.value)) return;
    const mailbox = await queuedFor(message);
    if (mailbox === undefined || waitsForOthers(mailbox)) return;
    try {
      await admission.request(mailbox.endpoint, {
        mailboxId: mailbox.id,
        batch: mailbox.batch,
        kind: mailbox.kind,
        round: mailbox.round,
        since: clock(),
      });
    } catch (error) {
      if (!isMigrationError(error) || error.kind !== "mailbox") throw error;
      await failMailbox(parts, mailbox, error);
    }
  }

  return (message) => patiently(() => handle(message), parts.ending);
}
