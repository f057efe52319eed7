import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  ServiceBusClient,
  type ServiceBusReceivedMessage,
  type ServiceBusReceiver,
  type ServiceBusSender,
  type ServiceBusSessionReceiver,
} from "@azure/service-bus";
import rhea from "rhea";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type QueueSettings, type ServiceBusStandIn, startServiceBus } from "../stack/service-bus/index.ts";

/** Short enough to wait for, long enough for a busy machine to settle in time. */
const shortLockMs = 1_500;
/** Longest time to wait for something that is bound to arrive. */
const arrivalMs = 10_000;
/** Time to wait for something that must not arrive. */
const absenceMs = 150;

const queues = {
  plain: {},
  abandoned: { maxDeliveryCount: 3 },
  brief: { lockDurationMs: shortLockMs },
  distinct: { duplicateDetectionWindowMs: 60_000 },
  forgetful: { duplicateDetectionWindowMs: 300 },
  fleeting: { defaultTtlMs: 300 },
  remembering: { defaultTtlMs: 300, deadLetteringOnExpiration: true },
  sessions: { requiresSession: true },
  briefSessions: { requiresSession: true, lockDurationMs: shortLockMs },
} satisfies Record<string, QueueSettings>;

let serviceBus: ServiceBusStandIn;
let client: ServiceBusClient;

beforeAll(async () => {
  serviceBus = await startServiceBus({ queues });
  client = newClient();
});

afterAll(async () => {
  await client.close();
  await serviceBus.close();
});

function newClient(timeoutInMs = arrivalMs): ServiceBusClient {
  return new ServiceBusClient(serviceBus.connectionString, { retryOptions: { maxRetries: 0, timeoutInMs } });
}

function closingClient(timeoutInMs?: number): ServiceBusClient {
  const another = newClient(timeoutInMs);
  onTestFinished(() => another.close());
  return another;
}

function open(queue: keyof typeof queues): { sender: ServiceBusSender; receiver: ServiceBusReceiver } {
  const sender = client.createSender(queue);
  const receiver = client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 });
  onTestFinished(async () => {
    await sender.close();
    await receiver.close();
  });
  return { sender, receiver };
}

function openDeadLetters(queue: keyof typeof queues): ServiceBusReceiver {
  const receiver = client.createReceiver(queue, { subQueueType: "deadLetter" });
  onTestFinished(() => receiver.close());
  return receiver;
}

async function next(receiver: ServiceBusReceiver): Promise<ServiceBusReceivedMessage> {
  const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: arrivalMs });
  if (!message) throw new Error("No message arrived.");
  return message;
}

/** The next messages, however many deliveries they come in. */
async function nextFew(receiver: ServiceBusReceiver, count: number): Promise<ServiceBusReceivedMessage[]> {
  const messages: ServiceBusReceivedMessage[] = [];
  while (messages.length < count) {
    const more = await receiver.receiveMessages(count - messages.length, { maxWaitTimeInMs: arrivalMs });
    if (more.length === 0) throw new Error(`Only ${messages.length} of ${count} messages arrived.`);
    messages.push(...more);
  }
  return messages;
}

async function nothingArrives(receiver: ServiceBusReceiver): Promise<void> {
  const messages = await receiver.receiveMessages(1, { maxWaitTimeInMs: absenceMs });
  expect(messages).toEqual([]);
}

const codeOf = (error: unknown) => (error as { code?: unknown }).code;

