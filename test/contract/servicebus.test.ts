import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { CredentialUnavailableError } from "@azure/identity";
import { type ServiceBusClient, ServiceBusError } from "@azure/service-bus";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { classify } from "../../shared/adapters/servicebus/classify.ts";
import { createServiceBusClient } from "../../shared/adapters/servicebus/client.ts";
import { createDeadLetterQueue } from "../../shared/adapters/servicebus/dead-letter-queue.ts";
import { createWorkQueue } from "../../shared/adapters/servicebus/work-queue.ts";
import { batchNameSchema, type MailboxId, mailboxIdSchema } from "../../shared/domain/names.ts";
import {
  folderSyncMessageSchema,
  folderSyncQueue,
  operationMessageSchema,
  operationsQueue,
  type PageMessage,
} from "../../shared/domain/queue-messages.ts";
import type { DeadLetter } from "../../shared/migration/ports/work-queue.ts";
import { type QueueSettings, type ServiceBusStandIn, startServiceBus } from "../stack/service-bus/index.ts";

const queues: Record<string, QueueSettings> = {
  [operationsQueue]: { duplicateDetectionWindowMs: 600_000 },
  [folderSyncQueue]: { duplicateDetectionWindowMs: 600_000, requiresSession: true },
};

let serviceBus: ServiceBusStandIn;
let client: ServiceBusClient;

beforeEach(async () => {
  serviceBus = await startServiceBus({ queues });
  client = createServiceBusClient(serviceBus);
});

afterEach(async () => {
  await client.close();
  await serviceBus.close();
});

const batch = batchNameSchema.parse("wave-1");

function mailbox(number: number): MailboxId {
  return mailboxIdSchema.parse(number.toString(16).padStart(32, "0"));
}

function page(operation: number, attempt: number): PageMessage {
  return { kind: "page", batch, operation, slot: 0, attempt };
}

const bodies = (queue: string): unknown[] => serviceBus.messages(queue).map(({ body }) => JSON.parse(body));

describe("the work queue", () => {
  test("sends an operation's message under a deterministic id", async () => {
    const message = page(1, 2);
    await createWorkQueue(client).sendOperations([message]);

    expect(serviceBus.messages()).toMatchObject([
      { queue: operationsQueue, state: "active", messageId: "page-wave-1-1-0-2", sessionId: undefined },
    ]);
    const [received] = await client.createReceiver(operationsQueue).receiveMessages(1);
    expect(received?.contentType).toBe("application/json");
    expect(operationMessageSchema.parse(received?.body)).toEqual({ ...message, formatVersion: 1 });
  });

  test("sends a folder-sync message into the session of its mailbox", async () => {
    const message = { batch, mailboxId: mailbox(1), round: 2, step: 3 };
    await createWorkQueue(client).sendFolderSync(message);

    const receiver = await client.acceptNextSession(folderSyncQueue);
    onTestFinished(() => receiver.close());
    expect(receiver.sessionId).toBe(mailbox(1));
    const [received] = await receiver.receiveMessages(1);
    expect(received).toMatchObject({ messageId: `${mailbox(1)}-2-3`, contentType: "application/json" });
    expect(folderSyncMessageSchema.parse(received?.body)).toEqual({ ...message, formatVersion: 1 });
  });

  test("gives its messages the trace that they belong to, for the host and for the application", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let current: string | undefined = traceparent;
    const workQueue = createWorkQueue(client, () => current);
    await workQueue.sendOperations([page(1, 1)]);
    await workQueue.sendFolderSync({ batch, mailboxId: mailbox(1), round: 1, step: 0 });
    current = undefined;
    await workQueue.sendOperations([page(2, 1)]);
    const traces = (queue: string) =>
      serviceBus.messages(queue).map(({ applicationProperties }) => applicationProperties);
    const traced = { "Diagnostic-Id": traceparent, traceparent };
    expect(traces(operationsQueue)).toEqual([traced, {}]);
    expect(traces(folderSyncQueue)).toEqual([traced]);
  });

  test("sends more messages than one batch holds", async () => {
    const messages = Array.from({ length: 4_000 }, (_, index) => page(index, 0));
    await createWorkQueue(client).sendOperations(messages);

    expect(bodies(operationsQueue)).toEqual(messages.map((message) => ({ ...message, formatVersion: 1 })));
  });

  test("sends nothing where there is nothing to send", async () => {
    await createWorkQueue(client).sendOperations([]);

    expect(serviceBus.messages()).toEqual([]);
  });

  test("may repeat a send without effect, and raises a round or a step for a new one", async () => {
    const workQueue = createWorkQueue(client);
    const first = page(1, 0);
    const chain = { batch, mailboxId: mailbox(1), round: 0, step: 0 };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await workQueue.sendOperations([first, first]);
      await workQueue.sendFolderSync(chain);
    }
    await workQueue.sendOperations([page(1, 1)]);
    await workQueue.sendFolderSync({ ...chain, step: 1 });

    expect(serviceBus.counts(operationsQueue).active).toBe(2);
    expect(serviceBus.counts(folderSyncQueue).active).toBe(2);
  });

  test("schedules a message that is not due yet", async () => {
    const notBefore = Date.now() + 60_000;
    await createWorkQueue(client).sendFolderSync(
      { batch, mailboxId: mailbox(1), round: 0, step: 0 },
      notBefore,
    );

    expect(serviceBus.messages()).toMatchObject([{ state: "scheduled", enqueuedAt: notBefore }]);
  });

  test("sends at once what is already due", async () => {
    await createWorkQueue(client).sendFolderSync(
      { batch, mailboxId: mailbox(1), round: 0, step: 0 },
      Date.now() - 60_000,
    );

    expect(serviceBus.messages()).toMatchObject([{ state: "active" }]);
  });

  test("cannot bring a scheduled message forward under its id, but under a new one", async () => {
    const workQueue = createWorkQueue(client);
    const message = { batch, mailboxId: mailbox(1), round: 0, step: 0 };
    await workQueue.sendFolderSync(message, Date.now() + 60_000);

    await workQueue.sendFolderSync(message);
    expect(serviceBus.counts(folderSyncQueue)).toMatchObject({ active: 0, scheduled: 1 });

    await workQueue.sendFolderSync({ ...message, round: 1 });
    expect(serviceBus.counts(folderSyncQueue)).toMatchObject({ active: 1, scheduled: 1 });
  });

  test("goes on after its connection was lost", async () => {
    const workQueue = createWorkQueue(client);
    await workQueue.sendOperations([page(1, 0)]);
    serviceBus.dropConnections();
    // A send before the client notices succeeds, too, but only with its second attempt.
    await sleep(100);
    await workQueue.sendOperations([page(2, 0)]);

    expect(serviceBus.counts(operationsQueue).active).toBe(2);
  });

  test("sends many messages at the same time", async () => {
    const workQueue = createWorkQueue(client);
    const steps = Array.from({ length: 100 }, (_, step) => step);
    await Promise.all(
      steps.map((step) => workQueue.sendFolderSync({ batch, mailboxId: mailbox(step % 10), round: 0, step })),
    );

    expect(serviceBus.counts(folderSyncQueue).active).toBe(steps.length);
  });
});

