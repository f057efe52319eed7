import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import type { DeadLetter, DeadLetterQueue } from "../../migration/ports/work-queue.ts";
import { classify } from "./classify.ts";

/** How long an empty queue is waited for, in milliseconds. What comes later waits for the next drain. */
const emptyAfterMs = 500;

type Handle = (letter: DeadLetter) => Promise<void>;

/**
 * Reads the dead-letter queues of `queues`, one after another. A letter is handed out again if the process ends before
 * it is removed, so `handle` has to be repeatable; if `handle` throws, its letter stays and the drain ends with that error.
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
 */
export function createDeadLetterQueue(client: ServiceBusClient, queues: readonly string[]): DeadLetterQueue {
  return {
    async drain(limit, handle) {
      let drained = 0;
      for (const queue of queues) drained += await drainQueue(client, queue, limit - drained, handle);
      return drained;
    },
  };
}

async function drainQueue(
  client: ServiceBusClient,
  queue: string,
  limit: number,
  handle: Handle,
): Promise<number> {
  if (limit <= 0) return 0;
  const receiver = client.createReceiver(queue, { subQueueType: "deadLetter" });
  try {
    let drained = 0;
    while (drained < limit) {
      // One at a time: the AMQP library mixes up the outcomes of neighbouring messages that are settled together.
      const message = await receive(receiver);
      if (!message) break;
      await handleMessage(receiver, message, () => handle(toDeadLetter(queue, message)));
      drained += 1;
    }
    return drained;
  } finally {
    // What is still held comes back when its lock ends; failing to say goodbye must not hide the result.
    await receiver.close().catch(() => undefined);
  }
}

async function receive(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage | undefined> {
  try {
    const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: emptyAfterMs });
    return message;
  } catch (error) {
    throw classify(error);
  }
}

async function handleMessage(
  receiver: ServiceBusReceiver,
  message: ServiceBusReceivedMessage,
  handle: () => Promise<void>,
): Promise<void> {
  try {
    await handle();
  } catch (error) {
    // The next drain shall not have to wait for the lock to end, which it does at the latest.
    await receiver.abandonMessage(message).catch(() => undefined);
    throw error;
  }
  try {
    await receiver.completeMessage(message);
  } catch (error) {
    throw classify(error);
  }
}

function toDeadLetter(queue: string, message: ServiceBusReceivedMessage): DeadLetter {
  return { queue, body: message.body, reason: message.deadLetterReason ?? "unknown" };
}
