import { stripVTControlCharacters, styleText } from "node:util";

/*
 * Text for a terminal of any width, 80 columns where nobody knows. All functions are pure.
 */

export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
  /** The column is left out if it says this, or nothing, of every row. */
  readonly empty?: string;
  /** It is cut short where there is no room, the widest first. */
  readonly gives?: boolean;
}

/** Columns of text that is cut short, at least. */
const leastWidth = 8;

/** A table whose lines fit into so many columns. */
export function table<T>(all: readonly Column<T>[], rows: readonly T[], width = 80): string[] {
  const columns = all.filter(
    ({ of, empty }) => empty === undefined || rows.some((row) => !["", empty].includes(of(row))),
  );
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ of }) => of(row)))];
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => lengthOf(row[index] ?? ""))));
  const room = width - 2 * (columns.length - 1);
  while (sum(widths) > room) {
    const widest = Math.max(...widths.filter((_, index) => columns[index]?.gives));
    if (!(widest > leastWidth)) break;
    const index = widths.findIndex((one, at) => one === widest && columns[at]?.gives);
    widths[index] = widest - 1;
  }
  return cells.map((row) =>
    row
      .map((cell, index) => aligned(cell, widths[index] ?? 0, columns[index]?.right === true))
      .join("  ")
      .trimEnd(),
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

function aligned(cell: string, width: number, right: boolean): string {
  const shown = cut(cell, width);
  const space = " ".repeat(Math.max(0, width - lengthOf(shown)));
  return right ? space + shown : shown + space;
}

function lengthOf(text: string): number {
  return stripVTControlCharacters(text).length;
}

/** The text, or as much of it as fits with a sign that more follows. */
export function cut(text: string, width: number): string {
  return lengthOf(text) <= width
    ? text
    : `${stripVTControlCharacters(text).slice(0, Math.max(0, width - 1))}…`;
}

/** Sentences over several lines, none longer than the width. @param indent before each line. */
export function wrapped(text: string, width = 80, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, indent + line];
}

/** `[#####-----]` with so many signs inside. */
export function bar(percent: number, width: number): string {
  const full = Math.floor((Math.min(100, Math.max(0, percent)) / 100) * width);
  return `[${"#".repeat(full)}${"-".repeat(width - full)}]`;
}

export function number(value: number): string {
  return value.toLocaleString("en-US");
}

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let amount = value;
  let unit = 0;
  for (; amount >= 1000 && unit < units.length - 1; unit++) amount /= 1000;
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: amount < 10 && unit > 0 ? 1 : 0 })} ${units[unit]}`;
}

/** Of today only the time. @param iso ISO 8601 text. @param now milliseconds since 1970. */
export function clock(iso: string | null, now: number): string {
  if (iso === null) return "";
  const then = new Date(iso);
  const pad = (part: number) => String(part).padStart(2, "0");
  const time = `${pad(then.getHours())}:${pad(then.getMinutes())}`;
  const date = `${then.getFullYear()}-${pad(then.getMonth() + 1)}-${pad(then.getDate())}`;
  return then.toDateString() === new Date(now).toDateString() ? time : `${date} ${time}`;
}

const colours: Readonly<Record<string, "green" | "red" | "yellow" | "cyan">> = {
  Failed: "red",
  SyncedWithErrors: "yellow",
  CompletedWithErrors: "yellow",
  Synced: "green",
  Completed: "green",
  Syncing: "cyan",
  IncrementalSyncing: "cyan",
};

/** A status in its colour, where colours are wanted. */
export function coloured(status: string, colour: boolean): string {
  const name = colours[status];
  return colour && name !== undefined ? styleText(name, status, { validateStream: false }) : status;
}
