import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ServiceBusClient, type ServiceBusMessage } from "@azure/service-bus";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type AppProcess, type LogEvent, startApp } from "../stack/app-process.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { type ServiceBusStandIn, startServiceBus } from "../stack/service-bus/index.ts";

const lockDurationMs = 2_000;

/** What a function of the fixture app told about one invocation. */
type Report = Readonly<Record<string, unknown>>;

let azurite: Azurite;
let serviceBus: ServiceBusStandIn;
let client: ServiceBusClient;
let blobs: BlobServiceClient;
let queues: QueueServiceClient;

beforeAll(async () => {
  azurite = await startAzurite();
  serviceBus = await startServiceBus({
    queues: {
      plain: { lockDurationMs, maxDeliveryCount: 3 },
      chain: { lockDurationMs, maxDeliveryCount: 5, requiresSession: true },
    },
  });
  client = new ServiceBusClient(serviceBus.connectionString);
  blobs = BlobServiceClient.fromConnectionString(azurite.connectionString);
  queues = QueueServiceClient.fromConnectionString(azurite.connectionString);
  await blobs.createContainer("uploads");
});

afterAll(async () => {
  await client?.close();
  await serviceBus?.close();
  await azurite?.close();
});

function start(settings: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
  return startApp({
    packageDirectory: join(import.meta.dirname, "fixtures", "functions-app"),
    healthPath: "/v1/health",
    settings: {
      AzureWebJobsStorage: azurite.connectionString,
      DataStorage: azurite.connectionString,
      ServiceBusConnection: serviceBus.connectionString,
      TICK_SCHEDULE: "* * * * * *",
      SLOW_TICK_SCHEDULE: "0 0 0 1 1 *",
      CHAIN_QUEUE: "chain",
      ...settings,
    },
  });
}

/** An app for one test, since the test ends it. */
async function startForTest(settings?: Readonly<Record<string, string>>): Promise<AppProcess> {
  const app = await start(settings);
  onTestFinished(async () => {
    await app.kill();
  });
  return app;
}

function reportOf({ category, message }: LogEvent): Report {
  return category.endsWith(".User") && message.startsWith("{") ? JSON.parse(message) : {};
}

/** True if `report` holds at least what `part` holds. */
function fits(report: Report, part: Report): boolean {
  return Object.entries(part).every(([key, value]) => JSON.stringify(report[key]) === JSON.stringify(value));
}

function reports(app: AppProcess, part: Report): Report[] {
  return app.events.map(reportOf).filter((report) => fits(report, part));
}

async function nextReport(app: AppProcess, part: Report): Promise<Report> {
  return reportOf(await app.waitForEvent((event) => fits(reportOf(event), part)));
}

async function send(queue: string, ...messages: ServiceBusMessage[]): Promise<void> {
  const sender = client.createSender(queue);
  await sender.sendMessages(messages);
  await sender.close();
}

async function upload(name: string, text: string): Promise<void> {
  await blobs.getContainerClient("uploads").getBlockBlobClient(name).upload(text, Buffer.byteLength(text));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 30_000; !(await condition()); await sleep(50))
    if (Date.now() > deadline) throw new Error("the condition did not come true");
}

