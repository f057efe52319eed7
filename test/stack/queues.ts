import { folderSyncQueue, mailboxSyncQueue } from "../../shared/domain/queue-messages.ts";
import { maxDeliveryCount } from "../../shared/migration/sync/folder-sync.ts";
import type { QueueSettings } from "./service-bus/index.ts";

/** The two queues as the deployment declares them. */
export const queueSettings: Readonly<Record<string, QueueSettings>> = {
  [mailboxSyncQueue]: { lockDurationMs: 60_000, maxDeliveryCount, duplicateDetectionWindowMs: 600_000 },
  [folderSyncQueue]: {
    lockDurationMs: 60_000,
    maxDeliveryCount,
    duplicateDetectionWindowMs: 600_000,
    requiresSession: true,
  },
};
