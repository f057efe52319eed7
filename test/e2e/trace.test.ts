import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LogEvent } from "../stack/app-process.ts";
import { type ApplicationInsightsStandIn, startApplicationInsights } from "../stack/application-insights.ts";
import { type BatchAnswer, type Deployment, startDeployment } from "../stack/deployment.ts";
import { type SampleSource, startSampleSource } from "../stack/sample-source.ts";

describe.each([
  ["follows the trace of a message", "follow"],
  ["traces nothing", "none"],
])("one CSV, where the host %s,", (_, tracing) => {
  let source: SampleSource;
  let insights: ApplicationInsightsStandIn;
  let deployment: Deployment;
  let batch: BatchAnswer;
  let upload: LogEvent | undefined;

  beforeAll(async () => {
    source = await startSampleSource({ messages: tracing === "follow" ? 150 : 40 });
    insights = await startApplicationInsights();
    deployment = await startDeployment({ settings: { ...insights.settings, HOST_TRACING: tracing } });
    const rows = source.mailboxes.map(({ user, password }) => ({
      ...{ emailAddress: `${user}@example.com`, userName: user, password },
    }));
    for (const { emailAddress } of rows)
      deployment.stack.graph?.addMailbox({ userPrincipalName: emailAddress });
    const { host, port } = source;
    await deployment.putEndpoint("traced", { host, port, security: "none", allowInsecure: true });
    await deployment.upload("traced", "spring", rows);
    batch = await deployment.waitUntilSettled("spring");
    await deployment.app.stop();
    upload = deployment.log.find(({ message }) => message === "upload.ingested");
  });
  afterAll(async () => {
    await deployment?.stop();
    await insights?.close();
    await source?.close();
  });

  it("is one trace, from its upload to what is done for the last of its mailboxes", () => {
    const trace = upload?.trace;
    expect(trace).toMatch(/^[\da-f]{32}$/);
    const events = ["mailbox.admitted", "folder.planned", "chunk.copied", "mailbox.synced"];
    for (const event of events) {
      const seen = deployment.log.filter(({ message }) => message === event);
      expect(new Set(seen.map(({ mailbox }) => mailbox)).size, event).toBe(source.mailboxes.length);
      expect(new Set(seen.map((logged) => logged.trace)), event).toEqual(new Set([trace]));
      if (tracing === "follow")
        expect(new Set(seen.map(({ operationId }) => operationId)), event).toEqual(new Set([trace]));
    }
  });

  it("has spans down to the writing of single messages, of which a share is sent", () => {
    const chunks = insights.spans.filter(({ name }) => name === "chunk.write");
    const writes = insights.spans.filter(({ name }) => name === "message.write");
    expect(chunks.length).toBe(deployment.log.filter(({ message }) => message === "chunk.copied").length);
    expect(writes.length).toBeGreaterThan(0);
    expect(writes.length).toBe(Math.ceil(batch.syncedItemCount / 20));
    const parents = new Set(chunks.map(({ spanId }) => spanId));
    for (const { traceId, parentId, sampleRate } of writes)
      expect([traceId, parents.has(parentId), sampleRate]).toEqual([upload?.trace, true, 5]);
  });

  it("is counted by metrics as the batch counts itself", () => {
    expect(batch.syncedItemCount).toBeGreaterThan(25);
    expect(insights.sum("migration.items")).toBe(batch.syncedItemCount);
    expect(insights.sum("migration.bytes")).toBe(batch.bytesTransferred);
    expect(insights.sum("migration.failures")).toBe(0);
  });
});
