import { describe, expect, it } from "vitest";
import { asHostName } from "../../../../shared/migration/discovery/host-name.ts";
import { isPermittedAddress } from "../../../../shared/migration/discovery/permitted-address.ts";
import { serverOfProvider } from "../../../../shared/migration/discovery/providers.ts";
import { registeredDomain } from "../../../../shared/migration/discovery/registered-domain.ts";

describe("an address", () => {
  it.each(["8.8.8.8", "40.101.1.2", "2603:1026::1", "::ffff:8.8.8.8"])(
    "of the Internet is permitted: %s",
    (address) => {
      expect(isPermittedAddress(address, false)).toBe(true);
      expect(isPermittedAddress(address, true)).toBe(true);
    },
  );

  it.each([
    ["this machine", ["127.0.0.1", "127.255.0.9", "::1", "0.0.0.0", "::"]],
    ["its link", ["169.254.0.1", "fe80::1"]],
    ["its platform", ["169.254.169.254", "168.63.129.16"]],
    ["many machines", ["224.0.0.1", "255.255.255.255", "ff02::1"]],
    [
      "nobody",
      ["192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.1", "240.0.0.1", "2001:db8::1", "4000::1"],
    ],
    [
      "another one inside",
      [
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "2001:0:7f00:1::",
      ],
    ],
    ["nothing", ["", "localhost", "1.2.3", "imap.contoso.com", "fe80::1%eth0"]],
  ])("of %s is never permitted", (_, addresses) => {
    for (const privateToo of [false, true])
      expect(addresses.filter((address) => isPermittedAddress(address, privateToo))).toEqual([]);
  });

  it.each(["10.0.0.4", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.4"])(
    "of a company's network is permitted only if the deployment says so: %s",
    (address) => {
      expect(isPermittedAddress(address, false)).toBe(false);
      expect(isPermittedAddress(address, true)).toBe(true);
    },
  );
});

describe("a host name", () => {
  it.each([
    ["Contoso.COM", "contoso.com"],
    [" mail.contoso.com. ", "mail.contoso.com"],
    ["bücher.example", "xn--bcher-kva.example"],
  ])("is made of %j", (text, name) => {
    expect(asHostName(text)).toBe(name);
  });

  it.each([
    "",
    ".",
    "localhost",
    "127.0.0.1",
    "0x7f.1",
    "[::1]",
    "a b.com",
    "a..com",
    "-a.com",
    "a@contoso.com",
    "contoso.com/x",
    "contoso.com:993",
    `${"a".repeat(64)}.com`,
    `${"abcdefg.".repeat(40)}com`,
  ])("is not made of %j", (text) => {
    expect(asHostName(text)).toBeUndefined();
  });

  it("has a part that somebody registered", () => {
    expect(registeredDomain("mx1.mail.contoso.co.uk")).toBe("contoso.co.uk");
    expect(registeredDomain("co.uk")).toBeUndefined();
  });
});

describe("a provider", () => {
  it.each([
    ["aspmx.l.google.com", "imap.gmail.com"],
    ["contoso-com.mail.protection.outlook.com", "outlook.office365.com"],
    ["mx00.ionos.co.uk", "imap.ionos.co.uk"],
    ["mx.contoso.com", undefined],
    ["google.com.contoso.com", undefined],
    ["constructor.com", undefined],
  ])("behind %s has the server %s", (exchange, server) => {
    expect(serverOfProvider(exchange)).toBe(server);
  });
});
