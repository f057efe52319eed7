import { app } from "@azure/functions";
import { flushTelemetry, sweeps, targetTests } from "../shared/composition.ts";
import { janitorMessageSchema, janitorQueue } from "../shared/domain/queue-messages.ts";

/**
 * Every minute while anything is at work: the same as the timer, which would keep an instance awake at rest. And tests of a
 * target mailbox, which take minutes.
 */
export async function onJanitorMessage(message: unknown): Promise<void> {
  const parsed = janitorMessageSchema.parse(message);
  if ("targetTest" in parsed) await (await targetTests())?.run(parsed.targetTest).finally(flushTelemetry);
  else await (await sweeps()).onMessage(parsed).finally(flushTelemetry);
}

app.serviceBusQueue("janitor-message", {
  queueName: janitorQueue,
  connection: "ServiceBusConnection",
  handler: onJanitorMessage,
});
