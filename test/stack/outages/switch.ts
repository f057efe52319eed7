import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** How something is away: `refused` ends every connection, at once; `silent` keeps them and lets nothing pass. */
export type Away = "refused" | "silent";

/** A way to a port of this machine that can be switched off and on, as a network or a service that is away. */
export interface Switch {
  readonly port: number;
  /** Switches off. What was sent into a silence arrives when it ends. */
  off(how: Away): void;
  on(): void;
  /** Ends the connections there are; new ones may be made at once. */
  cut(): void;
  stop(): Promise<void>;
}

/** Listens on a port that the system chooses and joins each connection with `port` of 127.0.0.1. */
export async function startSwitch(port: number): Promise<Switch> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let away: Away | undefined;
  const server = createServer((near) => {
    if (away === "refused") {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const [socket, other] of [pair, [far, near] as const]) {
      socket.setNoDelay(true);
      socket.on("error", () => other.destroy());
      socket.on("end", () => other.end());
      socket.on("close", () => {
        pairs.delete(pair);
        other.destroy();
      });
      socket.on("data", (chunk) => {
        if (!other.destroyed && !other.write(chunk)) {
          socket.pause();
          other.once("drain", () => away === undefined && socket.resume());
        }
      });
    }
    if (away === "silent") for (const socket of pair) socket.pause();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    off(how) {
      away = how;
      if (how === "refused") cut();
      else for (const socket of [...pairs].flat()) socket.pause();
    },
    on() {
      away = undefined;
      for (const socket of [...pairs].flat()) socket.resume();
    },
    cut,
    async stop() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
