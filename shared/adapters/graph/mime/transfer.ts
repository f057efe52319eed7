import { decodeBase64 } from "./base64.ts";
import { decodeQuotedPrintable } from "./quoted-printable.ts";
import { decodeUuencode } from "./uuencode.ts";

/** A content transfer encoding (RFC 2045, 6). 7bit, 8bit, binary and unknown ones leave bytes as they are. */
export type TransferEncoding = "identity" | "base64" | "quoted-printable" | "uuencode";

/**
 * @param value the Content-Transfer-Encoding field, perhaps absent, perhaps junk.
 * @returns undefined if the field names an encoding nobody knows.
 */
export function transferEncoding(value: string | undefined): TransferEncoding | undefined {
  const word = (value ?? "")
    .slice(0, 200)
    .toLowerCase()
    .replace(/["']/g, "")
    .trim()
    .split(/[\s;(,]/)[0];
  switch (word) {
    case "":
    case "7bit":
    case "8bit":
    case "binary":
    case "7-bit":
    case "8-bit":
    case "7bits":
    case "8bits":
    case "none":
      return "identity";
    case "base64":
    case "base-64":
    case "x-base64":
    case "b":
      return "base64";
    case "quoted-printable":
    case "quotedprintable":
    case "quoted_printable":
    case "quoted":
    case "q":
      return "quoted-printable";
    case "x-uuencode":
    case "x-uuencoded":
    case "uuencode":
    case "uuencoded":
    case "x-uue":
    case "uue":
      return "uuencode";
    default:
      return undefined;
  }
}

/**
 * Decodes a stream of encoded bytes in pieces no larger than what it is given. Damaged input never fails: what can be
 * decoded is.
 */
export function decodeTransfer(
  encoded: AsyncIterable<Buffer>,
  encoding: TransferEncoding,
): AsyncIterable<Buffer> {
  switch (encoding) {
    case "identity":
      return encoded;
    case "base64":
      return decodeBase64(encoded);
    case "quoted-printable":
      return decodeQuotedPrintable(encoded);
    case "uuencode":
      return decodeUuencode(encoded);
  }
}
