import type { BatchOptions } from "../../domain/batch-options.ts";
import { parseMailDate } from "../../domain/mail-date.ts";

/**
 * The received date a message gets in the target.
 * @param header the header section.
 * @param unreadable called where the batch asks for a header's date and that one cannot be read.
 * @returns INTERNALDATE unless the batch asks for a header's date and that one can be read.
 */
export function receivedDate(
  header: Buffer,
  internalDate: Date,
  from: BatchOptions["receivedDateFrom"],
  unreadable: () => void = () => undefined,
): Date {
  if (from === "internalDate") return internalDate;
  const date = parseMailDate(from === "dateHeader" ? dateField(header) : receivedField(header));
  if (date === undefined) unreadable();
  return date ?? internalDate;
}

/** Where a date is looked for; the fields of the last server and of the sender stand far before. */
const maxHeaderBytes = 256 * 1024;

function dateField(header: Buffer): string | undefined {
  return unfolded(header).match(/^date[ \t]{0,99}:(.*)$/im)?.[1];
}

/** The last server on the way wrote the first Received field; its date follows the last semicolon (RFC 5321, 4.4). */
function receivedField(header: Buffer): string | undefined {
  const trace = unfolded(header).match(/^received[ \t]{0,99}:(.*)$/im)?.[1];
  return trace?.slice(trace.lastIndexOf(";") + 1);
}

function unfolded(header: Buffer): string {
  return header.toString("latin1", 0, maxHeaderBytes).replace(/\r?\n(?=[ \t])/g, "");
}
