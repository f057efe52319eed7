import iconv from "iconv-lite";

/** What people read in a message. */
export interface RightReading {
  readonly subject?: string;
  readonly from?: { readonly name?: string; readonly address?: string };
  readonly to?: readonly { readonly name?: string; readonly address?: string }[];
  /** Plain text of the body, or its HTML, without blanks at the ends. */
  readonly text?: string;
  readonly html?: string;
  /** Name and content of each attachment; all of them. */
  readonly files?: readonly (readonly [name: string, content: string])[];
  /** Seconds and zone as JSON has them. */
  readonly sent?: string;
  /** Media type of the first attachment, where that is what the kind is about. */
  readonly fileType?: string;
}

/** One way in which mail is damaged, a message of it, and its right reading. */
export interface DamagedKind {
  readonly kind: string;
  readonly content: Buffer;
  readonly right: RightReading;
}

const usual = [
  "From: Ann <ann@example.org>",
  "To: Bob <bob@example.com>",
  "Subject: Hello",
  "Date: Mon, 1 Jan 2018 10:00:00 +0100",
  "Message-ID: <1@example.org>",
  "MIME-Version: 1.0",
];

const ann = { name: "Ann", address: "ann@example.org" };
const hello: RightReading = { subject: "Hello", from: ann, text: "hi", files: [] };

function bytes(...pieces: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece.replace(/\r?\n/g, "\r\n")) : piece)),
  );
}

function kind(name: string, right: RightReading, ...pieces: readonly (string | Buffer)[]): DamagedKind {
  return { kind: name, right, content: bytes(...pieces) };
}

const header = `${usual.join("\n")}\n`;

/** A message with usual fields, one of them replaced or added. */
function withField(field: string | Buffer, body: string | Buffer = "\nhi\n"): readonly (string | Buffer)[] {
  const name = field.toString("latin1").split(":")[0]?.toLowerCase();
  const others = usual.filter((line) => line.split(":")[0]?.toLowerCase() !== name);
  return [`${others.join("\n")}\n`, field, "\n", body];
}

/** The usual header and this entity. */
function withEntity(...entity: readonly (string | Buffer)[]): readonly (string | Buffer)[] {
  return [header, ...entity];
}

const pdf = "Content-Type: application/pdf; name=a.pdf\n\n%PDF";
const textAndPdf: RightReading = { subject: "Hello", text: "the text", files: [["a.pdf", "%PDF"]] };

function mixed(first: string, second: string): string {
  return `--b\n${first}\n--b\n${second}\n--b--\n`;
}

function named(disposition: string): readonly (string | Buffer)[] {
  return withEntity(
    `Content-Type: multipart/mixed; boundary=b\n\n${mixed("\nthe text", `Content-Type: application/octet-stream\n${disposition}\n\nx`)}`,
  );
}

const fileNamed = (name: string): RightReading => ({ text: "the text", files: [[name, "x"]] });

const headers: readonly DamagedKind[] = [
  kind(
    "Header after a banner of Microsoft's",
    hello,
    `Microsoft Mail Internet Headers Version 2.0\n${header}\nhi\n`,
  ),
  kind("Header after blank lines", hello, `\n\n${header}\nhi\n`),
  kind("Header after a line of blanks", hello, `   \n${header}\nhi\n`),
  kind("Header whose first line is indented", hello, `  ${header}\nhi\n`),
  kind("Header after a byte order mark", hello, Buffer.from([0xef, 0xbb, 0xbf]), `${header}\nhi\n`),
  kind(
    "Header after the line of an mbox file",
    hello,
    `From ann@example.org Mon Jan  1 10:00:00 2018\n${header}\nhi\n`,
  ),
  kind(
    "Header after a quoted line of an mbox file",
    hello,
    `>From ann@example.org Mon Jan  1 10:00:00 2018\n${header}\nhi\n`,
  ),
  kind("Header after an answer of a POP server", hello, `+OK 512 octets\n${header}\nhi\n`),
  kind(
    "Text without header that only looks like one",
    { text: "\n\nNote: this is text\nand goes on".trim(), files: [] },
    "\nNote: this is text\nand goes on\n",
  ),
  kind(
    "Stray lines among the fields",
    hello,
    header.replace("Subject", "a line\nanother line\nSubject"),
    "\nhi\n",
  ),
  kind("Line of blanks between header and text", { ...hello, text: "hi\nthere" }, `${header}  \nhi\nthere\n`),
  kind(
    "No blank line between header and text",
    { ...hello, text: "hi there\nhow are you" },
    `${header}hi there\nhow are you\n`,
  ),
  kind("Blanks before the colon of a field", hello, header.replace("Subject:", "Subject \t:"), "\nhi\n"),
  kind("Fields in capitals", hello, header.replace("Subject", "SUBJECT").replace("From", "FROM"), "\nhi\n"),
  kind("Lines that end in line feeds alone", hello, Buffer.from(`${header}\nhi\n`)),
];

