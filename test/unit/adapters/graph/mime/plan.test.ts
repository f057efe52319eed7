import { describe, expect, it } from "vitest";
import { bufferSource } from "../../../../../shared/adapters/byte-source.ts";
import { loadContent } from "../../../../../shared/adapters/graph/mime/content.ts";
import {
  type MessageFacts,
  type MessagePlan,
  planMessage,
} from "../../../../../shared/adapters/graph/mime/plan.ts";
import { propertyIds, propertyValue } from "../../../../../shared/adapters/graph/properties.ts";

const facts: MessageFacts = {
  internalDate: new Date("2020-05-06T07:08:09.123Z"),
  flags: [],
  stamp: "the stamp",
  chunkToken: "the token",
};

interface Planned {
  readonly plan: MessagePlan;
  /** Decoded attachments in order. */
  readonly files: readonly Buffer[];
  property(id: string): string | undefined;
}

async function planned(text: string | Buffer, overrides: Partial<MessageFacts> = {}): Promise<Planned> {
  const source = bufferSource(typeof text === "string" ? Buffer.from(text.replace(/\r?\n/g, "\r\n")) : text);
  const plan = await planMessage(source, { ...facts, ...overrides });
  const files = await Promise.all(
    plan.attachments.map((attachment) => loadContent(source, attachment.content)),
  );
  return { plan, files, property: (id) => propertyValue(plan.message.singleValueExtendedProperties, id) };
}

function uses({ plan }: Planned): readonly string[] {
  return plan.parts.map((part) => `${part.path} ${part.contentType} ${part.use}`);
}

const header =
  "From: Ann <ann@example.org>\nTo: bob@example.com\nSubject: Hi\nDate: Mon, 1 Jan 2018 10:00:00 +0100\nMessage-ID: <1@example.org>\n";

