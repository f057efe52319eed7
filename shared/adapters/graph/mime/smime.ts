import { type ByteSource, readAll } from "../../byte-source.ts";
import { bodyOf, type PartContent } from "./content.ts";
import { declaredName } from "./filename.ts";
import { fieldValue, rawField } from "./header.ts";
import type { Entity } from "./scan.ts";

/** How an S/MIME message is kept: one attachment that holds the protected entity, and a class that tells clients so. */
export interface SmimeForm {
  readonly kind: "clearSigned" | "opaque";
  readonly messageClass: "IPM.Note.SMIME.MultipartSigned" | "IPM.Note.SMIME";
  /** Media type of the attachment. */
  readonly contentType: string;
  readonly content: PartContent;
  /** The message's Content-Type field. */
  readonly contentTypeField: string;
}

/** Where a Content-Type field is looked for. */
const maxHeaderBytes = 1 << 20;

const pkcs7Mime = new Set(["application/pkcs7-mime", "application/x-pkcs7-mime"]);
const pkcs7Signature = new Set(["application/pkcs7-signature", "application/x-pkcs7-signature"]);

/**
 * The form of a message that is S/MIME as a whole (MS-OXOSMIME, 2.1.3); undefined otherwise. A signature or envelope deeper
 * in the message is a part like any other there.
 */
export async function smimeForm(source: ByteSource, root: Entity): Promise<SmimeForm | undefined> {
  const type = root.contentType.value;
  const contentTypeField = fieldValue(root.header, "content-type") ?? "";
  if (isClearSigned(root)) {
    const block = await readAll(
      source,
      root.headerStart,
      Math.min(root.bodyStart, root.headerStart + maxHeaderBytes),
    );
    const field = rawField(block, "content-type");
    return {
      kind: "clearSigned",
      messageClass: "IPM.Note.SMIME.MultipartSigned",
      contentType: "multipart/signed",
      // All the signature covers, with the one field that says where its boundaries are.
      content: {
        prefix: Buffer.concat([field, Buffer.from("\r\n")]),
        start: root.bodyStart,
        end: root.end,
        encoding: "identity",
      },
      contentTypeField,
    };
  }
  const namedP7m = type === "application/octet-stream" && /\.p7m$/i.test(declaredName(root) ?? "");
  if (!pkcs7Mime.has(type) && !namedP7m) return undefined;
  return {
    kind: "opaque",
    messageClass: "IPM.Note.SMIME",
    contentType: namedP7m ? "application/pkcs7-mime" : type,
    content: bodyOf(root),
    contentTypeField,
  };
}

function isClearSigned(root: Entity): boolean {
  if (root.contentType.value !== "multipart/signed" || root.children.length !== 2) return false;
  const protocol = root.contentType.params.get("protocol")?.toLowerCase();
  return pkcs7Signature.has(protocol ?? root.children[1]?.contentType.value ?? "");
}
