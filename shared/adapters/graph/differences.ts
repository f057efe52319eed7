import { createHash } from "node:crypto";
import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { OutgoingMessage } from "../../migration/ports/target.ts";
import type { ByteSource } from "../byte-source.ts";
import { itemPath } from "./items.ts";
import { streamContent } from "./mime/content.ts";
import { type PlannedAttachment, planMessage } from "./mime/plan.ts";
import type { ExtendedProperty } from "./properties.ts";
import { expandProperties, propertyIds, propertyValue } from "./properties.ts";
import { callMailbox, listAll, type MailboxSession } from "./session.ts";
import { openSource } from "./write.ts";

/** Of a larger attachment only the size is compared: Graph gives its bytes as one text. */
const comparedBytes = 30 * 1024 * 1024;

interface StoredMessage {
  readonly parentFolderId: string;
  readonly subject?: string | null;
  readonly body?: { readonly contentType?: string; readonly content?: string };
  readonly singleValueExtendedProperties?: readonly ExtendedProperty[];
}

interface StoredAttachment {
  readonly id: string;
  readonly size: number;
}

/** What an attachment is known by: its digest, or its size where it is too large to be read. */
interface AttachmentLook {
  readonly size: number;
  readonly digest?: string | undefined;
}

/**
 * Compares a message with what would be written of it today. Reads only.
 * @see TargetMailbox.differencesOf
 */
export async function differencesOf(
  session: MailboxSession,
  folder: TargetFolderId,
  item: TargetItemId,
  content: OutgoingMessage["content"],
): Promise<readonly string[] | undefined> {
  const answer = await callMailbox<StoredMessage>(session, {
    method: "GET",
    path: itemPath(item),
    query: {
      $select: "id,parentFolderId,subject,body",
      $expand: expandProperties(propertyIds.transportHeaders, propertyIds.sent),
    },
    effect: "read",
    expect: [404],
  });
  if (answer.status === 404 || answer.body.parentFolderId !== folder) return undefined;
  const source = await openSource({ content });
  try {
    const facts = { internalDate: new Date(0), flags: [], stamp: "", chunkToken: "" };
    const { message, attachments } = await planMessage(source, facts);
    const stored = answer.body;
    const found: string[] = [];
    if (oneLine(stored.subject ?? "") !== oneLine(message.subject)) found.push("The subject differs.");
    if (textOf(stored.body) !== textOf(message.body)) found.push("The text differs.");
    const sent = propertyValue(message.singleValueExtendedProperties, propertyIds.sent);
    const dated = /^date:/im.test(headersOf(message.singleValueExtendedProperties));
    if (dated && sent !== secondOf(propertyValue(stored.singleValueExtendedProperties, propertyIds.sent)))
      found.push("The date of sending differs.");
    const headers = headersOf(stored.singleValueExtendedProperties);
    if (headers !== headersOf(message.singleValueExtendedProperties)) found.push("The header differs.");
    return [...found, ...(await attachmentDifferences(session, item, attachments, source))];
  } finally {
    await source.dispose();
  }
}

async function attachmentDifferences(
  session: MailboxSession,
  item: TargetItemId,
  planned: readonly PlannedAttachment[],
  source: ByteSource,
): Promise<readonly string[]> {
  const stored = await listAll<StoredAttachment>(session, `${itemPath(item)}/attachments`, {
    $select: "id,size",
  });
  const left: AttachmentLook[] = [];
  for (const attachment of stored) left.push(await storedLook(session, item, attachment));
  const found: string[] = [];
  if (stored.length !== planned.length)
    found.push(`There are ${stored.length} attachments instead of ${planned.length}.`);
  for (const [index, attachment] of planned.entries()) {
    const wanted = await plannedLook(attachment, source);
    const at = left.findIndex((one) => isSame(one, wanted));
    if (at >= 0) left.splice(at, 1);
    else
      found.push(
        `Attachment ${index + 1} of ${planned.length}, ${wanted.size} bytes, differs or is not there.`,
      );
  }
  return found;
}

/** The size that Graph tells counts what the store keeps beside the bytes. */
function isSame(stored: AttachmentLook, planned: AttachmentLook): boolean {
  return stored.digest === undefined || planned.digest === undefined
    ? stored.size >= planned.size
    : stored.digest === planned.digest;
}

async function plannedLook(
  { content, size }: PlannedAttachment,
  source: ByteSource,
): Promise<AttachmentLook> {
  if (size > comparedBytes) return { size };
  const hash = createHash("sha256");
  for await (const piece of streamContent(source, content)) hash.update(piece);
  return { size, digest: hash.digest("base64url") };
}

async function storedLook(
  session: MailboxSession,
  item: TargetItemId,
  { id, size }: StoredAttachment,
): Promise<AttachmentLook> {
  // The store counts properties of the attachment along.
  if (size > comparedBytes + 65_536) return { size };
  const { body } = await callMailbox<{ readonly contentBytes?: string }>(session, {
    method: "GET",
    path: `${itemPath(item)}/attachments/${encodeURIComponent(id)}`,
    effect: "read",
  });
  const bytes = Buffer.from(body.contentBytes ?? "", "base64");
  return { size: bytes.length, digest: createHash("sha256").update(bytes).digest("base64url") };
}

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " " };

/** What a reader sees of a body: Exchange writes the markup anew. */
function textOf(body: { readonly contentType?: string; readonly content?: string } | undefined): string {
  const content = body?.content ?? "";
  if (body?.contentType?.toLowerCase() !== "html") return oneLine(content);
  const visible = withoutTags(content)
    .replace(/&(amp|lt|gt|quot|nbsp);/gi, (_, name: string) => entities[name.toLowerCase()] ?? " ")
    .replace(/&#(x?)([0-9a-f]{1,6});/gi, (_, hex: string, digits: string) =>
      characterOf(Number.parseInt(digits, hex === "" ? 10 : 16)),
    );
  return oneLine(visible);
}

/** The text of a page in one pass, whatever it is. */
function withoutTags(html: string): string {
  const lower = html.toLowerCase();
  const texts: string[] = [];
  let at = 0;
  for (let open = html.indexOf("<"); open >= 0; open = html.indexOf("<", at)) {
    texts.push(html.slice(at, open));
    const unseen = ["style", "script", "head"].find(
      (name) => lower.startsWith(`<${name}`, open) && !/[a-z]/.test(lower[open + name.length + 1] ?? ""),
    );
    const end = lower.startsWith("<!--", open) ? "-->" : unseen === undefined ? ">" : `</${unseen}>`;
    const close = lower.indexOf(end, open);
    if (close < 0) return texts.join(" ");
    at = close + end.length;
  }
  return [...texts, html.slice(at)].join(" ");
}

function characterOf(code: number): string {
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : " ";
}

function headersOf(properties: readonly ExtendedProperty[] | undefined): string {
  return (propertyValue(properties, propertyIds.transportHeaders) ?? "").replace(/\r?\n/g, "\n").trim();
}

function secondOf(instant: string | undefined): string | undefined {
  return instant === undefined ? undefined : `${new Date(instant).toISOString().slice(0, 19)}Z`;
}

function oneLine(text: string): string {
  return text.replace(/[\s\u00a0]+/g, " ").trim();
}
