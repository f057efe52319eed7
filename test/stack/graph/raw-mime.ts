import { GraphError } from "./errors.ts";
import type { ItemContext, MessageItem } from "./message-item.ts";
import { decodedMime, parseMime } from "./mime-draft.ts";

/**
 * What a tenant makes of raw MIME by `importMime` (beta) and by PATCH, which is documented of neither: the bytes are kept
 * with the dates of their header, or taken apart as on creation, with today's. Absent, both are refused.
 */
export type RawMime = "kept" | "remade";

/** A message that arrived as MIME, and is no draft. */
export async function importedItem(
  mode: RawMime | undefined,
  body: Buffer,
  context: ItemContext,
): Promise<MessageItem> {
  const item = await parsed(mode, body, context);
  item.isDraft = false;
  return item;
}

/** The content of a message replaced by MIME; what it was created with otherwise stays. */
export async function replacement(
  mode: RawMime | undefined,
  body: Buffer,
  context: ItemContext,
): Promise<(item: MessageItem) => void> {
  const { properties, attachments, mime } = await parsed(mode, body, context);
  return (item) => {
    Object.assign(item.properties, properties);
    item.attachments = attachments;
    if (mime !== undefined) item.mime = mime;
    // The header as it was goes with the bytes it stood before.
    else item.extended.clear();
  };
}

async function parsed(mode: RawMime | undefined, body: Buffer, context: ItemContext): Promise<MessageItem> {
  if (mode === undefined) throw new GraphError(400, "BadRequest", "Resource not found for the segment.");
  const item = await parseMime(body, context);
  if (mode === "remade") return item;
  const mime = decodedMime(body);
  item.mime = mime;
  const header = mime.toString("latin1").split("\r\n\r\n", 1)[0] ?? "";
  item.receivedAt = Date.parse(/^Received:[^;]*;\s*(.+)$/im.exec(header)?.[1] ?? "") || context.now;
  item.sentAt = Date.parse(/^Date:\s*(.+)$/im.exec(header)?.[1] ?? "") || context.now;
  return item;
}
