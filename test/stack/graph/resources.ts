import { GraphError } from "./errors.ts";
import { canonicalPropertyId } from "./extended-properties.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Mailbox, StoredFolder, StoredMessage, User } from "./mailbox.ts";
import {
  attachmentSize,
  type EmailAddress,
  extendedValue,
  type MessageItem,
  type StoredAttachment,
} from "./message-item.ts";
import { type Expansion, type Filter, parseFilter, parseSelect } from "./odata.ts";
import { messageShape } from "./schema.ts";

/** How a client asked to see resources. */
export interface View {
  readonly immutableIds: boolean;
  readonly select: ReadonlySet<string> | undefined;
  readonly expand: readonly Expansion[];
}

const fullView = { select: undefined, expand: [] };

export const messagePropertyNames: ReadonlySet<string> = new Set([
  ...Object.keys(messageShape.properties).filter(
    (name) => name !== "attachments" && name !== "singleValueExtendedProperties",
  ),
]);
/** What a message shows only to those who select it. */
const messageOnSelect = new Set(["internetMessageHeaders", "uniqueBody", "conversationIndex"]);

export const folderPropertyNames: ReadonlySet<string> = new Set([
  "id",
  "displayName",
  "parentFolderId",
  "childFolderCount",
  "unreadItemCount",
  "totalItemCount",
  "sizeInBytes",
  "isHidden",
]);

export const attachmentPropertyNames: ReadonlySet<string> = new Set([
  "id",
  "lastModifiedDateTime",
  "name",
  "contentType",
  "size",
  "isInline",
  "contentId",
  "contentLocation",
  "contentBytes",
]);

const userDefaults = [
  "businessPhones",
  "displayName",
  "givenName",
  "jobTitle",
  "mail",
  "mobilePhone",
  "officeLocation",
  "preferredLanguage",
  "surname",
  "userPrincipalName",
  "id",
];
export const userPropertyNames: ReadonlySet<string> = new Set([
  ...userDefaults,
  "accountEnabled",
  "proxyAddresses",
  "userType",
]);

/** learn.microsoft.com/graph/api/resources/user: proxyAddresses and others appear only when selected. */
export function userResource(user: User, select: ReadonlySet<string> | undefined): JsonObject {
  const all: Record<string, Json> = {
    businessPhones: [],
    displayName: user.displayName,
    givenName: null,
    jobTitle: null,
    mail: user.mail ?? null,
    mobilePhone: null,
    officeLocation: null,
    preferredLanguage: null,
    surname: null,
    userPrincipalName: user.userPrincipalName,
    id: user.id,
    accountEnabled: user.accountEnabled,
    proxyAddresses: user.proxyAddresses,
    userType: "Member",
  };
  return pick(all, select ?? new Set(userDefaults));
}

export function folderResource(
  mailbox: Mailbox,
  folder: StoredFolder,
  select: ReadonlySet<string> | undefined,
): JsonObject {
  let unread = 0;
  let size = 0;
  for (const message of folder.messages) {
    if (!message.item.isRead) unread++;
    size += Buffer.byteLength(message.item.properties.body.content);
  }
  const all = {
    id: folder.id,
    displayName: folder.displayName,
    parentFolderId: folder.parent?.id ?? folder.id,
    childFolderCount: mailbox.children(folder).filter((child) => !child.isHidden).length,
    unreadItemCount: unread,
    totalItemCount: folder.messages.size,
    sizeInBytes: size,
    isHidden: folder.isHidden,
  };
  return select === undefined ? all : pick(all, new Set([...select, "id"]));
}

/** learn.microsoft.com/graph/api/message-get. The id and the ETag come whatever is selected. */
export function messageResource(message: StoredMessage, view: View): JsonObject {
  const { item } = message;
  const id = view.immutableIds ? message.immutableId : message.restId;
  const all = itemResource(item, id, message.folder.id);
  const chosen =
    view.select === undefined
      ? Object.fromEntries(Object.entries(all).filter(([name]) => !messageOnSelect.has(name)))
      : pick(all, new Set([...view.select, "id"]));
  return {
    "@odata.etag": `W/"${item.changeKey}"`,
    ...chosen,
    ...Object.fromEntries(view.expand.flatMap((expansion) => expanded(item, expansion, view))),
  };
}