describe("the dead-letter queue", () => {
  const drainAll = (limit = 100) => {
    const letters: DeadLetter[] = [];
    const drained = createDeadLetterQueue(client, [operationsQueue, folderSyncQueue]).drain(
      (drained) => drained < limit,
      async (letter) => {
        letters.push(letter);
      },
    );
    // Queues are read side by side.
    const byQueue = () => letters.sort((a, b) => b.queue.localeCompare(a.queue));
    return drained.then((count) => ({ count, letters: byQueue() }));
  };

  /** Sends messages and lets a receiver refuse them all. */
  async function deadLetterOperations(count: number): Promise<void> {
    const messages = Array.from({ length: count }, (_, index) => page(index, 0));
    await createWorkQueue(client).sendOperations(messages);
    const receiver = client.createReceiver(operationsQueue);
    while (serviceBus.counts(operationsQueue).deadLetter < count) {
      for (const message of await receiver.receiveMessages(count)) {
        await receiver.deadLetterMessage(message, {
          deadLetterReason: "Refused",
          deadLetterErrorDescription: "The test refuses it.",
        });
      }
    }
    await receiver.close();
  }

  test("is empty where nothing failed", async () => {
    expect(await drainAll()).toEqual({ count: 0, letters: [] });
  });

  test("hands out and removes the letters of all its queues", async () => {
    await deadLetterOperations(3);
    const chain = { batch, mailboxId: mailbox(7), round: 1, step: 2 };
    await createWorkQueue(client).sendFolderSync(chain);
    const session = await client.acceptNextSession(folderSyncQueue);
    while (serviceBus.counts(folderSyncQueue).deadLetter === 0) {
      for (const message of await session.receiveMessages(1)) await session.abandonMessage(message);
    }
    await session.close();

    expect(await drainAll()).toEqual({
      count: 4,
      letters: [
        ...[0, 1, 2].map((number) => ({
          queue: operationsQueue,
          body: { ...page(number, 0), formatVersion: 1 },
          reason: "Refused",
        })),
        { queue: folderSyncQueue, body: { ...chain, formatVersion: 1 }, reason: "MaxDeliveryCountExceeded" },
      ],
    });
    expect(serviceBus.messages()).toEqual([]);
  });

  test("hands out no more than the limit", async () => {
    await deadLetterOperations(3);

    expect((await drainAll(2)).count).toBe(2);
    expect((await drainAll(0)).count).toBe(0);
    expect(serviceBus.counts(operationsQueue).deadLetter).toBe(1);
  });

  test("keeps a letter that could not be handled, for the next drain", async () => {
    await deadLetterOperations(2);
    const deadLetters = createDeadLetterQueue(client, [operationsQueue]);
    const failure = new Error("The handler fails.");

    await expect(
      deadLetters.drain(
        () => true,
        async () => {
          throw failure;
        },
      ),
    ).rejects.toBe(failure);
    expect(serviceBus.counts(operationsQueue).deadLetter).toBe(2);
    expect((await drainAll()).count).toBe(2);
  });

  test("hands out a body that is no message of ours as it is", async () => {
    const sender = client.createSender(operationsQueue);
    await sender.sendMessages({ body: "not ours" });
    const receiver = client.createReceiver(operationsQueue);
    const [message] = await receiver.receiveMessages(1);
    if (message) await receiver.deadLetterMessage(message);

    expect((await drainAll()).letters).toEqual([
      { queue: operationsQueue, body: "not ours", reason: "unknown" },
    ]);
  });
});

