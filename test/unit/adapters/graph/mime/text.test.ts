import { describe, expect, it } from "vitest";
import { readAddresses } from "../../../../../shared/adapters/graph/mime/addresses.ts";
import { decodeText, storableText, truncateText } from "../../../../../shared/adapters/graph/mime/charset.ts";
import { systemTime } from "../../../../../shared/adapters/graph/mime/dates.ts";
import { decodeEncodedWords } from "../../../../../shared/adapters/graph/mime/encoded-words.ts";
import { parseHeader, rawField } from "../../../../../shared/adapters/graph/mime/header.ts";
import { parseParameterized } from "../../../../../shared/adapters/graph/mime/parameters.ts";
import {
  decodeTransfer,
  type TransferEncoding,
  transferEncoding,
} from "../../../../../shared/adapters/graph/mime/transfer.ts";
import { parseMailDate } from "../../../../../shared/domain/mail-date.ts";

async function decode(text: string, encoding: TransferEncoding, pieceLength = 7): Promise<string> {
  const bytes = Buffer.from(text, "latin1");
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceLength) yield bytes.subarray(at, at + pieceLength);
  }
  const decoded: Buffer[] = [];
  for await (const piece of decodeTransfer(pieces(), encoding)) decoded.push(piece);
  return Buffer.concat(decoded).toString("latin1");
}

describe("transfer encodings", () => {
  it.each([
    ["base64", "base64"],
    [" BASE64 ", "base64"],
    ["quoted-printable; x=y", "quoted-printable"],
    ["x-uuencode", "uuencode"],
    ["8bit", "identity"],
    ["gibberish", undefined],
    ["'base64' (sic)", "base64"],
    [undefined, "identity"],
  ])("reads %j as %s", (field, expected) => {
    expect(transferEncoding(field)).toBe(expected);
  });

  it.each([
    ["whole", "SGVsbG8gV29ybGQ=", "Hello World"],
    ["folded, with blanks", "SGVs\r\n bG8g\r\n\r\nV29y\tbGQ=", "Hello World"],
    ["truncated", "SGVsbG8gV29yb", "Hello Wor"],
    ["without padding", "SGVsbG8gV29ybGQ", "Hello World"],
    ["in pieces, each padded", "SGVsbG8=\r\nIFdvcmxk\r\nIQ==\r\nIQ==", "Hello World!!"],
    ["with foreign characters", "SGV*sbG8-gV29y\0bGQ=", "Hello World"],
    ["with padding at the begin", "=SGVsbG8=", "Hello"],
    ["empty", "", ""],
    ["nothing but junk", "***", ""],
  ])("decodes base64 that is %s", async (_, encoded, expected) => {
    for (const length of [1, 3, 7, 1000]) expect(await decode(encoded, "base64", length)).toBe(expected);
  });

  it.each([
    ["escapes", "H=E4llo=20=3D", "H\u00e4llo ="],
    ["soft line breaks", "one=\r\n two=  \r\n three=\n four", "one two three four"],
    ["lower case and wrong escapes", "=e4 =G1 =", "\u00e4 =G1 "],
    ["blanks before line ends", "text \t\r\nnext  \n", "text\r\nnext\n"],
    ["bytes that should have been escaped", "\u00e4=C3\u00f6", "\u00e4\u00c3\u00f6"],
  ])("decodes quoted-printable with %s", async (_, encoded, expected) => {
    for (const length of [1, 4, 1000])
      expect(await decode(encoded, "quoted-printable", length)).toBe(expected);
  });

  it("decodes a quoted-printable line without end as a whole", async () => {
    const text = "=C3=A4".repeat(40_000);
    expect(await decode(text, "quoted-printable", 10_000)).toBe("\u00c3\u00a4".repeat(40_000));
  });

  it("decodes uuencode between its begin and end, and keeps what is around it", async () => {
    expect(await decode("\nbegin 644 cat.txt\n#0V%T\n`\nend\n", "uuencode")).toBe("Cat");
    expect(await decode("before\nbegin 644 cat.txt\n#0V%T\n`\nend\nafter\n", "uuencode")).toBe(
      "before\nCatafter\n",
    );
    expect(await decode("never\nbegun", "uuencode")).toBe("never\nbegun");
  });
});

