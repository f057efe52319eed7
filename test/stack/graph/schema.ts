import { invalidBody } from "./errors.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

/** What a JSON value must look like; the parts of Graph's metadata that mail needs. */
export type Shape =
  | { readonly kind: "string" | "boolean" | "integer" | "dateTime" | "binary" }
  | { readonly kind: "enum"; readonly name: string; readonly members: readonly string[] }
  | { readonly kind: "collection"; readonly of: Shape }
  | ObjectShape
  /** An object whose type stands in its @odata.type, which cannot be left out. */
  | { readonly kind: "derived"; readonly name: string; readonly types: () => readonly ObjectShape[] };

export interface ObjectShape {
  readonly kind: "object";
  readonly name: string;
  readonly properties: Readonly<Record<string, Shape>>;
}

const string: Shape = { kind: "string" };
const boolean: Shape = { kind: "boolean" };
const integer: Shape = { kind: "integer" };
const dateTime: Shape = { kind: "dateTime" };
const collection = (of: Shape): Shape => ({ kind: "collection", of });
const object = (name: string, properties: Readonly<Record<string, Shape>>): ObjectShape => ({
  kind: "object",
  name: `microsoft.graph.${name}`,
  properties,
});

const recipient = object("recipient", {
  emailAddress: object("emailAddress", { name: string, address: string }),
});
const itemBody = object("itemBody", {
  contentType: { kind: "enum", name: "microsoft.graph.bodyType", members: ["text", "html"] },
  content: string,
});
const dateTimeTimeZone = object("dateTimeTimeZone", { dateTime: string, timeZone: string });
const followupFlag = object("followupFlag", {
  flagStatus: {
    kind: "enum",
    name: "microsoft.graph.followupFlagStatus",
    members: ["notFlagged", "complete", "flagged"],
  },
  startDateTime: dateTimeTimeZone,
  dueDateTime: dateTimeTimeZone,
  completedDateTime: dateTimeTimeZone,
});
const singleValueExtendedProperty = object("singleValueLegacyExtendedProperty", {
  id: string,
  value: string,
});

const attachmentProperties: Readonly<Record<string, Shape>> = {
  id: string,
  name: string,
  contentType: string,
  size: integer,
  isInline: boolean,
  lastModifiedDateTime: dateTime,
};

const fileAttachment = object("fileAttachment", {
  ...attachmentProperties,
  contentBytes: { kind: "binary" },
  contentId: string,
  contentLocation: string,
});
const itemAttachment = object("itemAttachment", {
  ...attachmentProperties,
  item: { kind: "derived", name: "microsoft.graph.outlookItem", types: () => [messageShape] },
});

/** learn.microsoft.com/graph/api/message-post-attachments */
export const attachmentShape: Shape = {
  kind: "derived",
  name: "microsoft.graph.attachment",
  types: () => [fileAttachment, itemAttachment],
};

/** learn.microsoft.com/graph/api/resources/message */
export const messageShape: ObjectShape = object("message", {
  id: string,
  createdDateTime: dateTime,
  lastModifiedDateTime: dateTime,
  changeKey: string,
  categories: collection(string),
  receivedDateTime: dateTime,
  sentDateTime: dateTime,
  hasAttachments: boolean,
  internetMessageId: string,
  internetMessageHeaders: collection(object("internetMessageHeader", { name: string, value: string })),
  subject: string,
  bodyPreview: string,
  importance: { kind: "enum", name: "microsoft.graph.importance", members: ["low", "normal", "high"] },
  parentFolderId: string,
  conversationId: string,
  conversationIndex: { kind: "binary" },
  isDeliveryReceiptRequested: boolean,
  isReadReceiptRequested: boolean,
  isRead: boolean,
  isDraft: boolean,
  webLink: string,
  inferenceClassification: {
    kind: "enum",
    name: "microsoft.graph.inferenceClassificationType",
    members: ["focused", "other"],
  },
  body: itemBody,
  uniqueBody: itemBody,
  from: recipient,
  sender: recipient,
  toRecipients: collection(recipient),
  ccRecipients: collection(recipient),
  bccRecipients: collection(recipient),
  replyTo: collection(recipient),
  flag: followupFlag,
  attachments: collection(attachmentShape),
  singleValueExtendedProperties: collection(singleValueExtendedProperty),
});

