import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A request to Graph, as far as a rule looks at it. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

export interface FaultyAnswer {
  readonly status: number;
  readonly code: string;
}

/** Says how Graph answers a request of one mailbox instead; undefined to let it through. */
export interface GraphFault {
  answer(request: SeenRequest, now: number): FaultyAnswer | undefined;
  /** Told of an answer that was let through. */
  saw?(request: SeenRequest, status: number, body: string, now: number): void;
}

export interface GraphProxy {
  readonly url: string;
  /** @param userId object id of the mailbox. */
  put(userId: string, fault: GraphFault): void;
  /** Answers of its own that a mailbox was given. */
  faults(userId: string): number;
  close(): Promise<void>;
}

/** A proxy in front of Graph that answers some requests as public reports say Graph does. @param target origin of Graph. */
export async function startGraphProxy(target: string): Promise<GraphProxy> {
  const rules = new Map<string, { readonly fault: GraphFault; count: number }>();
  const server = createServer((request, response) => {
    void answer(request, response).catch(() => response.destroy());
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { method: request.method ?? "", url: request.url ?? "", body: await text(request) };
    const [, rule] = [...rules].find(([id]) => seen.url.includes(id) || seen.body.includes(id)) ?? [];
    const fault = rule?.fault.answer(seen, Date.now());
    if (rule && fault) {
      rule.count++;
      response.writeHead(fault.status, { "content-type": "application/json" });
      response.end(JSON.stringify({ error: { code: fault.code, message: "As reported." } }));
      return;
    }
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const forwarded = await fetch(target + seen.url, {
      method: seen.method,
      headers: Object.entries(headers).map(([name, value]) => [name, String(value)] as [string, string]),
      ...(seen.body === "" ? {} : { body: seen.body }),
    });
    const body = await forwarded.text();
    rule?.fault.saw?.(seen, forwarded.status, body, Date.now());
    const kept = ["content-type", "retry-after"].flatMap((name) => {
      const value = forwarded.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    response.writeHead(forwarded.status, Object.fromEntries(kept));
    response.end(body);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put: (userId, fault) => void rules.set(userId, { fault, count: 0 }),
    faults: (userId) => rules.get(userId)?.count ?? 0,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
