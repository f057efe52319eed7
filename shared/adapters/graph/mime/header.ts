import { isAscii, isUtf8 } from "node:buffer";
import { letOthersRun } from "../../event-loop.ts";
import { decodeLongText, decodeText, storableText } from "./charset.ts";

export interface HeaderField {
  /** Lower case. */
  readonly name: string;
  /** Unfolded, trimmed, without control characters, not decoded further. */
  readonly value: string;
  /** It stood behind another one on the same line. */
  readonly joined?: true;
}

/** The fields of a message that are read; every other one is kept in the original header only. */
const messageFields = new Set([
  "bcc",
  "cc",
  "date",
  "from",
  "importance",
  "in-reply-to",
  "message-id",
  "priority",
  "received",
  "references",
  "reply-to",
  "sender",
  "sensitivity",
  "subject",
  "to",
  "x-msmail-priority",
  "x-priority",
]);

/** Further fields by which a header is known. */
const otherKnownFields = new Set([
  "delivered-to",
  "dkim-signature",
  "envelope-to",
  "errors-to",
  "list-id",
  "list-unsubscribe",
  "mime-version",
  "organization",
  "precedence",
  "reply-by",
  "resent-date",
  "resent-from",
  "resent-message-id",
  "resent-to",
  "return-path",
  "status",
  "user-agent",
  "x-mailer",
  "x-mozilla-keys",
  "x-mozilla-status",
  "x-originalarrivaltime",
  "x-status",
]);

const colon = 0x3a;
const maxFieldName = 200;

/**
 * The name (lower case) of the field that a line begins (RFC 5322, 2.2), blanks before the colon tolerated; undefined if it
 * begins none.
 */
export function fieldName(line: Buffer): string | undefined {
  let end = 0;
  while (end < line.length && end < maxFieldName && isNameByte(line[end] as number)) end++;
  let at = end;
  while (at < maxFieldName && isBlank(line[at])) at++;
  return end === 0 || line[at] !== colon ? undefined : line.toString("latin1", 0, end).toLowerCase();
}

function isNameByte(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && byte !== colon;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x09;
}

/** True for fields of which the plan of a message or of a part makes use. */
export function isReadField(name: string, ofPart: boolean): boolean {
  return name.startsWith("content-") || (!ofPart && messageFields.has(name));
}

/** True for fields that hardly stand in a text by chance. */
export function isKnownField(name: string): boolean {
  return messageFields.has(name) || otherKnownFields.has(name) || name.startsWith("content-");
}

/**
 * Bytes of a header as text: UTF-8 if they are, else in the charset that the message declares.
 * @param charset of the message's text, if known; Windows-1252 otherwise.
 */
function headerText(block: Buffer, charset: string | undefined): string {
  if (isAscii(block)) return block.toString("latin1");
  if (isUtf8(block)) return block.toString("utf8");
  if (block.length > maxGuessed) return block.toString("latin1");
  return decodeText(block, charset !== undefined && sevenBit.test(charset) ? undefined : charset).text;
}