describe("properties of a plan", () => {
  it("puts dates, ids, original header, stamp and token into one create", async () => {
    const original = `${header}References: <a@x>\n <b@x>\nIn-Reply-To: <b@x>\nX-Odd: =?x?\n`;
    const { plan, property } = await planned(`${original}\nbody\n`);
    expect(property(propertyIds.messageFlags)).toBe("0");
    expect(property(propertyIds.received)).toBe("2020-05-06T07:08:09Z");
    expect(property(propertyIds.sent)).toBe("2018-01-01T09:00:00Z");
    expect(property(propertyIds.internetMessageId)).toBe("<1@example.org>");
    expect(property(propertyIds.references)).toBe("<a@x> <b@x>");
    expect(property(propertyIds.inReplyTo)).toBe("<b@x>");
    expect(property(propertyIds.transportHeaders)).toBe(`${original}\n`.replaceAll("\n", "\r\n"));
    expect(property(propertyIds.messageClass)).toBeUndefined();
    expect(property(propertyIds.stamp)).toBe("the stamp");
    expect(property(propertyIds.chunkToken)).toBe("the token");
    expect(plan.message).not.toHaveProperty("isReadReceiptRequested");
    expect([...plan.notes]).toEqual([]);
  });

  it.each([
    { flags: ["\\Seen"], value: "1" },
    { flags: ["\\Draft"], value: "8" },
    { flags: ["\\Draft", "\\Seen"], value: "9" },
    { flags: ["\\Flagged"], value: "0" },
  ])("sets message flags $value for $flags", async ({ flags, value }) => {
    const { plan, property } = await planned(header, { flags });
    expect(property(propertyIds.messageFlags)).toBe(value);
    expect(plan.message.isRead).toBe(flags.includes("\\Seen"));
  });

  it("falls back from an unusable date to the next best one", async () => {
    const noDate = await planned("Subject: x\n\n");
    expect(noDate.property(propertyIds.sent)).toBe("2020-05-06T07:08:09Z");
    expect([...noDate.plan.notes].toSorted()).toEqual(["noDate", "noMessageId"]);
    const trace =
      "Received: from a (b; c) by d; Tue, 2 Jan 2018 10:00:00 +0000\nReceived: x; Mon, 1 Jan 2018 00:00:00 +0000\n";
    const broken = await planned(`${trace}${header}\n`, { internalDate: new Date(Number.NaN) });
    expect(broken.property(propertyIds.received)).toBe("2018-01-02T10:00:00Z");
    expect(broken.plan.notes.has("receivedDateUnusable")).toBe(true);
    const nothing = await planned("\n", { internalDate: new Date("9999-01-01T00:00:00Z") });
    expect(nothing.property(propertyIds.received)).toBe("1970-01-01T00:00:00Z");
  });

  it.each([
    ["Importance: High", "high"],
    ["X-Priority: 1 (Highest)", "high"],
    ["X-Priority: 5", "low"],
    ["X-Priority: 3\nX-MSMail-Priority: High", "normal"],
    ["Priority: urgent", "high"],
    ["Priority: non-urgent", "low"],
    ["X-Subject: High", "normal"],
  ])("reads importance from %j", async (field, importance) => {
    expect((await planned(`${field}\n\n`)).plan.message.importance).toBe(importance);
  });

  it.each([
    ["Private", "2"],
    ["company-confidential", "3"],
    ["Personal", "1"],
    ["whatever", undefined],
  ])("reads sensitivity %s", async (value, expected) => {
    expect((await planned(`Sensitivity: ${value}\n\n`)).property(propertyIds.sensitivity)).toBe(expected);
  });

  it("names sender and author, and every kind of recipient", async () => {
    const { plan } = await planned(
      "From: A <a@x.org>, B <b@x.org>\nSender: S <s@x.org>\nReply-To: r@x.org\nTo: T: t1@x.org, t2@x.org;\nCc: c@x.org\nBcc: d@x.org\n\n",
    );
    const addresses = (list: readonly { readonly emailAddress: { readonly address?: string } }[]) =>
      list.map((one) => one.emailAddress.address);
    expect(plan.message.from?.emailAddress.address).toBe("a@x.org");
    expect(plan.message.sender?.emailAddress.address).toBe("s@x.org");
    expect(addresses(plan.message.toRecipients)).toEqual(["t1@x.org", "t2@x.org"]);
    expect(addresses(plan.message.ccRecipients)).toEqual(["c@x.org"]);
    expect(addresses(plan.message.bccRecipients)).toEqual(["d@x.org"]);
    expect(addresses(plan.message.replyTo)).toEqual(["r@x.org"]);
    expect(plan.notes.has("severalAuthors")).toBe(true);
    expect(plan.notes.has("groupsDissolved")).toBe(true);
  });

  it("shortens what is beyond every measure, and says so", async () => {
    const ids = Array.from({ length: 3000 }, (_, index) => `<${index}@example.org>`);
    const recipients = Array.from({ length: 30_000 }, (_, index) => `p${index}@example.org`);
    const source = `Subject: ${"s".repeat(400)}\nReferences: ${ids.join("\n ")}\nTo: ${recipients.join(",\n ")}\n${"X-Long: y\n".repeat(9000)}\n`;
    const { plan, property, files } = await planned(source);
    expect(plan.message.subject).toHaveLength(255);
    const references = property(propertyIds.references)?.split(" ") ?? [];
    expect(references[0]).toBe("<0@example.org>");
    expect(references.at(-1)).toBe("<2999@example.org>");
    expect(references.length).toBeGreaterThan(500);
    expect(property(propertyIds.transportHeaders)?.endsWith("\n")).toBe(true);
    expect(files.map(String)).toEqual([source.replaceAll("\n", "\r\n")]);
    expect(plan.message.toRecipients.length).toBeGreaterThan(5000);
    expect(Buffer.byteLength(JSON.stringify(plan.message))).toBeLessThan(4 * 1024 * 1024);
    for (const note of [
      "subjectShortened",
      "referencesShortened",
      "recipientsShortened",
      "headersShortened",
    ] as const)
      expect(plan.notes.has(note)).toBe(true);
  });
});

