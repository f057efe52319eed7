import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDns } from "../../shared/adapters/dns/resolver.ts";
import type { Dns } from "../../shared/migration/ports/dns.ts";
import { type DnsServer, startDnsServer } from "../stack/dns-server.ts";

let server: DnsServer;
let dns: Dns;

beforeAll(async () => {
  server = await startDnsServer([
    { name: "imap.contoso.test", type: "A", data: "192.0.2.1" },
    { name: "imap.contoso.test", type: "A", data: "192.0.2.2" },
    { name: "imap.contoso.test", type: "AAAA", data: "2001:db8::1" },
    { name: "contoso.test", type: "MX", data: { exchange: "mx1.contoso.test", preference: 10 } },
    {
      name: "_imaps._tcp.contoso.test",
      type: "SRV",
      data: { target: "imap.contoso.test", port: 993, priority: 1, weight: 5 },
    },
    { name: "_imap._tcp.contoso.test", type: "SRV", data: { target: ".", port: 0 } },
  ]);
  dns = createDns([server.address]);
});

afterAll(async () => {
  await server?.stop();
});

describe("names", () => {
  it("have addresses of both families", async () => {
    expect([...(await dns.addresses("imap.contoso.test"))].sort()).toEqual([
      "192.0.2.1",
      "192.0.2.2",
      "2001:db8::1",
    ]);
  });

  it("have mail exchanges and services", async () => {
    expect(await dns.mailExchanges("contoso.test")).toEqual([
      expect.objectContaining({ exchange: "mx1.contoso.test", priority: 10 }),
    ]);
    expect(await dns.services("_imaps._tcp.contoso.test")).toEqual([
      expect.objectContaining({ name: "imap.contoso.test", port: 993, priority: 1, weight: 5 }),
    ]);
    expect(await dns.services("_imap._tcp.contoso.test")).toEqual([
      expect.objectContaining({ name: "", port: 0 }),
    ]);
  });

  it("that do not exist, or have no such record, have nothing", async () => {
    expect(await dns.addresses("missing.contoso.test")).toEqual([]);
    expect(await dns.addresses("contoso.test")).toEqual([]);
    expect(await dns.mailExchanges("imap.contoso.test")).toEqual([]);
    expect(await dns.services("_imaps._tcp.missing.test")).toEqual([]);
    expect(await dns.addresses(`${"a".repeat(70)}.test`)).toEqual([]);
  });

  it("that are addresses are not looked up", async () => {
    const before = server.questions.length;
    expect(await dns.addresses("192.0.2.7")).toEqual(["192.0.2.7"]);
    expect(await dns.addresses("2001:db8::7")).toEqual(["2001:db8::7"]);
    expect(server.questions).toHaveLength(before);
  });

  it.each(["broken.test", "silent.test"])("fail with a reason where DNS does: %s", async (domain) => {
    const failure = { kind: "transient", code: "DnsUnavailable" };
    await expect(dns.addresses(`imap.${domain}`)).rejects.toMatchObject(failure);
    await expect(dns.mailExchanges(domain)).rejects.toMatchObject(failure);
  });
});

it("survives what is no question", async () => {
  for (const bytes of ["GET / HTTP/1.1\r\n\r\n", "\0", "\xff".repeat(40)]) {
    const client = connect(server.port, "127.0.0.1");
    client.end(Buffer.from(bytes, "latin1"));
    await once(client.resume(), "close");
    const socket = createSocket("udp4");
    await new Promise((resolve) => socket.send(bytes, server.port, "127.0.0.1", resolve));
    socket.close();
  }
  expect(await dns.addresses("imap.contoso.test")).toContain("192.0.2.1");
});

describe("the operating system's names", () => {
  it("are found as connections find them", async () => {
    expect(await createDns().addresses("localhost")).toContain("127.0.0.1");
  });
});
