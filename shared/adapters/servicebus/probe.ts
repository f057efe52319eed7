import type { ServiceBusClient } from "@azure/service-bus";
import { MigrationError } from "../../domain/errors.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import { classify } from "./classify.ts";

/** Whether the application may send to each queue and receive from it. The dead letters of a queue need no session to look at. */
export function createQueueProbe(client: ServiceBusClient, queues: readonly string[]): Probed {
  return {
    async probe() {
      await Promise.all(queues.map((queue) => probeQueue(client, queue)));
    },
  };
}

async function probeQueue(client: ServiceBusClient, queue: string): Promise<void> {
  const sender = client.createSender(queue);
  const receiver = client.createReceiver(queue, { subQueueType: "deadLetter" });
  try {
    // A link for sending opens, and nothing is sent.
    await Promise.all([sender.createMessageBatch(), receiver.peekMessages(1)]);
  } catch (thrown) {
    const { kind, code, message } = classify(thrown);
    throw new MigrationError(kind, code, `${queue}: ${message}`, { cause: thrown });
  } finally {
    await Promise.allSettled([sender.close(), receiver.close()]);
  }
}
