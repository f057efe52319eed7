import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createImapSource } from "../../../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../../../shared/domain/endpoint.ts";

let connections = 0;
const server = createServer((socket) => {
  connections++;
  socket.end("* BYE not today\r\n");
});

beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
afterAll(() => void server.close());

function open(host: string, security: "ssl" | "none", isPermitted: (address: string) => boolean) {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const endpoint = endpointSchema.parse({ host, port, security, allowInsecure: true });
  return createImapSource({ isPermitted }).open({ endpoint, userName: "ann", password: "secret" });
}

describe("a source at an address that is not permitted", () => {
  it.each([
    ["127.0.0.1", "none"],
    ["127.0.0.1", "ssl"],
    ["localhost", "none"],
    ["localhost", "ssl"],
  ] as const)("is not connected to: %s with %s", async (host, security) => {
    connections = 0;
    await expect(open(host, security, () => false)).rejects.toMatchObject({
      kind: "mailbox",
      code: "AddressNotPermitted",
    });
    expect(connections).toBe(0);
  });

  it("is connected to at its other addresses", async () => {
    connections = 0;
    await expect(open("localhost", "none", (address) => address === "127.0.0.1")).rejects.toMatchObject({
      code: "ConnectionLost",
    });
    expect(connections).toBe(1);
  });
});
