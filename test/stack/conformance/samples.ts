import iconv from "iconv-lite";
import { Random } from "../random.ts";
import type { SmimeKind } from "./smime.ts";

/** One kind of message, as it lies at the source. */
export interface Sample {
  readonly kind: string;
  readonly content: Buffer;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  /** For S/MIME: how the entity is protected. */
  readonly smime?: SmimeKind | undefined;
}

interface SampleParts {
  readonly fields?: readonly string[];
  /** Replaces the usual fields instead of following them. */
  readonly only?: boolean;
  readonly body: string | Buffer;
  readonly flags?: readonly string[];
  readonly internalDate?: string;
}

const usualFields = [
  "Received: from mx.example.org by mail.example.com; Tue, 3 Mar 2015 09:00:05 +0100",
  "From: Ann Example <ann@example.org>",
  "To: Bob Example <bob@example.com>",
  "Subject: Plans for March",
  "Date: Tue, 3 Mar 2015 09:00:00 +0100",
  "Message-ID: <plans.2015@example.org>",
  "MIME-Version: 1.0",
];

function sample(kind: string, parts: SampleParts): Sample {
  const fields = parts.only === true ? (parts.fields ?? []) : merge(parts.fields ?? []);
  const header = fields.length === 0 ? "" : `${fields.join("\r\n")}\r\n\r\n`;
  const body = typeof parts.body === "string" ? Buffer.from(crlf(parts.body)) : parts.body;
  return {
    kind,
    content: Buffer.concat([Buffer.from(header), body]),
    flags: parts.flags ?? [],
    internalDate: new Date(parts.internalDate ?? "2015-03-03T08:00:06Z"),
  };
}

function crlf(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}

/** A field takes the place of a usual one with its name. */
function merge(fields: readonly string[]): readonly string[] {
  const nameOf = (field: string) => field.slice(0, field.indexOf(":")).toLowerCase();
  const given = new Set(fields.map(nameOf));
  return [...usualFields.filter((field) => !given.has(nameOf(field))), ...fields];
}

