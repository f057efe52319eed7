import { describe, expect, it } from "vitest";
import { configurationUrls, readConfiguration } from "../../../../shared/migration/discovery/autoconfig.ts";

const document = (servers: string) => `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1">
  <emailProvider id="contoso.com">
    <domain>contoso.com</domain>
    ${servers}
    <outgoingServer type="smtp"><hostname>smtp.contoso.com</hostname><port>587</port></outgoingServer>
  </emailProvider>
</clientConfig>`;
const server = (type: string, host: string, port: string, socketType: string) =>
  `<incomingServer type="${type}"><hostname>${host}</hostname><port>${port}</port><socketType>${socketType}</socketType></incomingServer>`;
const read = (xml: string) => readConfiguration(xml, "contoso.com");

describe("a configuration for mail clients", () => {
  it("names its IMAP servers", () => {
    const xml = document(
      server("pop3", "pop.contoso.com", "995", "SSL") +
        server("imap", "imap.contoso.com", "993", "SSL") +
        server("imap", "mail.%EMAILDOMAIN%", "143", "STARTTLS") +
        server("imap", "old.contoso.com", " 1143 ", "plain"),
    );
    expect(read(xml)).toEqual([
      { host: "imap.contoso.com", port: 993, security: "ssl" },
      { host: "mail.contoso.com", port: 143, security: "tls" },
      { host: "old.contoso.com", port: 1143, security: "none" },
    ]);
  });

  it.each([
    [
      "a server without a port",
      document("<incomingServer type='imap'><hostname>a.b</hostname></incomingServer>"),
    ],
    ["a port that is none", document(server("imap", "a.b", "0x3e1", "SSL"))],
    ["a kind of connection nobody knows", document(server("imap", "a.b", "993", "magic"))],
    ["no servers", document("")],
    ["a page about something else", "<!doctype html><html><body><p>Not found<br></body></html>"],
    ["text", "not xml at all"],
    ["nothing", ""],
    ["an element that does not end", '<clientConfig><emailProvider><incomingServer type="imap">'],
  ])("has none in %s", (_, xml) => {
    expect(read(xml)).toEqual([]);
  });

  it("does not unfold what is defined elsewhere", () => {
    const xml = `<!DOCTYPE c [<!ENTITY a "imap.contoso.com"><!ENTITY f SYSTEM "file:///etc/passwd">]>${document(
      server("imap", "&a;", "993", "SSL") + server("imap", "&f;", "993", "SSL"),
    )}`;
    expect(JSON.stringify(read(xml))).not.toMatch(/imap\.contoso\.com|root/);
  });

  it("is published in two places", () => {
    expect(configurationUrls("contoso.com").map(({ href }) => href)).toEqual([
      "https://autoconfig.contoso.com/mail/config-v1.1.xml",
      "https://contoso.com/.well-known/autoconfig/mail/config-v1.1.xml",
    ]);
  });
});
