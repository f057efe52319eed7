import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface LossyProxy {
  /** Port on 127.0.0.1. */
  readonly port: number;
  /** Passes the next `count` requests of a method on and then drops the connection instead of answering. */
  loseAnswers(method: string, count: number): void;
  /** Answers lost so far. */
  readonly lost: number;
  close(): Promise<void>;
}

/** Forwards HTTP to a port on 127.0.0.1 and loses answers on request: the effect happened, nobody hears of it. */
export async function startLossyProxy(targetPort: number): Promise<LossyProxy> {
  let toLose = { method: "", count: 0 };
  let lost = 0;

  const server = createServer((incoming, answer) => {
    const forwarded = request(
      {
        host: "127.0.0.1",
        port: targetPort,
        method: incoming.method,
        path: incoming.url,
        headers: incoming.headers,
      },
      async (upstream: IncomingMessage) => {
        if (incoming.method === toLose.method && toLose.count > 0) {
          toLose = { ...toLose, count: toLose.count - 1 };
          lost++;
          for await (const _ of upstream);
          incoming.socket.destroy();
          return;
        }
        answer.writeHead(upstream.statusCode ?? 502, upstream.rawHeaders);
        upstream.pipe(answer);
      },
    );
    forwarded.on("error", () => incoming.socket.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

  return {
    port: (server.address() as AddressInfo).port,
    loseAnswers(method, count) {
      toLose = { method, count };
    },
    get lost() {
      return lost;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
