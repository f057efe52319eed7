import { setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ApplicationInsights,
  startApplicationInsights as startExport,
} from "../../shared/adapters/telemetry/application-insights.ts";
import { withinInvocation } from "../../shared/adapters/telemetry/invocation.ts";
import { type ApplicationInsightsStandIn, startApplicationInsights } from "../stack/application-insights.ts";

const span = "b7ad6b7169203331";

function within<T>(traceId: string, flags: string, work: () => Promise<T>): Promise<T> {
  return withinInvocation({ log: () => undefined, traceParent: `00-${traceId}-${span}-${flags}` }, work);
}

describe("Application Insights", () => {
  let insights: ApplicationInsightsStandIn;
  let exported: ApplicationInsights;
  beforeAll(async () => {
    insights = await startApplicationInsights();
    setDefaultCACertificates([insights.authority]);
    Object.assign(process.env, insights.settings);
    const connectionString = insights.settings.APPLICATIONINSIGHTS_CONNECTION_STRING ?? "";
    exported = startExport({ connectionString, messageSpanInterval: 4 });
  });
  afterAll(async () => {
    await insights.close();
    // With nobody there to take it, what waits is given up.
    exported.record({ name: "migration.items", value: 1, attributes: {} });
    await exported.flush();
  });

  const sent = async (traceId: string) => {
    await exported.flush();
    return insights.spans.filter((one) => one.traceId === traceId);
  };

  it("gets the spans of a sampled trace, below the invocation's, and of messages a share", async () => {
    const traceId = "1".repeat(32);
    const results = await within(traceId, "01", () =>
      exported.span("chunk.write", { items: 8 }, () =>
        Promise.all(
          Array.from({ length: 8 }, (_, index) => exported.span("message.write", {}, async () => index)),
        ),
      ),
    );
    expect(results).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const spans = await sent(traceId);
    const chunk = spans.find(({ name }) => name === "chunk.write");
    expect(chunk).toMatchObject({ parentId: span, sampleRate: 100, success: true });
    expect(spans.filter(({ name }) => name === "message.write")).toEqual(
      [1, 2].map(() => expect.objectContaining({ parentId: chunk?.spanId, sampleRate: 25 })),
    );
  });

  it("gets no span of a trace that is not sampled, or outside of one", async () => {
    const traceId = "2".repeat(32);
    expect(await within(traceId, "00", () => exported.span("chunk.write", {}, async () => "done"))).toBe(
      "done",
    );
    const before = insights.spans.length;
    expect(await exported.span("chunk.write", {}, async () => "done")).toBe("done");
    expect(await sent(traceId)).toEqual([]);
    expect(insights.spans).toHaveLength(before);
  });

  it("learns that work failed, and the caller why", async () => {
    const traceId = "3".repeat(32);
    const work = async () => {
      throw new Error("refused");
    };
    await expect(within(traceId, "01", () => exported.span("chunk.write", {}, work))).rejects.toThrow(
      "refused",
    );
    expect(await sent(traceId)).toMatchObject([{ name: "chunk.write", success: false }]);
  });

  it("gets sums and last values", async () => {
    for (const value of [2, 3]) {
      exported.record({ name: "migration.items", value, attributes: { batch: "spring" } });
      exported.record({ name: "migration.queue_age", value, attributes: { endpoint: "contoso" } });
    }
    await exported.flush();
    expect([insights.sum("migration.items"), insights.sum("migration.queue_age")]).toEqual([5, 3]);
  });
});