async function codeOfFailure(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(() => "it succeeded", codeOf);
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("sending", () => {
  test("delivers a message as it was sent", async () => {
    const { sender, receiver } = open("plain");
    const sent = {
      body: { text: "é", count: 1 },
      messageId: "id-1",
      contentType: "application/json",
      correlationId: "correlation-1",
      subject: "subject",
      applicationProperties: { text: "x", count: 5, share: 1.5, flag: true },
      timeToLive: 60_000,
    };
    await sender.sendMessages(sent);

    const message = await next(receiver);
    expect(message).toMatchObject({ ...sent, deliveryCount: 0, state: "active" });
    expect(message.lockedUntilUtc?.getTime()).toBeGreaterThan(Date.now());
    await receiver.completeMessage(message);
    await nothingArrives(receiver);
  });

  test("delivers a batch in order", async () => {
    const { sender, receiver } = open("plain");
    const bodies = Array.from({ length: 50 }, (_, index) => ({ index }));
    await sender.sendMessages(bodies.map((body) => ({ body })));

    const messages = await nextFew(receiver, bodies.length);
    expect(messages.map((message) => message.body)).toEqual(bodies);
    for (const message of messages) await receiver.completeMessage(message);
  });

  test("lets a batch grow to 256 KiB", async () => {
    const { sender } = open("plain");
    const batch = await sender.createMessageBatch();

    expect(batch.maxSizeInBytes).toBe(256 * 1024);
    expect(batch.tryAddMessage({ body: "x".repeat(200 * 1024) })).toBe(true);
    expect(batch.tryAddMessage({ body: "x".repeat(100 * 1024) })).toBe(false);
  });

  test("refuses a message of more than 256 KiB and goes on", async () => {
    const { sender, receiver } = open("plain");
    const tooLarge = { body: "x".repeat(256 * 1024) };

    expect(await codeOfFailure(sender.sendMessages(tooLarge))).toBe("MessageSizeExceeded");

    await sender.sendMessages({ body: "small" });
    const message = await next(receiver);
    expect(message.body).toBe("small");
    await receiver.completeMessage(message);
  });

  test("refuses only what is to be refused of several sends in flight", async () => {
    const { sender, receiver } = open("plain");
    const tooLarge = { body: "x".repeat(256 * 1024) };
    const sends = [{ body: 1 }, tooLarge, { body: 2 }, tooLarge].map((message) =>
      sender.sendMessages(message),
    );

    const results = await Promise.allSettled(sends);
    expect(results.map((result) => result.status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
    ]);
    for (const message of await nextFew(receiver, 2)) await receiver.completeMessage(message);
    await nothingArrives(receiver);
  });

  test("knows no queue that was not set up", async () => {
    const sender = client.createSender("missing");
    const receiver = client.createReceiver("missing");

    expect(await codeOfFailure(sender.sendMessages({ body: 1 }))).toBe("MessagingEntityNotFound");
    expect(await codeOfFailure(receiver.receiveMessages(1, { maxWaitTimeInMs: absenceMs }))).toBe(
      "MessagingEntityNotFound",
    );
    expect(await codeOfFailure(receiver.peekMessages(1))).toBe("MessagingEntityNotFound");
  });

  test("finds a queue whatever the case of its name", async () => {
    const sender = client.createSender("PLAIN");
    const { receiver } = open("plain");
    await sender.sendMessages({ body: "case" });

    const message = await next(receiver);
    expect(message.body).toBe("case");
    await receiver.completeMessage(message);
  });
});

describe("settling", () => {
  test("delivers an abandoned message again, with its count and the properties given", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: "abandoned" });

    await receiver.abandonMessage(await next(receiver), { why: "not yet" });

    const again = await next(receiver);
    expect(again).toMatchObject({ deliveryCount: 1, applicationProperties: { why: "not yet" } });
    await receiver.completeMessage(again);
  });

  test("keeps the outcomes of neighbouring messages apart", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages([{ body: "keep" }, { body: "drop" }, { body: "set aside" }]);

    const [kept, dropped, setAside] = await nextFew(receiver, 3);
    if (!kept || !dropped || !setAside) throw new Error("Three messages were sent.");
    await receiver.abandonMessage(kept);
    await receiver.completeMessage(dropped);
    await receiver.deadLetterMessage(setAside);

    const again = await next(receiver);
    expect(again.body).toBe("keep");
    await receiver.completeMessage(again);
    await nothingArrives(receiver);
    const deadLetters = openDeadLetters("plain");
    const deadLetter = await next(deadLetters);
    expect(deadLetter.body).toBe("set aside");
    await deadLetters.completeMessage(deadLetter);
  });

  test("dead-letters with reason, description and properties", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: "bad", messageId: "bad-1", applicationProperties: { kind: "a" } });

    await receiver.deadLetterMessage(await next(receiver), {
      deadLetterReason: "Unreadable",
      deadLetterErrorDescription: "It cannot be read.",
      detail: "b",
    });

    const deadLetters = openDeadLetters("plain");
    const deadLetter = await next(deadLetters);
    expect(deadLetter).toMatchObject({
      messageId: "bad-1",
      deadLetterReason: "Unreadable",
      deadLetterErrorDescription: "It cannot be read.",
      deadLetterSource: "plain",
      applicationProperties: { kind: "a", detail: "b" },
    });
    await deadLetters.completeMessage(deadLetter);
    await nothingArrives(deadLetters);
    await nothingArrives(receiver);
  });

  test("dead-letters after the maximum number of deliveries", async () => {
    const { sender, receiver } = open("abandoned");
    await sender.sendMessages({ body: "again and again" });

    for (let delivery = 0; delivery < queues.abandoned.maxDeliveryCount; delivery += 1) {
      await receiver.abandonMessage(await next(receiver));
    }

    await nothingArrives(receiver);
    const deadLetters = openDeadLetters("abandoned");
    const deadLetter = await next(deadLetters);
    expect(deadLetter.deadLetterReason).toBe("MaxDeliveryCountExceeded");
    expect(deadLetter.deliveryCount).toBe(queues.abandoned.maxDeliveryCount);
    await deadLetters.completeMessage(deadLetter);
  });

  test("hands a deferred message out by its number only", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: "deferred" });
    const message = await next(receiver);
    const number = message.sequenceNumber;
    if (!number) throw new Error("A received message has a sequence number.");
    await receiver.deferMessage(message, { until: "later" });
    await nothingArrives(receiver);

    const [deferred] = await receiver.receiveDeferredMessages(number);
    expect(deferred).toMatchObject({ body: "deferred", applicationProperties: { until: "later" } });
    if (deferred) await receiver.completeMessage(deferred);
    expect(await codeOfFailure(receiver.receiveDeferredMessages(number))).toBe("MessageNotFound");
  });

  test("shows messages without locking them", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages([{ body: "first" }, { body: "second" }]);
    const watcher = client.createReceiver("plain");

    const peeked = await watcher.peekMessages(10);
    expect(peeked.map((message) => message.body)).toEqual(["first", "second"]);
    expect(await watcher.peekMessages(10)).toEqual([]);
    for (const message of await nextFew(receiver, 2)) await receiver.completeMessage(message);
  });

  test("removes at once what is received and deleted", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages([{ body: "first" }, { body: "second" }]);
    const deleting = client.createReceiver("plain", { receiveMode: "receiveAndDelete" });
    onTestFinished(() => deleting.close());

    const messages = await nextFew(deleting, 2);
    expect(messages.map((message) => message.body)).toEqual(["first", "second"]);
    await deleting.close();
    await nothingArrives(receiver);
    expect(serviceBus.counts("plain")).toMatchObject({ active: 0, locked: 0 });
  });

  test("gives a message to a subscriber that fails once more", async () => {
    const { sender, receiver } = open("plain");
    const count = 20;
    await sender.sendMessages(Array.from({ length: count }, (_, index) => ({ body: index })));

    const done = new Set<number>();
    let failures = 0;
    await new Promise<void>((resolve) => {
      receiver.subscribe(
        {
          async processMessage({ body, deliveryCount }) {
            if (body === 3 && deliveryCount === 0) {
              failures += 1;
              throw new Error("The first delivery fails.");
            }
            done.add(body);
            if (done.size === count) resolve();
          },
          processError: async () => undefined,
        },
        { maxConcurrentCalls: 4 },
      );
    });
    await receiver.close();
    expect(failures).toBe(1);
    expect(done.size).toBe(count);
  });
});