describe("decodeText", () => {
  const bytes = (...values: number[]) => Buffer.from(values);
  it.each([
    ["declared UTF-8", Buffer.from("Grüße 👋"), "utf-8", "Grüße 👋", true],
    ["a byte order mark", Buffer.from("\ufeffHallo"), "utf-8", "Hallo", true],
    ["Latin-1 as Windows-1252", bytes(0x80, 0xe4), "ISO-8859-1", "€ä", true],
    ["Shift_JIS", bytes(0x93, 0xfa, 0x96, 0x7b), "Shift_JIS", "日本", true],
    ["ISO-2022-JP", Buffer.from("\x1b$B$3$s\x1b(B"), "iso-2022-jp", "こん", true],
    ["GB2312 as GB18030", bytes(0xc4, 0xe3, 0xba, 0xc3), "gb2312", "你好", true],
    ["KOI8-R", bytes(0xf0, 0xd2, 0xc9), "koi8-r", "При", true],
    ["UTF-7", Buffer.from("Gr+APwA3w-e"), "utf-7", "Grüße", true],
    ["EUC-KR", bytes(0xb0, 0xa1), "ks_c_5601-1987", "가", true],
    ["UTF-8 called ASCII", Buffer.from("Grüße"), "us-ascii", "Grüße", false],
    ["UTF-8 undeclared", Buffer.from("Grüße"), undefined, "Grüße", false],
    ["Latin-1 undeclared", bytes(0x47, 0xfc), undefined, "Gü", false],
    ["Latin-1 called UTF-8", bytes(0x47, 0xfc, 0x20), "utf-8", "Gü ", false],
    ["UTF-8 cut in the middle", Buffer.from("Grüße ü").subarray(0, -1), "utf-8", "Grüße \ufffd", false],
    ["an unknown charset", Buffer.from("Grüße"), "x-made-up", "Grüße", false],
    ["ASCII in an unknown charset", Buffer.from("Hello"), "x-made-up", "Hello", true],
  ] as const)("reads %s", (_, input, charset, text, faithful) => {
    expect(decodeText(input, charset)).toEqual({ text, faithful });
  });

  it("keeps only what JSON and Exchange can hold", () => {
    expect(storableText("a\0b\u0001c\td\r\ne\ud800f")).toBe("abc\td\r\ne\ufffdf");
    expect(truncateText("ab👋", 3)).toBe("ab");
    expect(truncateText("ab👋", 4)).toBe("ab👋");
  });
});

describe("decodeEncodedWords", () => {
  it.each([
    ["=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"],
    ["=?UTF-8?q?Gr=C3=BC=C3=9Fe_aus?= =?utf-8?Q?_K=C3=B6ln?=", "Grüße aus Köln"],
    ["=?iso-8859-1?Q?Gr=FC=DFe?= plain =?iso-8859-1?Q?=E4?=", "Grüße plain ä"],
    // One character cut in two by the sender.
    ["=?utf-8?B?4pg=?= =?utf-8?B?gw==?=", "☃"],
    ["=?utf-8*de?Q?=C3=A4?=", "ä"],
    ["=?iso-2022-jp?B?GyRCJDMbKEI=?= =?iso-2022-jp?B?GyRCJHMbKEI=?=", "こん"],
    ["=?utf-8?Q?a b?=", "a b"],
    ["=?utf-8?B?w7xiZXI=?==?utf-8?Q?no_space?=", "überno space"],
    ["=?x-none?Q?Gr=C3=BC?=", "Grü"],
    ["=?utf-8?Q?cut", "=?utf-8?Q?cut"],
    ["=?utf-8?X?abc?=", "=?utf-8?X?abc?="],
    ["Re: =?utf-8?B??= rest", "Re:  rest"],
    ["a\0b", "ab"],
  ])("%j", (value, expected) => {
    expect(decodeEncodedWords(value)).toBe(expected);
  });
});

