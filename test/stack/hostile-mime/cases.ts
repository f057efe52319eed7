import { Random } from "../random.ts";

/** A message that was made to stop its reader. */
export interface HostileMessage {
  readonly name: string;
  content(): Buffer;
}

const header = "From: Ann <ann@example.org>\r\nSubject: Hello\r\nDate: Mon, 1 Jan 2018 10:00:00 +0100\r\n";

function times(piece: string, count: number): string {
  return piece.repeat(Math.max(1, Math.round(count)));
}

/** As many bytes of this piece. */
function bytesOf(piece: string, bytes: number): string {
  return times(piece, bytes / piece.length);
}

function mixed(...parts: readonly string[]): string {
  return multipart(parts);
}

function multipart(parts: readonly string[]): string {
  return `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.map((part) => `--b\r\n${part}\r\n`).join("")}--b--\r\n`;
}

/** Multiparts inside each other, and what stands in the innermost. */
function nested(levels: number, boundaryOf: (level: number) => string, innermost: string): string {
  const open = Array.from({ length: levels }, (_, level) => {
    const boundary = boundaryOf(level);
    return `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n--${boundary}\r\n`;
  });
  return header + open.join("") + innermost;
}

function html(text: string): string {
  return `Content-Type: text/html\r\n\r\n${text}`;
}

function encoded(encoding: string, text: string, type = "application/octet-stream"): string {
  return `${header}Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${text}`;
}

function junk(seed: string, bytes: number): string {
  const random = new Random(seed);
  return Buffer.from(random.bytes(Math.round(bytes)).map((byte) => byte | 0x80)).toString("latin1");
}

function many(count: number, part: string | ((index: number) => string)): string {
  const parts = Array.from({ length: Math.max(1, Math.round(count)) }, (_, index) =>
    typeof part === "string" ? part : part(index),
  );
  return multipart(parts);
}

const shortBoundary = (level: number) => `b${level}`;
const kilobyte = 1024;
const megabyte = 1024 * 1024;

/**
 * Messages that blocked, filled or killed a reader of mail, and others of their make.
 * @param scale 1 for the size in which they did harm; the number of repetitions grows with it.
 */
