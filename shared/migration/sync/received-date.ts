import type { BatchOptions } from "../../domain/batch-options.ts";

/**
 * The received date a message gets in the target.
 * @param header the header section.
 * @returns INTERNALDATE unless the batch asks for a header's date and that one can be read.
 */
export function receivedDate(
  header: Buffer,
  internalDate: Date,
  from: BatchOptions["receivedDateFrom"],
): Date {
  if (from === "internalDate") return internalDate;
  const text = header.toString("latin1").replace(/\r?\n[ \t]+/g, " ");
  const pattern = from === "receivedHeader" ? /^received:.*;[ \t]*([^;\r\n]+)\r?$/im : /^date:\s*(.+)$/im;
  const found = pattern
    .exec(text)?.[1]
    ?.replace(/\([^)]*\)/g, "")
    .trim();
  const date = found === undefined ? undefined : new Date(found);
  return date === undefined || Number.isNaN(date.getTime()) ? internalDate : date;
}
