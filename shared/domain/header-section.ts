/**
 * A message's header section without the blank line that ends it (RFC 5322, 2.1): servers differ in whether that line
 * belongs to `BODY[HEADER]`, and what is made of the header must not. Pure.
 */
export function withoutBlankLine(header: Buffer): Buffer {
  let end = header.length;
  while (end > 0 && (header[end - 1] === 0x0a || header[end - 1] === 0x0d)) end--;
  return header.subarray(0, end);
}
