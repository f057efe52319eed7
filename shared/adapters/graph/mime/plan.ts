import { type StatePatch, stateOfNew } from "../flags.ts";
import { type ExtendedProperty, propertyIds } from "../properties.ts";
import { parseAddresses, type Recipient } from "./addresses.ts";
import { composeBody, type MessageBody, referencedContentIds } from "./body.ts";
import type { ByteSource } from "./bytes.ts";
import { storableText, truncateText } from "./charset.ts";
import { bodyOf, measureContent, type PartContent } from "./content.ts";
import { parseMailDate, storableDate, systemTime } from "./dates.ts";
import { decodeEncodedWords } from "./encoded-words.ts";
import { attachmentName } from "./filename.ts";
import { fieldValue, fieldValues, type HeaderField, headerText, parseHeader } from "./header.ts";
import { contentIdOf, layOut, type Part, type PartUse } from "./layout.ts";
import { type Entity, scanEntities } from "./scan.ts";
import { type SmimeForm, smimeForm } from "./smime.ts";

/** What is known of a message besides its bytes. */
export interface MessageFacts {
  readonly internalDate: Date;
  readonly flags: readonly string[];
  readonly stamp: string;
  readonly chunkToken: string;
}

export interface PlannedAttachment {
  readonly name: string;
  readonly contentType: string;
  readonly isInline: boolean;
  readonly contentId?: string | undefined;
  readonly content: PartContent;
  /** Decoded bytes. */
  readonly size: number;
  /** In the create itself, by a request of its own, or by an upload session. */
  readonly via: "create" | "post" | "session";
}

/** JSON of the create, without attachments. */
export interface MessageResource extends StatePatch {
  readonly subject: string;
  readonly body: MessageBody;
  readonly from?: Recipient;
  readonly sender?: Recipient;
  readonly toRecipients: readonly Recipient[];
  readonly ccRecipients: readonly Recipient[];
  readonly bccRecipients: readonly Recipient[];
  readonly replyTo: readonly Recipient[];
  readonly importance: "low" | "normal" | "high";
  readonly singleValueExtendedProperties: readonly ExtendedProperty[];
}

/** What became of one leaf of the source. */
export interface PartAccount {
  readonly path: string;
  readonly contentType: string;
  readonly use: PartUse;
}

/** Something that Exchange cannot hold as it was; the words of the conformance table. */
export type PlanNote =
  | "alternativeDropped"
  | "charsetGuessed"
  | "groupsDissolved"
  | "headersShortened"
  | "noDate"
  | "noMessageId"
  | "receivedDateUnusable"
  | "recipientsShortened"
  | "referencesShortened"
  | "severalAuthors"
  | "severalBodies"
  | "subjectShortened"
  | "surroundingsDropped"
  | "textAttached";

export interface MessagePlan {
  readonly message: MessageResource;
  readonly attachments: readonly PlannedAttachment[];
  readonly parts: readonly PartAccount[];
  readonly notes: ReadonlySet<PlanNote>;
}

const maxSubject = 255;
const maxMessageId = 998;
const maxInnerHeaderBytes = 64 * 1024;
const maxReferences = 16_384;
const maxHeaderCharacters = 128 * 1024;
const maxRecipientBytes = 512 * 1024;

/** A request may have "4 MB", read as the smaller number; what is not an attachment is bounded so that it always fits. */
const maxRequestBytes = 4_000_000;
/** Sessions are for "3 MB" and more, read as the smaller number: one that finds a file too small says so. */
const sessionFrom = 3_000_000;
const maxBodyBytes = 2 * 1024 * 1024;
const excerptBytes = 64 * 1024;
/** JSON around the content of an attachment, without its name. */
const attachmentOverhead = 400;

/**
 * Plans how a message (RFC 5322) becomes a message in Exchange. Pure: the same bytes and facts give the same plan, and any
 * bytes give one.
 */