/** Charsets of ASCII bytes alone: what holds others is in none of them, and to read it as one takes long. */
const sevenBit = /^\s*["']?(?:utf-?7|unicode-1-1|x-unicode-2-0|iso-2022|csiso2022|hz)/i;

/** Of a field longer than that no charset is looked for: decoding it would take long, and its addresses are ASCII. */
const maxGuessed = 64 * 1024;

/** A whole header as it can be stored, in steps between which others get their turn. */
export async function storableHeader(block: Buffer, charset: string | undefined): Promise<string> {
  if (isAscii(block)) return storableText(block.toString("latin1"));
  return (await decodeLongText(block, isUtf8(block) ? "utf-8" : charset)).text;
}

/** Fields that are long for good reason; of every other one the begin is read. */
const listFields = new Set(["bcc", "cc", "from", "references", "reply-to", "to"]);
const maxField = 64 * 1024;

/** Bytes of a field that are worth keeping. */
export function maxFieldBytes(name: string): number {
  return listFields.has(name) ? Number.POSITIVE_INFINITY : maxField;
}

/**
 * Splits a header block into its fields. Lines that belong to no field are left out. For short ones; the whole header of a
 * message is for `parseLongHeader`.
 * @param charset in which bytes are read that are no UTF-8.
 * @param wanted begin of the names of fields that are read.
 */
export function parseHeader(block: Buffer, charset?: string, wanted = ""): readonly HeaderField[] {
  return findFields(block, wanted).flatMap((place) => readField(block, place, charset));
}

/** `parseHeader`, in steps between which others get their turn. */
export async function parseLongHeader(
  block: Buffer,
  charset: string | undefined,
): Promise<readonly HeaderField[]> {
  const fields: HeaderField[] = [];
  const places = findFields(block, "");
  await letOthersRun();
  for (const place of places) {
    fields.push(...readField(block, place, charset));
    await letOthersRun();
  }
  return fields;
}

/** Where the value of a field lies in its block. */
interface FieldPlace {
  readonly name: string;
  readonly start: number;
  end: number;
}

function findFields(block: Buffer, wanted: string): readonly FieldPlace[] {
  const found: FieldPlace[] = [];
  let inField = false;
  for (let start = 0; start < block.length; ) {
    const end = lineEndAfter(block, start);
    const last = found.at(-1);
    if (isBlank(block[start])) {
      if (inField && last !== undefined) last.end = end;
    } else {
      const line = block.subarray(start, Math.min(end, start + maxFieldName));
      const name = fieldName(line);
      inField = name?.startsWith(wanted) === true;
      if (name !== undefined && inField) found.push({ name, start: start + line.indexOf(colon) + 1, end });
    }
    start = end;
  }
  return found;
}

function readField(
  block: Buffer,
  { name, start, end }: FieldPlace,
  charset: string | undefined,
): readonly HeaderField[] {
  const value = storableText(unfolded(block.subarray(start, end), charset)).trim();
  return name.startsWith("content-") ? splitJoined({ name, value }) : [{ name, value }];
}

function lineEndAfter(block: Buffer, start: number): number {
  const lineFeed = block.indexOf(0x0a, start);
  return lineFeed === -1 ? block.length : lineFeed + 1;
}

/** Lines joined before they are decoded, since a character may be cut in two by folding; a value may be nothing but lines. */
function unfolded(value: Buffer, charset: string | undefined): string {
  const line = Buffer.allocUnsafe(value.length);
  let length = 0;
  for (let at = 0; at < value.length; at++) {
    const byte = value[at] as number;
    const endsLine = byte === 0x0a || (byte === 0x0d && value[at + 1] === 0x0a);
    if (!endsLine) line[length++] = byte;
  }
  return headerText(line.subarray(0, length), charset);
}

const contentField = /^\s(content-[a-z-]{2,30})\s{0,9}:/i;

/** Some senders put two fields on one line: `Content-Type: text/html Content-Transfer-Encoding: base64`. */
function splitJoined(field: HeaderField): readonly HeaderField[] {
  const { value } = field;
  if (!/\scontent-/i.test(value)) return [field];
  const fields: HeaderField[] = [];
  let current: Pick<HeaderField, "name" | "joined"> = field;
  let start = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const char = value[at];
    if (char === "\\") at++;
    else if (char === '"') quoted = !quoted;
    else if (!quoted && isBlank(value.charCodeAt(at))) {
      const [joined, name] = contentField.exec(value.slice(at, at + 50)) ?? [];
      if (joined === undefined || name === undefined) continue;
      fields.push({ ...current, value: value.slice(start, at) });
      current = { name: name.toLowerCase(), joined: true };
      start = at + joined.length;
      while (/\s/.test(value.charAt(start))) start++;
      at = start - 1;
    }
  }
  fields.push({ ...current, value: value.slice(start) });
  return fields;
}

/** The first field of that name (lower case), as mail clients show it. */
export function fieldValue(fields: readonly HeaderField[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value;
}

export function fieldValues(fields: readonly HeaderField[], name: string): readonly string[] {
  return fields.filter((field) => field.name === name).map((field) => field.value);
}

/** A field with its name, folding and line ends, as it stands in the block; empty if absent. */
export function rawField(block: Buffer, name: string): Buffer {
  const lines: Buffer[] = [];
  for (let start = 0; start < block.length; ) {
    const end = lineEndAfter(block, start);
    const line = block.subarray(start, end);
    if (isBlank(line[0]) ? lines.length > 0 : fieldName(line) === name) lines.push(line);
    else if (lines.length > 0) break;
    start = end;
  }
  return Buffer.concat(lines);
}
