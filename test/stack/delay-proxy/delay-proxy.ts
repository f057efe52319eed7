import { readFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Random } from "../random.ts";
import { ProxiedConnection } from "./proxied-connection.ts";

/** What the proxy does to the traffic from now on. */
export interface ProxyBehaviour {
  /** An APPEND is held for a random time up to this, in milliseconds, before the server gets it. */
  readonly holdAppendMs: number;
  /** An APPEND whose client died during the hold reaches the server a random time up to this after its death, in milliseconds. */
  readonly lateAppendMs: number;
  /** So many of the next APPENDs take effect, and their connections are cut instead of passing on the answer. */
  readonly loseAppendAnswers: number;
  /** A connection is cut after so many bytes in both directions together; null for never. */
  readonly dropAfterBytes: number | null;
  /** Nothing passes, and no connection is cut. */
  readonly stalled: boolean;
  /** In each direction of each connection; null for no limit. */
  readonly bytesPerSecond: number | null;
}

/** What has happened so far. */
export interface ProxyCounters {
  readonly connections: number;
  /** APPENDs that the server answered, with whatever. */
  readonly appends: number;
  /** APPENDs given to the server after their client died. */
  readonly lateAppends: number;
  readonly lostAnswers: number;
  readonly drops: number;
}

export interface DelayProxyOptions {
  readonly targetHost: string;
  /** The server's port for plain text. */
  readonly targetPort: number;
  /** Serve TLS from the first byte with these PEM files; the way to the server stays plain. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  readonly behaviour?: Partial<ProxyBehaviour>;
  /** Of the random times. */
  readonly seed?: string;
}

export interface DelayProxy {
  readonly host: "127.0.0.1";
  readonly port: number;
  /** Changes some of the behaviour, for running connections too. */
  set(change: Partial<ProxyBehaviour>): Promise<void>;
  counters(): Promise<ProxyCounters>;
  /** Cuts all connections; held APPENDs are gone. */
  stop(): Promise<void>;
}

export const TRANSPARENT: ProxyBehaviour = {
  holdAppendMs: 0,
  lateAppendMs: 0,
  loseAppendAnswers: 0,
  dropAfterBytes: null,
  stalled: false,
  bytesPerSecond: null,
};

/** What the proxy's connections share. */
export interface ProxyState {
  behaviour: ProxyBehaviour;
  readonly counters: { -readonly [K in keyof ProxyCounters]: number };
  readonly random: Random;
}

/** Starts a TCP proxy in front of an IMAP server, in this process. It hides STARTTLS and COMPRESS, to see all. */
export async function startDelayProxy(options: DelayProxyOptions): Promise<DelayProxy> {
  const state: ProxyState = {
    behaviour: { ...TRANSPARENT, ...options.behaviour },
    counters: { connections: 0, appends: 0, lateAppends: 0, lostAnswers: 0, drops: 0 },
    random: new Random(options.seed ?? "delay-proxy"),
  };
  const connections = new Set<ProxiedConnection>();
  const accept = (client: Socket) => {
    state.counters.connections += 1;
    const connection = new ProxiedConnection(client, connect(options.targetPort, options.targetHost), state);
    connections.add(connection);
    void connection.closed.then(() => connections.delete(connection));
  };
  const server = await createListener(options, accept);
  return {
    host: "127.0.0.1",
    port: await listen(server),
    async set(change) {
      state.behaviour = { ...state.behaviour, ...change };
    },
    counters: async () => ({ ...state.counters }),
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

async function createListener(options: DelayProxyOptions, accept: (client: Socket) => void): Promise<Server> {
  if (options.tls === undefined) return createServer(accept);
  const [cert, key] = await Promise.all([
    readFile(options.tls.certificateFile),
    readFile(options.tls.keyFile),
  ]);
  const server = createTlsServer({ cert, key }, accept);
  server.on("tlsClientError", () => undefined);
  return server;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}
