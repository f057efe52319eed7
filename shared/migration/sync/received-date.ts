import type { BatchOptions } from "../../domain/batch-options.ts";
import { receivedDateOf, sentDate } from "../../domain/header-dates.ts";

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
  const date = from === "dateHeader" ? sentDate(header) : receivedDateOf(header);
  if (date === undefined) unreadable();
  return date ?? internalDate;
}
