import { app } from "@azure/functions";
import { mailboxSync } from "../shared/composition.ts";
import { mailboxSyncMessageSchema, mailboxSyncQueue } from "../shared/domain/queue-messages.ts";

/** Admission of one mailbox. */
export async function onMailboxSync(message: unknown): Promise<void> {
  const handle = await mailboxSync();
  await handle(mailboxSyncMessageSchema.parse(message));
}

app.serviceBusQueue("mailbox-sync", {
  queueName: mailboxSyncQueue,
  connection: "ServiceBusConnection",
  handler: onMailboxSync,
});
