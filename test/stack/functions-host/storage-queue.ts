import { setTimeout as sleep } from "node:timers/promises";
import type { DequeuedMessageItem, QueueClient } from "@azure/storage-queue";
import { describeError, type Log } from "./log.ts";
import type { TriggerListener } from "./trigger-listener.ts";

/** How long a message stays out of sight when its receiver died. The real host makes it ten minutes. */
const invisibleSeconds = 30;
const shortestPollMs = 100;
const longestPollMs = 2_000;

export interface QueueListenerOptions {
  readonly queue: QueueClient;
  /** Where a message goes that was tried `maxDequeueCount` times, given its text. */
  readonly poisonQueueOf: (text: string) => QueueClient;
  readonly maxDequeueCount: number;
  /** Messages handled at a time, 32 at most. */
  readonly concurrency: number;
  /** Milliseconds until a failed message is tried again. */
  readonly retryDelayMs: number;
  /** Handles one message. @throws to have it tried again. */
  readonly handle: (text: string, message: DequeuedMessageItem) => Promise<void>;
  readonly log: Log;
}

export interface QueueListener extends TriggerListener {
  /** Looks at once: this host has put a message into the queue. The WebJobs SDK tells its listeners so, too. */
  notify(): void;
}

/**
 * Takes messages from a storage queue as the WebJobs SDK's QueueListener does: a message that was handled is deleted,
 * one that failed becomes visible again, and after its last try it is copied to the poison queue.
 */
export function createQueueListener(options: QueueListenerOptions): QueueListener {
  const { queue, maxDequeueCount } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  let loop: Promise<void> | undefined;
  let notified = new AbortController();

  const logError = (message: string) => (error: unknown) =>
    options.log("error", `Host.Triggers.Queue.${queue.name}`, message, { error: describeError(error) });

  async function poll(): Promise<void> {
    let pauseMs = shortestPollMs;
    while (!stopping.signal.aborted) {
      if (running.size === options.concurrency) {
        await Promise.race(running);
        continue;
      }
      notified = new AbortController();
      const messages = await receive(options.concurrency - running.size);
      for (const message of messages) {
        const handling = process(message)
          .catch(logError("Message not settled"))
          .finally(() => running.delete(handling));
        running.add(handling);
      }
      pauseMs = messages.length > 0 ? shortestPollMs : Math.min(pauseMs * 2, longestPollMs);
      const signal = AbortSignal.any([stopping.signal, notified.signal]);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async function receive(numberOfMessages: number): Promise<DequeuedMessageItem[]> {
    try {
      const answer = await queue.receiveMessages({ numberOfMessages, visibilityTimeout: invisibleSeconds });
      return answer.receivedMessageItems;
    } catch (error) {
      logError("Queue not read")(error);
      return [];
    }
  }

  async function process(message: DequeuedMessageItem): Promise<void> {
    const text = Buffer.from(message.messageText, "base64").toString("utf8");
    const lock = holdMessage(queue, message, logError("Message not renewed"));
    // More than that many tries: the last receiver died without settling it.
    const handled =
      message.dequeueCount <= maxDequeueCount &&
      (await options.handle(text, message).then(
        () => true,
        () => false,
      ));
    if (handled) return lock.settle((popReceipt) => queue.deleteMessage(message.messageId, popReceipt));
    if (message.dequeueCount < maxDequeueCount)
      return lock.settle((popReceipt) =>
        queue.updateMessage(message.messageId, popReceipt, undefined, Math.ceil(options.retryDelayMs / 1000)),
      );
    const poisonQueue = options.poisonQueueOf(text);
    await poisonQueue.createIfNotExists();
    await poisonQueue.sendMessage(message.messageText);
    await lock.settle((popReceipt) => queue.deleteMessage(message.messageId, popReceipt));
    options.log("warning", `Host.Triggers.Queue.${queue.name}`, "Message moved to the poison queue", {
      poisonQueue: poisonQueue.name,
    });
  }

  return {
    notify: () => notified.abort(),
    async start() {
      await queue.createIfNotExists();
      loop = poll();
    },
    async stop() {
      stopping.abort();
      await loop;
      await Promise.all(running);
    },
  };
}

/** Keeps a received message out of sight until it is settled. */
function holdMessage(queue: QueueClient, message: DequeuedMessageItem, onError: (error: unknown) => void) {
  let { popReceipt } = message;
  let renewing: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const answer = await queue.updateMessage(message.messageId, popReceipt, undefined, invisibleSeconds);
    popReceipt = answer.popReceipt ?? popReceipt;
  };
  const timer = setInterval(
    () => {
      renewing = renew().catch(onError);
    },
    (invisibleSeconds * 1000) / 3,
  );
  return {
    /** Ends the holding, then settles with the receipt that is valid by then: each request makes the last one void. */
    async settle(action: (popReceipt: string) => Promise<unknown>): Promise<void> {
      clearInterval(timer);
      await renewing;
      await action(popReceipt);
    },
  };
}
