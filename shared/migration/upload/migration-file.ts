import type { Readable } from "node:stream";
import { addressKey } from "../../domain/addresses.ts";
import { type HeaderRules, type Layout, readHeader } from "./csv-header.ts";
import { type CsvEvent, CsvReader } from "./csv-records.ts";
import { maxBytes, maxRows, maxRowsWithBlank } from "./file-limits.ts";
import type { Rejected, UploadIssue } from "./issues.ts";
import { type Opening, readOpening } from "./opening-lines.ts";
import { createPacing, type Pacing } from "./pacing.ts";
import { decodeText, detectText } from "./text.ts";
import { type CheckedRow, type CsvRow, checkRow } from "./user-row.ts";

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

/** A row that is not blank; of a record only what the columns hold is kept. */
type Row = CsvRow | Extract<CsvEvent, { readonly kind: "strayQuote" }>;

/** What a file holds. */
interface Content {
  readonly layout: Layout;
  readonly rows: readonly Row[];
}

/**
 * Reads a migration file and checks it as a whole: encoding, headers, quotes, number of rows. The rows stay in memory
 * (10 MB at most) since a fault at the end refuses those before it. Others get their turn meanwhile, however odd the file.
 * @throws what `content` throws.
 */
export async function openMigrationFile(
  content: Readable,
  rules: MigrationFileRules,
): Promise<MigrationFile | Rejected> {
  const pace = createPacing();
  const bytes = await readBytes(content, rules.maxBytes ?? maxBytes, pace);
  if (bytes === undefined)
    return refused(0, "FileTooLarge", "The file is larger than 10 MB. Part it into several batches.");
  await pace();
  const text = detectText(bytes);
  if ("notText" in text) return refused(0, "FileNotText", text.notText);
  const opening = await readOpening(decodeText(bytes, text.encoding), maxRowsWithBlank, pace);
  if (opening === "tooManyLines") return tooManyRows(0);
  if (opening === undefined) return refused(0, "FileEmpty", "The file is empty.");

  const read = await readRows(decodeText(bytes, text.encoding), opening, rules, pace);
  if ("issues" in read) return read;
  const warnings = [...(text.assumed ? [encodingAssumed] : []), ...warningsOf(read, rules)];
  return { warnings, rows: () => checkedRows(read, rules.authentication) };
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
async function readBytes(content: Readable, most: number, pace: Pacing): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of content) {
    await pace();
    size += piece.length;
    if (size > most) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Takes the whole file in. */
async function readRows(
  text: Iterable<string>,
  { delimiter, skip }: Opening,
  rules: MigrationFileRules,
  pace: Pacing,
): Promise<Content | Rejected> {
  const most = rules.maxRows ?? maxRows;
  const reader = new CsvReader(delimiter);
  const rows: Row[] = [];
  let layout: Layout | undefined;
  for (const events of eventsOf(reader, text)) {
    for (const event of events) {
      if (event.line <= skip) continue;
      if (event.kind === "unbalancedQuote") return quotesUnbalanced(event.line);
      if (layout === undefined) {
        const header = readHeader(event.kind === "record" ? event : noCells(event.line), rules);
        if ("issues" in header) return header;
        layout = header;
      } else if (rows.push(ofColumns(event, layout)) > most)
        return refused(
          event.line,
          "TooManyRows",
          `The file has more than ${most} rows. Part it into several batches.`,
        );
    }
    if (reader.recordCount > maxRowsWithBlank) return tooManyRows(maxRowsWithBlank + 1);
    await pace();
  }
  if (layout === undefined) return refused(0, "FileEmpty", "The file is empty.");
  if (rows.length === 0) return refused(1, "NoRows", "The file has headers but no rows.");
  return { layout, rows };
}

function* eventsOf(reader: CsvReader, text: Iterable<string>): Generator<readonly CsvEvent[]> {
  for (const piece of text) yield reader.read(piece);
  yield reader.end();
}

/** A header that cannot be read has none of the columns. */
function noCells(line: number) {
  return { line, cells: [], cellCount: 0 };
}

/** The row without what no column is for, which may be most of a file. */
function ofColumns(row: Row, { columns }: Layout): Row {
  if (row.kind !== "record") return row;
  return { ...row, cells: row.cells.map((cell, index) => (columns[index] === undefined ? "" : cell)) };
}

function quotesUnbalanced(line: number): Rejected {
  return refused(
    line,
    "QuotesUnbalanced",
    "A quote that opens a value in this line is not closed, or text follows the closing one. Within a value in quotes every quote is doubled.",
  );
}

function tooManyRows(line: number): Rejected {
  return refused(
    line,
    "TooManyRows",
    `The file has more than ${maxRowsWithBlank} lines, blank ones included. Delete the blank ones.`,
  );
}

function warningsOf({ layout, rows }: Content, { authentication }: HeaderRules): readonly UploadIssue[] {
  if (authentication === "password") return [];
  const column = layout.columns.indexOf("Password");
  const first = rows.find((row) => row.kind === "record" && (row.cells[column] ?? "").trim() !== "");
  return first === undefined ? [] : [passwordNotUsed(first.line)];
}

async function* checkedRows(
  { layout, rows }: Content,
  authentication: HeaderRules["authentication"],
): AsyncGenerator<CheckedRow> {
  const pace = createPacing();
  /** Line of each address that is in use. */
  const lines = new Map<string, number>();
  for (const row of rows) {
    await pace();
    const checked = checkOne(row, layout, authentication);
    if ("issues" in checked) {
      yield checked;
      continue;
    }
    const { line, emailAddress } = checked.user;
    const key = addressKey(emailAddress);
    const earlier = lines.get(key);
    if (earlier === undefined) {
      lines.set(key, line);
      yield checked;
    } else yield { issues: [repeated(line, emailAddress, earlier)] };
  }
}

function checkOne(row: Row, layout: Layout, authentication: HeaderRules["authentication"]): CheckedRow {
  if (row.kind !== "record")
    return refused(
      row.line,
      "QuoteInValue",
      "A quote stands within a value that is not in quotes. Put the value in quotes and double each quote in it.",
    );
  const { columns, needed } = layout;
  if (row.cellCount > columns.length || row.cellCount < needed)
    return refused(
      row.line,
      "ColumnCountWrong",
      `The row has ${row.cellCount} values and the header ${columns.length}. A value that holds the delimiter must be in quotes.`,
    );
  return checkRow(row, layout, authentication);
}

function repeated(line: number, emailAddress: string, earlier: number): UploadIssue {
  return {
    line,
    emailAddress,
    column: "EmailAddress",
    code: "AddressRepeated",
    message: `The same EmailAddress, or one that looks the same, is in line ${earlier}, which is used.`,
  };
}
