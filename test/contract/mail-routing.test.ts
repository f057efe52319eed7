import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createMailRouting } from "../../shared/adapters/dns/mail-routing.ts";
import { type DnsRecord, type DnsServer, startDnsServer } from "../stack/dns-server.ts";

const mx = (name: string, exchange: string, preference = 10, ttl = 3_600): DnsRecord => ({
  name,
  type: "MX",
  data: { exchange, preference },
  ttl,
});
const ns = (name: string): DnsRecord => ({ name, type: "NS", data: "ns.hoster.test" });

/** The name server of the zones. */
let zones: DnsServer;
/** The resolver: it knows where the zones are, and records whose time to live has run down. */
let resolver: DnsServer;

beforeAll(async () => {
  zones = await startDnsServer(
    [
      mx("contoso.test", "MX1.Contoso.test.", 10, 86_400),
      mx("contoso.test", "mx2.contoso.test", 20, 3_600),
      mx("sub.contoso.test", "mx1.contoso.test", 5, 300),
      { name: "nomail.test", type: "A", data: "192.0.2.1" },
      mx("null.test", ".", 0),
      { name: "alias.test", type: "CNAME", data: "elsewhere.test" },
      mx("many.large.test", "mx.many.large.test"),
    ],
    { authoritative: true },
  );
  resolver = await startDnsServer([
    { name: "ns.hoster.test", type: "A", data: "127.0.0.1" },
    ...["contoso.test", "nomail.test", "gone.test", "null.test", "alias.test", "many.large.test"].map(ns),
    mx("contoso.test", "old.contoso.test", 10, 17),
    mx("orphan.test", "mx.orphan.test", 10, 17),
    mx("alias.test", "mx.elsewhere.test", 10, 17),
    { name: "lame.test", type: "NS", data: "ns.lame.test" },
    { name: "ns.lame.test", type: "A", data: "127.0.0.1" },
    mx("lame.test", "mx.lame.test", 10, 17),
  ]);
});

afterAll(async () => {
  await zones?.stop();
  await resolver?.stop();
});

const routing = (isPermitted = () => true, authoritativePort = zones.port) =>
  createMailRouting({ resolvers: [resolver.address], isPermitted, authoritativePort });

describe("the mail route of a domain", () => {
  it("is asked of the zone's own name servers, whose times to live are whole", async () => {
    expect(await routing()("contoso.test")).toEqual({
      known: true,
      authoritative: true,
      hosts: [
        { host: "mx1.contoso.test", preference: 10, ttl: 86_400 },
        { host: "mx2.contoso.test", preference: 20, ttl: 3_600 },
      ],
    });
  });

  it("of a name below a zone is asked of the zone that holds it", async () => {
    expect(await routing()("sub.contoso.test")).toMatchObject({
      authoritative: true,
      hosts: [{ host: "mx1.contoso.test", preference: 5, ttl: 300 }],
    });
  });

  it("has no hosts without a record, without a domain, and an empty one where no mail is taken", async () => {
    const none = { known: true, authoritative: true, hosts: [] };
    expect(await routing()("nomail.test")).toEqual(none);
    expect(await routing()("gone.test")).toEqual(none);
    expect(await routing()("null.test")).toMatchObject({ hosts: [{ host: "", preference: 0 }] });
  });

  it("is read by TCP if it does not fit into a packet", async () => {
    expect(await routing()("many.large.test")).toMatchObject({
      authoritative: true,
      hosts: [{ host: "mx.many.large.test" }],
    });
  });

  it("is asked of a resolver where the zone's name servers are unknown, silent, not permitted, or know no more than an alias", async () => {
    const found = (host: string) => ({
      known: true,
      authoritative: false,
      hosts: [{ host, preference: 10, ttl: 17 }],
    });
    expect(await routing()("orphan.test")).toEqual(found("mx.orphan.test"));
    expect(await routing()("alias.test")).toEqual(found("mx.elsewhere.test"));
    expect(await routing(() => false)("contoso.test")).toEqual(found("old.contoso.test"));
    expect(await routing(undefined, 9)("lame.test")).toEqual(found("mx.lame.test"));
  });

  it("is not known if nobody answers, and that is no error", async () => {
    expect(await routing()("mail.broken.test")).toEqual({ known: false });
    expect(await routing()("mail.silent.test")).toEqual({ known: false });
  });
});
