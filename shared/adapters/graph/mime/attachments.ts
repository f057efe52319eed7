import { type ByteSource, readAll } from "../../byte-source.ts";
import { letOthersRun } from "../../event-loop.ts";
import { type MessageBody, referencedContentIds } from "./body.ts";
import { bodyOf, measureContent, type PartContent } from "./content.ts";
import { decodeEncodedWords } from "./encoded-words.ts";
import { attachmentName, declaredName, storableName, typeOfName } from "./filename.ts";
import { fieldValue, parseHeader } from "./header.ts";
import { contentIdOf, type Part } from "./layout.ts";
import type { PlanNote } from "./notes.ts";
import type { Entity, Range } from "./scan.ts";

export interface Attachment {
  readonly name: string;
  readonly contentType: string;
  readonly isInline: boolean;
  readonly contentId?: string | undefined;
  readonly content: PartContent;
  /** Decoded bytes. */
  readonly size: number;
}

/** Characters of the original header that are stored as a property of the message. */
export const maxStoredHeader = 128 * 1024;
const maxInnerHeaderBytes = 64 * 1024;
/** Whatever its encoding, so much is more than what can be kept. */
const maxWrittenName = 4096;

/** What a message carries besides its body: parts, files in its texts, and text that belongs to no part. */
export async function attachmentsOf(
  source: ByteSource,
  root: Entity,
  parts: readonly Part[],
  body: MessageBody,
  notes: Set<PlanNote>,
): Promise<readonly Attachment[]> {
  const shown = await referencedContentIds(body);
  const attached: Attachment[] = [];
  for (const { use, entity } of parts) {
    if (use === "attachment") attached.push(await partAttachment(source, entity, attached.length + 1, shown));
    else for (const file of entity.files) attached.push(await fileInText(source, file));
    await letOthersRun();
  }
  if (root.bodyStart - root.headerStart > maxStoredHeader) attached.push(originalHeader(root));
  for (const range of surroundingsOf(root)) {
    if (await isExpected(source, range)) notes.add("surroundingsDropped");
    else {
      notes.add("TextOutsideParts");
      attached.push(outsideText(range, attached.length + 1));
    }
  }
  return attached;
}

async function partAttachment(
  source: ByteSource,
  entity: Entity,
  number: number,
  shown: ReadonlySet<string>,
): Promise<Attachment> {
  const contentId = contentIdOf(entity);
  const content = bodyOf(entity);
  return {
    name: attachmentName(entity, number, await innerSubject(source, entity)),
    contentType: entity.contentType.value,
    // A picture nobody refers to would be hidden: Outlook does not list inline ones.
    isInline: contentId !== undefined && shown.has(contentId.toLowerCase()),
    contentId,
    content,
    size: await measureContent(source, content),
  };
}

async function fileInText(source: ByteSource, file: Entity["files"][number]): Promise<Attachment> {
  const content: PartContent = { start: file.start, end: file.end, encoding: "uuencode" };
  const size = await measureContent(source, content);
  const name = storableName(file.name) || "file.bin";
  return { name, contentType: typeOfName(name), isInline: false, content, size };
}

function outsideText({ start, end }: Range, number: number): Attachment {
  return {
    name: `text-outside-parts-${number}.txt`,
    contentType: "text/plain",
    isInline: false,
    content: { start, end, encoding: "identity" },
    size: end - start,
  };
}

/** Of a header longer than what is stored with a message. */
function originalHeader({ headerStart, bodyStart }: Entity): Attachment {
  return {
    name: "original header.txt",
    contentType: "text/plain",
    isInline: false,
    content: { start: headerStart, end: bodyStart, encoding: "identity" },
    size: bodyStart - headerStart,
  };
}

function surroundingsOf(entity: Entity): readonly Range[] {
  return [...entity.surroundings, ...entity.children.flatMap(surroundingsOf)];
}

/** "This is a multi-part message in MIME format.", in whatever words, is for programs that know no MIME. */
async function isExpected(source: ByteSource, { start, end }: Range): Promise<boolean> {
  if (end - start > 1000) return false;
  return /mime|multi-?part/i.test((await readAll(source, start, end)).toString("latin1"));
}

/** The text of a body that is too long for a request. */
export async function textFile(source: ByteSource, { entity, bodyKind }: Part): Promise<Attachment> {
  const content = bodyOf(entity);
  return {
    name: declaredName(entity) ?? (bodyKind === "html" ? "message.html" : "message.txt"),
    contentType: bodyKind === "html" ? "text/html" : "text/plain",
    isInline: false,
    content,
    size: await measureContent(source, content),
  };
}

/** The whole message as it lies at the source. */
export function originalMessage(source: ByteSource): Attachment {
  return {
    name: "original message.eml",
    contentType: "message/rfc822",
    isInline: false,
    content: { start: 0, end: source.size, encoding: "identity" },
    size: source.size,
  };
}

/** The subject of an attached message that is not encoded, as RFC 2046, 5.2.1 demands. */
async function innerSubject(source: ByteSource, entity: Entity): Promise<string> {
  if (entity.contentType.value !== "message/rfc822" || entity.encoding !== "identity") return "";
  const begin = await readAll(
    source,
    entity.bodyStart,
    Math.min(entity.end, entity.bodyStart + maxInnerHeaderBytes),
  );
  const blankLine = /\r?\n\r?\n/.exec(begin.toString("latin1"));
  const block = blankLine === null ? begin : begin.subarray(0, blankLine.index + 1);
  const subject = fieldValue(parseHeader(block, undefined, "subject"), "subject") ?? "";
  return decodeEncodedWords(subject.slice(0, maxWrittenName));
}
