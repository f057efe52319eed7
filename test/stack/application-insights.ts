import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { createCertificateAuthority } from "./certificates.ts";

/** One item of telemetry as it is sent. @see https://learn.microsoft.com/azure/azure-monitor/app/data-model-complete */
interface Envelope {
  readonly tags: Readonly<Record<string, string>>;
  readonly sampleRate?: number;
  readonly data: { readonly baseType: string; readonly baseData: Readonly<Record<string, unknown>> };
}

export interface SentSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string;
  readonly success: boolean;
  /** Percentage of like spans that this one stands for. */
  readonly sampleRate: number;
}

export interface ApplicationInsightsStandIn {
  /** Settings with which an app sends to it, and tells nobody of itself. */
  readonly settings: Readonly<Record<string, string>>;
  /** PEM of the authority that {@link settings} make an app trust. */
  readonly authority: string;
  readonly spans: readonly SentSpan[];
  /** Sum of a metric over all that was sent, whatever its attributes. */
  sum(metric: string): number;
  close(): Promise<void>;
}

interface Metric {
  readonly name: string;
  readonly value: number;
}

/** Takes what an exporter sends, on loopback; exporters insist on TLS. */
export async function startApplicationInsights(): Promise<ApplicationInsightsStandIn> {
  const envelopes: Envelope[] = [];
  const authority = await createCertificateAuthority();
  const { certificateFile, keyFile } = await authority.issue(["localhost"]);
  const tls = { cert: await readFile(certificateFile), key: await readFile(keyFile) };
  const server = createServer(tls, async (request, response) => {
    const sent = await readBody(request);
    const items = request.url?.includes("/track") ? (JSON.parse(sent) as Envelope[]) : [];
    envelopes.push(...items);
    response.writeHead(200, { "Content-Type": "application/json" });
    response.end(JSON.stringify({ itemsReceived: items.length, itemsAccepted: items.length, errors: [] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const ofType = (...types: readonly string[]) =>
    envelopes.filter(({ data }) => types.includes(data.baseType));
  return {
    settings: {
      APPLICATIONINSIGHTS_CONNECTION_STRING: `InstrumentationKey=00000000-0000-0000-0000-000000000001;IngestionEndpoint=https://localhost:${port}/`,
      APPLICATIONINSIGHTS_STATSBEAT_DISABLED: "true",
      APPLICATIONINSIGHTS_SDKSTATS_DISABLED: "true",
      NODE_EXTRA_CA_CERTS: authority.certificateFile,
    },
    authority: authority.certificate,
    get spans() {
      return ofType("RemoteDependencyData", "RequestData").map(({ tags, data, sampleRate = 100 }) => ({
        name: String(data.baseData.name),
        traceId: tags["ai.operation.id"] ?? "",
        spanId: String(data.baseData.id),
        parentId: tags["ai.operation.parentId"] ?? "",
        success: data.baseData.success === true,
        sampleRate,
      }));
    },
    sum: (metric) =>
      ofType("MetricData")
        .flatMap(({ data }) => data.baseData.metrics as readonly Metric[])
        .filter(({ name }) => name === metric)
        .reduce((total, { value }) => total + value, 0),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await authority.dispose();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  return (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString("utf8");
}
