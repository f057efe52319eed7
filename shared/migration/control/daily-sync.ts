import { changeBatch } from "../batch/change.ts";
import { isSyncedDaily, resyncing } from "../batch/life.ts";
import type { BatchStore } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";
import { wakeTending } from "./sweeps.ts";

/**
 * The daily timer: begins the window of every running batch, one write each. When in it a mailbox is due follows from its
 * id (`dueAt`), so nothing is stored with the mailboxes; those that are still being copied are left alone. Repeatable.
 */
export function createDailySync(parts: {
  readonly batches: BatchStore;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}): () => Promise<void> {
  const { batches, queue, clock, log } = parts;
  return async () => {
    for (const { name, ...batch } of (await batches.list()).filter(isSyncedDaily)) {
      const begun = await changeBatch(batches, name, (current) => resyncing(current, clock()));
      if (begun === undefined || begun.resyncAt === batch.resyncAt) continue;
      log("resync.planned", { batch: name });
      await wakeTending(queue, name, clock());
    }
  };
}