describe("message locks", () => {
  test("end: the settlement fails and the message is delivered again", async () => {
    const { sender, receiver } = open("brief");
    await sender.sendMessages({ body: "slow" });
    const message = await next(receiver);

    const again = await next(receiver);
    expect(again).toMatchObject({ body: "slow", deliveryCount: 1 });
    expect(await codeOfFailure(receiver.completeMessage(message))).toBe("MessageLockLost");
    await receiver.completeMessage(again);
    await nothingArrives(receiver);
  });

  test("last longer when renewed", async () => {
    const { sender, receiver } = open("brief");
    await sender.sendMessages({ body: "renewed" });
    const message = await next(receiver);
    const { lockedUntilUtc } = message;
    if (!lockedUntilUtc) throw new Error("A received message has a lock.");

    let renewedUntil = lockedUntilUtc;
    while (renewedUntil.getTime() < lockedUntilUtc.getTime() + shortLockMs) {
      await sleep(shortLockMs / 4);
      renewedUntil = await receiver.renewMessageLock(message);
    }
    await receiver.completeMessage(message);
    await nothingArrives(receiver);
  });

  test("outlive the link of the receiver, which can still settle", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: "held" });
    const closing = client.createReceiver("plain", { maxAutoLockRenewalDurationInMs: 0 });
    const message = await next(closing);
    await closing.close();

    await nothingArrives(receiver);
    expect(serviceBus.counts("plain").locked).toBe(1);
    await receiver.completeMessage(message);
    expect(serviceBus.counts("plain").locked).toBe(0);
  });
});

