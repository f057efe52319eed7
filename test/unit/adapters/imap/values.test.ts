import { describe, expect, test } from "vitest";
import { classifyFailure, type Scene } from "../../../../shared/adapters/imap/classify.ts";
import { formatDateTime, isKnown, parseDateTime, searchDay } from "../../../../shared/adapters/imap/dates.ts";
import { keptFlags, looksAsWritten, storableFlags } from "../../../../shared/adapters/imap/flags.ts";
import { matchCopies } from "../../../../shared/adapters/imap/matching.ts";

describe("dates", () => {
  test.each([
    [" 5-Mar-2009 23:59:59 +0530", "2009-03-05T18:29:59.000Z"],
    ["05-MAR-2009 00:00:00 -0800", "2009-03-05T08:00:00.000Z"],
    ["29-Feb-2024 12:00:00 +0000", "2024-02-29T12:00:00.000Z"],
    ["Thu, 05 Mar 2009 10:00:00 +0000", "2009-03-05T10:00:00.000Z"],
  ])("reads %j", (text, expected) => {
    expect(parseDateTime(text)?.toISOString()).toBe(expected);
  });

  test.each(["nonsense", "", "NIL"])("takes %j for no date", (text) => {
    expect(parseDateTime(text)).toBeUndefined();
  });

  test.each(["", "30-Dec-1899 00:00:00 +0000", "01-Jan-1970 00:00:00 +0000"])("%j is not known", (text) => {
    expect(isKnown(parseDateTime(text))).toBe(false);
  });

  test("writes the same instant it reads", () => {
    for (const iso of ["1970-01-01T00:00:00.000Z", "1999-12-31T23:59:59.000Z", "2038-01-19T03:14:08.000Z"])
      expect(parseDateTime(formatDateTime(new Date(iso)))?.toISOString()).toBe(iso);
    expect(formatDateTime(new Date("2009-03-05T08:07:06Z"))).toBe(" 5-Mar-2009 08:07:06 +0000");
  });

  test("asks SEARCH for whole days on either side", () => {
    const instant = Date.UTC(2024, 1, 29, 23, 0);
    expect(searchDay(instant, -1)).toBe("28-Feb-2024");
    expect(searchDay(instant, 2)).toBe("2-Mar-2024");
  });
});

describe("flags", () => {
  test("stores system flags, atoms as keywords, each once", () => {
    expect(
      storableFlags(["\\SEEN", "\\Seen", "$MDNSent", "NonJunk", "\\Recent", "\\Deleted", "\\Important", ""]),
    ).toEqual(["\\Seen", "$MDNSent", "NonJunk"]);
  });

  test("makes keywords of labels, which can have any name", () => {
    expect(storableFlags(["To do", "Ärger & Co", "a]b", "(x", "nonjunk", "NonJunk"])).toEqual([
      "To_do",
      "&AMQ-rger_&-_Co",
      "a_b",
      "_x",
      "nonjunk",
    ]);
    const [long = ""] = storableFlags([`Ä${"x".repeat(300)}`]);
    expect(long).toBe(`_${"x".repeat(49)}`);
    expect(storableFlags([long])).toEqual([long]);
  });

  test("keeps what the folder keeps", () => {
    const flags = ["\\Seen", "$A", "$B"];
    expect(keptFlags(flags, undefined)).toEqual(flags);
    expect(keptFlags(flags, ["\\Seen", "\\*"])).toEqual(flags);
    expect(keptFlags(flags, ["\\seen", "$a"])).toEqual(["\\Seen", "$A"]);
    expect(keptFlags(flags, [])).toEqual([]);
  });

  test.each([
    [["\\Seen", "$A"], ["$a", "\\Seen"], true],
    [["\\Seen", "$A"], ["\\Seen"], true],
    [["\\Seen"], [], false],
    [["\\Seen"], ["\\Seen", "\\Flagged"], false],
    [["\\Seen"], ["\\Seen", "$Users"], false],
    [["\\Seen"], ["\\Seen", "\\Deleted"], false],
  ])("written %j, found %j", (written, found, expected) => {
    expect(looksAsWritten(written, found)).toBe(expected);
  });
});

