import iconv from "iconv-lite";
import { Random } from "../../random.ts";

/** What is to be read in a message, whatever was done to its form. */
export interface Truth {
  readonly subject: string;
  readonly from: { readonly name: string; readonly address: string };
  /** Words of the body; each stands nowhere else. */
  readonly words: readonly string[];
  readonly files: readonly { readonly name: string; readonly content: Buffer }[];
}

/** A message in good order: bytes as Latin-1, lines that end in line feeds. */
export interface BaseMessage {
  readonly name: string;
  readonly mail: string;
  readonly truth: Truth;
}

const random = new Random("damaged");
const zip = { name: "plan.zip", content: random.bytes(300) };
const picture = { name: "picture.png", content: random.bytes(120) };
const csv = { name: "list.csv", content: Buffer.from("one;two\r\nthree;four") };

const from = { name: "Ada Example", address: "ada@example.org" };
const subject = "Grüße an alle";
const plainSubject = "Plans for March";
const text = "Hello there,\nGrüße from windmill and lanterns.\n";
const words = ["there", "Grüße", "windmill", "lanterns"];
const html = "<html><body><p>Hello <b>there</b>, Grüße from windmill and lanterns.</p></body></html>\n";

const latin1 = (value: string) => Buffer.from(value).toString("latin1");

function header(subjectField: string, id: string): string {
  return [
    "Received: from mx.example.org by mail.example.com; Tue, 3 Mar 2015 09:00:05 +0100",
    `From: ${from.name} <${from.address}>`,
    "To: Bob Example <bob@example.com>, Carol <carol@example.net>",
    `Subject: ${subjectField}`,
    "Date: Tue, 3 Mar 2015 09:00:00 +0100",
    `Message-ID: <${id}@example.org>`,
    "MIME-Version: 1.0",
    "",
  ].join("\n");
}

function base64(content: Buffer): string {
  return (content.toString("base64").match(/.{1,76}/g) ?? []).join("\n");
}

function quotedPrintable(value: string): string {
  return latin1(value).replace(
    /[^\n\x20-\x3c\x3e-\x7e]/g,
    (char) => `=${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function attached(
  type: string,
  file: { readonly name: string; readonly content: Buffer },
  fields = "",
): string {
  return `Content-Type: ${type}; name="${file.name}"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="${file.name}"\n${fields}\n${base64(file.content)}\n`;
}

function multipart(subtype: string, boundary: string, ...parts: readonly string[]): string {
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\n\n${parts.map((part) => `--${boundary}\n${part}`).join("")}--${boundary}--\n`;
}

const textPart = `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n${quotedPrintable(text)}`;
const htmlPart = `Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n${latin1(html)}`;
const encodedSubject = "=?utf-8?Q?Gr=C3=BC=C3=9Fe_an?= =?utf-8?B?IGFsbGU=?=";

function message(
  name: string,
  subjectText: string,
  subjectField: string,
  entity: string,
  files: Truth["files"] = [],
  ownWords = words,
): BaseMessage {
  return {
    name,
    mail: header(subjectField, name.replaceAll(" ", "-")) + entity,
    truth: { subject: subjectText, from, words: ownWords, files },
  };
}

const attachedMessage =
  "From: Carol <carol@example.net>\nSubject: The original\nDate: Mon, 2 Mar 2015 10:00:00 +0000\n\ninner text\n";

/** One of each form that mail takes. */
export const baseMessages: readonly BaseMessage[] = [
  message("plain", plainSubject, plainSubject, textPart),
  message("html", subject, encodedSubject, htmlPart),
  message("alternative", subject, encodedSubject, multipart("alternative", "=_alt", textPart, htmlPart)),
  message(
    "attachments",
    plainSubject,
    plainSubject,
    multipart("mixed", "=_mix", textPart, attached("application/zip", zip), attached("text/csv", csv)),
    [zip, csv],
  ),
  message(
    "related",
    plainSubject,
    plainSubject,
    multipart(
      "related",
      "=_rel",
      htmlPart.replace("</p>", '<img src="cid:pic@x"></p>'),
      attached("image/png", picture, "Content-ID: <pic@x>\n"),
    ),
    [picture],
  ),
  message(
    "nested",
    subject,
    encodedSubject,
    multipart(
      "mixed",
      "=_mix",
      multipart("alternative", "=_alt", textPart, htmlPart),
      attached("application/zip", zip),
    ),
    [zip],
  ),
  message(
    "koi8",
    "Отчет за март",
    `=?koi8-r?B?${iconv.encode("Отчет за март", "koi8-r").toString("base64")}?=`,
    multipart(
      "mixed",
      "=_mix",
      `Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: 8bit\n\n${iconv.encode("Привет, мельница и фонари.\n", "koi8-r").toString("latin1")}`,
      attached("application/zip", zip),
    ),
    [zip],
    ["Привет", "мельница", "фонари"],
  ),
  message(
    "forwarded",
    plainSubject,
    plainSubject,
    multipart("mixed", "=_mix", textPart, `Content-Type: message/rfc822\n\n${attachedMessage}`),
    [{ name: "The original.eml", content: Buffer.from(attachedMessage.replaceAll("\n", "\r\n").trimEnd()) }],
  ),
];
