import type { Readable } from "node:stream";
import { detectDelimiter, type HeaderRules, type Layout, readHeader } from "./csv-header.ts";
import { type CsvEvent, type Delimiter, readCsv } from "./csv-records.ts";
import type { Rejected, UploadIssue } from "./issues.ts";
import { decodeText, detectText, type Encoding } from "./text.ts";
import { type CheckedRow, checkRow } from "./user-row.ts";

/** Rows and bytes a migration file may have, the same as in Exchange Online. */
export const maxRows = 50_000;
export const maxBytes = 10 * 1024 * 1024;

export interface MigrationFileRules extends HeaderRules {
  readonly maxRows?: number;
  readonly maxBytes?: number;
}

/** A migration file that is sound as a whole. */
export interface MigrationFile {
  /** What an operator should know although nothing is refused for it. */
  readonly warnings: readonly UploadIssue[];
  /** Every row that is not blank, from the first, each time it is called. */
  rows(): AsyncIterable<CheckedRow>;
}

/** How the bytes of one file are to be read. */
interface Reading {
  readonly bytes: Buffer;
  readonly encoding: Encoding;
  readonly delimiter: Delimiter;
  /** Lines before the header. */
  readonly skip: number;
}

/**
 * Reads a migration file and checks it as a whole: encoding, headers, quotes, number of rows. The bytes stay in memory
 * (10 MB at most) since a fault at the end refuses the rows before it; rows are made one by one.
 * @throws what `content` throws.
 */
export async function openMigrationFile(
  content: Readable,
  rules: MigrationFileRules,
): Promise<MigrationFile | Rejected> {
  const bytes = await readBytes(content, rules.maxBytes ?? maxBytes);
  if (bytes === undefined)
    return refused(0, "FileTooLarge", "The file is larger than 10 MB. Part it into several batches.");
  const text = detectText(bytes);
  if ("notText" in text) return refused(0, "FileNotText", text.notText);
  const first = firstLineOf(bytes, text.encoding);
  if (first === undefined) return refused(0, "FileEmpty", "The file is empty.");
  const { delimiter, separatorLine } = detectDelimiter(first.text);
  const reading = {
    bytes,
    encoding: text.encoding,
    delimiter,
    skip: separatorLine ? first.line : first.line - 1,
  };

  const inspected = await inspect(reading, rules);
  if ("issues" in inspected) return inspected;
  return {
    warnings: [...(text.assumed ? [encodingAssumed] : []), ...inspected.warnings],
    rows: () => checkedRows(reading, inspected.layout, rules.authentication),
  };
}

const encodingAssumed: UploadIssue = {
  line: 1,
  code: "EncodingAssumed",
  message:
    "The file is not UTF-8 and was read as Windows-1252. If it holds other letters than those of Western Europe, save it as CSV UTF-8 and upload it again.",
};

function passwordNotUsed(line: number): UploadIssue {
  return {
    line,
    column: "Password",
    code: "PasswordNotUsed",
    message:
      "The endpoint logs in by OAuth: the passwords of this file are not used and were not stored. Leave the column empty, or out.",
  };
}

function refused(line: number, code: string, message: string): Rejected {
  return { issues: [{ line, code, message }] };
}

