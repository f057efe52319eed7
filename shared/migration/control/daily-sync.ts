import { createHash } from "node:crypto";
import type { MailboxId } from "../../domain/names.ts";
import { isSyncedDaily } from "../batch/life.ts";
import { changeMailbox } from "../mailbox/change.ts";
import { awaitsNextSync, due } from "../mailbox/life.ts";
import type { BatchStore, MailboxStore } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import { type Clock, hour, type Log } from "../runtime.ts";
import { wakeJanitor } from "./sweeps.ts";

/** Time given to each mailbox of a batch, until the window is full. */
const perMailboxMs = 5_000;
const windowMs = 8 * hour;

/**
 * When a mailbox is due in a daily round: every mailbox has its own place in the window, the same every day. Pure.
 * @param now start of the window, milliseconds since 1970.
 * @param count mailboxes in the batch.
 */
export function dueAt(now: number, mailboxId: MailboxId, count: number): number {
  const span = Math.min(windowMs, count * perMailboxMs);
  const place = createHash("sha256").update(mailboxId).digest().readUInt32BE(0) / 2 ** 32;
  return now + Math.floor(place * span);
}

/**
 * The daily timer: marks every synced mailbox of a running batch due, spread over the window; the janitor dispatches
 * them. Mailboxes that are still being copied are left alone. Repeatable: one that is due already stays so.
 */
export function createDailySync(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}): () => Promise<void> {
  const { batches, mailboxes, queue, clock, log } = parts;
  return async () => {
    const now = clock();
    for (const batch of await batches.list()) {
      if (!isSyncedDaily(batch)) continue;
      const ids: MailboxId[] = [];
      for await (const { value } of mailboxes.scan(batch.name)) if (awaitsNextSync(value)) ids.push(value.id);
      for (const id of ids) {
        const stored = await mailboxes.get(batch.name, id);
        if (stored === undefined) continue;
        await changeMailbox(mailboxes, stored, (mailbox) => due(mailbox, dueAt(now, id, ids.length)));
      }
      log("resync.planned", { batch: batch.name, mailboxes: ids.length });
      if (ids.length > 0) await wakeJanitor(queue, clock());
    }
  };
}