export function hostileMessages(scale: number): readonly HostileMessage[] {
  const kb = kilobyte * scale;
  const mb = megabyte * scale;
  const texts: Readonly<Record<string, () => string>> = {
    "Content-Disposition of 8 KB without =, 400 parts": () =>
      many(400 * scale, `Content-Disposition: attachment; ${bytesOf("x", 8 * kilobyte)}\r\n\r\nx`),
    "Content-Type and Content-Disposition of 8 KB, 230 parts": () =>
      many(
        230 * scale,
        `Content-Type: a/b; ${bytesOf("x", 8 * kilobyte)}\r\nContent-Disposition: attachment; ${bytesOf("y", 8 * kilobyte)}\r\n\r\nx`,
      ),
    "parameters of nothing but quotes, 400 parts": () =>
      many(
        400 * scale,
        `Content-Disposition: attachment; filename="${bytesOf('a="b;', 8 * kilobyte)}\r\n\r\nx`,
      ),
    "63 levels, 1.3 million lines of --": () => nested(63, shortBoundary, times("--\r\n", 1_300_000 * scale)),
    "63 levels with boundaries of 4 KB, 1.3 million lines of --": () =>
      nested(63, (level) => `${level}${bytesOf("x", 4 * kilobyte)}`, times("--\r\n", 1_300_000 * scale)),
    "63 levels, 30 MB of --": () => nested(63, shortBoundary, bytesOf("--\r\n", 30 * mb)),
    "two bodies of 300 KB of <body": () =>
      mixed(html(bytesOf("<body ", 300 * kb)), html(bytesOf("<body ", 300 * kb))),
    "two bodies of 600 KB of <body": () =>
      mixed(html(bytesOf("<body ", 600 * kb)), html(bytesOf("<body ", 600 * kb))),
    "ten texts of 250 KB of junk as EUC-JP": () =>
      many(10, (index) => `Content-Type: text/plain; charset=euc-jp\r\n\r\n${junk(`${index}`, 250 * kb)}`),
    "ten texts of 250 KB of junk as GB18030": () =>
      many(10, (index) => `Content-Type: text/plain; charset=gb18030\r\n\r\n${junk(`${index}`, 250 * kb)}`),
    "ten texts of 250 KB that EUC-JP has no characters for": () =>
      many(
        10,
        `Content-Type: text/plain; charset=euc-jp\r\n\r\n${bytesOf(`${times("\xff", 30_000)}a`, 250 * kb)}`,
      ),
    "2 MB of junk as UTF-8": () =>
      `${header}Content-Type: text/plain; charset=utf-8\r\n\r\n${junk("u", 2 * mb)}`,
    "100 parts with 1 MB of header lines a:": () => many(100 * scale, `${bytesOf("a:\r\n", megabyte)}\r\nx`),
    "20 parts with 1 MB of header lines a:": () => many(20 * scale, `${bytesOf("a:\r\n", megabyte)}\r\nx`),
    "header of 100 MB": () => `${header}${bytesOf("X-Junk: y\r\n", 100 * mb)}\r\nx`,
    "900 KB of lines that continue a field": () =>
      `${header}To: a@example.org,\r\n${bytesOf(" b@example.org,\r\n", 900 * kb)}\r\nx`,
    "1 MB of empty lines that continue a field": () =>
      `${header}To: a@example.org,\r\n${bytesOf(" \n", 900 * kb)}\tb@example.org\r\n\r\nx`,
    "base64 of 3.9 MB of AA=": () => encoded("base64", bytesOf("AA=", 3.9 * mb)),
    "base64 of 100 MB of AA=": () => encoded("base64", bytesOf("AA=", 100 * mb)),
    "quoted-printable of 100 MB of short lines": () =>
      encoded("quoted-printable", bytesOf("a\r\n", 100 * mb)),
    "quoted-printable of 20 MB of blanks": () => encoded("quoted-printable", bytesOf(" ", 20 * mb)),
    "uuencode of 20 MB of short lines": () =>
      encoded("x-uuencode", `begin 644 a\r\n${bytesOf("M\r\n", 20 * mb)}end\r\n`),
    "a million begin lines in a text": () =>
      `${header}\r\n${times("begin 644 a\r\n#0V%T\r\n`\r\nend\r\n", 300_000 * scale)}`,
    "200,000 parts": () => many(200_000 * scale, "\r\nx"),
    "5,000 attached messages": () =>
      many(5_000 * scale, "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\nx"),
    "10,000 levels": () => nested(10_000 * scale, shortBoundary, "x"),
    "1 million closing delimiters": () => `${mixed("\r\nx")}${times("--b--\r\n", 1_000_000 * scale)}`,
    "20,000 encoded words in the subject": () =>
      `Subject: ${times("=?utf-8?Q?=C3=A4?= ", 20_000 * scale)}\r\n\r\nx`,
    "900 KB of =? in the subject": () => `Subject: ${bytesOf("=?", 900 * kb)}\r\n\r\nx`,
    "900 KB of cut words in the subject": () => `Subject: ${bytesOf("=?a?B?", 900 * kb)}\r\n\r\nx`,
    "900 KB of a: in To": () => `To: ${bytesOf("a:", 900 * kb)}\r\n\r\nx`,
    "900 KB of quotes in To": () => `To: ${bytesOf(' "', 900 * kb)}\r\n\r\nx`,
    "900 KB of escapes in a quoted name": () => `To: "${bytesOf("\\a", 900 * kb)}" <a@b.example>\r\n\r\nx`,
    "900 KB of parentheses in To": () => `To: ${bytesOf("(", 900 * kb)}\r\n\r\nx`,
    "900 KB of brackets in To": () => `To: ${bytesOf("a@b<", 900 * kb)}\r\n\r\nx`,
    "900 KB of commas in To": () => `To: ${bytesOf("a,", 900 * kb)}\r\n\r\nx`,
    "450 KB of open brackets in To, one closing far behind": () =>
      `To: ${bytesOf("<,", 450 * kb)}${bytesOf("x", 450 * kb)}>\r\n\r\nx`,
    "900 KB of =? in To, one word behind": () => `To: ${bytesOf("=?", 900 * kb)}=?utf-8?Q?x?=\r\n\r\nx`,
    "900 KB of cut words in To, one end behind": () => `To: ${bytesOf("=?a?B?", 900 * kb)}?=\r\n\r\nx`,
    "900 KB of escapes that go on in To": () => `To: =?a?Q?${bytesOf("?=C3", 900 * kb)}\r\n\r\nx`,
    "900 KB of @: in To": () => `To: ${bytesOf("@:", 900 * kb)}\r\n\r\nx`,
    "900 KB of semicolons in Received and Date": () =>
      `Received: ${bytesOf("; ", 450 * kb)}\r\nDate: ${bytesOf("1 Jan ", 450 * kb)}\r\n\r\nx`,
    "900 KB of references": () => `References: ${bytesOf("<a@b> ", 900 * kb)}\r\n\r\nx`,
    "Content-Type of 900 KB": () => `Content-Type: text/plain; ${bytesOf("x=y; ", 900 * kb)}\r\n\r\nx`,
    "two million bytes of recipients": () => `${header}To: ${bytesOf("a@example.org, ", 2 * mb)}\r\n\r\nx`,
    "10,000 Content-Type fields": () =>
      `${times("Content-Type: multipart/mixed; boundary=b\r\n", 10_000 * scale)}\r\nx`,
    "32 Content fields, each with 1,500 others on its line": () =>
      `${times(`Content-Type: text/plain${times("\tContent-Type: multipart/mixed; boundary=b", 1_500 * scale)}\r\n`, 32)}\r\nx`,
    "90,000 subjects": () => `${times("Subject: x\r\n", 90_000 * scale)}\r\nx`,
    "2 MB of cid: in HTML": () => header + html(bytesOf("cid:", 2 * mb)),
    "100,000 different cids in HTML": () =>
      header + html(Array.from({ length: 100_000 * scale }, (_, index) => `cid:${index} `).join("")),
    "1.9 MB of cid:% in HTML": () => header + html(bytesOf("cid:% ", 1.9 * mb)),
    "2 MB of < in a text beside HTML": () => mixed(html("<p>"), `\r\n${bytesOf("<", 2 * mb - kb)}`),
    "1 MB of quotes in a text": () => `${header}\r\n${bytesOf('"', 1 * mb)}`,
    "1,000 parts of 40 bytes": () => many(1000 * scale, "Content-Type: text/html; name=x\r\n\r\nx"),
    "60 levels of alternatives around 900 parts": () =>
      nested(
        60,
        shortBoundary,
        `Content-Type: multipart/mixed; boundary=z\r\n\r\n${times("--z\r\nContent-Type: text/plain; name=x\r\n\r\nx\r\n", 900 * scale)}`,
      ).replaceAll('multipart/mixed; boundary="', 'multipart/alternative; boundary="'),
    "14 Content fields of 63 KB of junk as UTF-7": () =>
      `Content-Type: text/plain; charset=utf-7\r\n${Array.from({ length: 14 }, (_, index) => `Content-${index}: ${bytesOf("+AAA\xff", 63 * kb)}\r\n`).join("")}\r\nx`,
    "15 To fields of 60 KB of junk as UTF-7": () =>
      `Content-Type: text/plain; charset=utf-7\r\n${times(`To: ${bytesOf("+AAA\xff", 60 * kb)}\r\n`, 15)}\r\nx`,
    "9,000 Content fields in bytes of no charset": () =>
      `Content-Type: text/plain; charset=euc-kr\r\n${times(`Content-A: ${times("\xff", 90)}\r\n`, 9_000 * scale)}\r\nx`,
    "130 attached messages with 60 KB of encoded words in the subject": () =>
      many(
        130 * scale,
        `Content-Type: message/rfc822\r\n\r\nSubject: ${bytesOf("=?utf-7?Q?+A-?= ", 60 * kilobyte)}\r\n\r\nx`,
      ),
    "1.5 MB of UTF-7 junk": () =>
      `${header}Content-Type: text/plain; charset=utf-7\r\n\r\n${bytesOf("+A-", 1.5 * mb)}`,
    "one line of 50 MB": () => `${header}\r\n${bytesOf("x", 50 * mb)}`,
    "10 MB of NUL": () => `${header}\r\n${bytesOf("\0", 10 * mb)}`,
    "10 million empty lines": () => `${header}\r\n${times("\n", 10_000_000 * scale)}`,
    "1 million lines outside the parts": () => `${mixed("\r\nx")}${times("y\r\n\r\n", 1_000_000 * scale)}`,
  };
  return Object.entries(texts).map(([name, text]) => ({
    name,
    content: () => Buffer.from(text(), "latin1"),
  }));
}