describe("failures", () => {
  test("a missing queue is a matter of the deployment", async () => {
    const empty = await startServiceBus({ queues: {} });
    const emptyClient = createServiceBusClient(empty);
    onTestFinished(async () => {
      await emptyClient.close();
      await empty.close();
    });
    const missing = { name: "MigrationError", kind: "fatal", code: "ServiceBusQueueMissing" };

    const message = { batch, mailboxId: mailbox(1), round: 0 };
    const workQueue = createWorkQueue(emptyClient);
    await expect(workQueue.sendOperations([page(1, 0)])).rejects.toMatchObject(missing);
    await expect(workQueue.sendFolderSync({ ...message, step: 0 })).rejects.toMatchObject(missing);
    await expect(
      createDeadLetterQueue(emptyClient, [operationsQueue]).drain(
        () => true,
        async () => undefined,
      ),
    ).rejects.toMatchObject(missing);
  });

  test("a namespace that cannot be reached is tried again later", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    taken.close();
    await once(taken, "close");
    const unreachable = createServiceBusClient({
      connectionString: serviceBus.connectionString.replace(`:${serviceBus.port};`, `:${port};`),
    });
    onTestFinished(() => unreachable.close());

    await expect(createWorkQueue(unreachable).sendOperations([page(1, 0)])).rejects.toMatchObject({
      name: "MigrationError",
      kind: "transient",
      code: "ServiceBusUnreachable",
    });
  });

  test("a request that the service will never accept is not tried again", async () => {
    const wrong = await startServiceBus({ queues: { [operationsQueue]: { requiresSession: true } } });
    const wrongClient = createServiceBusClient(wrong);
    onTestFinished(async () => {
      await wrongClient.close();
      await wrong.close();
    });

    await expect(createWorkQueue(wrongClient).sendOperations([page(1, 0)])).rejects.toMatchObject({
      name: "MigrationError",
      kind: "fatal",
      code: "ServiceBusRequestRefused",
    });
  });

  test.each([
    ["UnauthorizedAccess", { kind: "fatal", code: "ServiceBusAccessDenied" }],
    ["MessagingEntityDisabled", { kind: "fatal", code: "ServiceBusQueueDisabled" }],
    ["ServiceBusy", { kind: "throttled", code: "ServiceBusBusy", retryAfterMs: 10_000 }],
    ["QuotaExceeded", { kind: "transient", code: "ServiceBusQueueFull" }],
    ["MessageLockLost", { kind: "transient", code: "ServiceBusLockLost" }],
    ["ServiceTimeout", { kind: "transient", code: "ServiceBusUnreachable" }],
  ] as const)("%s is told apart", (code, expected) => {
    expect(classify(new ServiceBusError("The service says so.", code))).toMatchObject(expected);
  });

  test("no token is a matter of the deployment", () => {
    expect(classify(new CredentialUnavailableError("There is no identity."))).toMatchObject({
      kind: "fatal",
      code: "ServiceBusTokenUnavailable",
    });
  });
});

test("the client of an identity goes to the namespace named", async () => {
  const identity = createServiceBusClient({
    fullyQualifiedNamespace: "contoso.servicebus.windows.net",
    credential: { getToken: async () => null },
  });
  onTestFinished(() => identity.close());

  expect(identity.fullyQualifiedNamespace).toBe("contoso.servicebus.windows.net");
});
