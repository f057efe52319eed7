import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

export interface GraphExchange {
  readonly method: string;
  /** With the query, decoded. */
  readonly path: string;
  readonly status: number;
  /** Parsed; undefined where the body is no JSON. */
  readonly body: Record<string, unknown> | undefined;
}

/** What is answered instead; undefined for the answer as it is. */
export type Fault = (
  exchange: GraphExchange,
) => { readonly status: number; readonly body: unknown } | undefined;

/** What is answered without asking; undefined to ask. */
export type Refusal = (request: Pick<GraphExchange, "method" | "path">) => ReturnType<Fault>;

/**
 * Stands between the application and a Graph stand-in, and breaks what it is told to.
 * @param refuse before a request does anything, @param alter after it did.
 */
export async function startFaultyGraph(
  baseUrl: string,
  {
    refuse = () => undefined,
    alter = () => undefined,
  }: { readonly refuse?: Refusal; readonly alter?: Fault },
): Promise<{ readonly baseUrl: string; stop(): Promise<void> }> {
  const server = createServer((request, response) => {
    void (async () => {
      const path = decodeURIComponent(request.url ?? "/");
      const method = request.method ?? "GET";
      const sent = await buffer(request);
      const send = (status: number, text: Buffer | string, headers: Record<string, string> = {}) => {
        response.writeHead(status, { "Content-Type": "application/json", ...headers });
        response.end(text);
      };
      const refused = refuse({ method, path });
      if (refused !== undefined) return send(refused.status, JSON.stringify(refused.body));
      const {
        host: _,
        connection: __,
        "content-length": ___,
        "transfer-encoding": ____,
        ...headers
      } = request.headers;
      const answer = await fetch(baseUrl + (request.url ?? "/"), {
        method,
        headers: headers as Record<string, string>,
        ...(sent.length === 0 ? {} : { body: new Uint8Array(sent) }),
      });
      const received = Buffer.from(await answer.arrayBuffer());
      const altered = alter({ method, path, status: answer.status, body: parsed(received) });
      const retryAfter = answer.headers.get("retry-after");
      send(
        altered?.status ?? answer.status,
        altered === undefined ? received : JSON.stringify(altered.body),
        retryAfter === null ? {} : { "Retry-After": retryAfter },
      );
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parsed(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(bytes.toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Graph's form of an error. */
export function graphError(status: number, code: string) {
  return { status, body: { error: { code, message: "planted" } } };
}