const people: readonly DamagedKind[] = [
  kind(
    "Name with a comma, not quoted",
    { from: { name: "Lovelace, Ada", address: "ada@example.org" } },
    ...withField("From: Lovelace, Ada <ada@example.org>"),
  ),
  kind(
    "Names with commas in a list",
    {
      to: [
        { name: "Lovelace, Ada", address: "ada@example.org" },
        { name: "Babbage, C.", address: "cb@example.org" },
        { address: "x@example.org" },
      ],
    },
    ...withField("To: Lovelace, Ada <ada@example.org>, Babbage, C. <cb@example.org>, x@example.org"),
  ),
  kind(
    "Name with a quote inside",
    { from: { name: 'Pat O"Hara', address: "pat@example.org" } },
    ...withField('From: Pat O"Hara <pat@example.org>'),
  ),
  kind(
    "Address in square brackets",
    { from: { name: "Ada", address: "ada@example.org" } },
    ...withField("From: Ada [ada@example.org]"),
  ),
  kind(
    "Address with mailto:",
    { from: { name: "Ada", address: "ada@example.org" } },
    ...withField("From: Ada <mailto:ada@example.org>"),
  ),
  kind(
    "Address in two pairs of brackets",
    { from: { name: "Ada", address: "ada@example.org" } },
    ...withField("From: Ada <<ada@example.org>>"),
  ),
  kind(
    "Address without closing bracket",
    { from: { name: "Ada", address: "ada@example.org" } },
    ...withField("From: Ada <ada@example.org"),
  ),
  kind(
    "Address with a route",
    { from: { name: "Ada", address: "ada@example.org" } },
    ...withField("From: Ada <@relay.example.net:ada@example.org>"),
  ),
  kind(
    "Addresses without a comma between",
    {
      to: [
        { name: "Ada", address: "ada@example.org" },
        { name: "Bob", address: "bob@example.org" },
      ],
    },
    ...withField("To: Ada <ada@example.org>Bob <bob@example.org>"),
  ),
  kind(
    "Addresses separated by semicolons",
    { to: [{ address: "ada@example.org" }, { address: "bob@example.org" }] },
    ...withField("To: ada@example.org; bob@example.org"),
  ),
];

function raw(charset: string, text: string, type = charset): DamagedKind {
  return kind(
    `Raw header in ${charset}`,
    { subject: text },
    ...withField(
      Buffer.concat([Buffer.from("Subject: "), iconv.encode(text, charset)]),
      `Content-Type: text/plain; charset=${type}\n\nhi\n`,
    ),
  );
}

