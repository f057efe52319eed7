import { readMailDate } from "../../../domain/mail-date.ts";
import { type ByteSource, readAll } from "../../byte-source.ts";
import { letOthersRun } from "../../event-loop.ts";
import { type StatePatch, stateOfNew } from "../flags.ts";
import { type ExtendedProperty, propertyIds } from "../properties.ts";
import { type Recipient, readAddresses } from "./addresses.ts";
import { maxStoredHeader } from "./attachments.ts";
import type { MessageBody } from "./body.ts";
import { storableText, truncateText } from "./charset.ts";
import { storableDate, systemTime } from "./dates.ts";
import { decodeEncodedWords } from "./encoded-words.ts";
import { fieldValue, fieldValues, type HeaderField, storableHeader } from "./header.ts";
import type { PlanNote } from "./notes.ts";
import type { Scan } from "./scan.ts";
import type { SmimeForm } from "./smime.ts";

/** What is known of a message besides its bytes. */
export interface MessageFacts {
  readonly internalDate: Date;
  readonly flags: readonly string[];
  readonly stamp: string;
  readonly chunkToken: string;
}

/** JSON of the create, without attachments. */
export interface MessageResource extends StatePatch, People {
  readonly subject: string;
  readonly body: MessageBody;
  readonly importance: "low" | "normal" | "high";
  readonly singleValueExtendedProperties: readonly ExtendedProperty[];
}

interface People {
  readonly from?: Recipient;
  readonly sender?: Recipient;
  readonly toRecipients: readonly Recipient[];
  readonly ccRecipients: readonly Recipient[];
  readonly bccRecipients: readonly Recipient[];
  readonly replyTo: readonly Recipient[];
}

const maxSubject = 255;
const maxWrittenSubject = 16_384;
const maxMessageId = 998;
const maxReferences = 16_384;
const maxRecipientBytes = 512 * 1024;

/** The message as its header and flags tell it, around the body. */
export async function describeMessage(
  source: ByteSource,
  { root, headerCharset }: Scan,
  body: MessageBody,
  facts: MessageFacts,
  smime: SmimeForm | undefined,
  notes: Set<PlanNote>,
): Promise<MessageResource> {
  const fields = root.header;
  const state = stateOfNew(facts.flags);
  // A character of UTF-8 takes up to four bytes; more of the header is not stored.
  const headerEnd = Math.min(root.bodyStart, root.headerStart + 4 * maxStoredHeader + 4);
  const header = await storableHeader(await readAll(source, root.headerStart, headerEnd), headerCharset);
  const people = await planPeople(fields, notes);
  await letOthersRun();
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
      ...planTransportHeaders(header, headerEnd < root.bodyStart, notes),
      ...planSensitivity(fields),
      ...smimeProperties(smime),
      { id: propertyIds.stamp, value: facts.stamp },
      { id: propertyIds.chunkToken, value: facts.chunkToken },
    ],
  };
}

function smimeProperties(smime: SmimeForm | undefined): readonly ExtendedProperty[] {
  if (smime === undefined) return [];
  const messageClass = { id: propertyIds.messageClass, value: smime.messageClass };
  if (smime.kind !== "opaque") return [messageClass];
  return [messageClass, { id: propertyIds.smimeContentType, value: smime.contentTypeField }];
}

function planSubject(fields: readonly HeaderField[], notes: Set<PlanNote>): string {
  const written = fieldValue(fields, "subject") ?? "";
  // Whatever its encoding, so much is more than what can be kept.
  const subject = decodeEncodedWords(written.slice(0, maxWrittenSubject)).replace(/[\r\n\t]+/g, " ");
  if (subject.length > maxSubject || written.length > maxWrittenSubject) notes.add("subjectShortened");
  return truncateText(subject, maxSubject);
}

async function planPeople(fields: readonly HeaderField[], notes: Set<PlanNote>): Promise<People> {
  let room = maxRecipientBytes;
  const counts = { groups: 0, guessed: 0, shortened: 0 };
  const list = async (name: string): Promise<readonly Recipient[]> => {
    const kept: Recipient[] = [];
    for (const value of fieldValues(fields, name)) {
      for await (const recipient of readAddresses(value, counts)) {
        room -= Buffer.byteLength(JSON.stringify(recipient)) + 1;
        if (room < 0) {
          notes.add("recipientsShortened");
          return kept;
        }
        kept.push(recipient);
      }
    }
    return kept;
  };
  const [author, ...otherAuthors] = await list("from");
  const [writer] = await list("sender");
  if (otherAuthors.length > 0) notes.add("severalAuthors");
  const from = author ?? writer;
  const sender = writer ?? author;
  const people = {
    ...(from === undefined ? {} : { from }),
    ...(sender === undefined ? {} : { sender }),
    replyTo: await list("reply-to"),
    toRecipients: await list("to"),
    ccRecipients: await list("cc"),
    bccRecipients: await list("bcc"),
  };
  if (counts.groups > 0) notes.add("groupsDissolved");
  if (counts.guessed > 0) notes.add("NameGuessed");
  if (counts.shortened > 0) notes.add("recipientsShortened");
  return people;
}

function planDates(
  fields: readonly HeaderField[],
  facts: MessageFacts,
  notes: Set<PlanNote>,
): readonly ExtendedProperty[] {
  const read = readMailDate(fieldValue(fields, "date"));
  const written = storableDate(read?.date);
  if (written === undefined) notes.add("noDate");
  else if (read?.guessed === true) notes.add("DateGuessed");
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
  return trace === undefined
    ? undefined
    : storableDate(readMailDate(trace.slice(trace.lastIndexOf(";") + 1))?.date);
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

/** Of a list that is far too long, what may be kept of it: its begin and its end. */
function worthReading(list: string): string {
  if (list.length <= 4 * maxReferences) return list;
  return `${list.slice(0, maxMessageId + 1)} ${list.slice(-2 * maxReferences)}`;
}

/** Of an overlong list the first and the last ids are kept: the root and the near ancestors thread a message. */
function planReferences(value: string | undefined, notes: Set<PlanNote>): string {
  const ids = worthReading(storableText(value ?? ""))
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

function planTransportHeaders(
  header: string,
  cut: boolean,
  notes: Set<PlanNote>,
): readonly ExtendedProperty[] {
  const text = header.replace(/^\ufeff/, "");
  if (text === "") return [];
  if (text.length <= maxStoredHeader && !cut) return [{ id: propertyIds.transportHeaders, value: text }];
  notes.add("headersShortened");
  const end = text.lastIndexOf("\n", maxStoredHeader) + 1;
  return [{ id: propertyIds.transportHeaders, value: truncateText(text, end === 0 ? maxStoredHeader : end) }];
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
