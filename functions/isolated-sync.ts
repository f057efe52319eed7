import { app } from "@azure/functions";
import { flushTelemetry, folderSync } from "../shared/composition.ts";
import { folderSyncMessageSchema, isolatedSyncQueue } from "../shared/domain/queue-messages.ts";

/**
 * One step of a mailbox in which workers died again and again. The platform scales each function on instances of its own,
 * and the queue has one session: such a mailbox is alone, and takes no other one with it.
 * @see https://learn.microsoft.com/azure/azure-functions/flex-consumption-plan#per-function-scaling
 */
export async function onIsolatedSync(message: unknown): Promise<void> {
  const handle = await folderSync();
  await handle(folderSyncMessageSchema.parse(message), true).finally(flushTelemetry);
}

app.serviceBusQueue("isolated-sync", {
  queueName: isolatedSyncQueue,
  connection: "ServiceBusConnection",
  isSessionsEnabled: true,
  handler: onIsolatedSync,
});
