import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RecordingProxy {
  readonly host: string;
  readonly port: number;
  /** Command lines the client sent since the last call, without tags. */
  takeCommands(): readonly string[];
  stop(): Promise<void>;
}

/** Passes plain-text IMAP through and keeps the client's commands. */
export async function startRecordingProxy(target: { host: string; port: number }): Promise<RecordingProxy> {
  let recorded = "";
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => {
      recorded += chunk.toString("latin1");
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    takeCommands: () => {
      const lines = recorded.split("\r\n").filter((line) => line !== "");
      recorded = "";
      return lines.map((line) => line.slice(line.indexOf(" ") + 1));
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
