import { app, type InvocationContext } from "@azure/functions";
import { z } from "zod";
import { flushTelemetry, folderSync } from "../shared/composition.ts";
import { folderSyncMessageSchema, folderSyncQueue } from "../shared/domain/queue-messages.ts";

const metadataSchema = z.object({ deliveryCount: z.int().positive().default(1) });

/** One step of a mailbox's chain; the session keeps a mailbox to one worker. */
export async function onFolderSync(message: unknown, context: InvocationContext): Promise<void> {
  const { deliveryCount } = metadataSchema.parse(context.triggerMetadata ?? {});
  const handle = await folderSync();
  await handle(folderSyncMessageSchema.parse(message), deliveryCount).finally(flushTelemetry);
}

app.serviceBusQueue("folder-sync", {
  queueName: folderSyncQueue,
  connection: "ServiceBusConnection",
  isSessionsEnabled: true,
  handler: onFolderSync,
});