describe("matching copies", () => {
  const message = (name: string, header: string, second = 0, size = 100) => ({
    name,
    header: Buffer.from(header.replaceAll("\n", "\r\n")),
    internalDate: new Date(second * 1_000),
    size,
  });
  const names = (
    ...args: Parameters<typeof matchCopies<ReturnType<typeof message>, ReturnType<typeof message>>>
  ) =>
    Object.fromEntries(
      [...matchCopies(...args)].map(([candidate, found]) => [candidate.name, found.map(({ name }) => name)]),
    );
  const plain = "Message-ID: <1@x>\nDate: Mon, 1 Jan 2001 00:00:00 +0000\nSubject: a\n\n";

  test("by the whole header and date, whatever size or blank line a server makes of it", () => {
    expect(
      names([message("c", plain)], [message("other", plain, 1), message("same", plain.trimEnd(), 0, 7)]),
    ).toEqual({ c: ["same"] });
  });

  test("equal candidates and equal copies pair up in order; what is left over is the last one's duplicate", () => {
    const [a, b] = [message("a", plain), message("b", plain)];
    const copies = ["1", "2", "3"].map((name) => message(name, plain));
    expect(names([a, b], copies.slice(0, 1))).toEqual({ a: ["1"] });
    expect(names([a, b], copies)).toEqual({ a: ["1"], b: ["2", "3"] });
  });

  test("by Message-ID, Date and INTERNALDATE where the server rewrites messages", () => {
    const rewritten = `Received: by server\n${plain.replace("<1@x>\nDate", "\n <1@x>\ndate")}`;
    expect(names([message("c", plain)], [message("r", rewritten, 0, 999)])).toEqual({ c: ["r"] });
    expect(names([message("c", plain)], [message("r", rewritten, 5)])).toEqual({});
  });

  test("a rewritten message without Message-ID is not guessed at", () => {
    expect(names([message("c", "Subject: a\n\n")], [message("r", "X: y\nSubject: a\n\n")])).toEqual({});
  });

  test("an exact copy goes before a rewritten one", () => {
    const rewritten = message("r", `Received: by server\n${plain}`);
    expect(names([message("c", plain)], [rewritten, message("exact", plain)])).toEqual({ c: ["exact"] });
  });
});

describe("connection failures", () => {
  const scene: Scene = { side: "source", host: "imap.example.com", port: 993, stage: "login" };

  test.each([
    [{ code: "ENOTFOUND" }, "transient", "UnknownHost"],
    [{ code: "EAI_AGAIN" }, "transient", "DnsUnavailable"],
    [{ code: "ECONNREFUSED" }, "transient", "ConnectionRefused"],
    [{ code: "EHOSTUNREACH" }, "transient", "ServerUnreachable"],
    [{ code: "CONNECT_TIMEOUT" }, "transient", "ConnectionTimeout"],
    [{ code: "ERR_TLS_CERT_ALTNAME_INVALID" }, "transient", "HostNameMismatch"],
    [{ code: "CERT_HAS_EXPIRED" }, "transient", "ExpiredCertificate"],
    [{ code: "CERT_NOT_YET_VALID" }, "transient", "ExpiredCertificate"],
    [{ code: "SELF_SIGNED_CERT_IN_CHAIN" }, "transient", "UntrustedCertificate"],
    [{ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" }, "transient", "UntrustedCertificate"],
    [{ code: "ERR_SSL_WRONG_VERSION_NUMBER" }, "transient", "TlsHandshakeFailed"],
    [{ message: "x", tlsFailed: true }, "transient", "TlsHandshakeFailed"],
    [{ code: "NoConnection" }, "transient", "ConnectionLost"],
    [{ code: "NoConnection", reason: "Too many connections" }, "throttled", "ServerThrottled"],
    [{ authenticationFailed: true, message: "Login is disabled" }, "transient", "AuthenticationUnsupported"],
    [undefined, "transient", "ConnectionLost"],
  ])("%j", (failure, kind, code) => {
    expect(classifyFailure(failure, scene)).toMatchObject({ kind, code });
  });

  test("what is a setting of the deployment is fatal on the target's side", () => {
    expect(classifyFailure({ code: "ENOTFOUND" }, { ...scene, side: "target" }).kind).toBe("fatal");
  });
});