describe("scheduled messages", () => {
  test("arrive when they are due", async () => {
    const { sender, receiver } = open("plain");
    const due = Date.now() + 400;
    await sender.sendMessages({ body: "later", scheduledEnqueueTimeUtc: new Date(due) });
    await sender.scheduleMessages({ body: "later, too" }, new Date(due));
    expect(serviceBus.counts("plain")).toMatchObject({ active: 0, scheduled: 2 });
    const peeked = await client.createReceiver("plain").peekMessages(10);
    expect(peeked.map((message) => message.state)).toEqual(["scheduled", "scheduled"]);

    const messages = await nextFew(receiver, 2);
    expect(messages.map((message) => message.body)).toEqual(["later", "later, too"]);
    for (const message of messages) {
      expect(message.enqueuedTimeUtc?.getTime()).toBeGreaterThanOrEqual(due);
      await receiver.completeMessage(message);
    }
  });

  test("can be cancelled until then", async () => {
    const { sender, receiver } = open("plain");
    const [number] = await sender.scheduleMessages([{ body: "cancelled" }], new Date(Date.now() + 60_000));
    if (!number) throw new Error("A scheduled message has a sequence number.");

    await sender.cancelScheduledMessages(number);
    expect(serviceBus.counts("plain").scheduled).toBe(0);
    expect(await codeOfFailure(sender.cancelScheduledMessages(number))).toBe("MessageNotFound");
    await nothingArrives(receiver);
  });
});

describe("duplicate detection", () => {
  test("drops a message whose id was used within the window, though sent without an error", async () => {
    const { sender, receiver } = open("distinct");
    await sender.sendMessages({ body: 1, messageId: "one" });
    await sender.sendMessages([
      { body: 2, messageId: "one" },
      { body: 3, messageId: "two" },
    ]);
    await sender.sendMessages({
      body: 4,
      messageId: "two",
      scheduledEnqueueTimeUtc: new Date(Date.now() + 60_000),
    });

    const messages = await nextFew(receiver, 2);
    expect(messages.map((message) => message.body)).toEqual([1, 3]);
    for (const message of messages) await receiver.completeMessage(message);
    expect(serviceBus.counts("distinct")).toMatchObject({ active: 0, scheduled: 0 });
  });

  test("remembers the id of a message that was cancelled", async () => {
    const { sender, receiver } = open("distinct");
    const later = new Date(Date.now() + 60_000);
    const [number] = await sender.scheduleMessages([{ body: 1, messageId: "cancelled" }], later);
    if (!number) throw new Error("A scheduled message has a sequence number.");
    await sender.cancelScheduledMessages(number);

    await sender.sendMessages({ body: 2, messageId: "cancelled" });
    await nothingArrives(receiver);
  });

  test("ends with the window", async () => {
    const { sender, receiver } = open("forgetful");
    await sender.sendMessages({ body: 1, messageId: "again" });
    await receiver.completeMessage(await next(receiver));
    await sleep(queues.forgetful.duplicateDetectionWindowMs + 100);

    await sender.sendMessages({ body: 2, messageId: "again" });
    const message = await next(receiver);
    expect(message.body).toBe(2);
    await receiver.completeMessage(message);
  });
});

