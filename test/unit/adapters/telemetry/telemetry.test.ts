import { InvocationContext, PreInvocationContext } from "@azure/functions";
import { ServiceBusClient } from "@azure/service-bus";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { onInvocation } from "../../../../functions/telemetry.ts";
import {
  currentTraceParent,
  logEvent,
  withinInvocation,
  withinSpan,
} from "../../../../shared/adapters/telemetry/invocation.ts";
import { type Measure, measuresOf } from "../../../../shared/adapters/telemetry/measures.ts";
import { propagateTraces } from "../../../../shared/adapters/telemetry/propagation.ts";
import { type ServiceBusStandIn, startServiceBus } from "../../../stack/service-bus/index.ts";

const traceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

describe("events", () => {
  afterEach(() => vi.restoreAllMocks());

  it("go to the host's log in a traced invocation, as lines that begin with their name", async () => {
    const lines: string[] = [];
    await withinInvocation({ log: (line) => lines.push(line), traceParent }, async () => {
      await new Promise(setImmediate);
      logEvent("chunk.copied", { items: 2, code: undefined });
    });
    expect(lines).toEqual(['{"event":"chunk.copied","items":2}']);
  });

  it("go to the standard output elsewhere", () => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    logEvent("janitor.swept", {});
    withinInvocation({ log: () => expect.unreachable(), traceParent: undefined }, () =>
      logEvent("janitor.swept", {}),
    );
    expect(lines).toEqual(['{"event":"janitor.swept"}', '{"event":"janitor.swept"}']);
  });

  it("of invocations at the same time keep apart", async () => {
    const seen = new Map<string, string[]>();
    const run = (id: string): Promise<void> =>
      withinInvocation(
        { log: (line) => seen.set(id, [...(seen.get(id) ?? []), line]), traceParent: id },
        async () => {
          for (let i = 0; i < 3; i++) {
            await new Promise(setImmediate);
            expect(currentTraceParent()).toBe(id);
            logEvent("folder.planned", { mailbox: id });
          }
        },
      );
    await Promise.all(["a", "b", "c"].map(run));
    for (const [id, lines] of seen)
      expect(lines).toEqual(Array(3).fill(`{"event":"folder.planned","mailbox":"${id}"}`));
    expect(seen.size).toBe(3);
  });
});

describe("a span", () => {
  it("is what messages belong to, while events go on belonging to the invocation", () => {
    const lines: string[] = [];
    const span = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    withinInvocation({ log: (line) => lines.push(line), traceParent }, () => {
      withinSpan(span, () => {
        logEvent("chunk.copied", {});
        expect(currentTraceParent()).toBe(span);
      });
      expect(currentTraceParent()).toBe(traceParent);
    });
    expect(lines).toHaveLength(1);
  });
});

describe("measures", () => {
  const at = { batch: "spring", endpoint: "contoso" };
  const table: readonly (readonly [string, Parameters<typeof measuresOf>[1], readonly Measure[]])[] = [
    [
      "chunk.copied",
      { ...at, mailbox: "m", folder: "f", items: 3, skipped: 1, bytes: 500 },
      [
        { name: "migration.items", value: 3, attributes: at },
        { name: "migration.bytes", value: 500, attributes: at },
      ],
    ],
    [
      "item.skipped",
      { ...at, folder: "f", code: "MessageTooLarge", size: 9 },
      [{ name: "migration.skipped", value: 1, attributes: { ...at, code: "MessageTooLarge" } }],
    ],
    [
      "mailbox.deferred",
      { batch: "spring", code: "GraphThrottled", kind: "throttled", delayMs: 1000 },
      [{ name: "migration.throttled", value: 1, attributes: { batch: "spring", code: "GraphThrottled" } }],
    ],
    ["mailbox.deferred", { batch: "spring", code: "GraphUnavailable", kind: "transient" }, []],
    [
      "mailbox.failed",
      { batch: "spring", code: "WrongPassword" },
      [{ name: "migration.failures", value: 1, attributes: { batch: "spring", code: "WrongPassword" } }],
    ],
    [
      "queue.measured",
      { endpoint: "contoso", permits: 2, queueAgeMs: 61_500 },
      [{ name: "migration.queue_age", value: 61.5, attributes: { endpoint: "contoso" } }],
    ],
    ["folder.planned", { ...at, folders: 3 }, []],
  ];
  it.each(table)("of %s", (event, fields, expected) => {
    expect(measuresOf(event, fields)).toEqual(expected);
  });
});

describe("the hook before each invocation", () => {
  it("runs the handler in the trace that the host gives", async () => {
    const lines: unknown[] = [];
    const invocationContext = new InvocationContext({
      invocationId: "1",
      traceContext: { traceParent },
      logHandler: (_level, ...given) => void lines.push(...given),
    });
    const context = new PreInvocationContext({
      invocationContext,
      inputs: ["a message"],
      functionCallback: async (message) => {
        logEvent("mailbox.admitted", { round: 1 });
        return `${message} in ${currentTraceParent()}`;
      },
    });
    onInvocation(context);
    expect(await context.functionHandler("a message", invocationContext)).toBe(`a message in ${traceParent}`);
    expect(lines).toEqual(['{"event":"mailbox.admitted","round":1}']);
  });
});

describe("Service Bus messages", () => {
  let serviceBus: ServiceBusStandIn;
  let client: ServiceBusClient;
  beforeAll(async () => {
    propagateTraces();
    serviceBus = await startServiceBus({ queues: { traced: {} } });
    client = new ServiceBusClient(serviceBus.connectionString);
  });
  afterAll(async () => {
    await client.close();
    await serviceBus.close();
  });

  it("carry the trace of the invocation that sends them, and no other", async () => {
    const sender = client.createSender("traced");
    await sender.sendMessages({ messageId: "before", body: 1 });
    await withinInvocation({ log: () => undefined, traceParent }, () =>
      sender.sendMessages({ messageId: "within", body: 2 }),
    );
    await withinInvocation({ log: () => undefined, traceParent }, async () => {
      const batch = await sender.createMessageBatch();
      batch.tryAddMessage({ messageId: "batched", body: 3 });
      await sender.sendMessages(batch);
    });
    await sender.sendMessages({ messageId: "after", body: 4 });
    const traces = serviceBus
      .messages("traced")
      .map(({ messageId, applicationProperties }) => [messageId, applicationProperties["Diagnostic-Id"]]);
    expect(Object.fromEntries(traces)).toEqual({
      before: undefined,
      within: traceParent,
      batched: traceParent,
      after: undefined,
    });
  });
});