const words: readonly DamagedKind[] = [
  raw("koi8-r", "Отчет"),
  raw("gbk", "会议纪要"),
  raw("shift_jis", "会議の件"),
  raw("windows-1251", "Отчет за год"),
  raw("iso-8859-2", "Příliš žluťoučký"),
  raw("euc-kr", "회의 안내"),
  raw("utf-8", "Grüße", "koi8-r"),
  kind(
    "Raw header in the charset of a part",
    { subject: "Отчет", text: "Привет", files: [["отчет.txt", "x"]] },
    ...withField(Buffer.concat([Buffer.from("Subject: "), iconv.encode("Отчет", "koi8-r")]), ""),
    "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=koi8-r\n\n",
    iconv.encode("Привет", "koi8-r"),
    '\n--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename="',
    iconv.encode("отчет.txt", "koi8-r"),
    '"\n\nx\n--b--\n',
  ),
  ...(
    [
      ["with question marks and blanks", "=?UTF-8?Q?Ready for lunch? (today)?=", "Ready for lunch? (today)"],
      ["with a question mark before an escape", "=?UTF-8?Q?wirklich?=C3=A4h?=", "wirklich?äh"],
      ["next to each other without a blank", "=?utf-8?Q?one_?==?utf-8?Q?two?=", "one two"],
      ["of base64 cut in the middle of a quantum", "=?utf-8?B?R3LDvM?= =?utf-8?B?OfZQ==?=", "Grüße"],
      ["of base64 with a character cut in two", "=?utf-8?B?4pg=?= =?utf-8?B?gw==?=", "☃"],
      ["in quotes", '"=?utf-8?Q?Gr=C3=BC=C3=9Fe?="', '"Grüße"'],
      ["without a charset", "=??Q?Gr=C3=BC=C3=9Fe?=", "Grüße"],
      ["with a charset in quotes", '=?"utf-8"?Q?Gr=C3=BC=C3=9Fe?=', "Grüße"],
      ["behind one that was cut", "=?utf-8?B?R3L =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "=?utf-8?B?R3L Grüße"],
      ["folded inside a word", "=?UTF-8?B?R3LDvMOf\n ZQ==?=", "Grüße"],
      ["glued to other text", "Re:=?utf-8?Q?Gr=C3=BC=C3=9Fe?=!", "Re:Grüße!"],
      ["in ISO-2022-JP", "=?iso-2022-jp?B?GyRCJDMbKEI=?= =?iso-2022-jp?B?GyRCJHMbKEI=?=", "こん"],
      ["in ISO-2022-KR", "=?iso-2022-kr?B?GyQpQw5HUTE5Pm4P?=", "한국어"],
    ] as const
  ).map(([name, field, subject]) =>
    kind(`Encoded words ${name}`, { subject }, ...withField(`Subject: ${field}`)),
  ),
];

const html = "<p>the only body</p>";

const types: readonly DamagedKind[] = [
  kind(
    "Body with a file name",
    { html, files: [] },
    ...withEntity(`Content-Type: text/html; name=body.html; charset=windows-1252\n\n${html}\n`),
  ),
  kind(
    "Only text of a multipart with a file name",
    { text: "the text", files: [["a.pdf", "%PDF"]] },
    ...withEntity(
      `Content-Type: multipart/mixed; boundary=b\n\n${mixed("Content-Type: text/plain; name=body.txt\n\nthe text", pdf)}`,
    ),
  ),
  kind(
    "Alternatives with file names",
    { html, files: [] },
    ...withEntity(
      `Content-Type: multipart/alternative; boundary=b\n\n${mixed("Content-Type: text/plain\n\nthe text", `Content-Type: text/html; name=body.html\n\n${html}`)}`,
    ),
  ),
  kind(
    "Content-Type and encoding on one line",
    { html: "<p>Grüße</p>", files: [] },
    ...withEntity(
      'Content-Type: text/html; charset = "iso-8859-1" Content-Transfer-Encoding: quoted-printable\n\n<p>Gr=FC=DFe</p>\n',
    ),
  ),
  kind(
    "Content-Type without semicolon",
    { text: "Grüße", files: [] },
    ...withEntity(
      "Content-Type: text/plain charset=koi8-r charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nGr=C3=BC=C3=9Fe\n".replace(
        "charset=koi8-r ",
        "",
      ),
    ),
  ),
  kind(
    "Parameters without semicolons between",
    textAndPdf,
    ...withEntity(
      `Content-Type: multipart/mixed boundary="b" charset="utf-8"\n\n${mixed("\nthe text", pdf)}`,
    ),
  ),
  kind(
    "Content-Type without type, with a name and a Content-ID",
    { html: '<img src="cid:cat@x">', files: [["cat.jpg", "JPEG"]], fileType: "image/jpeg" },
    ...withEntity(
      `Content-Type: multipart/related; boundary=b\n\n${mixed('Content-Type: text/html\n\n<img src="cid:cat@x">', 'Content-Type: charset=binary; name="cat.jpg"\nContent-ID: <cat@x>\n\nJPEG')}`,
    ),
  ),
  kind("Content-Type without slash", { html, files: [] }, ...withEntity(`Content-Type: html\n\n${html}\n`)),
  kind(
    "Content-Type with a backslash",
    { html, files: [] },
    ...withEntity(`Content-Type: text\\html\n\n${html}\n`),
  ),
  kind(
    "Content-Type that names itself twice",
    { html, files: [] },
    ...withEntity(`Content-Type: Content-Type: text/html\n\n${html}\n`),
  ),
  kind(
    "Two Content-Type fields, the multipart second",
    textAndPdf,
    ...withEntity(
      `Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\n${mixed("\nthe text", pdf)}`,
    ),
  ),
  kind(
    "Two Content-Type fields, the boundary of one in the body",
    textAndPdf,
    ...withEntity(
      `Content-Type: multipart/mixed; boundary=other\nContent-Type: multipart/mixed; boundary=b\n\n${mixed("\nthe text", pdf)}`,
    ),
  ),
  kind(
    "Two Content-Type fields, no boundary in the body",
    { text: "just text", files: [] },
    ...withEntity("Content-Type: text/plain\nContent-Type: multipart/mixed; boundary=b\n\njust text\n"),
  ),
];

const parts: readonly DamagedKind[] = [
  kind(
    "Boundary folded inside its quotes",
    textAndPdf,
    ...withEntity(
      `Content-Type: multipart/mixed; boundary="part=AAAA1111\n =BBBB2222"\n\n${mixed("\nthe text", pdf).replaceAll("--b", "--part=AAAA1111=BBBB2222")}`,
    ),
  ),
  kind(
    "Boundary not declared",
    textAndPdf,
    ...withEntity(`Content-Type: multipart/mixed\n\n${mixed("\nthe text", pdf)}`),
  ),
  kind(
    "Parts after the closing delimiter",
    textAndPdf,
    ...withEntity(
      `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nthe text\n--b--\n--b\n${pdf}\n--b--\n`,
    ),
  ),
  kind(
    "Text after the closing delimiter",
    { text: "the text", files: [["attachment-1.txt", "late"]] },
    ...withEntity(
      "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nthe text\n--b--\n--b\nContent-Type: text/plain\n\nlate\n--b--\n",
    ),
  ),
  kind(
    "Text outside the parts",
    {
      text: "the text",
      files: [
        ["a.pdf", "%PDF"],
        ["text-outside-parts-2.txt", "a footer of a list"],
      ],
    },
    ...withEntity(
      `Content-Type: multipart/mixed; boundary=b\n\n${mixed("\nthe text", pdf)}a footer of a list\n`,
    ),
  ),
  kind(
    "Inner multipart with the boundary of the outer",
    textAndPdf,
    ...withEntity(
      `Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\nthe text\n--b--\n--b\n${pdf}\n--b--\n`,
    ),
  ),
  kind(
    "uuencoded file in the text",
    { text: "here is the list", files: [["list.txt", "hello world"]] },
    ...withEntity("\nhere is the list\n\nbegin 644 list.txt\n+:&5L;&\\@=V]R;&0 \n`\nend\n"),
  ),
  kind(
    "Two uuencoded files between texts",
    {
      text: "one\ntwo\nthree",
      files: [
        ["a.txt", "Cat"],
        ["b c.txt", "Cat"],
      ],
    },
    ...withEntity("\none\nbegin 644 a.txt\n#0V%T\n`\nend\ntwo\nbegin 644 b c.txt\n#0V%T\n`\nend\nthree\n"),
  ),
  kind(
    "uuencoded file that is cut off",
    { text: "text", files: [["a.txt", "Cat"]] },
    ...withEntity("\ntext\nbegin 644 a.txt\n#0V%T\n"),
  ),
  kind(
    "Text that only begins like uuencode",
    { text: "begin 644 days ago\nand so on", files: [] },
    ...withEntity("\nbegin 644 days ago\nand so on\n"),
  ),
  kind(
    "Encoding in quotes",
    { text: "Grüße" },
    ...withEntity(
      'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: "quoted-printable"\n\nGr=C3=BC=C3=9Fe\n',
    ),
  ),
  kind(
    "Base64 in pieces, each padded",
    { text: "Hello World" },
    ...withEntity("Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\nIFdvcmxk\n"),
  ),
];

const charsets: readonly DamagedKind[] = (
  [
    ["hz-gb-2312", Buffer.from("~{<:Ky2;~}~~\n", "latin1"), "己所不~"],
    ["iso-2022-kr", Buffer.from("\x1b$)C\r\n\x0eGQ19>n\x0f\r\n", "latin1"), "한국어"],
    ["iso-2022-cn", Buffer.from("\x1b$)A\x0eDc:CJ@=g\x0f\r\n", "latin1"), "你好世界"],
    ["iso-2022-jp-1", Buffer.from("\x1b$B$3$s\x1b(B\r\n", "latin1"), "こん"],
    ["us-ascii", Buffer.from("\x1b$B$3$s\x1b(B\r\n", "latin1"), "こん"],
    ["utf-8", iconv.encode("Grüße\r\n", "latin1"), "Grüße"],
    ["x-unknown", Buffer.from("Grüße\r\n"), "Grüße"],
    ["'utf-8'", Buffer.from("Grüße\r\n"), "Grüße"],
    ["x-mac-ce", Buffer.from([0x88, 0x0d, 0x0a]), "ą"],
    ["binary", Buffer.from("Grüße\r\n"), "Grüße"],
  ] as const
).map(([charset, body, text]) =>
  kind(
    `Text as ${charset}${charset === "us-ascii" ? ", in truth ISO-2022-JP" : ""}`,
    { text },
    ...withEntity(`Content-Type: text/plain; charset=${charset}\n\n`, body),
  ),
);

const names: readonly DamagedKind[] = (
  [
    [
      "encoded words over continuations",
      'attachment; filename*0="=?UTF-8?Q?tea_=E2=98=95?=\n =?UTF-8?Q?=E2=98=9"; filename*1="5.docx?="',
      "tea ☕☕.docx",
    ],
    ["an extended value without asterisk", "attachment; filename=\"utf-8''%C3%9Cber.pdf\"", "Über.pdf"],
    ["encoded words in the extended form", 'attachment; filename*="=?utf-8?Q?=C3=9Cber.pdf?="', "Über.pdf"],
    [
      "plain and extended continuations",
      "attachment; filename*0*=utf-8''%C3%9C; filename*1=ber; filename*2*=%20x.pdf",
      "Über x.pdf",
    ],
    ["continuations out of order", "attachment; filename*1=b.pdf; filename*0=a", "ab.pdf"],
    ["quotes inside quotes", 'attachment; filename="the "best" one.pdf"', "the _best_ one.pdf"],
    ["blanks and no quotes", "attachment; filename=my file.pdf", "my file.pdf"],
    ["parentheses and no quotes", "attachment; filename=report (1).pdf", "report (1).pdf"],
    ["no closing quote", 'attachment; filename="open.pdf', "open.pdf"],
    ["no semicolon", "attachment filename=plan.pdf", "plan.pdf"],
    ["encoded words without quotes", "attachment; filename==?utf-8?Q?=C3=9Cber?=.pdf", "Über.pdf"],
    ["raw UTF-8", 'attachment; filename="Über.pdf"', "Über.pdf"],
  ] as const
).map(([what, disposition, name]) =>
  kind(`File name with ${what}`, fileNamed(name), ...named(`Content-Disposition: ${disposition}`)),
);

const dates: readonly DamagedKind[] = (
  [
    ["zone EST5EDT in winter", "Mon, 1 Jan 2018 10:00:00 EST5EDT", "2018-01-01T15:00:00Z"],
    ["zone EST5EDT in summer", "Sun, 1 Jul 2018 10:00:00 EST5EDT", "2018-07-01T14:00:00Z"],
    [
      "comments, nested",
      "Mon (Montag), 1 Jan 2018 (heute (ja)) 10:00:00 +0100 (CET (winter))",
      "2018-01-01T09:00:00Z",
    ],
    ["dots for colons", "Mon, 1 Jan 2018 10.00.00 +0100", "2018-01-01T09:00:00Z"],
    ["no zone", "Mon, 1 Jan 2018 10:00:00", "2018-01-01T10:00:00Z"],
    ["an unknown zone", "Mon, 1 Jan 2018 10:00:00 XYZ", "2018-01-01T10:00:00Z"],
    ["zone GMT+0100", "Mon, 1 Jan 2018 10:00:00 GMT+0100", "2018-01-01T09:00:00Z"],
    ["12-hour clock", "Monday, January 1, 2018 10:00:00 PM +0000", "2018-01-01T22:00:00Z"],
    ["German month", "Do, 1 Mär 2018 10:00:00 +0100", "2018-03-01T09:00:00Z"],
    ["the order of ISO", "2018-01-01 10:00:00 +0100", "2018-01-01T09:00:00Z"],
  ] as const
).map(([what, date, sent]) => kind(`Date with ${what}`, { sent }, ...withField(`Date: ${date}`)));

/** Every kind of damage that was reported from the field, with the reading that Outlook, Thunderbird or Gmail show. */
export const damagedKinds: readonly DamagedKind[] = [
  ...headers,
  ...people,
  ...words,
  ...types,
  ...parts,
  ...charsets,
  ...names,
  ...dates,
];
