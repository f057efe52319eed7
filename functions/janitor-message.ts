import { app } from "@azure/functions";
import { flushTelemetry, sweeps } from "../shared/composition.ts";
import { janitorQueue, sweepMessageSchema } from "../shared/domain/queue-messages.ts";

/** Every minute while anything is at work: the same as the timer, which would keep an instance awake at rest. */
export async function onJanitorMessage(message: unknown): Promise<void> {
  const { onMessage } = await sweeps();
  await onMessage(sweepMessageSchema.parse(message)).finally(flushTelemetry);
}

app.serviceBusQueue("janitor-message", {
  queueName: janitorQueue,
  connection: "ServiceBusConnection",
  handler: onJanitorMessage,
});