function multipart(subtype: string, boundary: string, ...parts: readonly string[]): string {
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\n\n${parts.map((part) => `--${boundary}\n${part}\n`).join("")}--${boundary}--\n`;
}

/** A multipart as the whole message: its first line joins the header. */
function whole(kind: string, entity: string, parts: Omit<SampleParts, "body"> = {}): Sample {
  const [contentType = "", ...rest] = entity.split("\n");
  return sample(kind, {
    ...parts,
    fields: [...(parts.fields ?? []), contentType],
    body: rest.slice(1).join("\n"),
  });
}

const random = new Random("conformance");
function file(type: string, bytes: number, fields = ""): string {
  return attached(type, Buffer.from(Array.from({ length: bytes }, () => random.integer(0, 255))), fields);
}

function attached(type: string, content: Buffer, fields = ""): string {
  const lines = (content.toString("base64").match(/.{1,76}/g) ?? []).join("\n");
  return `Content-Type: ${type}\n${fields}Content-Transfer-Encoding: base64\n\n${lines}`;
}

const text =
  "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nHello Bob,\nsee you in Köln.\n";
const html =
  "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<html><body><p>Hello <b>Bob</b>, see you in Köln.</p></body></html>";
const alternative = multipart("alternative", "alt", text, html);
const attachedMessage =
  "Content-Type: message/rfc822\n\nFrom: carol@example.net\nSubject: The original\nDate: Mon, 2 Mar 2015 10:00:00 +0000\nContent-Type: multipart/mixed; boundary=inner\n\n--inner\n\nfirst\n--inner\nContent-Type: application/pdf\n\n%PDF\n--inner--\n";
const calendar =
  "Content-Type: text/calendar; charset=utf-8; method=REQUEST\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nSUMMARY:Lunch\nEND:VEVENT\nEND:VCALENDAR";

/** Every kind of message of which the conformance table speaks. S/MIME needs openssl and is made apart. */
export function samples(): readonly Sample[] {
  return [
    sample("Plain text", { body: "Hello Bob,\n\nsee you.\n" }),
    sample("HTML", { fields: ["Content-Type: text/html; charset=utf-8"], body: "<p>Hello <b>Bob</b></p>\n" }),
    whole("Text and HTML alternatives", alternative),
    whole(
      "Inline images",
      multipart(
        "related",
        "rel",
        html.replace("Köln.", '<img src="cid:pic@x">'),
        file("image/png; name=pic.png", 300, "Content-ID: <pic@x>\nContent-Disposition: inline\n"),
      ),
    ),
    whole(
      "Attachments",
      multipart(
        "mixed",
        "mix",
        alternative,
        file("application/pdf; name=plan.pdf", 5000, "Content-Disposition: attachment\n"),
        file("application/zip; name=all.zip", 9000),
      ),
    ),
    whole(
      "Attachment names in RFC 2231 and encoded words",
      multipart(
        "mixed",
        "mix",
        text,
        file(
          "application/pdf",
          500,
          "Content-Disposition: attachment; filename*0*=utf-8''%C3%9Cber; filename*1*=sicht.pdf\n",
        ),
        file('application/pdf; name="=?utf-8?B?5YaZ55yfLnBkZg==?="', 500),
      ),
    ),
    whole(
      "Large attachment (8 MB)",
      multipart("mixed", "mix", text, file("application/octet-stream; name=big.bin", 8 * 1024 * 1024)),
    ),
    whole(
      "Many attachments (5 MB together)",
      multipart(
        "mixed",
        "mix",
        text,
        ...[1, 2, 3, 4, 5].map((number) =>
          file(`application/octet-stream; name=file${number}.bin`, 1024 * 1024),
        ),
      ),
    ),
    whole("Attached message (message/rfc822)", multipart("mixed", "mix", text, attachedMessage)),
    whole(
      "Digest of messages",
      multipart("digest", "dig", "\nSubject: one\n\nfirst\n", "\nSubject: two\n\nsecond\n"),
    ),
    whole("Invitation (text/calendar)", multipart("alternative", "alt", text, html, calendar)),
    whole(
      "Delivery report",
      multipart(
        'report; report-type="delivery-status"',
        "rep",
        text,
        "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\nFinal-Recipient: rfc822; bob@example.com\nAction: failed\nStatus: 5.1.1\n",
        attachedMessage,
      ),
    ),
    whole(
      "Read receipt (disposition notification)",
      multipart(
        'report; report-type="disposition-notification"',
        "rep",
        text,
        "Content-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n",
      ),
    ),
    whole(
      "Outlook rich text (winmail.dat)",
      multipart("mixed", "mix", text, file("application/ms-tnef; name=winmail.dat", 700)),
    ),
    whole(
      "PGP/MIME signed",
      multipart(
        'signed; micalg=pgp-sha256; protocol="application/pgp-signature"',
        "pgp",
        text,
        "Content-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n",
      ),
    ),
    whole(
      "PGP/MIME encrypted",
      multipart(
        'encrypted; protocol="application/pgp-encrypted"',
        "pgp",
        "Content-Type: application/pgp-encrypted\n\nVersion: 1\n",
        "Content-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n\nhQEM\n-----END PGP MESSAGE-----\n",
      ),
    ),
    whole(
      "Several texts in one message",
      multipart(
        "mixed",
        "mix",
        text,
        file("image/gif; name=a.gif", 200),
        text.replace("Hello Bob", "Second text"),
        html,
      ),
    ),
    whole(
      "Web page and pictures nested (Apple Mail)",
      multipart(
        "alternative",
        "alt",
        text,
        multipart(
          "mixed",
          "mix",
          html,
          file("application/pdf; name=a.pdf", 400),
          html.replace("Hello", "And"),
        ),
      ),
    ),
    ...charsetSamples(),
    sample("Encoded subject and names", {
      fields: [
        "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?utf-8?B?IEvDtmxu?=",
        "From: =?iso-8859-1?Q?J=FCrgen_M=FCller?= <jm@example.org>",
        'To: "Example, Bob" <bob@example.com>',
      ],
      body: "x\n",
    }),
    sample("Header in raw UTF-8", {
      fields: ["Subject: Grüße aus Köln", "From: Jürgen <jm@example.org>"],
      body: "x\n",
    }),
    sample("Sender, Reply-To, Cc and Bcc", {
      fields: [
        "Sender: Office <office@example.org>",
        "Reply-To: replies@example.org",
        "Cc: Carol <carol@example.net>, dan@example.net",
        "Bcc: eve@example.net",
      ],
      body: "x\n",
    }),
    sample("Address groups", {
      fields: ["To: Team: ann@example.org, Bob <bob@example.com>;", "Cc: undisclosed-recipients:;"],
      body: "x\n",
    }),
    sample("Several authors", {
      fields: ["From: Ann <ann@example.org>, Bob <bob@example.com>", "Sender: Ann <ann@example.org>"],
      body: "x\n",
    }),
    sample("2,000 recipients", {
      fields: [
        `To: ${Array.from({ length: 2000 }, (_, index) => `Person ${index} <p${index}@example.com>`).join(",\r\n ")}`,
      ],
      body: "x\n",
    }),
    sample("Threading (References, In-Reply-To)", {
      fields: ["References: <a@example.org>\r\n <b@example.org>", "In-Reply-To: <b@example.org>"],
      body: "x\n",
    }),
    sample("Importance and sensitivity", {
      fields: ["Importance: high", "X-Priority: 1", "Sensitivity: Company-Confidential"],
      body: "x\n",
    }),
    sample("Priority in the older fields", {
      fields: ["X-Priority: 5 (Lowest)", "X-MSMail-Priority: Low"],
      body: "x\n",
    }),
    sample("Request for a read receipt", {
      fields: ["Disposition-Notification-To: ann@example.org", "Return-Receipt-To: ann@example.org"],
      body: "x\n",
    }),
    sample("Long header (200 KB)", {
      fields: Array.from({ length: 2000 }, (_, index) => `X-Trace-${index}: ${"t".repeat(80)}`),
      body: "x\n",
    }),
    sample("Subject of 1,000 characters", { fields: [`Subject: ${"long ".repeat(200)}`], body: "x\n" }),
    whole(
      "Attachment of 36 MB, limit of the tenant not raised",
      multipart("mixed", "mix", text, attached("application/zip; name=all.zip", Buffer.alloc(36 << 20))),
    ),
    sample("Text of 5 MB", { body: "All work and no play makes Jack a dull boy.\n".repeat(120_000) }),
    sample("Read, flagged, answered", { body: "x\n", flags: ["\\Seen", "\\Flagged", "\\Answered"] }),
    sample("Forwarded", { body: "x\n", flags: ["$Forwarded"] }),
    sample("Answered and forwarded", { body: "x\n", flags: ["\\Answered", "$Forwarded"] }),
    sample("Keywords and labels", { body: "x\n", flags: ["Projekt", "$label1", "$Junk", "$MDNSent"] }),
    sample("Draft", {
      fields: ["Bcc: eve@example.net"],
      body: "not yet sent\n",
      flags: ["\\Draft", "\\Seen"],
    }),
    sample("No Message-ID", {
      only: true,
      fields: usualFields.filter((field) => !field.startsWith("Message-ID")),
      body: "x\n",
    }),
    sample("No Date", {
      only: true,
      fields: usualFields.filter((field) => !field.startsWith("Date")),
      body: "x\n",
    }),
    sample("Date that is none", { fields: ["Date: yesterday, about noon"], body: "x\n" }),
    sample("Dates of the years 1970 and 9999", {
      fields: ["Date: Fri, 1 Jan 9999 00:00:00 +0000"],
      body: "x\n",
      internalDate: "1970-01-01T00:00:00Z",
    }),
    sample("No sender", {
      only: true,
      fields: usualFields.filter((field) => !field.startsWith("From")),
      body: "x\n",
    }),
    sample("No header at all", { only: true, fields: [], body: "just some text\nand some more\n" }),
    sample("Empty message", { only: true, fields: [], body: "" }),
    sample("Multipart without its boundaries", {
      fields: ["Content-Type: multipart/mixed; boundary=missing"],
      body: "the text is here all the same\n",
    }),
    sample("Multipart that never ends", {
      fields: ["Content-Type: multipart/mixed; boundary=mix"],
      body: `--mix\n${text}\n--mix\n${file("application/pdf; name=a.pdf", 300)}`,
    }),
    sample("Truncated base64", {
      fields: ["Content-Type: multipart/mixed; boundary=mix"],
      body: `--mix\n${text}\n--mix\nContent-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0xLjQKJcOkw7zDtsO\n--mix--\n`,
    }),
    sample("NUL bytes and bare line feeds", { body: Buffer.from("one\0 two\nthree\n") }),
    sample("8-bit text without a charset", { body: Buffer.from("Gr\u00fc\u00dfe\r\n", "latin1") }),
  ];
}

function charsetSamples(): readonly Sample[] {
  const charsets: readonly (readonly [string, string])[] = [
    ["iso-8859-1", "Grüße aus Köln"],
    ["windows-1252", "Preis: 5 € – günstig"],
    ["iso-8859-2", "Příliš žluťoučký kůň"],
    ["koi8-r", "Привет из Москвы"],
    ["windows-1251", "Привет, Ђоковић"],
    ["shift_jis", "こんにちは世界"],
    ["euc-jp", "写真まとめ"],
    ["gb18030", "你好，世界"],
    ["big5", "你好世界"],
    ["euc-kr", "안녕하세요"],
    ["windows-1255", "שלום עולם"],
    ["utf-16le", "naïve 👋"],
  ];
  return charsets.map(([charset, words]) =>
    sample(`Charset ${charset}`, {
      fields: [`Content-Type: text/plain; charset=${charset}`, "Content-Transfer-Encoding: base64"],
      body: iconv.encode(words, charset).toString("base64"),
    }),
  );
}

/** The header of an S/MIME sample, and what is protected. */
export function smimeSample(kind: string, smime: SmimeKind, protectedEntity: Buffer): Sample {
  const fields = usualFields.filter((field) => !field.startsWith("MIME-Version"));
  const content = Buffer.concat([Buffer.from(`${fields.join("\r\n")}\r\n`), protectedEntity]);
  return { kind, content, flags: [], internalDate: new Date("2015-03-03T08:00:06Z"), smime };
}

export const smimeEntity = Buffer.from(
  crlf(multipart("mixed", "sec", text, file("application/pdf; name=secret.pdf", 800))),
);
