import { describe, expect, it } from "vitest";
import {
  type Candidate,
  candidatesOfConfiguration,
  candidatesOfExchanges,
  candidatesOfName,
  candidatesOfServices,
  isGuess,
  mergeCandidates,
} from "../../../../shared/migration/discovery/candidates.ts";

const short = ({ host, port, security }: Candidate) => `${host}:${port} ${security}`;
const record = (name: string, port: number, priority: number, weight: number) => ({
  name,
  port,
  priority,
  weight,
});

describe("candidates", () => {
  it("of service records come in the order a client has to try", () => {
    const records = [
      record("third.contoso.com", 993, 20, 9),
      record("second.contoso.com", 1993, 10, 1),
      record("First.contoso.com.", 993, 10, 5),
      record("", 0, 0, 0),
      record("bad name", 993, 0, 0),
      record("zero.contoso.com", 0, 0, 0),
    ];
    expect(candidatesOfServices(records, "ssl", "_imaps._tcp.contoso.com").map(short)).toEqual([
      "first.contoso.com:993 ssl",
      "second.contoso.com:1993 ssl",
      "third.contoso.com:993 ssl",
    ]);
  });

  it("of mail exchanges are the host, names beside it, or the provider's server", () => {
    const exchanges = [
      { exchange: "mx.hoster.co.uk", priority: 20 },
      { exchange: "aspmx.l.google.com", priority: 10 },
      { exchange: "", priority: 0 },
    ];
    const found = candidatesOfExchanges(exchanges);
    expect(found.map(short)).toEqual([
      "imap.gmail.com:993 ssl",
      "mx.hoster.co.uk:993 ssl",
      "mx.hoster.co.uk:143 tls",
      "imap.hoster.co.uk:993 ssl",
      "imap.hoster.co.uk:143 tls",
      "mail.hoster.co.uk:993 ssl",
      "mail.hoster.co.uk:143 tls",
    ]);
    expect(found.map(isGuess)).toEqual([false, true, true, true, true, true, true]);
  });

  it("are each server once, with everything that named it, the best source first", () => {
    const merged = mergeCandidates(
      [
        ...candidatesOfName("contoso.com"),
        ...candidatesOfConfiguration(
          [{ host: "imap.contoso.com", port: 993, security: "ssl" }],
          "https://a/",
        ),
        ...candidatesOfServices([record("imap.contoso.com", 993, 0, 0)], "ssl", "_imaps._tcp.contoso.com"),
        ...candidatesOfServices([record("imap.contoso.com", 993, 1, 0)], "ssl", "_imaps._tcp.contoso.com"),
      ],
      new Set(),
    );
    expect(merged[0]).toEqual({
      host: "imap.contoso.com",
      port: 993,
      security: "ssl",
      foundBy: [
        { source: "srv", from: "_imaps._tcp.contoso.com" },
        { source: "autoconfig", from: "https://a/" },
        { source: "name", from: "contoso.com" },
      ],
    });
    expect(merged.map(short)).toHaveLength(new Set(merged.map(short)).size);
    expect(merged.map(short)).toEqual(
      expect.arrayContaining(["imap.contoso.com:143 tls", "mail.contoso.com:993 ssl", "contoso.com:993 ssl"]),
    );
  });

  it("are not guessed where the domain says that there is nothing", () => {
    const merged = mergeCandidates(
      [
        ...candidatesOfName("contoso.com"),
        ...candidatesOfConfiguration([{ host: "a.contoso.com", port: 143, security: "tls" }], "https://a/"),
      ],
      new Set(["tls"] as const),
    );
    expect(merged.filter(({ security }) => security === "tls").map(short)).toEqual(["a.contoso.com:143 tls"]);
    expect(merged.map(short)).toContain("imap.contoso.com:993 ssl");
  });

  it("are a bounded number, however many a domain names", () => {
    const many = Array.from({ length: 500 }, (_, n) => record(`a${n}.contoso.com`, 993, 0, 0));
    const exchanges = many.map(({ name }) => ({ exchange: name.replace("contoso", name), priority: 0 }));
    const configured = many.map(({ name }) => ({ host: name, port: 143, security: "tls" as const }));
    const merged = mergeCandidates(
      [
        ...candidatesOfServices(many, "ssl", "srv"),
        ...candidatesOfConfiguration(configured, "https://a/"),
        ...candidatesOfExchanges(exchanges),
        ...candidatesOfName("contoso.com"),
      ],
      new Set(),
    );
    expect(merged.length).toBeGreaterThan(10);
    expect(merged.length).toBeLessThanOrEqual(40);
  });
});