export async function planMessage(source: ByteSource, facts: MessageFacts): Promise<MessagePlan> {
  const notes = new Set<PlanNote>();
  const root = await scanEntities(source);
  const smime = await smimeForm(source, root);
  const parts = smime === undefined ? layOut(root) : wrap(layOut(root), smime);
  const { body, overflow } = await planBody(source, smime, parts, notes);
  const candidates = [
    ...(smime === undefined
      ? await attachmentsOf(source, parts, body)
      : [await smimeAttachment(source, smime)]),
    ...overflow,
  ];
  if (hasSurroundings(root) && smime === undefined) notes.add("surroundingsDropped");
  if (parts.some((part) => part.use === "alternative")) notes.add("alternativeDropped");
  const header = await source.read(root.headerStart, root.bodyStart);
  const message = describe(root.header, header, body, facts, smime, notes);
  return {
    message,
    attachments: distribute(candidates, Buffer.byteLength(JSON.stringify(message))),
    parts: parts.map(({ path, entity, use }) => ({ path, contentType: entity.contentType.value, use })),
    notes,
  };
}

type Candidate = Omit<PlannedAttachment, "via">;

/** All of an S/MIME message lies in its one attachment; of a clear-signed one the text is shown as well. */
function wrap(parts: readonly Part[], smime: SmimeForm): readonly Part[] {
  return parts.map((part) =>
    smime.kind === "clearSigned" && part.use === "body" ? part : { ...part, use: "wrapped" as const },
  );
}

async function planBody(
  source: ByteSource,
  smime: SmimeForm | undefined,
  parts: readonly Part[],
  notes: Set<PlanNote>,
): Promise<{ readonly body: MessageBody; readonly overflow: readonly Candidate[] }> {
  const readable = smime?.kind === "opaque" ? [] : parts.filter((part) => part.use === "body");
  if (readable.length > 1) notes.add("severalBodies");
  const encodedBytes = readable.reduce((sum, { entity }) => sum + entity.end - entity.bodyStart, 0);
  if (encodedBytes <= maxBodyBytes) {
    const { guessed, ...body } = await composeBody(source, readable);
    if (guessed.length > 0) notes.add("charsetGuessed");
    if (Buffer.byteLength(JSON.stringify(body.content)) <= maxBodyBytes) return { body, overflow: [] };
  }
  // Too long for a request: the begin can be read, and all of it is attached, unless the signed entity is.
  const { contentType, content } = await composeBody(source, readable, excerptBytes);
  notes.add("textAttached");
  const overflow =
    smime === undefined ? await Promise.all(readable.map((part) => textFile(source, part))) : [];
  return { body: { contentType, content }, overflow };
}

async function textFile(source: ByteSource, { entity, bodyKind }: Part): Promise<Candidate> {
  const content = bodyOf(entity);
  return {
    name: bodyKind === "html" ? "message.html" : "message.txt",
    contentType: bodyKind === "html" ? "text/html" : "text/plain",
    isInline: false,
    content,
    size: await measureContent(source, content),
  };
}

async function smimeAttachment(source: ByteSource, smime: SmimeForm): Promise<Candidate> {
  return {
    name: "smime.p7m",
    contentType: smime.contentType,
    isInline: false,
    content: smime.content,
    size: await measureContent(source, smime.content),
  };
}

async function attachmentsOf(
  source: ByteSource,
  parts: readonly Part[],
  body: MessageBody,
): Promise<readonly Candidate[]> {
  const shown = referencedContentIds(body);
  const attached: Candidate[] = [];
  for (const { use, entity } of parts) {
    if (use !== "attachment") continue;
    const contentId = contentIdOf(entity);
    const content = bodyOf(entity);
    attached.push({
      name: attachmentName(entity, attached.length + 1, await innerSubject(source, entity)),
      contentType: entity.contentType.value,
      // A picture nobody refers to would be hidden: Outlook does not list inline ones.
      isInline: contentId !== undefined && shown.has(contentId.toLowerCase()),
      contentId,
      content,
      size: await measureContent(source, content),
    });
  }
  return attached;
}

