import type { BatchName } from "../../domain/names.ts";
import { changeBatch } from "../batch/change.ts";
import { idleStopAt, isSyncedDaily, resyncing } from "../batch/life.ts";
import type { BatchStore } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";
import type { BatchControl } from "./batch-control.ts";
import { wakeTending } from "./sweeps.ts";

/**
 * The daily timer: begins the window of every running batch, one write each. When in it a mailbox is due follows from its
 * id (`dueAt`), so nothing is stored with the mailboxes; those that are still being copied are left alone. A batch that
 * nobody has touched for sixty days is stopped instead. Repeatable.
 */
export function createDailySync(parts: {
  readonly batches: BatchStore;
  readonly queue: WorkQueue;
  readonly control: Pick<BatchControl, "act">;
  readonly clock: Clock;
  readonly log: Log;
}): () => Promise<void> {
  const { batches, queue, control, clock, log } = parts;

  async function stopIdle(name: BatchName): Promise<void> {
    const begun = await control.act(name, "stop", "app");
    if (begun.outcome === "begun") log("batch.idle", { batch: name });
  }

  return async () => {
    for (const { name, ...batch } of (await batches.list()).filter(isSyncedDaily)) {
      if ((idleStopAt({ name, ...batch }) ?? Number.POSITIVE_INFINITY) <= clock()) {
        await stopIdle(name);
        continue;
      }
      const begun = await changeBatch(batches, name, (current) => resyncing(current, clock()));
      if (begun === undefined || begun.resyncAt === batch.resyncAt) continue;
      log("resync.planned", { batch: name });
      await wakeTending(queue, name, clock());
    }
  };
}