function itemResource(item: MessageItem, id: string, parentFolderId: string): Record<string, Json> {
  const { properties } = item;
  return {
    id,
    createdDateTime: instant(item.createdAt),
    lastModifiedDateTime: instant(item.modifiedAt),
    changeKey: item.changeKey,
    categories: properties.categories,
    receivedDateTime: instant(item.receivedAt),
    sentDateTime: instant(item.sentAt),
    // Inline attachments do not count: learn.microsoft.com/graph/api/resources/message, "hasAttachments".
    hasAttachments: item.attachments.some((attachment) => !attachment.isInline),
    internetMessageId: item.internetMessageId,
    internetMessageHeaders: properties.internetMessageHeaders.map((header) => ({ ...header })),
    subject: properties.subject,
    bodyPreview: preview(item),
    importance: properties.importance,
    parentFolderId,
    conversationId: id,
    conversationIndex: null,
    isDeliveryReceiptRequested: properties.isDeliveryReceiptRequested,
    isReadReceiptRequested: properties.isReadReceiptRequested,
    isRead: item.isRead,
    isDraft: item.isDraft,
    webLink: `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(id)}`,
    inferenceClassification: properties.inferenceClassification,
    body: { ...properties.body },
    uniqueBody: { ...properties.body },
    ...(properties.sender === undefined ? {} : { sender: recipient(properties.sender) }),
    ...(properties.from === undefined ? {} : { from: recipient(properties.from) }),
    toRecipients: properties.toRecipients.map(recipient),
    ccRecipients: properties.ccRecipients.map(recipient),
    bccRecipients: properties.bccRecipients.map(recipient),
    replyTo: properties.replyTo.map(recipient),
    flag: properties.flag,
  };
}

export function attachmentResource(attachment: StoredAttachment, view: View): JsonObject {
  const common = {
    id: view.immutableIds ? attachment.immutableId : attachment.restId,
    lastModifiedDateTime: instant(attachment.modifiedAt),
    name: attachment.name,
    contentType: attachment.contentType ?? null,
    size: attachmentSize(attachment),
    isInline: attachment.isInline,
  };
  if (attachment.kind === "item") {
    const resource: Record<string, Json> = {
      "@odata.type": "#microsoft.graph.itemAttachment",
      ...(view.select === undefined ? common : pick(common, new Set([...view.select, "id"]))),
    };
    const wanted = view.expand.some(
      ({ path }) => path === "microsoft.graph.itemattachment/item" || path === "item",
    );
    if (wanted) resource.item = itemResource(attachment.item, "", "");
    return resource;
  }
  const all: Record<string, Json> = {
    ...common,
    contentId: attachment.contentId ?? null,
    contentLocation: null,
  };
  const withContent = view.select === undefined || view.select.has("contentBytes");
  if (withContent) all.contentBytes = attachment.content.read().toString("base64");
  return {
    "@odata.type": "#microsoft.graph.fileAttachment",
    "@odata.mediaContentType": attachment.contentType ?? "application/octet-stream",
    ...(view.select === undefined ? all : pick(all, new Set([...view.select, "id"]))),
  };
}

/** A name and a value to add to the message; nothing where an expansion is empty. */
function expanded(item: MessageItem, expansion: Expansion, view: View): [string, Json][] {
  if (expansion.path === "attachments") {
    const select = expansion.options.get("$select");
    const inner = {
      ...fullView,
      immutableIds: view.immutableIds,
      select:
        select === undefined
          ? undefined
          : parseSelect(select, "microsoft.graph.attachment", attachmentPropertyNames),
    };
    return [["attachments", item.attachments.map((attachment) => attachmentResource(attachment, inner))]];
  }
  if (expansion.path.toLowerCase() === "singlevalueextendedproperties") {
    const properties = expandedPropertyIds(expansion).flatMap((id) => {
      const value = extendedValue(item, id);
      return value === undefined ? [] : [{ id, value }];
    });
    return properties.length === 0 ? [] : [["singleValueExtendedProperties", properties]];
  }
  throw new GraphError(
    400,
    "RequestBroker--ParseUri",
    `Could not find a property named '${expansion.path}' on type 'microsoft.graph.message'.`,
  );
}

/** learn.microsoft.com/graph/api/singlevaluelegacyextendedproperty-get: an expansion names each property by an eq on its id. */
function expandedPropertyIds(expansion: Expansion): string[] {
  const filter = expansion.options.get("$filter");
  if (filter === undefined || expansion.options.size > 1)
    throw new GraphError(
      400,
      "ErrorInvalidUrlQuery",
      "Extended properties are expanded by a $filter on their id.",
    );
  const ids = (node: Filter): string[] => {
    if (node.kind === "or") return node.terms.flatMap(ids);
    if (node.kind === "compare" && node.operator === "eq" && node.path.toLowerCase() === "id")
      return [canonicalPropertyId(String(node.value))];
    throw new GraphError(
      400,
      "ErrorInvalidUrlQuery",
      "Extended properties are filtered by eq on their id only.",
    );
  };
  return ids(parseFilter(filter));
}

function preview(item: MessageItem): string {
  const { contentType, content } = item.properties.body;
  const plain = contentType === "html" ? content.slice(0, 8192).replaceAll(/<[^>]*>/g, " ") : content;
  return plain.slice(0, 255).trim();
}

function recipient(address: EmailAddress): JsonObject {
  return { emailAddress: { name: address.name, address: address.address } };
}

/** Graph shows whole seconds of the dates of a message. */
function instant(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

function pick(all: Readonly<Record<string, Json>>, names: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)));
}
