import type { Content, ContentStore } from "./content.ts";
import { GraphError, invalidBody } from "./errors.ts";
import {
  canonicalPropertyId,
  deliveryTime,
  internetMessageId,
  messageClass,
  messageFlags,
  messageSize,
  requireValueOfType,
  submitTime,
} from "./extended-properties.ts";
import { newChangeKey, newImmutableId, newRestId } from "./ids.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

export interface EmailAddress {
  readonly name: string;
  readonly address: string;
}

export interface MessageBody {
  readonly contentType: "text" | "html";
  readonly content: string;
}

/** The properties of a message that a request may set and a reader gets back as they were. */
export interface MessageProperties {
  subject: string;
  body: MessageBody;
  from: EmailAddress | undefined;
  sender: EmailAddress | undefined;
  toRecipients: readonly EmailAddress[];
  ccRecipients: readonly EmailAddress[];
  bccRecipients: readonly EmailAddress[];
  replyTo: readonly EmailAddress[];
  importance: string;
  inferenceClassification: string;
  categories: readonly string[];
  flag: JsonObject;
  internetMessageHeaders: readonly { readonly name: string; readonly value: string }[];
  isDeliveryReceiptRequested: boolean;
  isReadReceiptRequested: boolean;
}

/** A message as such, in a folder or inside an attachment. Instants are milliseconds since 1970. */
export interface MessageItem {
  readonly properties: MessageProperties;
  /** Single-value extended properties by canonical id, with the value as it was given. */
  readonly extended: Map<string, string>;
  attachments: StoredAttachment[];
  /** Its bytes as they came, where the service keeps them. */
  mime?: Buffer;
  internetMessageId: string;
  isDraft: boolean;
  isRead: boolean;
  receivedAt: number;
  sentAt: number;
  createdAt: number;
  modifiedAt: number;
  changeKey: string;
}

interface AttachmentBase {
  readonly restId: string;
  readonly immutableId: string;
  readonly name: string;
  readonly contentType: string | undefined;
  readonly isInline: boolean;
  readonly contentId: string | undefined;
  readonly modifiedAt: number;
}

export type StoredAttachment =
  | (AttachmentBase & { readonly kind: "file"; readonly content: Content })
  | (AttachmentBase & { readonly kind: "item"; readonly item: MessageItem });

/** learn.microsoft.com/graph/outlook-large-attachments: an attachment has 150 MB at most. */
export const largestAttachment = 150 * 1024 * 1024;

const readFlag = 1;
/** MSGFLAG_UNSENT of PidTagMessageFlags, [MS-OXCMSG] 2.2.1.6. */
const unsentFlag = 8;

const deepestNesting = 5;

export interface ItemContext {
  readonly contents: ContentStore;
  readonly now: number;
}

/**
 * A new message from a request body that has the shape of a message. receivedDateTime and sentDateTime have no effect
 * (learn.microsoft.com/graph/api/resources/message: both are set by the server); the MAPI properties 0x0E06 and
 * 0x0039 have. Without message flags, or with the unsent bit, it is a draft.
 */
export function createItem(body: JsonObject, context: ItemContext, depth = 0): MessageItem {
  if (depth > deepestNesting)
    throw new GraphError(400, "ErrorInvalidRequest", "Messages are nested too deeply.");
  const extended = new Map<string, string>();
  readExtendedProperties(body, extended);
  const properties = emptyProperties();
  applyProperties(properties, body);

  const flags = extended.get(messageFlags);
  const isDraft = flags === undefined || (Number(flags) & unsentFlag) !== 0;
  const given = body.isRead;
  const received = extended.get(deliveryTime);
  const sent = extended.get(submitTime);
  return {
    properties,
    extended,
    attachments: objects(body.attachments).map((attachment) => createAttachment(attachment, context, depth)),
    internetMessageId:
      extended.get(internetMessageId) ?? text(body.internetMessageId) ?? `<${newChangeKey()}@graph.invalid>`,
    isDraft,
    isRead:
      typeof given === "boolean" ? given : flags === undefined ? isDraft : (Number(flags) & readFlag) !== 0,
    receivedAt: received === undefined ? context.now : Date.parse(received),
    sentAt: sent === undefined ? context.now : Date.parse(sent),
    createdAt: context.now,
    modifiedAt: context.now,
    changeKey: newChangeKey(),
  };
}

/** learn.microsoft.com/graph/api/message-update: what a message that was sent no longer lets change. */
const draftOnly = ["subject", "body", "internetMessageId", "replyTo"];
const readOnly = [
  "id",
  "attachments",
  "bodyPreview",
  "changeKey",
  "conversationId",
  "conversationIndex",
  "createdDateTime",
  "hasAttachments",
  "internetMessageHeaders",
  "isDraft",
  "lastModifiedDateTime",
  "parentFolderId",
  "receivedDateTime",
  "sentDateTime",
  "uniqueBody",
  "webLink",
];