const png = "iVBORw0KGgo=";

describe("structure", () => {
  it("prefers HTML of alternatives, whatever their order", async () => {
    for (const order of [
      ["text/plain", "text/html"],
      ["text/html", "text/plain"],
    ]) {
      const parts = order.map((type) => `--b\nContent-Type: ${type}\n\n<p>${type}</p>\n`).join("");
      const result = await planned(
        `${header}Content-Type: multipart/alternative; boundary=b\n\n${parts}--b--\n`,
      );
      expect(result.plan.message.body).toEqual({ contentType: "html", content: "<p>text/html</p>" });
      expect(uses(result).filter((use) => use.endsWith("alternative"))).toHaveLength(1);
      expect([...result.plan.notes]).toEqual(["alternativeDropped"]);
    }
  });

  it("keeps an invitation as a file next to the body, and the class of an ordinary message", async () => {
    const result = await planned(`${header}Content-Type: multipart/alternative; boundary=b

--b
Content-Type: text/plain

Lunch?
--b
Content-Type: text/calendar; method=REQUEST

BEGIN:VCALENDAR
--b--
`);
    expect(uses(result)).toEqual(["1 text/plain body", "2 text/calendar attachment"]);
    expect(result.plan.attachments[0]).toMatchObject({ name: "invite.ics", contentType: "text/calendar" });
    expect(result.property(propertyIds.messageClass)).toBeUndefined();
  });

  it("shows pictures in the text only if the text refers to them", async () => {
    const result = await planned(`${header}Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html

<img src="cid:One%40x"><img src='CID:two'>
--b
Content-Type: image/png
Content-ID: <One@x>
Content-Transfer-Encoding: base64

${png}
--b
Content-Type: image/png; name=two.png
Content-ID: <TWO>
Content-Transfer-Encoding: base64

${png}
--b
Content-Type: image/png; name=stray.png
Content-ID: <three>
Content-Disposition: inline
Content-Transfer-Encoding: base64

${png}
--b--
`);
    expect(
      result.plan.attachments.map(({ name, isInline, contentId }) => [name, isInline, contentId]),
    ).toEqual([
      ["attachment-1.png", true, "One@x"],
      ["two.png", true, "TWO"],
      ["stray.png", false, "three"],
    ]);
  });

  it("follows alternatives that are multiparts themselves, as Apple Mail makes them", async () => {
    const result = await planned(`${header}Content-Type: multipart/alternative; boundary=a

--a
Content-Type: text/plain

plain
--a
Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/html

<body><p>one</p></body>
--m
Content-Type: application/pdf; name=doc.pdf
Content-Transfer-Encoding: base64

JVBERg==
--m
Content-Type: text/html

<html><head><title>x</title></head><body>two</body></html>
--m--
--a--
`);
    expect(uses(result)).toEqual([
      "1 text/plain alternative",
      "2.1 text/html body",
      "2.2 application/pdf attachment",
      "2.3 text/html body",
    ]);
    expect(result.plan.message.body.content).toBe("<body><p>one</p><div>two</div></body>");
    expect(result.files[0]?.toString()).toBe("%PDF");
  });

  it("joins several texts in their order", async () => {
    const texts = await planned(
      `${header}Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain\n\ntwo\n--b--\n`,
    );
    expect(texts.plan.message.body).toEqual({ contentType: "text", content: "one\r\ntwo" });
    const mixed = await planned(
      `${header}Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1 < 2\n--b\nContent-Type: text/html\n\n<b>two</b>\n--b\n\nfooter\n--b--\n`,
    );
    expect(mixed.plan.message.body).toEqual({
      contentType: "html",
      content:
        '<div style="white-space: pre-wrap">1 &lt; 2</div><b>two</b><div style="white-space: pre-wrap">footer</div>',
    });
  });

  it("attaches texts that have a name or are meant as files", async () => {
    const result = await planned(`${header}Content-Type: multipart/mixed; boundary=b

--b

body
--b
Content-Type: text/plain; name*=utf-8''%C3%BC.txt

named
--b
Content-Type: text/html
Content-Disposition: attachment

<p>file</p>
--b--
`);
    expect(result.plan.message.body.content).toBe("body");
    expect(result.plan.attachments.map((one) => one.name)).toEqual(["ü.txt", "attachment-2.html"]);
  });

  it("keeps attached messages byte by byte, named by their subject", async () => {
    const inner =
      "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n";
    const result = await planned(
      `${header}Content-Type: multipart/mixed; boundary=a\n\n--a\n\nsee below\n--a\nContent-Type: message/rfc822\n\n${inner}\n--a--\n`,
    );
    expect(uses(result)).toEqual(["1 text/plain body", "2 message/rfc822 attachment"]);
    expect(result.plan.attachments[0]).toMatchObject({ name: "Grüße.eml", contentType: "message/rfc822" });
    expect(result.files[0]?.toString()).toBe(inner);
  });

  it("takes a digest's parts for messages", async () => {
    const result = await planned(
      `${header}Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n1\n--b\n\nSubject: two\n\n2\n--b--\n`,
    );
    expect(result.plan.attachments.map((one) => one.name)).toEqual(["one.eml", "two.eml"]);
  });

  it("keeps the parts of a delivery report", async () => {
    const result =
      await planned(`${header}Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

It failed
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; x
--b
Content-Type: text/rfc822-headers

Subject: original
--b--
`);
    expect(uses(result).map((use) => use.split(" ").at(-1))).toEqual(["body", "attachment", "attachment"]);
    expect(result.plan.attachments.map((one) => one.name)).toEqual(["delivery-status.txt", "headers.txt"]);
    expect(result.property(propertyIds.messageClass)).toBeUndefined();
  });

  it("keeps TNEF and PGP parts as they are", async () => {
    const tnef = await planned(
      `${header}Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: application/ms-tnef\nContent-Transfer-Encoding: base64\n\neJ8+\n--b--\n`,
    );
    expect(tnef.plan.attachments[0]?.name).toBe("winmail.dat");
    const pgp = await planned(
      `${header}Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\nContent-Type: application/octet-stream; name=encrypted.asc\n\n-----BEGIN PGP MESSAGE-----\n--b--\n`,
    );
    expect(pgp.files.map(String)).toEqual(["Version: 1", "-----BEGIN PGP MESSAGE-----"]);
    const signed = await planned(
      `${header}Content-Type: multipart/signed; protocol="application/pgp-signature"; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: application/pgp-signature; name=signature.asc\n\n-----BEGIN PGP SIGNATURE-----\n--b--\n`,
    );
    expect(signed.plan.message.body.content).toBe("text");
    expect(signed.plan.attachments.map((one) => one.name)).toEqual(["signature.asc"]);
  });
});

