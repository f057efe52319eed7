import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface JsonRequest {
  readonly method: string;
  /** Path and query, decoded. */
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

export interface JsonAnswer {
  readonly status: number;
  readonly body?: unknown;
}

/** A JSON service on this machine that answers as the test says and keeps what it was asked. */
export interface JsonService {
  readonly url: string;
  readonly requests: readonly JsonRequest[];
  close(): Promise<void>;
}

export async function startJsonService(answer: (request: JsonRequest) => JsonAnswer): Promise<JsonService> {
  const requests: JsonRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString("utf8");
    const request: JsonRequest = {
      method: incoming.method ?? "",
      path: decodeURIComponent(incoming.url ?? ""),
      headers: incoming.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
    requests.push(request);
    const { status, body } = answer(request);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
