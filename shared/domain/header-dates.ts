import { parseMailDate } from "./mail-date.ts";

/** Where a date is looked for; the fields of the last server and of the sender stand far before. */
const maxHeaderBytes = 256 * 1024;

/** The date of the Date field, or undefined where there is none that can be read. Pure. */
export function sentDate(header: Buffer): Date | undefined {
  return parseMailDate(unfolded(header).match(/^date[ \t]{0,99}:(.*)$/im)?.[1]);
}

/**
 * The date of the newest Received field: the last server on the way wrote the first one, and its date follows the last
 * semicolon (RFC 5321, 4.4). Pure.
 */
export function receivedDateOf(header: Buffer): Date | undefined {
  const trace = unfolded(header).match(/^received[ \t]{0,99}:(.*)$/im)?.[1];
  return trace === undefined ? undefined : parseMailDate(trace.slice(trace.lastIndexOf(";") + 1));
}

function unfolded(header: Buffer): string {
  return header.toString("latin1", 0, maxHeaderBytes).replace(/\r?\n(?=[ \t])/g, "");
}
