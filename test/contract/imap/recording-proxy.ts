import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface RecordingProxy {
  readonly host: string;
  readonly port: number;
  /** Command lines the client sent since the last call, without tags. */
  takeCommands(): readonly string[];
  /** The same, with the bytes that went each way since the last call, and what the server answered. */
  takeTraffic(): {
    readonly commands: readonly string[];
    readonly sent: number;
    readonly received: number;
    readonly answers: string;
  };
  stop(): Promise<void>;
}

/** Passes plain-text IMAP through and keeps the client's commands, those of one connection after those of another. */
export async function startRecordingProxy(target: { host: string; port: number }): Promise<RecordingProxy> {
  let recorded = new Map<Socket, string>();
  let answers: Buffer[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => {
      recorded.set(client, (recorded.get(client) ?? "") + chunk.toString("latin1"));
    });
    upstream.on("data", (chunk) => {
      answers.push(chunk);
    });
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const takeTraffic = () => {
    const sent = [...recorded.values()];
    const lines = sent.flatMap((text) => text.split("\r\n")).filter((line) => line !== "");
    const answered = Buffer.concat(answers);
    const traffic = {
      commands: lines.map((line) => line.slice(line.indexOf(" ") + 1)),
      sent: sent.reduce((sum, { length }) => sum + length, 0),
      received: answered.length,
      answers: answered.toString("latin1"),
    };
    recorded = new Map();
    answers = [];
    return traffic;
  };
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    takeCommands: () => takeTraffic().commands,
    takeTraffic,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
