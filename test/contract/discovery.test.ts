import type { RequestListener } from "node:http";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDns } from "../../shared/adapters/dns/resolver.ts";
import { createServerProbe } from "../../shared/adapters/imap/index.ts";
import { createWebPages } from "../../shared/adapters/web/web-pages.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import {
  createServerDiscovery,
  type DiscoveredServer,
  type Discovery,
} from "../../shared/migration/discovery/discover-servers.ts";
import { isPermittedAddress } from "../../shared/migration/discovery/permitted-address.ts";
import { type CertificateAuthority, createCertificateAuthority } from "../stack/certificates.ts";
import { type DnsRecord, type DnsServer, startDnsServer } from "../stack/dns-server.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";
import { type Forwarder, forward, loopbackAddress } from "../stack/loopback.ts";
import { type ScriptedServer, startScriptedImap } from "../stack/scripted-imap/server.ts";
import { startWebServer, type WebServer } from "../stack/web-server.ts";

const before = getCACertificates("default");
/** Stands for the Internet. */
const outside = loopbackAddress();
/** Stands for what only this machine can reach. */
const within = loopbackAddress();
const stops: (() => Promise<unknown>)[] = [];
let authority: CertificateAuthority;
let dns: DnsServer;
let web: WebServer;
let dovecot: DovecotServer;
let scripted: ScriptedServer;
/** Port 993 of the Internet, where a Dovecot with a certificate of its own listens. */
let port993: Forwarder;
/** The same, and a web server, where a discovery must not come. */
let inside: Forwarder;
let insideWeb: WebServer;
let serve: RequestListener = (_, response) => response.writeHead(404).end();

beforeAll(async () => {
  authority = await createCertificateAuthority();
  setDefaultCACertificates([...before, authority.certificate]);
  const names = [
    "imap.contoso.test",
    "contoso.test",
    "autoconfig.contoso.test",
    "www.contoso.test",
    "inside.contoso.test",
  ];
  const certificate = await authority.issue(names);
  dns = await startDnsServer();
  dovecot = await startDovecot();
  scripted = await startScriptedImap({ tls: certificate });
  web = await startWebServer(outside, certificate, (request, response) => serve(request, response));
  insideWeb = await startWebServer(within, certificate, (request, response) => serve(request, response));
  port993 = await forward({ address: outside, port: 993 }, dovecot.tlsPort);
  inside = await forward({ address: within, port: 993 }, dovecot.tlsPort);
  for (const part of [dns, dovecot, scripted, web, insideWeb, port993, inside]) stops.push(part.stop);
  stops.push(authority.dispose);
});

afterAll(async () => {
  setDefaultCACertificates(before);
  for (const stop of stops) await stop();
});

function discover(
  records: readonly DnsRecord[],
  isPermitted = (address: string) => address === outside,
  domain = "contoso.test",
): Promise<Discovery> {
  dns.setRecords(records);
  return createServerDiscovery({
    dns: createDns([dns.address]),
    web: createWebPages(),
    probe: createServerProbe(10_000),
    isPermitted,
  }).discover(domain);
}

const a = (name: string, data = outside): DnsRecord => ({ name, type: "A", data });
const srv = (name: string, target: string, port: number): DnsRecord => ({
  name,
  type: "SRV",
  data: { target, port },
});
const short = ({ host, port, security, outcome, code }: DiscoveredServer) =>
  [`${host}:${port}`, security, outcome, ...(code ? [code] : [])].join(" ");
const configuration = (...servers: readonly [host: string, port: number, socketType: string][]) =>
  `<clientConfig><emailProvider id="contoso.test">${servers
    .map(
      ([host, port, socketType]) =>
        `<incomingServer type="imap"><hostname>${host}</hostname><port>${port}</port><socketType>${socketType}</socketType></incomingServer>`,
    )
    .join("")}</emailProvider></clientConfig>`;

