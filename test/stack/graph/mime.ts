import { createHash } from "node:crypto";
import { inReplyTo, messageClass, references, transportHeaders } from "./extended-properties.ts";
import type { EmailAddress, MessageItem, StoredAttachment } from "./message-item.ts";

interface Part {
  /** Header lines without the final line break. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

const lineBreak = Buffer.from("\r\n");

/**
 * The message as MIME (RFC 5322, RFC 2045): its original header where `String 0x007D` holds it, else one made from
 * the properties, and a body made from the stored body and attachments. A signed or encrypted entity of an
 * IPM.Note.SMIME message comes out byte by byte as it was stored.
 */
export function renderMime(item: MessageItem): Buffer {
  const original = item.extended.get(transportHeaders);
  const header = original === undefined ? composedHeader(item) : headerFields(original);
  const secured = securedEntity(item, header);
  if (secured !== undefined) return secured;
  const content = contentPart(item);
  return Buffer.concat([
    Buffer.from(
      [...withoutContentFields(header), "MIME-Version: 1.0", ...content.headers, "", ""].join("\r\n"),
    ),
    content.body,
  ]);
}

/** Splits a header into its fields, each with its folded lines. */
function headerFields(text: string): string[] {
  const fields: string[] = [];
  for (const line of text.split(/\r\n|\r|\n/)) {
    if (line === "") continue;
    if (/^[ \t]/.test(line) && fields.length > 0) fields.push(`${fields.pop()}\r\n${line}`);
    else fields.push(line);
  }
  return fields;
}

function withoutContentFields(fields: readonly string[]): string[] {
  return fields.filter((field) => !/^(?:content-[a-z-]+|mime-version)[ \t]*:/i.test(field));
}

/**
 * [MS-OXOSMIME] 2.1.3: such a message has one attachment. For a clear-signed one it is the whole multipart/signed
 * entity; for an opaque one it is the CMS object, whose entity header the message header has.
 */
function securedEntity(item: MessageItem, header: readonly string[]): Buffer | undefined {
  const kind = (item.extended.get(messageClass) ?? "").toLowerCase();
  if (!kind.startsWith("ipm.note.smime")) return undefined;
  const [attachment, ...others] = item.attachments;
  if (attachment?.kind !== "file" || others.length > 0) return undefined;
  const bytes = attachment.content.read();
  if (startsWithEntityHeader(bytes))
    return Buffer.concat([
      Buffer.from([...withoutContentFields(header), "MIME-Version: 1.0", ""].join("\r\n")),
      bytes,
    ]);
  if (bytes.subarray(0, 2).toString("latin1") === "--")
    return Buffer.concat([Buffer.from([...header, "", ""].join("\r\n")), bytes]);
  const part = base64Part(
    [
      `Content-Type: ${attachment.contentType ?? "application/pkcs7-mime"}`,
      disposition("attachment", attachment.name),
    ],
    bytes,
  );
  const content = header.filter((field) =>
    /^content-(?:type|disposition|description|id)[ \t]*:/i.test(field),
  );
  const kept = content.length > 0 ? content : part.headers.slice(0, 2);
  return Buffer.concat([
    Buffer.from(
      [
        ...withoutContentFields(header),
        "MIME-Version: 1.0",
        ...kept,
        "Content-Transfer-Encoding: base64",
        "",
        "",
      ].join("\r\n"),
    ),
    part.body,
  ]);
}

function startsWithEntityHeader(bytes: Buffer): boolean {
  return /^(?:[!-9;-~]+:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n)+\r?\n/.test(
    bytes.subarray(0, 65_536).toString("latin1"),
  );
}

function composedHeader(item: MessageItem): string[] {
  const { properties } = item;
  const addresses = (name: string, list: readonly EmailAddress[]) =>
    list.length === 0 ? [] : [`${name}: ${list.map(mailbox).join(",\r\n ")}`];
  const optional = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`${name}: ${value}`];
  return [
    `Date: ${new Date(item.sentAt).toUTCString().replace("GMT", "+0000")}`,
    ...addresses("From", properties.from === undefined ? [] : [properties.from]),
    ...addresses("Sender", properties.sender === undefined ? [] : [properties.sender]),
    ...addresses("To", properties.toRecipients),
    ...addresses("Cc", properties.ccRecipients),
    ...addresses("Bcc", properties.bccRecipients),
    ...addresses("Reply-To", properties.replyTo),
    `Subject: ${encodedText(properties.subject)}`,
    `Message-ID: ${item.internetMessageId}`,
    ...optional("In-Reply-To", item.extended.get(inReplyTo)),
    ...optional("References", item.extended.get(references)),
    ...(properties.importance === "normal" ? [] : [`Importance: ${properties.importance}`]),
    ...properties.internetMessageHeaders.map(({ name, value }) => `${name}: ${value}`),
  ];
}

