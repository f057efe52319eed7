import { pipeline, Readable } from "node:stream";
import { type Options, stringify } from "csv-stringify";
import { withoutFormulas } from "./formulas.ts";

export type CsvValue = string | number | undefined;

/** Quoted as well: single line breaks, what spreadsheets of other locales split at, and the spaces they trim. */
const quotedToo = /[;\t\r\n]|^\s|\s$/;

/**
 * A report as pieces of CSV text (RFC 4180, UTF-8 with a byte order mark so that Excel shows every letter). Safe to open
 * in a spreadsheet: text that would be a formula gets an apostrophe in front.
 * @returns pieces of a few kilobytes, made as they are read; what reading a row throws is thrown on.
 */
export function writeCsv(
  header: readonly string[],
  rows: AsyncIterable<readonly CsvValue[]>,
): AsyncIterable<string> {
  return linesOf({ header: true, columns: [...header], bom: true }, rows);
}

/** More rows of such a report, as `writeCsv` without a header. */
export function writeCsvRows(rows: AsyncIterable<readonly CsvValue[]>): AsyncIterable<string> {
  return linesOf({}, rows);
}

function linesOf(options: Options, rows: AsyncIterable<readonly CsvValue[]>): AsyncIterable<string> {
  const lines = stringify({
    ...options,
    record_delimiter: "\r\n",
    quoted_match: quotedToo,
    cast: { string: withoutFormulas },
  }).setEncoding("utf8");
  // A failure of either reaches the reader of the lines.
  pipeline(Readable.from(rows), lines, () => undefined);
  return lines;
}
