import fc from "fast-check";

/** What parsers of mail stumble over. */
const fragments = [
  "--",
  "--b",
  "--b--",
  "=?",
  "?=",
  "=?utf-8?Q?",
  "=?utf-8?B?w7w?=",
  "=",
  "=\r\n",
  "=3D",
  '"',
  '\\"',
  "'",
  ";",
  ";;",
  ":",
  "a:",
  "a=b;",
  'a="b;',
  "name*0=",
  "name*1*=utf-8''%",
  "(",
  ")",
  "<",
  ">",
  "<a@b>",
  "@",
  ",",
  " ",
  "\t",
  "\r",
  "\n",
  "\r\n",
  "\r\n ",
  "\r\n\r\n",
  "\0",
  "\x1b$B",
  "\x1b$)C\x0e",
  "~{",
  "\xff",
  "\xfe\xff",
  "\xef\xbb\xbf",
  "\xe4\xb8",
  "AA=",
  "A",
  "====",
  "begin 644 a\r\n",
  "M\r\n",
  "end\r\n",
  "#0V%T\r\n",
  "From ",
  ">From ",
  "Subject: x\r\n",
  "Content-Type: multipart/mixed; boundary=b\r\n",
  "<body ",
  "</body",
  "<!doctype html",
  "<meta charset=",
  "cid:",
  "+A-",
  "+AAA",
  "1 Jan 2018 ",
  "a/b",
];

const fragment = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...fragments) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ minLength: 1, maxLength: 6 })
      .map((bytes) => Buffer.from(bytes).toString("latin1")),
  },
);

/** Some fragments, over and over. */
function bomb(maxBytes: number): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(fragment, { minLength: 1, maxLength: 4 }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([pieces, size]) => {
      const piece = pieces.join("");
      // Short ones are common, long ones are rare.
      return piece.repeat(Math.max(1, Math.floor(maxBytes ** size / piece.length)));
    });
}

const fieldNames = [
  "From",
  "To",
  "Cc",
  "Subject",
  "Date",
  "Received",
  "References",
  "Message-ID",
  "Content-Type",
  "Content-Type",
  "Content-Disposition",
  "Content-Transfer-Encoding",
  "Content-ID",
  "X-Junk",
  "",
  " ",
];

const types = [
  "text/plain",
  "text/html",
  "multipart/mixed",
  "multipart/alternative",
  "message/rfc822",
  "application/octet-stream",
  "text",
  "text/plain; charset=euc-jp",
  "text/plain; charset=iso-2022-kr",
  "text/plain; charset=utf-7",
  "text/html; charset=gb18030",
  "text/plain; charset=hz-gb-2312",
  "multipart/signed; protocol=application/pkcs7-signature",
  "application/pkcs7-mime",
];
const encodings = ["base64", "quoted-printable", "x-uuencode", "8bit", "x-foo"];

interface Limits {
  /** Of one value or body. */
  readonly bytes: number;
  readonly repetitions: number;
}

/** Messages by a grammar of damage: fields and bodies that repeat what hurts, nested and repeated parts, torn structure. */
export function hostileMessage({ bytes, repetitions }: Limits): fc.Arbitrary<Buffer> {
  const field = fc
    .tuple(fc.constantFrom(...fieldNames), fc.oneof(bomb(bytes), fc.constantFrom(...types, ...encodings)))
    .map(([name, value]) => `${name}: ${value}\r\n`);
  const fields = fc.array(field, { maxLength: 5 }).map((lines) => lines.join(""));
  const leaf = fc
    .tuple(fields, fc.constantFrom(...types), fc.constantFrom(...encodings), bomb(bytes))
    .map(
      ([head, type, encoding, body]) =>
        `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${encoding}\r\n${head}\r\n${body}`,
    );
  const { entity } = fc.letrec<{ entity: string; multipart: string }>((tie) => ({
    entity: fc.oneof({ maxDepth: 4 }, leaf, tie("multipart")),
    multipart: fc
      .tuple(
        fields,
        fc.constantFrom("b", "c", "=_x", "b b"),
        fc.array(tie("entity"), { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: repetitions }),
        fc.boolean(),
        bomb(1000),
      )
      .map(([head, boundary, children, times, closed, between]) => {
        const parts = children.map((child) => `--${boundary}\r\n${child}\r\n`).join("");
        const repeated = parts.length > 1000 ? parts : parts.repeat(times + 1);
        const end = closed ? `--${boundary}--\r\n${between}` : "";
        return `Content-Type: multipart/mixed; boundary="${boundary}"\r\n${head}\r\n${between}\r\n${repeated}${end}`;
      }),
  }));
  return fc.tuple(bomb(100), fields, entity, fc.boolean()).map(([before, head, body, damaged]) =>
    // Latin-1, so that fragments are bytes.
    Buffer.from(`${damaged ? before : ""}${head}${body}`, "latin1"),
  );
}