describe("the servers of a domain", () => {
  it("are found by every way, each once, the best first", async () => {
    // Only the second place of the two has the configuration, behind a redirection.
    serve = (request, response) => {
      const moved = "https://www.contoso.test/clients.xml";
      if (request.url?.startsWith("/.well-known")) response.writeHead(301, { location: moved }).end();
      else if (request.url === "/clients.xml")
        response.end(
          configuration(
            ["imap.contoso.test", scripted.port, "SSL"],
            ["plain.contoso.test", dovecot.port, "plain"],
            ["gone.contoso.test", 993, "SSL"],
          ),
        );
      else response.writeHead(404).end();
    };
    const forwarded = await forward({ address: outside, port: scripted.port }, scripted.port);
    const plain = await forward({ address: outside, port: dovecot.port }, dovecot.port);
    stops.push(forwarded.stop, plain.stop);

    const { servers, notes } = await discover([
      srv("_imaps._tcp.contoso.test", "imap.contoso.test", scripted.port),
      srv("_imap._tcp.contoso.test", ".", 0),
      { name: "contoso.test", type: "MX", data: { exchange: "mx.hoster.test", preference: 10 } },
      a("contoso.test"),
      a("autoconfig.contoso.test"),
      a("www.contoso.test"),
      a("imap.contoso.test"),
      a("plain.contoso.test"),
      a("mx.hoster.test"),
    ]);
    expect(servers.map(short)).toEqual([
      `imap.contoso.test:${scripted.port} ssl ok`,
      `plain.contoso.test:${dovecot.port} none warning`,
      "mx.hoster.test:993 ssl warning UntrustedCertificate",
      "imap.contoso.test:993 ssl warning UntrustedCertificate",
      "contoso.test:993 ssl warning UntrustedCertificate",
      "gone.contoso.test:993 ssl failed UnknownHost",
    ]);
    expect(servers[0]).toMatchObject({
      foundBy: [
        { source: "srv", from: "_imaps._tcp.contoso.test" },
        {
          source: "autoconfig",
          from: "https://contoso.test/.well-known/autoconfig/mail/config-v1.1.xml",
        },
      ],
      certificate: { trusted: true, matchesHost: true, issuer: "CN=Test Authority" },
      greeting: expect.stringMatching(/^\* OK/),
      capabilities: expect.arrayContaining(["IMAP4REV1"]),
      endpoint: { host: "imap.contoso.test", port: scripted.port, security: "ssl" },
    });
    for (const { endpoint, message, steps } of servers) {
      expect(endpointSchema.safeParse(endpoint).success).toBe(true);
      expect(message).toMatch(/^\S.{20,}\.$/);
      for (const step of steps ?? []) expect(step.step).not.toMatch(/login/);
    }
    expect(notes).toEqual([expect.stringContaining("_imap._tcp.contoso.test")]);
  });

  it("are those of a known provider, which is not asked by other names", async () => {
    const { servers } = await discover([
      { name: "contoso.test", type: "MX", data: { exchange: "aspmx.l.google.com", preference: 1 } },
    ]);
    expect(servers.map(short)).toEqual(["imap.gmail.com:993 ssl failed UnknownHost"]);
    expect(dns.questions).not.toContain("A imap.google.com");
  });

  it("are none, with the reason, where DNS does not work", async () => {
    const { servers, notes } = await discover([], () => true, "contoso.broken.test");
    expect(servers).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/^DNS gave no answer/)]);
  });

  it("are named where they do not answer", async () => {
    const { servers } = await discover([
      a("mail.contoso.test"),
      srv("_imap._tcp.contoso.test", "mail.contoso.test", 1),
    ]);
    expect(servers.map(short)).toEqual([
      "mail.contoso.test:993 ssl warning UntrustedCertificate",
      "mail.contoso.test:1 tls failed ConnectionRefused",
      "mail.contoso.test:143 tls failed ConnectionRefused",
    ]);
  });
});

describe("a hostile domain", () => {
  it("leads to nothing but addresses of the Internet", async () => {
    const records = [
      srv("_imaps._tcp.contoso.test", "inside.contoso.test", 993),
      srv("_imaps._tcp.contoso.test", "metadata.contoso.test", 80),
      srv("_imaps._tcp.contoso.test", within, 993),
      a("inside.contoso.test", within),
      { name: "inside.contoso.test", type: "AAAA", data: `::ffff:${within}` } as const,
      a("metadata.contoso.test", "169.254.169.254"),
      a("imap.contoso.test", "10.0.0.1"),
      {
        name: "contoso.test",
        type: "MX",
        data: { exchange: "inside.contoso.test", preference: 1 },
      } as const,
    ];
    const { servers } = await discover(records, (address) => isPermittedAddress(address, false));
    expect(servers.map(short).sort()).toEqual(
      [
        "metadata.contoso.test:80 ssl",
        ...["inside", "imap"].flatMap((label) => [
          `${label}.contoso.test:993 ssl`,
          `${label}.contoso.test:143 tls`,
        ]),
      ]
        .map((server) => `${server} failed AddressNotPermitted`)
        .sort(),
    );
    for (const server of servers) {
      expect(server.steps).toBeUndefined();
      expect(server.message).not.toMatch(/127\.|169\.254|10\.0/);
    }
    expect(inside.connections).toBe(0);

    const careless = await discover(
      [srv("_imaps._tcp.contoso.test", "inside.contoso.test", 993), a("inside.contoso.test", within)],
      () => true,
    );
    expect(careless.servers.map(short)).toContain("inside.contoso.test:993 ssl warning UntrustedCertificate");
    expect(inside.connections).toBeGreaterThan(0);
  });

  it("connects to the public ones of mixed addresses only", async () => {
    const { servers } = await discover([a("imap.contoso.test", within), a("imap.contoso.test")]);
    const [server] = servers.filter(({ port }) => port === 993);
    expect(server?.steps?.[0]).toMatchObject({ step: "tcp", message: `Connected to ${outside}.` });
  });

  it.each([
    ["plain HTTP", "http://www.contoso.test/clients.xml"],
    ["another port", "https://www.contoso.test:993/clients.xml"],
    ["this machine", "https://inside.contoso.test/clients.xml"],
    ["an address", `https://${within}/clients.xml`],
    ["an address in disguise", "https://2130706433/clients.xml"],
    ["a file", "file:///etc/passwd"],
    ["nowhere", "https://"],
    ["itself", "https://www.contoso.test/moved"],
  ])("is not followed to %s", async (_, location) => {
    const asked = web.requests.length;
    serve = (request, response) => {
      if (request.url === "/clients.xml") response.end(configuration(["found.contoso.test", 993, "SSL"]));
      else response.writeHead(302, { location }).end();
    };
    const { servers } = await discover([
      a("autoconfig.contoso.test"),
      a("www.contoso.test"),
      a("inside.contoso.test", within),
    ]);
    expect(servers).toEqual([]);
    expect(insideWeb.requests).toEqual([]);
    const requests = web.requests.slice(asked);
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.length).toBeLessThan(6);
    expect(requests.join()).not.toContain("clients.xml");
  });
});
