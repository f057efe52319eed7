import pMap from "p-map";
import type { BatchName } from "../../domain/names.ts";
import type { MailboxSyncMessage } from "../../domain/queue-messages.ts";
import { changeMailbox } from "../mailbox/change.ts";
import type { MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock } from "../runtime.ts";
import { wakeJanitor } from "./sweeps.ts";

/** Mailboxes changed and sent at once. */
const groupSize = 200;
const concurrency = 16;

/**
 * Puts mailboxes of a batch to work: each chosen one becomes Queued in a new round, then its message is sent, and one to
 * the janitor.
 * Repeatable: a mailbox whose message was lost is found by the janitor.
 * @param next the mailbox as it has to be queued, or undefined to leave it alone. Pure.
 * @returns how many were put to work.
 */
export async function dispatch(
  parts: { readonly mailboxes: MailboxStore; readonly queue: WorkQueue; readonly clock: Clock },
  batch: BatchName,
  next: (mailbox: MailboxRecord) => MailboxRecord | undefined,
): Promise<number> {
  let count = 0;
  let group: Versioned<MailboxRecord>[] = [];
  const flush = async (): Promise<void> => {
    const messages = await changeAll(parts.mailboxes, group, next);
    group = [];
    if (messages.length > 0) await parts.queue.sendMailboxSync(messages);
    count += messages.length;
  };
  for await (const mailbox of parts.mailboxes.scan(batch)) {
    if (next(mailbox.value) === undefined) continue;
    group.push(mailbox);
    if (group.length >= groupSize) await flush();
  }
  await flush();
  if (count > 0) await wakeJanitor(parts.queue, parts.clock());
  return count;
}

async function changeAll(
  mailboxes: MailboxStore,
  group: readonly Versioned<MailboxRecord>[],
  next: (mailbox: MailboxRecord) => MailboxRecord | undefined,
): Promise<readonly MailboxSyncMessage[]> {
  const changed = await pMap(group, (stored) => changeMailbox(mailboxes, stored, next), { concurrency });
  return changed.flatMap((mailbox) =>
    mailbox ? [{ batch: mailbox.batch, mailboxId: mailbox.id, round: mailbox.round }] : [],
  );
}
