import type { Endpoint } from "../../domain/endpoint.ts";
import { type ColumnName, columnNames, failureColumns } from "../../domain/upload-columns.ts";
import { nearest } from "../endpoints/nearest.ts";
import { maxCells } from "./csv-records.ts";
import type { UploadIssue } from "./issues.ts";

/** What each cell of a row is; undefined for a column that is passed over. */
export interface Layout {
  readonly columns: readonly (ColumnName | undefined)[];
  /** Cells that a row has at least. */
  readonly needed: number;
}

export interface HeaderRules {
  readonly allowUnknownColumns: boolean;
  /** How the endpoint logs in: without passwords, their column may be left out. */
  readonly authentication: Endpoint["authentication"];
}

const longestName = Math.max(...columnNames.map((name) => name.length));
/** Columns of the report `failed-mailboxes`, which is uploaded again once it is mended. */
const reportColumns: ReadonlySet<string> = new Set(failureColumns.map((name) => name.toLowerCase()));
const required: Readonly<Record<Endpoint["authentication"], readonly ColumnName[]>> = {
  password: ["EmailAddress", "UserName", "Password"],
  xoauth2: ["EmailAddress", "UserName"],
};
/**
 * Which column is which. Headers are taken without regard to case and to spaces around them. What is not a header may be
 * a user's password in a file without headers, so no issue says what a cell holds.
 */
export function readHeader(
  {
    line,
    cells,
    cellCount,
  }: { readonly line: number; readonly cells: readonly string[]; readonly cellCount: number },
  rules: HeaderRules,
): Layout | { readonly issues: readonly UploadIssue[] } {
  const wanted = required[rules.authentication];
  if (cellCount > maxCells)
    return {
      issues: [
        {
          line,
          code: "HeaderTooWide",
          message: `The first line has ${cellCount} columns, more than ${maxCells}. Leave only the headers ${wanted.join(", ")} and optionally UserRoot.`,
        },
      ],
    };
  if (cells.some((cell) => cell.includes("@")))
    return {
      issues: [
        {
          line,
          code: "HeaderMissing",
          message: `The first line holds a user instead of the headers ${wanted.join(", ")} and optionally UserRoot.`,
        },
      ],
    };
  const columns = cells.map(columnOf);
  const absent = columnNames.filter((name) => !columns.includes(name));
  const misspelt = new Set<ColumnName>();
  const issues: UploadIssue[] = [];
  for (const [index, cell] of cells.entries()) {
    const name = columns[index];
    if (name !== undefined && columns.indexOf(name) < index)
      issues.push({
        line,
        column: name,
        code: "HeaderRepeated",
        message: `Two columns have the header "${name}".`,
      });
    const header = cell.trim();
    if (name !== undefined || header === "" || reportColumns.has(header.toLowerCase())) continue;
    const meant = nearest(cell, absent);
    if (meant !== undefined) misspelt.add(meant);
    if (meant !== undefined || !rules.allowUnknownColumns) issues.push(unknownHeader(line, index + 1, meant));
  }
  for (const name of absent)
    if (wanted.includes(name) && !misspelt.has(name))
      issues.push({ line, column: name, code: "HeaderMissing", message: `There is no column "${name}".` });
  return issues.length > 0 ? { issues } : { columns, needed: neededCells(columns, wanted) };
}

/** How many cells a row has to have at least: those behind the last one that is required may be missing. */
function neededCells(columns: Layout["columns"], wanted: readonly ColumnName[]): number {
  return columns.findLastIndex((name) => name !== undefined && wanted.includes(name)) + 1;
}

function unknownHeader(line: number, number: number, meant: ColumnName | undefined): UploadIssue {
  return meant !== undefined
    ? {
        line,
        column: meant,
        code: "HeaderMisspelt",
        message: `The header of column ${number} looks like "${meant}" but is spelt differently.`,
      }
    : {
        line,
        code: "HeaderUnknown",
        message: `The header of column ${number} is not one of ${columnNames.join(", ")}. Remove the column, or set "allowUnknownColumns" in the batch's options.`,
      };
}

/** The column that has this header. Pure. */
export function columnOf(cell: string): ColumnName | undefined {
  const header = cell.trim();
  if (header.length > longestName) return undefined;
  const wanted = header.toLowerCase();
  return columnNames.find((name) => name.toLowerCase() === wanted);
}
