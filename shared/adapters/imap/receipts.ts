import { storableFlags } from "./flags.ts";

/** Fields by which a sender asks for a receipt: RFC 8098, section 2.1, and what older programs write. */
const REQUEST = /^(?:disposition-notification-to|return-receipt-to|x-confirm-reading-to)[ \t]*:/im;

/**
 * The flags a copy is stored with. A message that asks for a receipt counts as one whose receipt was sent (RFC 3503), so
 * that whoever opens the copy is not asked for one, and none goes out a second time. Pure.
 * @param content the message, or its header section.
 */
export function flagsOfCopy(flags: readonly string[], content: Buffer): readonly string[] {
  const header = before(before(content, "\r\n\r\n"), "\n\n").toString("latin1");
  return storableFlags(REQUEST.test(header) ? [...flags, "$MDNSent"] : flags);
}

function before(content: Buffer, end: string): Buffer {
  const index = content.indexOf(end);
  return index < 0 ? content : content.subarray(0, index);
}