describe("parseParameterized", () => {
  const parameter = (field: string, name: string) => parseParameterized(field).params.get(name);
  it.each([
    ["text/plain; charset=utf-8", "charset", "utf-8"],
    ['TEXT/Plain; NAME="a; \\"b\\".txt"', "name", 'a; "b".txt'],
    ["a/b; name=c:\\dir\\file.txt", "name", "c:\\dir\\file.txt"],
    ["a/b; name*=utf-8'de'Gr%C3%BC%C3%9Fe.txt", "name", "Grüße.txt"],
    ["a/b; name*0*=utf-8''Gr%C3; name*1*=%BC; name*2=.txt", "name", "Grü.txt"],
    ["a/b; name*1=b; name*0=a", "name", "ab"],
    ["a/b; name=plain.txt; name*=utf-8''f%C3%BC", "name", "fü"],
    ['a/b; name="=?utf-8?Q?Gr=C3=BC?="', "name", "Grü"],
    ["a/b; name*=iso-8859-1''%E4%zz", "name", "ä%zz"],
    ["a/b; name=one; name=two", "name", "one"],
    ["a/b; ; =x; name = spaced ;", "name", "spaced"],
    ['a/b; boundary="unclosed', "boundary", "unclosed"],
  ])("%j gives %s=%s", (field, name, expected) => {
    expect(parameter(field, name)).toBe(expected);
  });

  it("reads the value without comments, in lower case", () => {
    expect(parseParameterized("Text/HTML (a comment); charset=x").value).toBe("text/html");
    expect(parseParameterized(undefined).value).toBe("");
  });

  it("reads hostile fields", () => {
    expect(parseParameterized(`a/b; ${"x".repeat(500_000)}`).value).toBe("a/b");
    expect(parseParameterized(`a/b; ${"(".repeat(500_000)}`).value).toBe("a/b");
  });
});

describe("parseMailDate", () => {
  it.each([
    ["Mon, 1 Jan 2018 10:00:00 +0100", "2018-01-01T09:00:00Z"],
    ["1 Jan 2018 10:00 -0500 (EST)", "2018-01-01T15:00:00Z"],
    ["Mon, 01-Jan-18 10:00:00 PST", "2018-01-01T18:00:00Z"],
    ["Sat, 31 Dec 99 23:59:60 GMT", "2000-01-01T00:00:00Z"],
    ["Mon Jan  1 10:00:00 2018", "2018-01-01T10:00:00Z"],
    ["Mon Jan 1 10:00:00 CET 2018", "2018-01-01T09:00:00Z"],
    ["2018-01-01T10:00:00+02:00", "2018-01-01T08:00:00Z"],
    ["2018-01-01 10:00:00", "2018-01-01T10:00:00Z"],
    ["Mon, 1 January 2018 10.00.00 +1:00", "2018-01-01T09:00:00Z"],
    ["Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00Z"],
    ["Mon, 1 Jan 2018 10:00:00 +9999", "2018-01-01T10:00:00Z"],
    ["Mon, 1 Jan 118 10:00:00 +0000", "2018-01-01T10:00:00Z"],
  ])("%s", (value, expected) => {
    const date = parseMailDate(value);
    expect(date === undefined ? undefined : systemTime(date)).toBe(expected);
  });

  it.each([
    undefined,
    "",
    "yesterday, about noon",
    "Wed, 31 Feb 0201 26:61:00 GMT",
    "Mon, 1 Foo 2018 10:00:00 +0000",
    "Mon, 32 Jan 2018 10:00:00 +0000",
  ])("finds no date in %j", (value) => {
    expect(parseMailDate(value)).toBeUndefined();
  });
});