describe("S/MIME", () => {
  const signature = 'protocol="application/pkcs7-signature"; micalg=sha-256';
  it("keeps a clear-signed entity untouched in one attachment, and shows its text", async () => {
    const field = `Content-Type: multipart/signed; ${signature};\n\tboundary="s"\n`;
    const body = `This is signed\n\n--s\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\nsigned  text \n--i\nContent-Type: image/png\n\nx\n--i--\n\n--s\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\nMII=\n--s--\n`;
    const result = await planned(`${header}MIME-Version: 1.0\n${field}\n${body}`);
    expect(result.property(propertyIds.messageClass)).toBe("IPM.Note.SMIME.MultipartSigned");
    expect(result.plan.attachments).toMatchObject([{ name: "smime.p7m", contentType: "multipart/signed" }]);
    expect(result.files[0]?.toString()).toBe(`${field}\n${body}`.replaceAll("\n", "\r\n"));
    expect(result.plan.message.body.content).toBe("signed  text ");
    expect(uses(result).map((use) => use.split(" ").at(-1))).toEqual(["body", "wrapped", "wrapped"]);
  });

  it.each([
    ['application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"', "application/pkcs7-mime"],
    ["application/x-pkcs7-mime", "application/x-pkcs7-mime"],
    ['application/octet-stream; name="smime.p7m"', "application/pkcs7-mime"],
  ])("keeps %s decoded in one attachment", async (type, kept) => {
    const result = await planned(
      `${header}Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\nMIIBAQI=\n`,
    );
    expect(result.property(propertyIds.messageClass)).toBe("IPM.Note.SMIME");
    expect(result.property(propertyIds.smimeContentType)).toBe(type);
    expect(result.plan.attachments).toMatchObject([{ name: "smime.p7m", contentType: kept }]);
    expect(result.files[0]).toEqual(Buffer.from("MIIBAQI=", "base64"));
    expect(result.plan.message.body).toEqual({ contentType: "text", content: "" });
    expect(uses(result).map((use) => use.split(" ").at(-1))).toEqual(["wrapped"]);
  });
});

