import { app } from "@azure/functions";
import { flushTelemetry, folderSync } from "../shared/composition.ts";
import { folderSyncMessageSchema, folderSyncQueue } from "../shared/domain/queue-messages.ts";

/** One step of a mailbox's chain; the session keeps a mailbox to one worker. */
export async function onFolderSync(message: unknown): Promise<void> {
  const handle = await folderSync();
  await handle(folderSyncMessageSchema.parse(message), false).finally(flushTelemetry);
}

app.serviceBusQueue("folder-sync", {
  queueName: folderSyncQueue,
  connection: "ServiceBusConnection",
  isSessionsEnabled: true,
  handler: onFolderSync,
});