/** Changes a message in place, all or nothing. */
export function updateItem(item: MessageItem, body: JsonObject, now: number): void {
  const refused =
    readOnly.find((name) => name in body) ?? draftOnly.find((name) => !item.isDraft && name in body);
  if (refused !== undefined)
    throw new GraphError(
      400,
      "ErrorInvalidPropertySet",
      `The property '${refused}' cannot be set on this message, which is ${item.isDraft ? "" : "not "}a draft.`,
    );
  const changed = new Map<string, string>();
  readExtendedProperties(body, changed);
  // Read-only once the message was saved the first time: [MS-OXCMSG] 2.2.1.6.
  if (changed.has(messageFlags))
    throw new GraphError(
      400,
      "ErrorInvalidPropertySet",
      "Message flags can be set only when a message is created.",
    );
  const properties = { ...item.properties };
  applyProperties(properties, body);

  Object.assign(item.properties, properties);
  for (const [id, value] of changed) item.extended.set(id, value);
  const isRead = body.isRead;
  if (typeof isRead === "boolean") item.isRead = isRead;
  const messageId = changed.get(internetMessageId) ?? text(body.internetMessageId);
  if (messageId !== undefined) item.internetMessageId = messageId;
  const received = changed.get(deliveryTime);
  if (received !== undefined) item.receivedAt = Date.parse(received);
  const sent = changed.get(submitTime);
  if (sent !== undefined) item.sentAt = Date.parse(sent);
  touch(item, now);
}

export function touch(item: MessageItem, now: number): void {
  item.modifiedAt = now;
  item.changeKey = newChangeKey();
}

/** A copy with ids of its own. The bytes of attachments are shared, since they never change. */
export function copyItem(item: MessageItem, now: number): MessageItem {
  return {
    ...item,
    properties: { ...item.properties },
    extended: new Map(item.extended),
    attachments: item.attachments.map((attachment) => ({
      ...attachment,
      restId: newRestId(),
      immutableId: newImmutableId(),
    })),
    createdAt: now,
    modifiedAt: now,
    changeKey: newChangeKey(),
  };
}

/**
 * A new attachment from a request body of a type derived from attachment. What is over 3 MB never gets here: in base64
 * it does not fit into a request (learn.microsoft.com/graph/outlook-large-attachments).
 */
export function createAttachment(body: JsonObject, context: ItemContext, depth = 0): StoredAttachment {
  const base = {
    restId: newRestId(),
    immutableId: newImmutableId(),
    contentType: text(body.contentType),
    isInline: body.isInline === true,
    contentId: text(body.contentId),
    modifiedAt: context.now,
  };
  const name = text(body.name);
  if (name === undefined) throw invalidBody("An attachment needs a name.");
  if (String(body["@odata.type"]).endsWith("itemAttachment")) {
    const item = body.item;
    if (!isJsonObject(item)) throw invalidBody("An item attachment needs its item.");
    return { ...base, kind: "item", name, item: createItem(item, context, depth + 1) };
  }
  const encoded = text(body.contentBytes);
  if (encoded === undefined) throw invalidBody("A file attachment needs its contentBytes.");
  const bytes = Buffer.from(encoded, "base64");
  return { ...base, kind: "file", name, content: context.contents.store(bytes) };
}

/** An attachment that came through an upload session. */
export function uploadedAttachment(
  description: Pick<AttachmentBase, "name" | "contentType" | "isInline" | "contentId">,
  content: Content,
  now: number,
): StoredAttachment {
  return {
    ...description,
    restId: newRestId(),
    immutableId: newImmutableId(),
    kind: "file",
    content,
    modifiedAt: now,
  };
}

/** Bytes an item takes of the quota and of the limit of a message. */
export function itemSize(item: MessageItem): number {
  let size =
    1024 + Buffer.byteLength(item.properties.subject) + Buffer.byteLength(item.properties.body.content);
  for (const value of item.extended.values()) size += Buffer.byteLength(value);
  for (const attachment of item.attachments) size += attachmentSize(attachment);
  return size;
}

export function attachmentSize(attachment: StoredAttachment): number {
  return attachment.kind === "file" ? attachment.content.size : itemSize(attachment.item);
}

/** Value of a property that is stored, or that Exchange computes from others; undefined where there is none. */
export function extendedValue(item: MessageItem, id: string): string | undefined {
  switch (id) {
    case messageFlags:
      return String(
        (Number(item.extended.get(messageFlags) ?? 0) & ~(readFlag | unsentFlag)) |
          (item.isRead ? readFlag : 0) |
          (item.isDraft ? unsentFlag : 0),
      );
    case deliveryTime:
      return new Date(item.receivedAt).toISOString();
    case submitTime:
      return new Date(item.sentAt).toISOString();
    case internetMessageId:
      return item.internetMessageId;
    case messageClass:
      return item.extended.get(id) ?? "IPM.Note";
    case messageSize:
      return String(itemSize(item));
    default:
      return item.extended.get(id);
  }
}