/** The subject of an attached message that is not encoded, as RFC 2046, 5.2.1 demands. */
async function innerSubject(source: ByteSource, entity: Entity): Promise<string> {
  if (entity.contentType.value !== "message/rfc822" || entity.encoding !== "identity") return "";
  const begin = await source.read(
    entity.bodyStart,
    Math.min(entity.end, entity.bodyStart + maxInnerHeaderBytes),
  );
  const blankLine = /\r?\n\r?\n/.exec(begin.toString("latin1"));
  const header = parseHeader(blankLine === null ? begin : begin.subarray(0, blankLine.index + 1));
  return decodeEncodedWords(fieldValue(header, "subject") ?? "");
}

function hasSurroundings(entity: Entity): boolean {
  return (entity.hasSurroundings && entity.children.length > 0) || entity.children.some(hasSurroundings);
}

/** @see https://learn.microsoft.com/graph/outlook-large-attachments */
function distribute(candidates: readonly Candidate[], messageBytes: number): readonly PlannedAttachment[] {
  let room = maxRequestBytes - messageBytes - attachmentOverhead;
  return candidates.map((attachment) => {
    const names = JSON.stringify([attachment.name, attachment.contentType, attachment.contentId ?? ""]);
    const bytes = Math.ceil(attachment.size / 3) * 4 + Buffer.byteLength(names) + attachmentOverhead;
    if (attachment.size >= sessionFrom || bytes > maxRequestBytes) return { ...attachment, via: "session" };
    if (bytes > room) return { ...attachment, via: "post" };
    room -= bytes;
    return { ...attachment, via: "create" };
  });
}

function describe(
  fields: readonly HeaderField[],
  header: Buffer,
  body: MessageBody,
  facts: MessageFacts,
  smime: SmimeForm | undefined,
  notes: Set<PlanNote>,
): MessageResource {
  const state = stateOfNew(facts.flags);
  const people = planPeople(fields, notes);
  return {
    subject: planSubject(fields, notes),
    body,
    ...people,
    importance: importanceOf(fields),
    ...state,
    singleValueExtendedProperties: [
      ...(state.singleValueExtendedProperties ?? []),
      ...planDates(fields, facts, notes),
      ...planThreading(fields, notes),
      ...planTransportHeaders(header, notes),
      ...planSensitivity(fields),
      ...(smime === undefined
        ? []
        : [
            { id: propertyIds.messageClass, value: smime.messageClass },
            ...(smime.kind === "opaque"
              ? [{ id: propertyIds.smimeContentType, value: smime.contentTypeField }]
              : []),
          ]),
      { id: propertyIds.stamp, value: facts.stamp },
      { id: propertyIds.chunkToken, value: facts.chunkToken },
    ],
  };
}

function planSubject(fields: readonly HeaderField[], notes: Set<PlanNote>): string {
  const subject = decodeEncodedWords(fieldValue(fields, "subject") ?? "").replace(/[\r\n\t]+/g, " ");
  if (subject.length > maxSubject) notes.add("subjectShortened");
  return truncateText(subject, maxSubject);
}

type People = Pick<
  MessageResource,
  "from" | "sender" | "toRecipients" | "ccRecipients" | "bccRecipients" | "replyTo"
>;

function planPeople(fields: readonly HeaderField[], notes: Set<PlanNote>): People {
  let room = maxRecipientBytes;
  const list = (name: string): readonly Recipient[] => {
    const { recipients, groups } = parseAddresses(fieldValues(fields, name));
    if (groups > 0) notes.add("groupsDissolved");
    const kept: Recipient[] = [];
    for (const recipient of recipients) {
      room -= Buffer.byteLength(JSON.stringify(recipient)) + 1;
      if (room < 0) {
        notes.add("recipientsShortened");
        break;
      }
      kept.push(recipient);
    }
    return kept;
  };
  const [author, ...otherAuthors] = list("from");
  const [writer] = list("sender");
  if (otherAuthors.length > 0) notes.add("severalAuthors");
  const from = author ?? writer;
  const sender = writer ?? author;
  return {
    ...(from === undefined ? {} : { from }),
    ...(sender === undefined ? {} : { sender }),
    replyTo: list("reply-to"),
    toRecipients: list("to"),
    ccRecipients: list("cc"),
    bccRecipients: list("bcc"),
  };
}