describe("readAddresses", () => {
  const noneYet = () => ({ groups: 0, guessed: 0, shortened: 0 });
  const people = async (value: string, counts = noneYet()) => {
    const found: object[] = [];
    for await (const { emailAddress } of readAddresses(value, counts)) found.push(emailAddress);
    return found;
  };
  it.each([
    ["ann@example.org", [{ address: "ann@example.org" }]],
    ["<ann@example.org>", [{ address: "ann@example.org" }]],
    [
      '"Doe, Ann" <ann@example.org>, bob@example.org (Bob)',
      [
        { name: "Doe, Ann", address: "ann@example.org" },
        { name: "Bob", address: "bob@example.org" },
      ],
    ],
    ["=?utf-8?Q?M=C3=BCller=2C_J?= <m@example.org>", [{ name: "Müller, J", address: "m@example.org" }]],
    ['"=?utf-8?B?w5xiZXI=?=" <u@example.org>', [{ name: "Über", address: "u@example.org" }]],
    [
      "Team: a@example.org, B <b@example.org>;, c@example.org",
      [{ address: "a@example.org" }, { name: "B", address: "b@example.org" }, { address: "c@example.org" }],
    ],
    ["undisclosed-recipients:;", []],
    ["", []],
    ["Just A Name", [{ name: "Just A Name" }]],
    ["Jürgen <jürgen@exämple.org>", [{ name: "Jürgen", address: "jürgen@exämple.org" }]],
    ["Root <root>", [{ name: "Root root" }]],
    [
      "A, B, C, Lovelace <l@example.org>, D, E <e@example.org>",
      [
        { name: "A" },
        { name: "B" },
        { name: "C" },
        { name: "Lovelace", address: "l@example.org" },
        { name: "D, E", address: "e@example.org" },
      ],
    ],
    [
      "Ann <a@example.org, Bob <b@example.org>",
      [
        { name: "Ann", address: "a@example.org" },
        { name: "Bob", address: "b@example.org" },
      ],
    ],
  ])("%j", async (value, expected) => {
    expect(await people(value)).toEqual(expected);
  });

  it("counts groups", async () => {
    const counts = noneYet();
    expect(await people("A: a@example.org; B: b@example.org;", counts)).toEqual([
      { address: "a@example.org" },
      { address: "b@example.org" },
    ]);
    expect(counts).toEqual({ groups: 2, guessed: 0, shortened: 0 });
  });

  it("does not make an address of a decoded name", async () => {
    const [one] = await people("=?utf-8?Q?evil=40example=2Ecom?= <real@example.org>");
    expect(one).toEqual({ name: "evil@example.com", address: "real@example.org" });
  });

  it("reads thousands of recipients", async () => {
    const list = Array.from(
      { length: 5000 },
      (_, index) => `"Person, ${index}" <p${index}@example.org>`,
    ).join(",\r\n ");
    expect(await people(list)).toHaveLength(5000);
  });

  it("keeps the begin of a name without an end, and says so", async () => {
    const counts = noneYet();
    const [one] = await people(`${"long ".repeat(10_000)}<real@example.org>`, counts);
    expect(one).toMatchObject({ address: "real@example.org" });
    expect(counts.shortened).toBe(1);
  });
});

describe("headers", () => {
  it("unfolds, keeps order, and reads bytes nobody declared", () => {
    const block = Buffer.concat([
      Buffer.from("Subject: one\r\n two\r\nX-Utf8: Grüße\r\n"),
      Buffer.from("X-Latin: Gr\u00fc\u00dfe\n", "latin1"),
      Buffer.from("no field\r\n ignored\r\nSubject : three\r\n"),
    ]);
    expect(parseHeader(block)).toEqual([
      { name: "subject", value: "one two" },
      { name: "x-utf8", value: "Grüße" },
      { name: "x-latin", value: "Grüße" },
      { name: "subject", value: "three" },
    ]);
  });

  it("gives a field as it stands", () => {
    const block = Buffer.from("A: 1\r\nContent-Type: multipart/signed;\r\n\tboundary=x\r\nB: 2\r\n");
    expect(rawField(block, "content-type").toString()).toBe(
      "Content-Type: multipart/signed;\r\n\tboundary=x\r\n",
    );
    expect(rawField(block, "c").length).toBe(0);
  });
});