function contentPart(item: MessageItem): Part {
  const { contentType, content } = item.properties.body;
  const body = base64Part(
    [`Content-Type: text/${contentType === "html" ? "html" : "plain"}; charset=utf-8`],
    Buffer.from(content),
  );
  const inline = item.attachments.filter(isRelated);
  const regular = item.attachments.filter((attachment) => !isRelated(attachment));
  const related = inline.length === 0 ? body : multipart("related", [body, ...inline.map(attachmentPart)]);
  return regular.length === 0 ? related : multipart("mixed", [related, ...regular.map(attachmentPart)]);
}

function isRelated(attachment: StoredAttachment): boolean {
  return attachment.isInline && attachment.contentId !== undefined;
}

function attachmentPart(attachment: StoredAttachment): Part {
  const headers = [
    disposition(attachment.isInline ? "inline" : "attachment", attachment.name),
    ...(attachment.contentId === undefined
      ? []
      : [`Content-ID: <${attachment.contentId.replaceAll(/^<|>$/g, "")}>`]),
  ];
  if (attachment.kind === "item") return messagePart(headers, renderMime(attachment.item));
  const type = attachment.contentType ?? "application/octet-stream";
  // A message may not be encoded within another one: RFC 2046, 5.2.1.
  if (/^message\/rfc822\b/i.test(type)) return messagePart(headers, attachment.content.read());
  return base64Part([`Content-Type: ${type}`, ...headers], attachment.content.read());
}

function messagePart(headers: readonly string[], message: Buffer): Part {
  return {
    headers: ["Content-Type: message/rfc822", ...headers, "Content-Transfer-Encoding: 8bit"],
    body: message,
  };
}

function multipart(subtype: "related" | "mixed", parts: readonly Part[]): Part {
  // Derived from the content, so that the same message always comes out the same, and no part can hold it.
  const hash = createHash("sha256").update(subtype);
  for (const part of parts) hash.update(part.headers.join("\n")).update(part.body);
  const boundary = `=_${hash.digest("hex").slice(0, 40)}`;
  const pieces = parts.flatMap((part) => [
    Buffer.from([`--${boundary}`, ...part.headers, "", ""].join("\r\n")),
    part.body,
    lineBreak,
  ]);
  return {
    headers: [`Content-Type: multipart/${subtype}; boundary="${boundary}"`],
    body: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
  };
}

/** Base64 in lines of 76 characters (RFC 2045, 6.8). */
function base64Part(headers: readonly string[], bytes: Buffer): Part {
  const bytesOfLine = 57;
  const lines = Math.ceil(bytes.length / bytesOfLine);
  const body = Buffer.alloc(4 * Math.ceil(bytes.length / 3) + 2 * lines);
  let end = 0;
  for (let at = 0; at < bytes.length; at += bytesOfLine)
    end += body.write(
      `${bytes.toString("base64", at, Math.min(at + bytesOfLine, bytes.length))}\r\n`,
      end,
      "latin1",
    );
  return { headers: [...headers, "Content-Transfer-Encoding: base64"], body };
}

/** RFC 2183, with the file name in the extended notation of RFC 2231 where it is not plain. */
function disposition(kind: "inline" | "attachment", name: string): string {
  if (/^[\x20-\x7e]*$/.test(name))
    return `Content-Disposition: ${kind}; filename="${name.replaceAll(/[\\"]/g, "\\$&")}"`;
  const encoded = encodeURIComponent(name).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `Content-Disposition: ${kind}; filename*=UTF-8''${encoded}`;
}

function mailbox({ name, address }: EmailAddress): string {
  if (name === "" || name === address) return `<${address}>`;
  const phrase = /^[\x20-\x7e]*$/.test(name) ? `"${name.replaceAll(/[\\"]/g, "\\$&")}"` : encodedText(name);
  return `${phrase} <${address}>`;
}

/** Encoded words of RFC 2047 for text that is not ASCII, none of them cut within a character. */
function encodedText(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  const mostBytes = 45;
  const words: string[] = [];
  let word = "";
  for (const character of text) {
    if (Buffer.byteLength(word + character) > mostBytes) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  words.push(word);
  return words.map((one) => `=?utf-8?B?${Buffer.from(one).toString("base64")}?=`).join("\r\n ");
}
