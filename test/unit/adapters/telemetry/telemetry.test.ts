import { InvocationContext, PreInvocationContext } from "@azure/functions";
import { afterEach, describe, expect, it, vi } from "vitest";
import { onInvocation } from "../../../../functions/telemetry.ts";
import {
  currentTraceParent,
  logEvent,
  withinInvocation,
  withinSpan,
} from "../../../../shared/adapters/telemetry/invocation.ts";
import { type Measure, measuresOf } from "../../../../shared/adapters/telemetry/measures.ts";
import { parseTraceParent, traceParentOf } from "../../../../shared/adapters/telemetry/trace-parent.ts";

const traceId = "0af7651916cd43dd8448eb211c80319c";
const traceParent = `00-${traceId}-b7ad6b7169203331-01`;

describe("events", () => {
  afterEach(() => vi.restoreAllMocks());

  it("go to the host's log in an invocation, as lines that begin with their name and hold the trace", async () => {
    const lines: string[] = [];
    await withinInvocation({ log: (line) => lines.push(line), traceParent }, async () => {
      await new Promise(setImmediate);
      logEvent("chunk.copied", { items: 2, code: undefined });
    });
    expect(lines).toEqual([`{"event":"chunk.copied","items":2,"trace":"${traceId}"}`]);
  });

  it("go to the standard output elsewhere", () => {
    const lines: string[] = [];
    vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
    logEvent("janitor.swept", {});
    expect(lines).toEqual(['{"event":"janitor.swept"}']);
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

describe("the trace of an invocation", () => {
  const message = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-01";
  const below = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-cccccccccccccccc-01";
  it.each([
    ["the host's, where no message came", traceParent, undefined, traceParent],
    ["the host's span, where that belongs to the message's trace", below, message, below],
    ["the message's, where the host began another", traceParent, message, message],
    ["the message's, where the host traces nothing", "", message, message],
    [
      "the host's, where the message's is none",
      traceParent,
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      traceParent,
    ],
    [
      "not sampled, where the host does not sample",
      "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-cccccccccccccccc-00",
      undefined,
      "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-cccccccccccccccc-00",
    ],
  ])("is %s", (_, host, carried, expected) => {
    expect(traceParentOf(host, carried)).toBe(expected);
  });

  it("is a new one that is sampled, where there is none", () => {
    const [first, second] = [traceParentOf(undefined, undefined), traceParentOf("nonsense", "")];
    expect(parseTraceParent(first)).toMatchObject({ traceFlags: 1 });
    expect(parseTraceParent(second)).toMatchObject({ traceFlags: 1 });
    expect(first.slice(0, 35)).not.toBe(second.slice(0, 35));
  });
});

describe("the hook before each invocation", () => {
  const run = async (host: string | undefined, triggerMetadata: Record<string, unknown>) => {
    const lines: unknown[] = [];
    const invocationContext = new InvocationContext({
      invocationId: "1",
      triggerMetadata,
      ...(host === undefined ? {} : { traceContext: { traceParent: host } }),
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
    return [await context.functionHandler("a message", invocationContext), ...lines];
  };

  it.each([
    ["that the host gives", traceParent, {}],
    ["that travels with the message", undefined, { applicationProperties: { traceparent: traceParent } }],
  ])("runs the handler in the trace %s", async (_, host, metadata) => {
    expect(await run(host, metadata)).toEqual([
      `a message in ${traceParent}`,
      `{"event":"mailbox.admitted","round":1,"trace":"${traceId}"}`,
    ]);
  });
});
