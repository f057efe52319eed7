import PostalMime, { type Address, type Attachment } from "postal-mime";
import { GraphError } from "./errors.ts";
import { newImmutableId, newRestId } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { createItem, type ItemContext, type MessageItem, type StoredAttachment } from "./message-item.ts";

/**
 * A message from MIME in base64. It is a draft that arrived now, whatever its header says:
 * learn.microsoft.com/graph/api/mailfolder-post-messages, "MIME format".
 */
export async function parseMime(body: Buffer, context: ItemContext): Promise<MessageItem> {
  const email = await PostalMime.parse(decodedMime(body), { forceRfc822Attachments: true });
  const from = recipients(email.from === undefined ? [] : [email.from])[0];
  const item = createItem(
    {
      subject: email.subject ?? "",
      body: {
        contentType: email.html === undefined ? "text" : "html",
        content: email.html ?? email.text ?? "",
      },
      ...(from === undefined ? {} : { from, sender: from }),
      toRecipients: recipients(email.to),
      ccRecipients: recipients(email.cc),
      bccRecipients: recipients(email.bcc),
      replyTo: recipients(email.replyTo),
      ...(email.messageId === undefined ? {} : { internetMessageId: email.messageId }),
    },
    context,
  );
  item.attachments = email.attachments.map((attachment) => storedAttachment(attachment, context));
  return item;
}

/** The bytes behind base64. @throws GraphError 400 for what is none. */
export function decodedMime(body: Buffer): Buffer {
  const encoded = body.toString("latin1").replaceAll(/[\r\n]/g, "");
  if (encoded === "" || !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(encoded))
    throw new GraphError(
      400,
      "ErrorMimeContentInvalidBase64String",
      "Invalid base64 string for MIME content.",
    );
  return Buffer.from(encoded, "base64");
}

function recipients(addresses: readonly Address[] = []): JsonObject[] {
  return addresses
    .flatMap((one) => (one.group === undefined ? [one] : one.group))
    .map(({ name, address }) => ({ emailAddress: { name, address } }));
}

function storedAttachment(attachment: Attachment, context: ItemContext): StoredAttachment {
  const { content } = attachment;
  const bytes =
    typeof content === "string"
      ? Buffer.from(content)
      : content instanceof Uint8Array
        ? Buffer.from(content)
        : Buffer.from(new Uint8Array(content));
  return {
    kind: "file",
    restId: newRestId(),
    immutableId: newImmutableId(),
    name: attachment.filename ?? "attachment",
    contentType: attachment.mimeType,
    isInline: attachment.disposition === "inline",
    contentId: attachment.contentId?.replaceAll(/^<|>$/g, ""),
    content: context.contents.store(bytes),
    modifiedAt: context.now,
  };
}
