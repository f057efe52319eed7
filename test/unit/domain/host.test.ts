import { describe, expect, it } from "vitest";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";
import { asHost } from "../../../shared/domain/host.ts";

describe("a server", () => {
  it.each([
    ["imap.contoso.com", "imap.contoso.com"],
    ["IMAP.Contoso.COM.", "imap.contoso.com"],
    ["mail", "mail"],
    ["localhost", "localhost"],
    ["m\u00fcller.example", "xn--mller-kva.example"],
    ["1.example", "1.example"],
    ["192.0.2.1", "192.0.2.1"],
    ["2001:DB8::0:1", "2001:db8::1"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
  ])("is %s", (text, server) => {
    expect(asHost(text)).toBe(server);
  });

  it.each([
    ...[
      "",
      ".",
      "a b",
      "a\r\nb",
      "a\u0000b",
      "a/b",
      "a\\b",
      "a:143",
      "user@a",
      "a?b",
      "a#b",
      "a%2eb",
      "[::1]",
    ],
    ...[
      "127.1",
      "2130706433",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "01.2.3.4",
      "256.1.1.1",
      "1.2.3.4.5",
      "fe80::1%eth0",
      "::g",
    ],
    ...[
      "-a.example",
      "a-.example",
      "a..example",
      `${"a".repeat(64)}.example`,
      "a_b.example",
      "a\u200B..example",
    ],
  ])("is not %j", (text) => {
    expect(asHost(text)).toBeUndefined();
  });

  it("stands alone in an endpoint, and a token server's address tells no password", () => {
    for (const host of ["imap.contoso.com\r\nx", "imap contoso", "imap.contoso.com/x", "\u0000"])
      expect(endpointSchema.safeParse({ host }).error?.issues.map(({ path }) => path)).toEqual([["host"]]);
    const tokenSource = { type: "clientCredentials", clientId: "c", scope: "s", secretName: "n" };
    const parsed = endpointSchema.safeParse({
      host: "imap.contoso.com",
      authentication: "xoauth2",
      tokenSource: { ...tokenSource, tokenUrl: "https://user:canary@login.contoso.com/token" },
    });
    expect(parsed.error?.issues).toMatchObject([{ path: ["tokenSource", "tokenUrl"] }]);
    expect(JSON.stringify(parsed.error?.issues)).not.toContain("canary");
    const noUrl = {
      host: "a",
      authentication: "xoauth2",
      tokenSource: { ...tokenSource, tokenUrl: "login" },
    };
    expect(endpointSchema.safeParse(noUrl).error?.issues[0]).toMatchObject({
      path: ["tokenSource", "tokenUrl"],
    });
  });
});
