import { GraphError, invalidBody } from "./errors.ts";
import { isJsonObject, type JsonObject } from "./json.ts";
import type { Mailbox, StoredMessage } from "./mailbox.ts";
import { createAttachment, type StoredAttachment } from "./message-item.ts";
import { renderMime } from "./mime.ts";
import { parseExpand, parseSelect } from "./odata.ts";
import { attachmentPropertyNames, attachmentResource, type View } from "./resources.ts";
import { onMessage } from "./routes-messages.ts";
import {
  type Answer,
  type Call,
  parameter,
  type Route,
  readJson,
  requireKnownOptions,
  wantsImmutableIds,
} from "./routing.ts";
import { attachmentItemShape, attachmentShape, requireShape } from "./schema.ts";
import type { SensitiveUpdates } from "./sensitive-updates.ts";
import type { Tenant } from "./tenant.ts";
import type { AttachmentDescription, UploadSessions } from "./upload-sessions.ts";

export function attachmentRoutes(
  tenant: Tenant,
  uploads: UploadSessions,
  updates: SensitiveUpdates,
): Route[] {
  return [
    ...onMessage("GET", "/attachments", (call, message) => list(call, message)),
    ...onMessage("POST", "/attachments", (call, message, mailbox) =>
      add({ tenant, updates }, call, message, mailbox),
    ),
    ...onMessage("POST", "/attachments/createUploadSession", (call, message, mailbox) => ({
      status: 201,
      json: {
        "@odata.context": `${call.root}/$metadata#microsoft.graph.uploadSession`,
        ...uploads.create(new URL(call.root).origin, mailbox, message, readDescription(call)),
      },
    })),
    ...onMessage("GET", "/attachments/{attachment}", (call, message, mailbox, parameters) =>
      one(call, mailbox.attachment(message, parameter(parameters, "attachment")), 200),
    ),
    ...onMessage("GET", "/attachments/{attachment}/$value", (_, message, mailbox, parameters) =>
      raw(mailbox.attachment(message, parameter(parameters, "attachment"))),
    ),
    ...onMessage("DELETE", "/attachments/{attachment}", (_, message, mailbox, parameters) => {
      const attachment = mailbox.attachment(message, parameter(parameters, "attachment"));
      if (updates.admitsAttachments(message.item))
        mailbox.removeAttachment(message, attachment, tenant.now());
      return { status: 204 };
    }),
  ];
}

/** learn.microsoft.com/graph/api/message-list-attachments */
function list(call: Call, message: StoredMessage): Answer {
  requireKnownOptions(call, ["$select", "$expand", "$count"]);
  const view = viewOf(call);
  return {
    status: 200,
    json: {
      "@odata.context": `${call.root}/$metadata#attachments`,
      value: message.item.attachments.map((attachment) => attachmentResource(attachment, view)),
    },
  };
}

/** learn.microsoft.com/graph/api/message-post-attachments */
function add(
  { tenant, updates }: { readonly tenant: Tenant; readonly updates: SensitiveUpdates },
  call: Call,
  message: StoredMessage,
  mailbox: Mailbox,
): Answer {
  const { attachment: body } = requireShape(
    { attachment: readJson(call) },
    { kind: "object", name: "microsoft.graph.attachment", properties: { attachment: attachmentShape } },
  );
  if (!isJsonObject(body)) throw invalidBody("An attachment was expected.");
  const attachment = createAttachment(body, { contents: tenant.contents, now: tenant.now() });
  if (updates.admitsAttachments(message.item)) mailbox.addAttachment(message, attachment, tenant.now());
  return one(call, attachment, 201);
}

function one(call: Call, attachment: StoredAttachment, status: number): Answer {
  requireKnownOptions(call, ["$select", "$expand"]);
  return {
    status,
    json: {
      "@odata.context": `${call.root}/$metadata#attachments/$entity`,
      ...attachmentResource(attachment, viewOf(call)),
    },
  };
}

/** learn.microsoft.com/graph/api/attachment-get, examples 6 and 9: the file itself, an attached message as MIME. */
function raw(attachment: StoredAttachment): Answer {
  if (attachment.kind === "item")
    return { status: 200, headers: { "Content-Type": "text/plain" }, bytes: renderMime(attachment.item) };
  return {
    status: 200,
    headers: { "Content-Type": attachment.contentType ?? "application/octet-stream" },
    content: attachment.content,
  };
}

/** learn.microsoft.com/graph/api/attachment-createuploadsession, "Request body". */
function readDescription(call: Call): AttachmentDescription {
  const body = readJson(call);
  if (!isJsonObject(body)) throw invalidBody("AttachmentItem is required.");
  const names = Object.keys(body);
  const name = names.find((one) => one.toLowerCase() === "attachmentitem");
  if (name === undefined || names.length > 1)
    throw invalidBody("AttachmentItem is required, and nothing else.");
  const item: JsonObject = requireShape(body[name] ?? null, attachmentItemShape);
  if (String(item.attachmentType).toLowerCase() !== "file")
    throw new GraphError(400, "ErrorInvalidRequest", "Only the attachmentType 'file' can be uploaded.");
  if (typeof item.name !== "string" || typeof item.size !== "number")
    throw invalidBody("AttachmentItem needs a name and a size.");
  return {
    name: item.name,
    size: item.size,
    contentType: typeof item.contentType === "string" ? item.contentType : undefined,
    isInline: item.isInline === true,
    contentId: typeof item.contentId === "string" ? item.contentId : undefined,
  };
}

function viewOf(call: Call): View {
  const select = call.query.get("$select");
  const expand = call.query.get("$expand");
  return {
    immutableIds: wantsImmutableIds(call),
    select:
      select === null
        ? undefined
        : parseSelect(select, "microsoft.graph.attachment", attachmentPropertyNames),
    expand: expand === null ? [] : parseExpand(expand),
  };
}
