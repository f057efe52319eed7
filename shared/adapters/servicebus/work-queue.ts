import type { ServiceBusClient, ServiceBusMessage, ServiceBusSender } from "@azure/service-bus";
import { MigrationError } from "../../domain/errors.ts";
import {
  type FolderSyncMessage,
  folderSyncMessageId,
  folderSyncQueue,
  isolatedSession,
  isolatedSyncQueue,
  janitorQueue,
  messageFormat,
  type OperationMessage,
  operationMessageId,
  operationsQueue,
  sweepMessageId,
  targetTestMessageId,
} from "../../domain/queue-messages.ts";
import type { TargetTestQueue, WorkQueue } from "../../migration/ports/work-queue.ts";
import { classify } from "./classify.ts";

const contentType = "application/json";

/**
 * Sends to the queues of the application, which detect duplicates: a message whose id was sent within their window
 * is dropped without an error, be it sooner than the first one or after the first one was received. So what is to
 * happen again, or sooner, needs a new round or step.
 * @param traceParent the trace that a message sent now belongs to: it travels with the message.
 * @param now by which a message is for later, in milliseconds since 1970: the clock of a machine may be wrong.
 * @see https://learn.microsoft.com/azure/service-bus-messaging/duplicate-detection
 */
export function createWorkQueue(
  client: ServiceBusClient,
  traceParent: () => string | undefined = () => undefined,
  now: () => number = Date.now,
): WorkQueue & TargetTestQueue {
  // A sender opens its link with the first message and keeps it.
  const operations = client.createSender(operationsQueue);
  const folderSync = client.createSender(folderSyncQueue);
  const isolatedSync = client.createSender(isolatedSyncQueue);
  const janitor = client.createSender(janitorQueue);
  const ifLater = (at: number | undefined) => (at !== undefined && at > now() ? at : undefined);
  return {
    async sendOperations(messages, notBefore) {
      try {
        const trace = traceProperties(traceParent());
        await sendInBatches(
          operations,
          messages.map((message) => ({
            ...operationEnvelope(message, ifLater(notBefore)),
            // One look at a batch wakes the next, without an end: they belong to no trace.
            ...(message.kind === "tend" ? {} : trace),
          })),
        );
      } catch (error) {
        throw classify(error);
      }
    },

    async sendFolderSync(message, notBefore) {
      try {
        await folderSync.sendMessages({
          ...folderSyncEnvelope(message, ifLater(notBefore)),
          ...traceProperties(traceParent()),
        });
      } catch (error) {
        throw classify(error);
      }
    },

    async sendIsolatedSync(message) {
      try {
        await isolatedSync.sendMessages({
          ...folderSyncEnvelope(message, undefined),
          sessionId: isolatedSession,
          ...traceProperties(traceParent()),
        });
      } catch (error) {
        throw classify(error);
      }
    },

    async sendSweep(message) {
      try {
        await janitor.sendMessages({
          body: { ...message, formatVersion: messageFormat },
          messageId: sweepMessageId(message),
          contentType,
          scheduledEnqueueTimeUtc: new Date(message.minute * 60_000),
        });
      } catch (error) {
        throw classify(error);
      }
    },

    async sendTargetTest(message) {
      try {
        await janitor.sendMessages({
          body: { ...message, formatVersion: messageFormat },
          messageId: targetTestMessageId(message),
          contentType,
          ...traceProperties(traceParent()),
        });
      } catch (error) {
        throw classify(error);
      }
    },
  };
}

async function sendInBatches(
  sender: ServiceBusSender,
  messages: readonly ServiceBusMessage[],
): Promise<void> {
  if (messages.length === 0) return;
  let batch = await sender.createMessageBatch();
  for (const message of messages) {
    if (batch.tryAddMessage(message)) continue;
    await sender.sendMessages(batch);
    batch = await sender.createMessageBatch();
    if (!batch.tryAddMessage(message)) throw messageTooLarge();
  }
  await sender.sendMessages(batch);
}

function messageTooLarge(): MigrationError {
  return new MigrationError(
    "fatal",
    "ServiceBusMessageTooLarge",
    "A message is larger than Service Bus accepts.",
  );
}

function operationEnvelope(message: OperationMessage, notBefore: number | undefined): ServiceBusMessage {
  return {
    body: { ...message, formatVersion: messageFormat },
    messageId: operationMessageId(message),
    contentType,
    ...scheduled(notBefore),
  };
}

function scheduled(notBefore: number | undefined): Pick<ServiceBusMessage, "scheduledEnqueueTimeUtc"> {
  return notBefore === undefined ? {} : { scheduledEnqueueTimeUtc: new Date(notBefore) };
}

function folderSyncEnvelope(message: FolderSyncMessage, notBefore: number | undefined): ServiceBusMessage {
  return {
    body: { ...message, formatVersion: messageFormat },
    messageId: folderSyncMessageId(message),
    sessionId: message.mailboxId,
    contentType,
    ...scheduled(notBefore),
  };
}

/**
 * The host reads the first property and begins its own span below it, if it does; the application reads the second,
 * whose name keeps its spelling on the way through the worker.
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-end-to-end-tracing
 */
function traceProperties(traceparent: string | undefined): Pick<ServiceBusMessage, "applicationProperties"> {
  return traceparent === undefined
    ? {}
    : { applicationProperties: { "Diagnostic-Id": traceparent, traceparent } };
}