function emptyProperties(): MessageProperties {
  return {
    subject: "",
    body: { contentType: "text", content: "" },
    from: undefined,
    sender: undefined,
    toRecipients: [],
    ccRecipients: [],
    bccRecipients: [],
    replyTo: [],
    importance: "normal",
    inferenceClassification: "focused",
    categories: [],
    flag: { flagStatus: "notFlagged" },
    internetMessageHeaders: [],
    isDeliveryReceiptRequested: false,
    isReadReceiptRequested: false,
  };
}

/** learn.microsoft.com/office365/servicedescriptions/exchange-online-service-description/exchange-online-limits, "Message limits". */
const longestSubject = 255;

function applyProperties(properties: MessageProperties, body: JsonObject): void {
  if ("subject" in body) properties.subject = text(body.subject) ?? "";
  if (properties.subject.length > longestSubject)
    throw new GraphError(
      400,
      "ErrorPropertyValidationFailure",
      `A subject has at most ${longestSubject} characters.`,
    );
  if (isJsonObject(body.body))
    properties.body = {
      contentType: text(body.body.contentType)?.toLowerCase() === "html" ? "html" : "text",
      content: text(body.body.content) ?? "",
    };
  for (const name of ["from", "sender"] as const) if (name in body) properties[name] = address(body[name]);
  for (const name of ["toRecipients", "ccRecipients", "bccRecipients", "replyTo"] as const)
    if (name in body) properties[name] = objects(body[name]).flatMap((recipient) => address(recipient) ?? []);
  for (const name of ["importance", "inferenceClassification"] as const) {
    const value = text(body[name]);
    if (value !== undefined) properties[name] = value.toLowerCase();
  }
  for (const name of ["isDeliveryReceiptRequested", "isReadReceiptRequested"] as const)
    if (name in body) properties[name] = body[name] === true;
  if (Array.isArray(body.categories)) properties.categories = body.categories.map(String);
  if (isJsonObject(body.flag)) properties.flag = readFollowupFlag(body.flag);
  if ("internetMessageHeaders" in body) properties.internetMessageHeaders = readInternetMessageHeaders(body);
}

/** learn.microsoft.com/graph/api/resources/followupflag: a due date without a start date gives 400. */
function readFollowupFlag(flag: JsonObject): JsonObject {
  if (isJsonObject(flag.dueDateTime) && !isJsonObject(flag.startDateTime))
    throw new GraphError(400, "ErrorInvalidRequest", "A follow-up flag with a due date needs a start date.");
  const status = text(flag.flagStatus)?.toLowerCase();
  const flagStatus = status === "flagged" || status === "complete" ? status : "notFlagged";
  if (flagStatus === "notFlagged") return { flagStatus };
  return { ...flag, flagStatus };
}

const mostInternetMessageHeaders = 5;
const longestInternetMessageHeader = 995;

/**
 * learn.microsoft.com/graph/api/resources/internetmessageheader: headers are added only on create, only custom ones
 * that begin with "x-", five at most.
 */
function readInternetMessageHeaders(body: JsonObject): { name: string; value: string }[] {
  const refuse = (message: string) => new GraphError(400, "InvalidInternetMessageHeader", message);
  const headers = objects(body.internetMessageHeaders).map((header) => ({
    name: text(header.name) ?? "",
    value: text(header.value) ?? "",
  }));
  if (headers.length === 0 || headers.length > mostInternetMessageHeaders)
    throw refuse(`There must be 1 to ${mostInternetMessageHeaders} internet message headers.`);
  for (const { name, value } of headers) {
    if (!/^x-/i.test(name))
      throw refuse(`The internet message header name '${name}' should start with 'x-' or 'X-'.`);
    if (!/^[!-9;-~]+$/.test(name))
      throw refuse("An internet message header name has a character it may not have.");
    if (value === "" || value.length > longestInternetMessageHeader || /[\r\n]/.test(value))
      throw refuse(
        `An internet message header value must be one line of 1 to ${longestInternetMessageHeader} characters.`,
      );
  }
  return headers;
}

function readExtendedProperties(body: JsonObject, into: Map<string, string>): void {
  for (const property of objects(body.singleValueExtendedProperties)) {
    const id = text(property.id);
    const value = text(property.value);
    if (id === undefined || value === undefined)
      throw invalidBody("A single-value extended property needs its id and its value.");
    const canonical = canonicalPropertyId(id);
    requireValueOfType(canonical, value);
    into.set(canonical, value);
  }
}

function address(recipient: Json | undefined): EmailAddress | undefined {
  if (!isJsonObject(recipient) || !isJsonObject(recipient.emailAddress)) return undefined;
  const { name, address } = recipient.emailAddress;
  return { name: text(name) ?? text(address) ?? "", address: text(address) ?? "" };
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isJsonObject) : [];
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" ? value : undefined;
}
