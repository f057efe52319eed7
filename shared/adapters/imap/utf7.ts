/**
 * Modified UTF-7 of IMAP4rev1 mailbox names (RFC 3501, 5.1.3): printable US-ASCII stands for itself, `&` is
 * written `&-`, everything else as `&...-` with base64 over UTF-16BE where `,` replaces `/`.
 */

const SHIFTED = /&([A-Za-z0-9+,]*)-/g;
const UNPRINTABLE = /[^\x20-\x7e]+/g;

/** The name in Unicode. A shift that is not valid base64 of whole UTF-16 units is kept as it was sent. */
export function decodeMailboxName(name: string): string {
  return name.replace(SHIFTED, (sent, base64: string) => {
    if (base64 === "") return "&";
    const bytes = Buffer.from(base64.replaceAll(",", "/"), "base64");
    if (bytes.length === 0 || bytes.length % 2 !== 0) return sent;
    return bytes.swap16().toString("utf16le");
  });
}

/** The name as an IMAP4rev1 server wants it. */
export function encodeMailboxName(name: string): string {
  return name.replaceAll("&", "&-").replace(UNPRINTABLE, (run) => {
    const base64 = Buffer.from(run, "utf16le").swap16().toString("base64");
    return `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}
