import { app } from "@azure/functions";
import { flushTelemetry, operationWork } from "../shared/composition.ts";
import { operationMessageSchema, operationsQueue } from "../shared/domain/queue-messages.ts";

/** A page of an operation, or another piece of work on a whole batch. */
export async function onOperation(message: unknown): Promise<void> {
  const handle = await operationWork();
  await handle(operationMessageSchema.parse(message)).finally(flushTelemetry);
}

app.serviceBusQueue("operations", {
  queueName: operationsQueue,
  connection: "ServiceBusConnection",
  handler: onOperation,
});