/** Undefined if there are more bytes than allowed. */
async function readBytes(content: Readable, most: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of content) {
    size += piece.length;
    if (size > most) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** The first line that is not blank. */
function firstLineOf(
  bytes: Buffer,
  encoding: Encoding,
): { readonly line: number; readonly text: string } | undefined {
  let text = "";
  for (const piece of decodeText(bytes, encoding)) {
    text += piece;
    const blank = /^(?:[ \t]*\n)*/.exec(text)?.[0] ?? "";
    const end = text.indexOf("\n", blank.length);
    if (end !== -1) return { line: blank.split("\n").length, text: text.slice(blank.length, end) };
  }
  const last = text.slice(text.lastIndexOf("\n") + 1);
  return text.trim() === "" ? undefined : { line: text.split("\n").length, text: last };
}

/** Goes through the file once, keeping nothing. */
async function inspect(
  reading: Reading,
  rules: MigrationFileRules,
): Promise<{ readonly layout: Layout; readonly warnings: readonly UploadIssue[] } | Rejected> {
  let layout: Layout | undefined;
  let rows = 0;
  let firstPassword: number | undefined;
  for await (const event of eventsOf(reading)) {
    if (event.kind === "unbalancedQuote")
      return refused(
        event.line,
        "QuotesUnbalanced",
        "A quote that opens a value in this line is not closed, or text follows the closing one. Within a value in quotes every quote is doubled.",
      );
    if (layout !== undefined) {
      if (++rows > (rules.maxRows ?? maxRows))
        return refused(
          event.line,
          "TooManyRows",
          `The file has more than ${rules.maxRows ?? maxRows} rows. Part it into several batches.`,
        );
      if (hasPassword(event, layout)) firstPassword ??= event.line;
      continue;
    }
    const header = readHeader(event.line, event.kind === "record" ? event.cells : [], rules);
    if ("issues" in header) return header;
    layout = header;
  }
  if (layout === undefined) return refused(0, "FileEmpty", "The file is empty.");
  if (rows === 0) return refused(1, "NoRows", "The file has headers but no rows.");
  const unused = rules.authentication === "password" ? undefined : firstPassword;
  return { layout, warnings: unused === undefined ? [] : [passwordNotUsed(unused)] };
}

function hasPassword(event: CsvEvent, { columns }: Layout): boolean {
  return event.kind === "record" && (event.cells[columns.indexOf("Password")] ?? "").trim() !== "";
}

async function* checkedRows(
  reading: Reading,
  layout: Layout,
  authentication: HeaderRules["authentication"],
): AsyncGenerator<CheckedRow> {
  /** Line of each address that is in use, in lower case. */
  const lines = new Map<string, number>();
  let header = true;
  for await (const event of eventsOf(reading)) {
    if (header) {
      header = false;
      continue;
    }
    const checked = checkEvent(event, layout, authentication);
    if ("issues" in checked) {
      yield checked;
      continue;
    }
    const { line, emailAddress } = checked.user;
    const earlier = lines.get(emailAddress.toLowerCase());
    if (earlier === undefined) {
      lines.set(emailAddress.toLowerCase(), line);
      yield checked;
    } else yield { issues: [repeated(line, emailAddress, earlier)] };
  }
}

function checkEvent(
  event: CsvEvent,
  layout: Layout,
  authentication: HeaderRules["authentication"],
): CheckedRow {
  const { line } = event;
  if (event.kind !== "record")
    return refused(
      line,
      "QuoteInValue",
      "A quote stands within a value that is not in quotes. Put the value in quotes and double each quote in it.",
    );
  const { columns } = layout;
  if (event.cells.length !== columns.length)
    return refused(
      line,
      "ColumnCountWrong",
      `The row has ${event.cells.length} values and the header ${columns.length}. A value that holds the delimiter must be in quotes.`,
    );
  return checkRow(line, event.cells, layout, authentication);
}

function repeated(line: number, emailAddress: string, earlier: number): UploadIssue {
  return {
    line,
    emailAddress,
    column: "EmailAddress",
    code: "AddressRepeated",
    message: `The same EmailAddress is in line ${earlier}, which is used.`,
  };
}

/** The header and the rows after it, without blank ones such as Excel leaves at the end. */
async function* eventsOf(reading: Reading): AsyncGenerator<CsvEvent> {
  for await (const event of readCsv(decodeText(reading.bytes, reading.encoding), reading.delimiter)) {
    if (event.line <= reading.skip) continue;
    if (event.kind === "record" && event.cells.every((cell) => cell.trim() === "")) continue;
    yield event;
  }
}
