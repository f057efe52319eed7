import { randomInt } from "node:crypto";
import { connect, createServer, type Socket } from "node:net";

/** An address of this machine only, where well-known ports are free: they need root. */
export function loopbackAddress(): string {
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
}

export interface Forwarder {
  /** Connections so far. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** Listens on a port of an address, and joins each connection with `port` of 127.0.0.1. */
export async function forward(from: { address: string; port: number }, port: number): Promise<Forwarder> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((near) => {
    connections++;
    const far = connect(port, "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(from.port, from.address, resolve);
  });
  return {
    get connections() {
      return connections;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