function planDates(
  fields: readonly HeaderField[],
  facts: MessageFacts,
  notes: Set<PlanNote>,
): readonly ExtendedProperty[] {
  const written = parseMailDate(fieldValue(fields, "date"));
  if (written === undefined) notes.add("noDate");
  const stored = storableDate(facts.internalDate);
  if (stored === undefined) notes.add("receivedDateUnusable");
  const received = stored ?? receivedHeaderDate(fields) ?? written ?? new Date(0);
  return [
    { id: propertyIds.received, value: systemTime(received) },
    { id: propertyIds.sent, value: systemTime(written ?? received) },
  ];
}

/** The last server on the way wrote the first Received field; its date follows the last semicolon (RFC 5321, 4.4). */
function receivedHeaderDate(fields: readonly HeaderField[]): Date | undefined {
  const trace = fieldValue(fields, "received");
  return trace === undefined ? undefined : parseMailDate(trace.slice(trace.lastIndexOf(";") + 1));
}

function planThreading(fields: readonly HeaderField[], notes: Set<PlanNote>): readonly ExtendedProperty[] {
  const properties: ExtendedProperty[] = [];
  const messageId = storableText(fieldValue(fields, "message-id") ?? "").trim();
  if (messageId === "" || messageId.length > maxMessageId) notes.add("noMessageId");
  else properties.push({ id: propertyIds.internetMessageId, value: messageId });
  const references = planReferences(fieldValue(fields, "references"), notes);
  if (references !== "") properties.push({ id: propertyIds.references, value: references });
  const inReplyTo = truncateText(storableText(fieldValue(fields, "in-reply-to") ?? ""), maxMessageId);
  if (inReplyTo !== "") properties.push({ id: propertyIds.inReplyTo, value: inReplyTo });
  return properties;
}

/** Of an overlong list the first and the last ids are kept: the root and the near ancestors thread a message. */
function planReferences(value: string | undefined, notes: Set<PlanNote>): string {
  const ids = storableText(value ?? "")
    .split(/\s+/)
    .filter((id) => id !== "" && id.length <= maxMessageId);
  const [first, ...others] = ids;
  if (first === undefined) return "";
  let room = maxReferences - first.length;
  const kept = others.findLastIndex((id) => {
    room -= id.length + 1;
    return room < 0;
  });
  if (kept !== -1) notes.add("referencesShortened");
  return [first, ...others.slice(kept + 1)].join(" ");
}

function planTransportHeaders(header: Buffer, notes: Set<PlanNote>): readonly ExtendedProperty[] {
  const text = storableText(headerText(header));
  if (text === "") return [];
  if (text.length <= maxHeaderCharacters) return [{ id: propertyIds.transportHeaders, value: text }];
  notes.add("headersShortened");
  const cut = text.lastIndexOf("\n", maxHeaderCharacters) + 1;
  return [
    { id: propertyIds.transportHeaders, value: truncateText(text, cut === 0 ? maxHeaderCharacters : cut) },
  ];
}

/** RFC 2156 and its de facto forerunners, the most telling first. */
function importanceOf(fields: readonly HeaderField[]): "low" | "normal" | "high" {
  const value = (name: string) => fieldValue(fields, name)?.trim().toLowerCase() ?? "";
  for (const word of [
    value("importance"),
    value("x-priority"),
    value("x-msmail-priority"),
    value("priority"),
  ]) {
    if (/^(?:high|urgent|[12]\b)/.test(word)) return "high";
    if (/^(?:low|non-urgent|[45]\b)/.test(word)) return "low";
    if (/^(?:normal|medium|3\b)/.test(word)) return "normal";
  }
  return "normal";
}

/** MS-OXCMSG, 2.2.1.13. */
const sensitivities: Readonly<Record<string, string>> = {
  personal: "1",
  private: "2",
  "company-confidential": "3",
};

function planSensitivity(fields: readonly HeaderField[]): readonly ExtendedProperty[] {
  const value = sensitivities[fieldValue(fields, "sensitivity")?.trim().toLowerCase() ?? ""];
  return value === undefined ? [] : [{ id: propertyIds.sensitivity, value }];
}