describe("broken messages", () => {
  it("takes text without any header for the body", async () => {
    const { plan } = await planned("just text\nand more\n");
    expect(plan.message.body.content).toBe("just text\r\nand more\r\n");
    expect(plan.message).not.toHaveProperty("from");
  });

  it("reads an empty message", async () => {
    const { plan } = await planned("");
    expect(plan.message).toMatchObject({ subject: "", body: { contentType: "text", content: "" } });
    expect(plan.parts).toEqual([{ path: "1", contentType: "text/plain", use: "body" }]);
  });

  it("passes over one stray line among the fields, but not over a missing blank line", async () => {
    const stray = await planned("Subject: a\nthis is no field\nX-After: b\n\nbody");
    expect(stray.plan.message.body.content).toBe("body");
    const missing = await planned("Subject: a\nHello Bob\nhow are you\n");
    expect(missing.plan.message.body.content).toBe("Hello Bob\r\nhow are you\r\n");
    const last = await planned("Subject: a\nHello Bob");
    expect(last.plan.message.body.content).toBe("Hello Bob");
  });

  it("reads the line of an mbox file and a header that never ends", async () => {
    const mbox = await planned("From x@y Mon Jan 1\nSubject: a\n\nbody");
    expect(mbox.plan.message).toMatchObject({ subject: "a", body: { content: "body" } });
    expect((await planned("Subject: a\nX: y")).plan.message.subject).toBe("a");
  });

  it("finds parts without closing, without declared, and with wrong boundaries", async () => {
    const part = "--b\nContent-Type: text/plain\n\none\n--b\nContent-Type: application/pdf\n\ntwo";
    const open = await planned(`Content-Type: multipart/mixed; boundary=b\n\n${part}`);
    expect(uses(open)).toEqual(["1 text/plain body", "2 application/pdf attachment"]);
    const guessed = await planned(`Content-Type: multipart/mixed\n\npreamble\n${part}\n--b--\n`);
    expect(uses(guessed)).toEqual(["1 text/plain body", "2 application/pdf attachment"]);
    expect(guessed.files.map(String)).toEqual(["two", "preamble"]);
    expect(guessed.plan.notes.has("BoundaryGuessed")).toBe(true);
    const wrong = await planned(`Content-Type: multipart/mixed; boundary=other\n\n${part}\n--b--\n`);
    expect(uses(wrong)).toEqual(["1 multipart/mixed body"]);
    expect(wrong.plan.message.body.content).toContain("one");
  });

  it("ends inner parts where an outer boundary comes", async () => {
    const result = await planned(
      "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/alternative; boundary=i\n\n--i\n\ntext\n--o\nContent-Type: image/gif\n\nGIF\n--o--\n",
    );
    expect(uses(result)).toEqual(["1.1 text/plain body", "2 image/gif attachment"]);
    expect(result.files[0]?.toString()).toBe("GIF");
  });

  it("takes bare line feeds, NULs and 8-bit bytes", async () => {
    const bytes = Buffer.from("Subject: Gr\u00fc\u00dfe\0\n\nna\u00efve\0 text\n", "latin1");
    const { plan } = await planned(bytes);
    expect(plan.message).toMatchObject({ subject: "Grüße", body: { content: "naïve text\n" } });
    expect(plan.notes.has("CharsetGuessed")).toBe(true);
  });

  it("joins HTML where its body ends, whatever letters grow in lower case before", async () => {
    const part = "--b\nContent-Type: text/html; charset=utf-8\n\n<body>İİİ</BODY></html>\n";
    const { plan } = await planned(`Content-Type: multipart/mixed; boundary=b\n\n${part}${part}--b--\n`);
    expect(plan.message.body.content).toBe("<body>İİİ<div>İİİ</div></BODY></html>");
  });

  it("tells HTML by its own charset, and a broken multipart by its text", async () => {
    const meta = Buffer.from('Content-Type: text/html\n\n<meta charset="koi8-r">\xf0\xd2\xc9', "latin1");
    expect((await planned(meta)).plan.message.body.content).toContain("При");
    const html = await planned("Content-Type: multipart/related; boundary=none\n\n<html><b>x</b></html>");
    expect(html.plan.message.body.contentType).toBe("html");
  });

  it("gives no up on very deep nesting, endless lines and empty parts", async () => {
    const depth = 200;
    const open = Array.from(
      { length: depth },
      (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\n`,
    );
    const deep = await planned(`${open.join("")}\ninnermost\n`);
    expect(deep.plan.parts).toHaveLength(1);
    const long = await planned(Buffer.from(`Subject: x\n\n${"y".repeat(3_000_000)}\n--z`));
    expect(long.plan.message.body.content.length + (long.files[0]?.length ?? 0)).toBeGreaterThan(3_000_000);
    const empty = await planned("Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\n--b--\n");
    expect(uses(empty)).toEqual(["1 text/plain body", "2 text/plain body"]);
  });
});

describe("size", () => {
  it("attaches a text too long for a request, and shows its begin", async () => {
    const text = "All work and no play. ".repeat(140_000);
    const { plan, files } = await planned(`${header}\n${text}`);
    expect(plan.notes.has("textAttached")).toBe(true);
    expect(text.startsWith(plan.message.body.content)).toBe(true);
    expect(plan.attachments).toMatchObject([{ name: "message.txt", contentType: "text/plain" }]);
    expect(files[0]?.toString()).toBe(text);
  });

  it("counts a text as long as it is in a request, whatever it is made of", async () => {
    const limit = 2 * 1024 * 1024;
    const faces = "\u{1f600}".repeat((limit - 4) / 4);
    const whole = await planned(`Subject: x\nContent-Type: text/plain; charset=utf-8\n\na${faces}`);
    expect(whole.plan.notes.has("textAttached")).toBe(false);
    const quotes = await planned(`Subject: x\n\n${'"'.repeat(limit / 2 + 1)}`);
    expect(quotes.plan.notes.has("textAttached")).toBe(true);
  });

  it("fills the create first, then requests of their own, then sessions", async () => {
    const sizes = [2_000_000, 2_000_000, 500_000, 3_000_000, 2_999_900];
    const parts = sizes.map((size) => `--b\nContent-Type: application/x-data\n\n${"x".repeat(size)}\n`);
    const { plan } = await planned(
      `${header}Content-Type: multipart/mixed; boundary=b\n\n${parts.join("")}--b--\n`,
    );
    expect(plan.attachments.map(({ size, via }) => [size, via])).toEqual([
      [2_000_000, "create"],
      [2_000_000, "post"],
      [500_000, "create"],
      [3_000_000, "session"],
      [2_999_900, "session"],
    ]);
  });
});
