import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface SizeProxy {
  readonly port: number;
  /** Bytes that were given on connections on which the size was announced. */
  readonly bytesGiven: number;
  close(): Promise<void>;
}

/**
 * A proxy in front of an IMAP server that announces one size as another.
 * @param real RFC822.SIZE of the message, which no other one has.
 */
export async function startSizeProxy(
  server: { readonly host: string; readonly port: number },
  real: number,
  announced: number,
): Promise<SizeProxy> {
  const pattern = new RegExp(`RFC822\\.SIZE ${real}(?=[ )])`, "g");
  const sockets = new Set<Socket>();
  let bytesGiven = 0;
  const proxy = createServer((client) => {
    const upstream = connect(server.port, server.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    client.pipe(upstream);
    let given = 0;
    let isMarked = false;
    upstream.on("data", (data: Buffer) => {
      const text = data.toString("latin1");
      const changed = text.replace(pattern, `RFC822.SIZE ${announced}`);
      if (changed !== text && !isMarked) bytesGiven += given;
      isMarked ||= changed !== text;
      given += data.length;
      if (isMarked) bytesGiven += data.length;
      client.write(Buffer.from(changed, "latin1"));
    });
    upstream.on("end", () => client.end());
    client.on("close", () => upstream.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    port: (proxy.address() as AddressInfo).port,
    get bytesGiven() {
      return bytesGiven;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => proxy.close(resolve));
    },
  };
}