/** learn.microsoft.com/graph/api/resources/mailfolder */
export const mailFolderShape: ObjectShape = object("mailFolder", {
  id: string,
  displayName: string,
  parentFolderId: string,
  childFolderCount: integer,
  unreadItemCount: integer,
  totalItemCount: integer,
  isHidden: boolean,
});

/** Parameters of move and copy: learn.microsoft.com/graph/api/message-move */
export const destinationShape: ObjectShape = object("moveParameters", { destinationId: string });

/** Parameters of attachment: createUploadSession. OData reads parameter names without regard to case. */
export const attachmentItemShape: ObjectShape = object("attachmentItem", {
  attachmentType: {
    kind: "enum",
    name: "microsoft.graph.attachmentType",
    members: ["file", "item", "reference"],
  },
  name: string,
  size: integer,
  isInline: boolean,
  contentType: string,
  contentId: string,
});

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const dateTimePattern =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,7})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;

/**
 * Refuses what Graph's deserializer refuses: properties the type does not have, values of another type, null for a
 * collection, text that is not Unicode.
 * @throws GraphError 400 RequestBodyRead, naming the property.
 */
export function requireShape(value: Json, shape: ObjectShape): JsonObject {
  if (!isJsonObject(value)) throw invalidBody(`An object of type '${shape.name}' was expected.`);
  checkObject(value, shape);
  return value;
}

function checkObject(value: JsonObject, shape: ObjectShape): void {
  for (const [name, member] of Object.entries(value)) {
    if (name === "@odata.type") {
      if (member !== `#${shape.name}` && member !== shape.name)
        throw invalidBody(
          `A value of type '${String(member)}' cannot stand where '${shape.name}' is expected.`,
        );
      continue;
    }
    const expected = Object.hasOwn(shape.properties, name) ? shape.properties[name] : undefined;
    if (expected === undefined)
      throw invalidBody(
        `The property '${name}' does not exist on type '${shape.name}'. Make sure to only use property names that are defined by the type or mark the type as open type.`,
      );
    check(member, expected, name);
  }
}

function check(value: Json, shape: Shape, property: string): void {
  if (value === null) {
    if (shape.kind === "collection")
      throw invalidBody(`A null value was found for the collection property '${property}'.`);
    return;
  }
  const wrong = (type: string) =>
    invalidBody(`The value of property '${property}' is not of type '${type}'.`);
  switch (shape.kind) {
    case "string":
      if (typeof value !== "string") throw wrong("Edm.String");
      if (/\p{Surrogate}/u.test(value))
        throw invalidBody(`The text of property '${property}' is not valid Unicode.`);
      // A string ends at the first NUL: [MS-OXCDATA] 2.11.1, PtypString.
      if (value.includes("\0")) throw invalidBody(`The text of property '${property}' holds a NUL.`);
      return;
    case "boolean":
      if (typeof value !== "boolean") throw wrong("Edm.Boolean");
      return;
    case "integer":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) throw wrong("Edm.Int64");
      return;
    case "dateTime":
      if (typeof value !== "string" || !dateTimePattern.test(value) || Number.isNaN(Date.parse(value)))
        throw wrong("Edm.DateTimeOffset");
      return;
    case "binary":
      if (typeof value !== "string" || !base64.test(value)) throw wrong("Edm.Binary");
      return;
    case "enum":
      if (typeof value !== "string" || !shape.members.some((m) => m.toLowerCase() === value.toLowerCase()))
        throw wrong(shape.name);
      return;
    case "collection":
      if (!Array.isArray(value)) throw wrong("Collection");
      for (const member of value as readonly Json[]) {
        if (member === null) throw invalidBody(`A null value was found in the collection '${property}'.`);
        check(member, shape.of, property);
      }
      return;
    case "object":
      if (!isJsonObject(value)) throw wrong(shape.name);
      checkObject(value, shape);
      return;
    case "derived": {
      if (!isJsonObject(value)) throw wrong(shape.name);
      const type = value["@odata.type"];
      const derived = shape
        .types()
        .find((candidate) => type === `#${candidate.name}` || type === candidate.name);
      if (derived === undefined)
        throw invalidBody(
          `The property '${property}' needs an '@odata.type' that names a type derived from '${shape.name}'.`,
        );
      checkObject(value, derived);
    }
  }
}
