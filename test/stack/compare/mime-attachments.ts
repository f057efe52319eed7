import { createHash } from "node:crypto";
import PostalMime from "postal-mime";

/** An attachment by its decoded bytes. */
export interface AttachmentDigest {
  readonly sha256: string;
  /** The same with line ends as LF and none at the end: what a parser makes of a part that was not encoded. */
  readonly textSha256: string;
}

/** The attachments of a message (RFC 5322), as a parser that is not the product's sees them. */
export async function attachmentsOf(content: Buffer): Promise<AttachmentDigest[]> {
  const { attachments, headers } = await PostalMime.parse(content, { forceRfc822Attachments: true });
  const type = headers.find(({ key }) => key === "content-type")?.value ?? "";
  if (isClearSigned(type)) return [digest(signedEntity(content))];
  return (
    attachments
      // What has no valid type is text to be read (RFC 2045, 5.2).
      .filter(({ mimeType, filename }) => filename !== null || /^[\w.+-]+\/[\w.+-]+$/.test(mimeType))
      .map((attachment) => digest(bytesOf(attachment.content)))
  );
}

/** @param bytes decoded */
export function digest(bytes: Buffer): AttachmentDigest {
  const text = bytes.toString("latin1").replace(/\r\n/g, "\n").replace(/\n+$/, "");
  return { sha256: sha256(bytes), textSha256: sha256(Buffer.from(text, "latin1")) };
}

/** A clear-signed message is one attachment, or its signature would not verify any more. */
function isClearSigned(contentType: string): boolean {
  return /^multipart\/signed/i.test(contentType.trim()) && /pkcs7-signature/i.test(contentType);
}

/** The Content-Type field as it was, and all below the header. */
function signedEntity(content: Buffer): Buffer {
  const end = content.indexOf("\r\n\r\n");
  const header = content.subarray(0, end).toString("latin1");
  const field = /^content-type:.*(?:\r\n[ \t].*)*/im.exec(header)?.[0] ?? "";
  return Buffer.concat([Buffer.from(field, "latin1"), content.subarray(end)]);
}

function bytesOf(content: ArrayBuffer | Uint8Array | string): Buffer {
  if (typeof content === "string") return Buffer.from(content);
  return content instanceof Uint8Array
    ? Buffer.from(content.buffer, content.byteOffset, content.byteLength)
    : Buffer.from(content);
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
