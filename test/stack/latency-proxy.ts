import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy that stands for the distance to a server. */
export interface LatencyProxy {
  readonly host: "127.0.0.1";
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Hands on every byte after half the round trip, in both directions, however many are under way: a long line that is not
 * a slow one. A connection is there after one round trip.
 * @param roundTripMs 0 for a proxy that only passes on.
 */
export async function startLatencyProxy(
  target: { readonly host: string; readonly port: number },
  roundTripMs: number,
): Promise<LatencyProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    // The half of the way that the client's first packet has come already is made up for here.
    passOn(client, upstream, roundTripMs / 2, roundTripMs / 2);
    passOn(upstream, client, roundTripMs / 2, roundTripMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Bytes that may be on their way in one direction. */
const maxUnderWay = 32 * 1024 * 1024;

function passOn(from: Socket, to: Socket, delayMs: number, firstMs: number): void {
  let underWay = 0;
  let isFirst = true;
  const later = (ms: number, work: () => void) => (ms === 0 ? work() : void setTimeout(work, ms));
  from.on("data", (chunk) => {
    const ms = isFirst ? firstMs : delayMs;
    isFirst = false;
    underWay += chunk.length;
    if (underWay > maxUnderWay) from.pause();
    later(ms, () => {
      to.write(chunk, () => {
        underWay -= chunk.length;
        if (underWay <= maxUnderWay) from.resume();
      });
    });
  });
  from.on("end", () => later(Math.max(delayMs, isFirst ? firstMs : 0), () => to.end()));
  from.on("close", () => later(delayMs, () => to.destroySoon()));
}
