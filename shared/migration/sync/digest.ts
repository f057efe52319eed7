import { createHash } from "node:crypto";
import { withoutBlankLine } from "../../domain/header-section.ts";
import type { FolderId, LedgerId, Stamp, Uid, UidValidity } from "../../domain/names.ts";

/** Digest of a header section as kept in item records: 22 base64url characters (128 bits). */
export function headerDigest(header: Buffer): string {
  return createHash("sha256").update(withoutBlankLine(header)).digest("base64url").slice(0, 22);
}

/**
 * The header section of a message: everything before the first empty line.
 * Servers and bodies end lines with CRLF, but broken mail has bare line feeds.
 */
export function headerSection(message: Buffer): Buffer {
  const crlf = message.indexOf("\r\n\r\n");
  const lf = message.indexOf("\n\n");
  if (message[0] === 0x0a || (message[0] === 0x0d && message[1] === 0x0a)) return message.subarray(0, 0);
  if (crlf === -1 && lf === -1) return message;
  if (crlf === -1) return message.subarray(0, lf + 1);
  if (lf === -1) return message.subarray(0, crlf + 2);
  return crlf < lf ? message.subarray(0, crlf + 2) : message.subarray(0, lf + 1);
}

/** The stamp of a message: SHA-256 over its identity, base64url. */
export function stampOf(ledgerId: LedgerId, folderId: FolderId, uidValidity: UidValidity, uid: Uid): Stamp {
  return createHash("sha256")
    .update(`${ledgerId}\0${folderId}\0${uidValidity}\0${uid}`)
    .digest("base64url") as Stamp;
}
