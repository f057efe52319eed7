import { isMigrationError } from "../domain/errors.ts";
import type { MailboxSyncMessage } from "../domain/queue-messages.ts";
import type { Admission } from "./admission/admission.ts";
import type { BatchStore, MailboxRecord, MailboxStore, Versioned } from "./ports/registry.ts";
import type { Clock, Log } from "./runtime.ts";
import { waitsForOthers } from "./sync/test-login.ts";

/**
 * Handles a `mailbox-sync` message: the mailbox joins the wait list of its endpoint and is admitted as soon as there is
 * room, unless it has to wait for the logins of others to be tested. Touches neither source nor target. Repeatable; a message older than the mailbox's round does nothing.
 */
export function createMailboxSync(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly admission: Admission;
  readonly clock: Clock;
  readonly log: Log;
}): (message: MailboxSyncMessage) => Promise<void> {
  const { batches, mailboxes, admission, clock, log } = parts;

  /** @returns the mailbox as Queued, or undefined if it is not waiting for this round. */
  async function queued(message: MailboxSyncMessage): Promise<MailboxRecord | undefined> {
    for (;;) {
      const stored = await mailboxes.get(message.batch, message.mailboxId);
      if (stored === undefined || stored.value.round !== message.round) return undefined;
      if (stored.value.status === "Queued") return stored.value;
      if (stored.value.status !== "Created") return undefined;
      const next: MailboxRecord = { ...stored.value, status: "Queued" };
      if (await mailboxes.replace({ ...stored, value: next })) return next;
    }
  }

  async function fail(stored: Versioned<MailboxRecord>, code: string, message: string): Promise<void> {
    const error = { code, message, at: clock() };
    if (!(await mailboxes.replace({ ...stored, value: { ...stored.value, status: "Failed", error } })))
      return;
    log("mailbox.failed", { batch: stored.value.batch, mailbox: stored.value.id, code });
  }

  return async (message) => {
    const batch = await batches.get(message.batch);
    if (batch === undefined || (batch.value.intent !== "running" && batch.value.intent !== "completed"))
      return;
    const mailbox = await queued(message);
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
      const stored = await mailboxes.get(message.batch, message.mailboxId);
      if (stored) await fail(stored, error.code, error.message);
    }
  };
}