describe("time to live", () => {
  test("drops an expired message", async () => {
    const { sender, receiver } = open("plain");
    await sender.sendMessages({ body: "expired", timeToLive: 1 });
    await sleep(50);

    await nothingArrives(receiver);
    expect(serviceBus.counts("plain")).toMatchObject({ active: 0, deadLetter: 0 });
  });

  test("is at most what the queue says", async () => {
    const { sender, receiver } = open("fleeting");
    await sender.sendMessages({ body: "expired", timeToLive: 60_000 });
    await sleep(queues.fleeting.defaultTtlMs + 100);

    await nothingArrives(receiver);
  });

  test("dead-letters an expired message where the queue says so", async () => {
    const { sender } = open("remembering");
    await sender.sendMessages({ body: "expired" });

    const deadLetters = openDeadLetters("remembering");
    const deadLetter = await next(deadLetters);
    expect(deadLetter).toMatchObject({ body: "expired", deadLetterReason: "TTLExpiredException" });
    await deadLetters.completeMessage(deadLetter);
  });
});

describe("sessions", () => {
  async function send(
    queue: "sessions" | "briefSessions",
    ...messages: [sessionId: string, body: unknown][]
  ) {
    const sender = client.createSender(queue);
    await sender.sendMessages(messages.map(([sessionId, body]) => ({ sessionId, body })));
    await sender.close();
  }

  /** Locks are not renewed unless a test does it. */
  async function accept(
    queue: "sessions" | "briefSessions",
    sessionId: string,
    by = client,
  ): Promise<ServiceBusSessionReceiver> {
    const receiver = await by.acceptSession(queue, sessionId, { maxAutoLockRenewalDurationInMs: 0 });
    onTestFinished(() => receiver.close());
    return receiver;
  }

  async function acceptNext(
    queue: "sessions" | "briefSessions",
    by = client,
  ): Promise<ServiceBusSessionReceiver> {
    const receiver = await by.acceptNextSession(queue, { maxAutoLockRenewalDurationInMs: 0 });
    onTestFinished(() => receiver.close());
    return receiver;
  }

  async function completeAll(receiver: ServiceBusReceiver, count: number): Promise<unknown[]> {
    const messages = await nextFew(receiver, count);
    for (const message of messages) await receiver.completeMessage(message);
    return messages.map((message) => message.body);
  }

  test("deliver the messages of the session accepted by name, in order", async () => {
    await send("sessions", ["a", 1], ["b", 2], ["a", 3], ["a", 4]);

    const a = await accept("sessions", "a");
    expect(a.sessionLockedUntilUtc.getTime()).toBeGreaterThan(Date.now());
    expect(await completeAll(a, 3)).toEqual([1, 3, 4]);
    await nothingArrives(a);
    const b = await accept("sessions", "b");
    expect(await completeAll(b, 1)).toEqual([2]);
  });

  test("are handed out once each to who asks for the next", async () => {
    await send("sessions", ["a", 1], ["b", 2], ["a", 3]);

    const first = await acceptNext("sessions");
    const second = await acceptNext("sessions", closingClient());
    expect([first.sessionId, second.sessionId]).toEqual(["a", "b"]);
    expect(await completeAll(first, 2)).toEqual([1, 3]);
    expect(await completeAll(second, 1)).toEqual([2]);
  });

  test("wait for the next one until a message arrives", async () => {
    const waiting = [acceptNext("sessions"), acceptNext("sessions", closingClient())];
    await sleep(absenceMs);
    await send("sessions", ["late-1", 1], ["late-2", 2]);

    const receivers = await Promise.all(waiting);
    expect(receivers.map((receiver) => receiver.sessionId).sort()).toEqual(["late-1", "late-2"]);
    for (const receiver of receivers) await completeAll(receiver, 1);
  });

  test("wait for the next one until a scheduled message is due", async () => {
    const sender = client.createSender("sessions");
    await sender.sendMessages({
      body: "due",
      sessionId: "scheduled",
      scheduledEnqueueTimeUtc: new Date(Date.now() + 300),
    });

    const receiver = await acceptNext("sessions");
    expect(receiver.sessionId).toBe("scheduled");
    expect(await completeAll(receiver, 1)).toEqual(["due"]);
  });

  test("wait for the next one no longer than the client does", async () => {
    const impatient = closingClient(500);

    expect(await codeOfFailure(impatient.acceptNextSession("sessions"))).toBe("ServiceTimeout");
    await send("sessions", ["after", 1]);
    const receiver = await acceptNext("sessions");
    expect(await completeAll(receiver, 1)).toEqual([1]);
  });

  test("do not go to a client that closed while it waited", async () => {
    const leaving = newClient(1_000);
    const waiting = codeOfFailure(leaving.acceptNextSession("sessions"));
    await sleep(absenceMs);
    await leaving.close();

    await send("sessions", ["left", 1]);
    const receiver = await acceptNext("sessions");
    expect(receiver.sessionId).toBe("left");
    expect(await completeAll(receiver, 1)).toEqual([1]);
    expect(await waiting).not.toBe("it succeeded");
  });

  test("belong to one receiver at a time", async () => {
    await send("sessions", ["held", 1]);
    const holder = await accept("sessions", "held");

    const another = closingClient();
    expect(await codeOfFailure(another.acceptSession("sessions", "held"))).toBe("SessionCannotBeLocked");
    expect(await codeOfFailure(closingClient(500).acceptNextSession("sessions"))).toBe("ServiceTimeout");
    expect(await completeAll(holder, 1)).toEqual([1]);
  });

  test("go on with their receiver while messages arrive", async () => {
    await send("sessions", ["chain", 0]);
    const receiver = await acceptNext("sessions");
    for (let step = 0; step < 5; step += 1) {
      const message = await next(receiver);
      expect(message.body).toBe(step);
      await send("sessions", ["chain", step + 1]);
      await receiver.completeMessage(message);
    }
    expect(await completeAll(receiver, 1)).toEqual([5]);
  });

  test("keep their order when a message is abandoned", async () => {
    await send("sessions", ["order", 1], ["order", 2]);
    const receiver = await accept("sessions", "order");
    await receiver.abandonMessage(await next(receiver));

    const [first, second] = await nextFew(receiver, 2);
    expect([first?.body, first?.deliveryCount, second?.body]).toEqual([1, 1, 2]);
    for (const message of [first, second]) if (message) await receiver.completeMessage(message);
  });

  test("deliver to a subscriber in order, one message at a time", async () => {
    const bodies = Array.from({ length: 20 }, (_, index) => index);
    await send("sessions", ...bodies.map((body): [string, number] => ["subscribed", body]));
    const receiver = await acceptNext("sessions");

    const seen: unknown[] = [];
    let busy = 0;
    let mostBusy = 0;
    await new Promise<void>((resolve) => {
      receiver.subscribe({
        async processMessage({ body }) {
          busy += 1;
          mostBusy = Math.max(mostBusy, busy);
          await sleep(1);
          seen.push(body);
          busy -= 1;
          if (seen.length === bodies.length) resolve();
        },
        processError: async () => undefined,
      });
    });
    expect(seen).toEqual(bodies);
    expect(mostBusy).toBe(1);
    // The last message is settled after its handler returned.
    await expect.poll(() => serviceBus.counts("sessions")).toMatchObject({ active: 0, locked: 0 });
  });

  test("are free again as soon as their receiver closes, and nothing counts as delivered", async () => {
    await send("sessions", ["closed", 1]);
    const first = await accept("sessions", "closed");
    await next(first);
    await first.close();

    const second = await accept("sessions", "closed", closingClient());
    const message = await next(second);
    expect(message.deliveryCount).toBe(0);
    await second.completeMessage(message);
  });

  test("stay locked when the connection is lost, until the lock ends", async () => {
    await send("briefSessions", ["lost", 1]);
    const first = await accept("briefSessions", "lost", closingClient());
    await next(first);
    serviceBus.dropConnections();

    const another = closingClient();
    expect(await codeOfFailure(another.acceptSession("briefSessions", "lost"))).toBe("SessionCannotBeLocked");
    const second = await acceptNext("briefSessions", another);
    expect(second.sessionId).toBe("lost");
    const message = await next(second);
    expect(message.deliveryCount).toBe(1);
    await second.completeMessage(message);
  });

  test("stay locked when the receiver's process is killed, until the lock ends", async () => {
    await send("briefSessions", ["killed", 1]);
    const script = `
      import { ServiceBusClient } from "@azure/service-bus";
      const receiver = await new ServiceBusClient(process.argv[1]).acceptSession("briefSessions", "killed");
      await receiver.receiveMessages(1);
      console.log("received");
    `;
    const worker = spawn(
      process.execPath,
      ["--input-type=module", "-e", script, serviceBus.connectionString],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    onTestFinished(() => void worker.kill("SIGKILL"));
    await once(worker.stdout, "data");
    worker.kill("SIGKILL");
    await once(worker, "exit");

    expect(await codeOfFailure(client.acceptSession("briefSessions", "killed"))).toBe(
      "SessionCannotBeLocked",
    );
    const receiver = await acceptNext("briefSessions");
    const message = await next(receiver);
    expect(message.deliveryCount).toBe(1);
    await receiver.completeMessage(message);
  });

  test("are lost when their lock ends: settling and renewing fail, another receiver goes on", async () => {
    await send("briefSessions", ["expired", 1]);
    const first = await accept("briefSessions", "expired");
    const message = await next(first);

    const second = await acceptNext("briefSessions", closingClient());
    const again = await next(second);
    expect(again).toMatchObject({ body: 1, deliveryCount: 1 });
    expect(await codeOfFailure(first.completeMessage(message))).toBe("SessionLockLost");
    expect(await codeOfFailure(first.renewSessionLock())).toBe("SessionLockLost");
    expect(await codeOfFailure(first.getSessionState())).toBe("SessionLockLost");
    await second.completeMessage(again);
  });

  test("stay with a receiver that renews its lock", async () => {
    await send("briefSessions", ["renewed", 1]);
    const receiver = await accept("briefSessions", "renewed");
    const firstEnd = receiver.sessionLockedUntilUtc.getTime();
    const message = await next(receiver);

    while (receiver.sessionLockedUntilUtc.getTime() < firstEnd + shortLockMs) {
      await sleep(shortLockMs / 4);
      await receiver.renewSessionLock();
    }
    await receiver.completeMessage(message);
    await nothingArrives(receiver);
  });

  test("are renewed by the client library by itself", async () => {
    await send("briefSessions", ["automatic", 1]);
    const receiver = await client.acceptSession("briefSessions", "automatic", {
      maxAutoLockRenewalDurationInMs: 60_000,
    });
    onTestFinished(() => receiver.close());
    const firstEnd = receiver.sessionLockedUntilUtc.getTime();
    const message = await next(receiver);

    await expect
      .poll(() => Date.now(), { timeout: arrivalMs, interval: 50 })
      .toBeGreaterThan(firstEnd + shortLockMs / 2);
    await receiver.completeMessage(message);
    await nothingArrives(receiver);
  });

  test("keep their state from receiver to receiver", async () => {
    const first = await accept("sessions", "stateful");
    expect(await first.getSessionState()).toBeNull();
    await first.setSessionState({ position: 7 });
    await first.close();

    const second = await accept("sessions", "stateful", closingClient());
    expect(await second.getSessionState()).toEqual({ position: 7 });
    await second.setSessionState(null);
    expect(await second.getSessionState()).toBeNull();
  });

  test("hand out their deferred messages to their receiver", async () => {
    await send("sessions", ["deferred", 1]);
    const receiver = await accept("sessions", "deferred");
    const message = await next(receiver);
    const number = message.sequenceNumber;
    if (!number) throw new Error("A received message has a sequence number.");
    await receiver.deferMessage(message);

    const [deferred] = await receiver.receiveDeferredMessages(number);
    if (!deferred) throw new Error("The message was deferred.");
    await receiver.completeMessage(deferred);
    expect(serviceBus.counts("sessions")).toMatchObject({ deferred: 0, locked: 0 });
  });

  test("dead-letter into a queue without sessions", async () => {
    await send("sessions", ["poison", 1]);
    const receiver = await accept("sessions", "poison");
    await receiver.deadLetterMessage(await next(receiver), {
      deadLetterReason: "Poison",
      deadLetterErrorDescription: "It is never right.",
    });

    const deadLetters = openDeadLetters("sessions");
    const deadLetter = await next(deadLetters);
    expect(deadLetter).toMatchObject({ sessionId: "poison", deadLetterReason: "Poison" });
    await deadLetters.completeMessage(deadLetter);
  });

  test("are required of the senders and receivers of their queue, and of no other", async () => {
    const { sender, receiver } = open("sessions");

    await expect(sender.sendMessages({ body: "no session" })).rejects.toThrow(/SessionId was not set/);
    await expect(receiver.receiveMessages(1, { maxWaitTimeInMs: absenceMs })).rejects.toThrow(
      /InvalidOperationError/,
    );
    await expect(client.acceptNextSession("plain")).rejects.toThrow(/InvalidOperationError/);
  });
});

test("shows every message of every queue to a test", async () => {
  const { sender } = open("plain");
  await sender.sendMessages([
    { body: { canary: "active" }, messageId: "canary-1", applicationProperties: { key: "value" } },
    { body: { canary: "scheduled" }, scheduledEnqueueTimeUtc: new Date(Date.now() + 60_000) },
  ]);
  const sessionSender = client.createSender("sessions");
  await sessionSender.sendMessages({ body: { canary: "dead" }, sessionId: "canary" });
  const session = await client.acceptSession("sessions", "canary");
  await session.deadLetterMessage(await next(session));
  await session.close();

  const messages = serviceBus.messages();
  expect(messages.map(({ queue, state, body }) => ({ queue, state, body }))).toEqual([
    { queue: "plain", state: "active", body: JSON.stringify({ canary: "active" }) },
    { queue: "plain", state: "scheduled", body: JSON.stringify({ canary: "scheduled" }) },
    { queue: "sessions/$DeadLetterQueue", state: "active", body: JSON.stringify({ canary: "dead" }) },
  ]);
  expect(messages[0]).toMatchObject({ messageId: "canary-1", applicationProperties: { key: "value" } });
  expect(serviceBus.messages("plain")).toHaveLength(2);
  expect(serviceBus.counts("sessions").deadLetter).toBe(1);
});

test("a link that ends after its session ends nothing else of its connection", async () => {
  const [, port] =
    /localhost:(\d+)|127\.0\.0\.1:(\d+)/.exec(serviceBus.connectionString)?.filter(Boolean) ?? [];
  const connection = rhea.create_container().connect({
    host: "127.0.0.1",
    port: Number(port),
    username: "anonymous",
    reconnect: false,
  });
  onTestFinished(() => connection.close());
  await once(connection, "connection_open");
  const session = connection.create_session();
  session.begin();
  const link = session.open_receiver({ source: "plain", credit_window: 0 });
  await once(link, "receiver_open");
  session.close();
  await once(session, "session_close");
  // As a client does that gives the link up while it is being opened.
  const { output } = session as unknown as { output(frame: object): void };
  output.call(session, (link as unknown as { readonly local: { readonly detach: object } }).local.detach);
  const other = connection.open_receiver({ source: "plain", credit_window: 0 });
  await once(other, "receiver_open");
  expect(connection.is_open()).toBe(true);
}, 20_000);
