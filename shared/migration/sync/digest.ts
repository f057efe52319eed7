import { createHash } from "node:crypto";
import { withoutBlankLine } from "../../domain/header-section.ts";
import type { FolderId, LedgerId, Stamp, Uid, UidValidity } from "../../domain/names.ts";

/** Digest of a header section as kept in item records: 22 base64url characters (128 bits). */
export function headerDigest(header: Buffer): string {
  return createHash("sha256").update(withoutBlankLine(header)).digest("base64url").slice(0, 22);
}

/** Fields that a server keeps which makes a message up anew at each read, with other boundaries and fields of its own. */
const envelopeFields = ["message-id", "date", "from", "to", "cc", "subject"];

/**
 * Digest of the fields by which a message is known even where its server writes the rest of the header anew.
 * @returns undefined where there is neither a Message-ID nor a Date, without which it is known by nothing.
 */
export function envelopeDigest(header: Buffer): string | undefined {
  const values = new Map<string, string>();
  for (const line of unfolded(header)) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).trimEnd().toLowerCase();
    if (colon > 0 && envelopeFields.includes(name) && !values.has(name))
      values.set(name, line.slice(colon + 1).trim());
  }
  if (!values.get("message-id") && !values.get("date")) return undefined;
  const known = envelopeFields.map((name) => values.get(name) ?? "");
  return createHash("sha256").update(known.join("\0")).digest("base64url").slice(0, 22);
}

/** The lines of a header section, continued ones joined, white space as one blank (RFC 5322, 2.2.3). */
function unfolded(header: Buffer): readonly string[] {
  const lines: string[] = [];
  for (const line of header.toString("latin1").split(/\r?\n/)) {
    const text = line.replace(/[ \t]+/g, " ");
    if (text.startsWith(" ") && lines.length > 0) lines.push(`${lines.pop()}${text}`);
    else lines.push(text);
  }
  return lines;
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
