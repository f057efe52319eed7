import type { Clients } from "./clients.ts";
import type { HostConfig } from "./host-config.ts";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import type { Log } from "./log.ts";
import { toTriggerMetadata } from "./rpc.ts";
import { resolveSettings, type Settings } from "./settings.ts";
import { createQueueListener } from "./storage-queue.ts";
import type { TriggerListener } from "./trigger-listener.ts";

export interface QueueTriggerOptions {
  readonly target: TriggeredFunction;
  readonly settings: Settings;
  readonly clients: Clients;
  readonly config: HostConfig["extensions"]["queues"];
  readonly invoker: Invoker;
  readonly log: Log;
}

/**
 * Runs a function for each message of a storage queue.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue-trigger
 */
export function createQueueTrigger(options: QueueTriggerOptions): TriggerListener {
  const { target, settings, config, invoker, log } = options;
  const service = options.clients.queues(String(target.trigger.connection ?? "AzureWebJobsStorage"));
  const queueName = resolveSettings(String(target.trigger.queueName), settings);
  return createQueueListener({
    queue: service.getQueueClient(queueName),
    poisonQueueOf: () => service.getQueueClient(`${queueName}-poison`),
    maxDequeueCount: config.maxDequeueCount,
    concurrency: config.batchSize,
    retryDelayMs: config.visibilityTimeout,
    handle: async (text, message) => {
      await invoker.invoke(target, {
        data: { string: text },
        triggerMetadata: toTriggerMetadata({
          QueueTrigger: text,
          Id: message.messageId,
          DequeueCount: message.dequeueCount,
          PopReceipt: message.popReceipt,
          InsertionTime: message.insertedOn,
          ExpirationTime: message.expiresOn,
          NextVisibleTime: message.nextVisibleOn,
        }),
      });
    },
    log,
  });
}
