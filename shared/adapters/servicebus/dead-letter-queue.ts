import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import type { DeadLetter, DeadLetterQueue } from "../../migration/ports/work-queue.ts";
import { classify } from "./classify.ts";

/** How long an empty queue is waited for, in milliseconds. What comes later waits for the next drain. */
const emptyAfterMs = 500;

type Handle = (letter: DeadLetter) => Promise<void>;

/**
 * Reads the dead-letter queues of `queues` side by side. A letter is handed out again if the process ends before
 * it is removed, so `handle` has to be repeatable; if `handle` throws, its letter stays and the drain ends with that error.
 * @see https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues
 */
export function createDeadLetterQueue(client: ServiceBusClient, queues: readonly string[]): DeadLetterQueue {
  return {
    async drain(goesOn, handle) {
      let drained = 0;
      const more = () => goesOn(drained);
      const counted: Handle = async (letter) => {
        await handle(letter);
        drained += 1;
      };
      const ended = await Promise.allSettled(queues.map((queue) => drainQueue(client, queue, more, counted)));
      const failed = ended.find((drain) => drain.status === "rejected");
      if (failed) throw failed.reason;
      return drained;
    },
  };
}

async function drainQueue(
  client: ServiceBusClient,
  queue: string,
  goesOn: () => boolean,
  handle: Handle,
): Promise<void> {
  const receiver = client.createReceiver(queue, { subQueueType: "deadLetter" });
  try {
    while (goesOn()) {
      // One at a time: the AMQP library mixes up the outcomes of neighbouring messages that are settled together.
      const message = await receive(receiver);
      if (!message) break;
      await handleMessage(receiver, message, () => handle(toDeadLetter(queue, message)));
    }
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