describe("an app that runs", () => {
  let app: AppProcess;

  beforeAll(async () => {
    app = await start();
  });

  afterAll(async () => {
    await app?.kill();
  });

  test("gets route, query, headers and body of a request, and its response is given back", async () => {
    const response = await fetch(`${app.url}/v1/echo/a%20b/7?x=1&y=z%26`, {
      method: "POST",
      headers: { "x-sent": "there" },
      body: "grüße",
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("x-seen")).toBe("there");
    expect(response.headers.get("set-cookie")).toBe("seen=yes; HttpOnly; SameSite=Strict");
    expect(await response.json()).toEqual({
      method: "POST",
      path: "/v1/echo/a%20b/7",
      params: { id: "a b", detail: "7" },
      query: { x: "1", y: "z&" },
      body: "grüße",
    });
  });

  test.each([
    ["the more specific route", "GET", "/v1/Echo/special", 200, "special"],
    ["a route that two functions share by method", "GET", "/v1/echo/q", 200, '{"got":"q"}'],
    ["a catch-all parameter", "GET", "/v1/rest/a/b%20c", 200, "a/b c"],
    ["a constraint that is not met", "POST", "/v1/echo/a/b", 404, ""],
    ["a method that no function has", "DELETE", "/v1/echo/q", 404, ""],
    ["a path outside the prefix", "GET", "/api/echo/q", 404, ""],
    ["a function that returns nothing", "GET", "/v1/nothing", 204, ""],
    ["a function that throws", "GET", "/v1/broken", 500, ""],
  ])("answers %s", async (_, method, path, status, body) => {
    const response = await fetch(`${app.url}${path}`, { method });
    expect([response.status, await response.text()]).toEqual([status, body]);
  });

  test("logs what host.json lets through", async () => {
    await fetch(`${app.url}/v1/quiet`);
    const seen = await app.waitForEvent(({ category }) => category === "Function.quiet.User");
    expect(seen.level).toBe("warning");
    expect(seen.message).toBe("to be seen");
    expect(app.events.some(({ message }) => message === "not to be seen")).toBe(false);
  });

  test("runs a timer on the schedule a setting holds, one at start, and one on demand", async () => {
    await nextReport(app, { tick: false });
    expect(reports(app, { startup: true })).toHaveLength(1);
    const answer = await fetch(`${app.url}/admin/functions/onStartup`, { method: "POST", body: "{}" });
    expect(answer.status).toBe(202);
    await until(() => reports(app, { startup: true }).length === 2);
    expect((await fetch(`${app.url}/admin/functions/nobody`, { method: "POST" })).status).toBe(404);
  });

  test("gets each version of a matching blob once", async () => {
    await upload("ep/Batch one.csv", "EmailAddress");
    await upload("ep/other.txt", "no");
    await upload("ep/upper.CSV", "no");
    expect(await nextReport(app, { blob: "uploads/ep/Batch one.csv" })).toMatchObject({
      endpoint: "ep",
      name: "Batch one",
      length: 12,
      text: "EmailAddress",
      isBuffer: true,
    });
    await upload("ep/Batch one.csv", "EmailAddress,UserName");
    await nextReport(app, { text: "EmailAddress,UserName" });
    await upload("ep/last.csv", "last");
    await nextReport(app, { text: "last" });
    expect(reports(app, { endpoint: "ep" })).toHaveLength(3);
  });

  test("hands a blob that fails again and again to the poison queue", async () => {
    await upload("ep2/bad.csv", "fail");
    const { poison } = await nextReport(app, { blob: "uploads/ep2/bad.csv" }).then(() =>
      app
        .waitForEvent((event) => "poison" in reportOf(event))
        .then((event) => reportOf(event) as { poison: Report }),
    );
    expect(poison).toEqual({
      Type: "BlobTrigger",
      FunctionId: "Host.Functions.onCsv",
      BlobType: "BlockBlob",
      ContainerName: "uploads",
      BlobName: "ep2/bad.csv",
      ETag: expect.stringMatching(/^[^"]+$/),
    });
    expect(reports(app, { blob: "uploads/ep2/bad.csv" })).toHaveLength(3);
  });

  test("tries a storage queue's message maxDequeueCount times", async () => {
    const poison = queues.getQueueClient("work-poison");
    await queues.getQueueClient("work").sendMessage(Buffer.from('{"a":1}').toString("base64"));
    await until(
      async () => (await poison.exists()) && (await poison.peekMessages()).peekedMessageItems.length > 0,
    );
    expect(reports(app, { work: { a: 1 } }).map(({ dequeueCount }) => dequeueCount)).toEqual([1, 2]);
  });

  test("completes a Service Bus message when the function returns", async () => {
    await send("plain", { body: { n: 1 }, messageId: "m1", applicationProperties: { batchName: "b" } });
    const begun = await nextReport(app, { queue: "onPlain", message: { n: 1 }, phase: "begun" });
    expect(begun).toMatchObject({
      deliveryCount: 1,
      messageId: "m1",
      applicationProperties: { batchName: "b" },
      sequenceNumber: expect.any(Number),
    });
    await until(() => serviceBus.messages("plain").length === 0);
  });

  test("delivers a message again when the function throws, and dead letters as well", async () => {
    await send("plain", { body: { n: 2, failures: 2 } }, { body: { n: 3, failures: 3 } });
    const dead = await nextReport(app, { queue: "onDead", message: { n: 3, failures: 3 }, phase: "begun" });
    expect(dead.applicationProperties).toMatchObject({ deadLetterReason: "MaxDeliveryCountExceeded" });
    await nextReport(app, { message: { n: 2, failures: 2 }, deliveryCount: 3, phase: "done" });
    expect(reports(app, { queue: "onPlain", message: { n: 3, failures: 3 } })).toHaveLength(3);
    await until(() => serviceBus.messages("plain").every(({ state }) => state !== "locked"));
  });

  test("runs at most maxConcurrentCalls of a queue, whatever each one's outcome is", async () => {
    const bodies = Array.from({ length: 10 }, (_, n) => ({ n: 100 + n, sleepMs: 50, failures: n % 2 }));
    await send("plain", ...bodies.map((body) => ({ body })));
    for (const message of bodies) await nextReport(app, { queue: "onPlain", message, phase: "done" });
    let running = 0;
    let most = 0;
    for (const { category, message } of app.events) {
      if (category !== "Function.onPlain") continue;
      running += message === "Executing" ? 1 : -1;
      most = Math.max(most, running);
    }
    expect(most).toBe(2);
    await until(() => serviceBus.counts("plain").active === 0 && serviceBus.messages("plain").length === 0);
  });

  test("keeps the order of a session through a failure, and gives idle sessions back for others", async () => {
    const sessions = ["s1", "s2", "s3"];
    const messages = sessions.flatMap((sessionId) =>
      [1, 2, 3].map((n) => ({ sessionId, body: { sessionId, n, failures: n === 2 ? 1 : 0 } })),
    );
    await send("chain", ...messages);
    for (const { body } of messages)
      await nextReport(app, { queue: "onChain", message: body, phase: "done" });
    for (const sessionId of sessions) {
      const begun = reports(app, { queue: "onChain", sessionId, phase: "begun" });
      const order = begun.map(({ message, deliveryCount }) => [(message as { n: number }).n, deliveryCount]);
      expect(order).toEqual([
        [1, 1],
        [2, 1],
        [2, 2],
        [3, 1],
      ]);
    }
    await until(() => serviceBus.messages("chain").length === 0);
  });

  test("renews a session for longer than its lock lasts", async () => {
    await send("chain", { sessionId: "long", body: { n: 9, sleepMs: lockDurationMs + 500 } });
    await nextReport(app, { sessionId: "long", phase: "done" });
    await until(() => serviceBus.messages("chain").length === 0);
    expect(reports(app, { sessionId: "long", phase: "begun" })).toHaveLength(1);
  });
});

test("an app that streams gives a response out while it is written", async () => {
  const app = await startForTest({ FIXTURE_STREAM: "1" });
  const response = await fetch(`${app.url}/v1/stream`);
  expect(response.headers.get("transfer-encoding")).toBe("chunked");
  expect(await response.text()).toBe("one two three");
  const echo = await fetch(`${app.url}/v1/echo/a?x=1`, { method: "PUT", body: "sent" });
  expect(await echo.json()).toMatchObject({ params: { id: "a" }, query: { x: "1" }, body: "sent" });
  expect((await fetch(`${app.url}/v1/broken`)).status).toBe(500);
});

test("a timer whose time passed while no host ran is past due at the next start", async () => {
  const name = "timers/past-due/Host.Functions.yearly/status";
  const status = JSON.stringify({
    Last: "2024-01-01T00:00:00.000Z",
    Next: "2025-01-01T00:00:00.000Z",
    LastUpdated: "2024-01-01T00:00:00.000Z",
  });
  const container = blobs.getContainerClient("azure-webjobs-hosts");
  await container.createIfNotExists();
  await container.getBlockBlobClient(name).upload(status, status.length);
  const app = await startForTest({ AzureFunctionsWebHost__hostid: "past-due" });
  expect(await nextReport(app, { yearly: true })).toMatchObject({ last: "2024-01-01T00:00:00.000Z" });
  await until(async () => {
    const text = (await container.getBlobClient(name).downloadToBuffer()).toString("utf8");
    return JSON.parse(text).Next > new Date().toISOString();
  });
});

test("a killed process loses nothing: another one goes on where it was", async () => {
  const first = await startForTest();
  await upload("ep3/once.csv", "once");
  await nextReport(first, { text: "once" });
  const body = { n: 1, sleepMs: 60_000 };
  await send("chain", { sessionId: "killed", body }, { sessionId: "killed", body: { n: 2 } });
  await nextReport(first, { sessionId: "killed", phase: "begun" });
  expect(await first.kill()).toEqual({ code: null, signal: "SIGKILL" });

  const second = await startForTest();
  expect(await nextReport(second, { sessionId: "killed", phase: "begun" })).toMatchObject({
    message: body,
    deliveryCount: 2,
  });
  await upload("ep3/after.csv", "after");
  await nextReport(second, { text: "after" });
  expect(reports(second, { text: "once" })).toEqual([]);
  await second.kill();
  await emptyChain("killed");
});

async function emptyChain(sessionId: string): Promise<void> {
  const accept = () => client.acceptSession("chain", sessionId, { receiveMode: "receiveAndDelete" });
  // The lock of a killed host stands until it expires.
  const receiver = await accept().catch(() => sleep(2 * lockDurationMs).then(accept));
  await receiver.receiveMessages(100, { maxWaitTimeInMs: 500 });
  await receiver.close();
}

async function emptyQueue(name: string): Promise<void> {
  const receiver = client.createReceiver(name, { receiveMode: "receiveAndDelete" });
  await receiver.receiveMessages(100, { maxWaitTimeInMs: 500 });
  await receiver.close();
}

test("a function that exceeds functionTimeout ends its worker with all that runs in it, and messages come again", async () => {
  const app = await startForTest();
  await send("plain", { body: { n: 1, sleepMs: 60_000 }, messageId: "too long" });
  await nextReport(app, { messageId: "too long", phase: "begun" });
  await sleep(3_000);
  await send("chain", { sessionId: "beside", body: { n: 2, sleepMs: 60_000 } });
  await nextReport(app, { sessionId: "beside", phase: "begun" });
  const failure = (reason: string) =>
    app.waitForEvent(({ message, error }) => message === "Failed" && String(error).includes(reason));
  const timedOut = await failure("FunctionTimeoutError");
  const beside = await failure("The worker process ended with SIGKILL");
  expect([timedOut.category, beside.category].sort()).toEqual(["Function.onChain", "Function.onPlain"]);
  const ready = () => app.events.filter(({ message }) => message === "Worker started").length;
  await until(() => ready() === 2);
  await send("chain", { sessionId: "after", body: { n: 3 } });
  await nextReport(app, { sessionId: "after", phase: "done" });
  await app.kill();
  await emptyChain("beside");
  for (const queue of ["plain", "plain/$DeadLetterQueue", "chain/$DeadLetterQueue"]) await emptyQueue(queue);
});

test("a worker that dies fails what runs in it, and deliveries burn until another one is ready", async () => {
  const app = await startForTest();
  await send("chain", { sessionId: "neighbour", body: { n: 1, sleepMs: 2_000 } });
  await nextReport(app, { sessionId: "neighbour", phase: "begun" });
  await send("chain", { sessionId: "fatal", body: { n: 2, exits: 1 } });
  await app.waitForEvent(({ message }) => message === "Worker ended");
  await app.waitForEvent(({ error }) =>
    String(error).includes("Did not find any initialized language workers"),
  );
  await until(() => serviceBus.messages("chain/$DeadLetterQueue").length > 0);
  const dead = serviceBus.messages("chain/$DeadLetterQueue");
  // The lock of 2 s is long, and the next worker takes a second: ten deliveries are gone long before.
  for (const { applicationProperties } of dead)
    expect(applicationProperties).toMatchObject({ DeadLetterReason: "MaxDeliveryCountExceeded" });
  expect(await app.waitForEvent(({ message }) => message === "Worker started")).toBeDefined();
  await app.kill();
  await emptyQueue("chain/$DeadLetterQueue");
});

test("workers that die again and again end the host", async () => {
  const app = await startForTest();
  const starts = () => app.events.filter(({ message }) => message === "Worker started").length;
  const deaths = () => app.events.filter(({ message }) => message === "Worker ended").length;
  for (let death = 1; death <= 4; death++) {
    await send("plain", { body: { n: death, exits: 99 }, messageId: `killer ${death}` });
    await until(() => deaths() === death);
    if (death < 4) await until(() => starts() === death + 1);
  }
  expect(await app.exited).toEqual({ code: 3, signal: null });
  await emptyQueue("plain");
  await emptyQueue("plain/$DeadLetterQueue");
});

test("a drained process handles nothing and keeps its sessions until it ends", async () => {
  const app = await startForTest();
  await send("chain", { sessionId: "drained", body: { n: 1, sleepMs: 500 } });
  await nextReport(app, { sessionId: "drained", phase: "begun" });
  app.drain();
  await nextReport(app, { sessionId: "drained", phase: "done" });
  await send("chain", { sessionId: "drained", body: { n: 2 } });
  const second = await startForTest();
  await send("chain", { sessionId: "other", body: { n: 3 } });
  await nextReport(second, { sessionId: "other", phase: "done" });
  await sleep(2 * lockDurationMs);
  expect(reports(second, { sessionId: "drained" })).toEqual([]);
  await app.kill();
  await nextReport(second, { sessionId: "drained", phase: "done" });
  await second.kill();
});

test("a timer that runs past its next occurrence runs once more at once", async () => {
  const app = await startForTest({ SLOW_TICK_SCHEDULE: "* * * * * *" });
  await until(() => app.events.filter((event) => "slowTick" in reportOf(event)).length >= 4);
  const ticks = app.events
    .map(reportOf)
    .flatMap(({ slowTick }) => (slowTick === undefined ? [] : [Number(slowTick)]));
  const gaps = ticks.slice(1).map((at, index) => at - (ticks[index] ?? 0));
  // Waiting for the next full second would make every gap two seconds.
  expect(gaps.some((gap) => gap < 1_900)).toBe(true);
});

test("an event that comes twice runs two invocations at once, without a look at the version", async () => {
  const app = await startForTest({ FIXTURE_BLOB_SOURCE: "EventGrid", HOST_BLOB_EVENT_COPIES: "2" });
  await upload("ep4/twice.csv", "twice");
  await until(() => reports(app, { text: "twice" }).length === 2);
});

test("a process that is told to stop finishes what runs", async () => {
  const app = await startForTest();
  await send("plain", { body: { n: 1, sleepMs: 700 }, messageId: "running" });
  const slow = fetch(`${app.url}/v1/slow`);
  await nextReport(app, { slow: "begun" });
  await nextReport(app, { messageId: "running", phase: "begun" });
  expect(await app.stop()).toEqual({ code: 0, signal: null });
  expect(await (await slow).text()).toBe("done");
  expect(reports(app, { messageId: "running", phase: "done" })).toHaveLength(1);
  expect(serviceBus.messages("plain")).toEqual([]);
});

test("a process that is told to stop tells its app, and abandons what does not end in time", async () => {
  const app = await startForTest();
  await send("chain", { sessionId: "stopped", body: { n: 1, sleepMs: 60_000 } });
  await nextReport(app, { sessionId: "stopped", phase: "begun" });
  expect(await app.stop()).toEqual({ code: 0, signal: null });
  expect(app.events.some(({ message }) => message === "terminating")).toBe(true);
  expect(serviceBus.messages("chain").find(({ sessionId }) => sessionId === "stopped")).toMatchObject({
    state: "active",
    deliveryCount: 1,
  });
  await emptyChain("stopped");
});

test.each([
  ["a setting that a binding names", { TICK_SCHEDULE: "" }, "'%TICK_SCHEDULE%' does not resolve"],
  ["a connection", { DataStorage: "" }, "The connection 'DataStorage' is missing"],
])("an app without %s does not start", async (_, settings, reason) => {
  await expect(start(settings)).rejects.toThrow(reason);
});

test("a function that a setting disables is left out", async () => {
  const app = await startForTest({
    "AzureWebJobs.onStartup.Disabled": "true",
    DataStorage: azurite.connectionString,
  });
  await nextReport(app, { tick: false });
  expect(reports(app, { startup: true })).toEqual([]);
});
