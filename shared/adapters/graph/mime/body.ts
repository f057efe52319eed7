import type { ByteSource } from "../../byte-source.ts";
import { letOthersRun } from "../../event-loop.ts";
import { decodeLongText } from "./charset.ts";
import { bodyOf, loadContent, type PartContent } from "./content.ts";
import type { Part } from "./layout.ts";

export interface MessageBody {
  readonly contentType: "text" | "html";
  readonly content: string;
}

export interface ComposedBody extends MessageBody {
  /** Paths of parts whose bytes did not fit the declared charset. */
  readonly guessed: readonly string[];
}

interface Piece {
  readonly kind: "text" | "html";
  readonly text: string;
}

/**
 * The one body Exchange holds, from all parts to be read. A single part stays as it is; several follow one another, as HTML
 * if any of them is.
 * @param maxBytesEach of each part only the begin, decoded bytes.
 */
export async function composeBody(
  source: ByteSource,
  parts: readonly Part[],
  maxBytesEach = Number.POSITIVE_INFINITY,
): Promise<ComposedBody> {
  const pieces: Piece[] = [];
  const guessed: string[] = [];
  for (const part of parts) {
    if (part.bodyKind === undefined) continue;
    const bytes = await loadText(source, part, maxBytesEach);
    await letOthersRun();
    const declared = part.entity.contentType.params.get("charset");
    const { text, faithful } = await decodeLongText(
      bytes,
      declared ?? (part.bodyKind === "html" ? metaCharset(bytes) : undefined),
    );
    if (!faithful) guessed.push(part.path);
    const kind = kindOf(part, text);
    const cut = bytes.length === maxBytesEach;
    pieces.push({ kind, text: cut ? tidyCut(text, kind) : text });
    await letOthersRun();
  }
  return { ...(await join(pieces)), guessed };
}

/** The bytes of a text without the files in it. */
async function loadText(source: ByteSource, { entity }: Part, maxBytes: number): Promise<Buffer> {
  const { files } = entity;
  if (files.length === 0) return (await loadContent(source, bodyOf(entity), maxBytes)).subarray(0, maxBytes);
  const pieces: Buffer[] = [];
  let room = maxBytes;
  for (let index = 0; index <= files.length && room > 0; index++) {
    const content: PartContent = {
      start: files[index - 1]?.end ?? entity.bodyStart,
      end: files[index]?.start ?? entity.end,
      encoding: entity.encoding,
    };
    const piece = (await loadContent(source, content, room)).subarray(0, room);
    pieces.push(piece);
    room -= piece.length;
  }
  return Buffer.concat(pieces);
}

/** A broken multipart declares no text type; its text tells. */
function kindOf(part: Part, text: string): "text" | "html" {
  const undeclared = part.entity.contentType.value.startsWith("multipart/");
  return part.bodyKind === "html" ||
    (undeclared && /^<(?:!doctype html|html)\b/i.test(text.slice(0, 1000).trimStart()))
    ? "html"
    : "text";
}

/** Half a character or half a tag at the end would be shown as junk. */
function tidyCut(text: string, kind: "text" | "html"): string {
  let end = text.length;
  while (text[end - 1] === "\ufffd") end--;
  const whole = text.slice(0, end);
  const tag = kind === "html" ? whole.lastIndexOf("<") : -1;
  return tag > 0 ? whole.slice(0, tag) : whole;
}

function metaCharset(bytes: Buffer): string | undefined {
  const head = bytes.subarray(0, 2048).toString("latin1");
  return /<meta\s[^<>]{0,200}?\bcharset\s{0,9}=\s{0,9}["']?([\w.:-]{1,40})/i.exec(head)?.[1];
}

async function join(pieces: readonly Piece[]): Promise<MessageBody> {
  const [first] = pieces;
  if (first === undefined) return { contentType: "text", content: "" };
  if (pieces.length === 1) return { contentType: first.kind, content: first.text };
  if (pieces.every((piece) => piece.kind === "text"))
    return { contentType: "text", content: pieces.map((piece) => piece.text).join("\r\n") };
  const base = pieces.findIndex((piece) => piece.kind === "html");
  const before = await htmlFragments(pieces.slice(0, base));
  const after = await htmlFragments(pieces.slice(base + 1));
  return { contentType: "html", content: surround(pieces[base]?.text ?? "", before, after) };
}

async function htmlFragments(pieces: readonly Piece[]): Promise<string> {
  const fragments: string[] = [];
  for (const { kind, text } of pieces) {
    fragments.push(kind === "text" ? await textAsHtml(text) : `<div>${innerHtml(text)}</div>`);
    await letOthersRun();
  }
  return fragments.join("");
}

const stepLength = 1 << 16;

/** Plain text shown as it is: line breaks and blanks kept, long lines wrapped. */
async function textAsHtml(text: string): Promise<string> {
  const escaped: string[] = [];
  for (let at = 0; at < text.length; at += stepLength) {
    const piece = text.slice(at, at + stepLength);
    escaped.push(piece.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"));
    await letOthersRun();
  }
  return `<div style="white-space: pre-wrap">${escaped.join("")}</div>`;
}

/** Indices of the inside of the body element, or of everything if there is none. */
function bodyRange(html: string): readonly [start: number, end: number] {
  const open = /<body(?=[\s>/])/i.exec(html);
  const openEnd = open === null ? -1 : html.indexOf(">", open.index);
  const start = openEnd + 1;
  const close = lastBodyEnd(html);
  return [start, close !== undefined && close >= start ? close : html.length];
}

const smallB = 0x62;
const caseBit = 0x20;

function lastBodyEnd(html: string): number | undefined {
  for (let at = html.lastIndexOf("</"); at > 0; at = html.lastIndexOf("</", at - 1))
    if ((html.charCodeAt(at + 2) | caseBit) === smallB && /^ody/i.test(html.slice(at + 3, at + 6))) return at;
  return undefined;
}

function innerHtml(html: string): string {
  const [start, end] = bodyRange(html);
  return html.slice(start, end);
}

function surround(html: string, before: string, after: string): string {
  const [start, end] = bodyRange(html);
  return html.slice(0, start) + before + html.slice(start, end) + after + html.slice(end);
}

/** No picture has a longer name, and no text shows more of them. */
const maxIdLength = 1000;
const maxIds = 10_000;

/** Content-IDs an HTML body refers to, in lower case. */
export async function referencedContentIds(body: MessageBody): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  if (body.contentType === "text") return ids;
  for (const [, id = ""] of body.content.matchAll(/cid:([^"'\s>)]+)/gi)) {
    await letOthersRun();
    if (id.length > maxIdLength || ids.has(id.toLowerCase())) continue;
    ids.add(id.toLowerCase());
    ids.add(unescapeUrl(id.replaceAll("&amp;", "&")).toLowerCase());
    if (ids.size > maxIds) break;
  }
  return ids;
}

function unescapeUrl(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
