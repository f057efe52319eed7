export type Delimiter = "," | ";" | "\t";

/** What stands in a CSV text. Lines count from 1. */
export type CsvEvent =
  /** A record that is not blank. */
  | {
      readonly kind: "record";
      /** Where it begins. */
      readonly line: number;
      /** Where it ends: another line if a value in quotes holds line breaks. */
      readonly lastLine: number;
      /** No more than {@link maxCells} of them, each up to {@link maxCellLength}. */
      readonly cells: readonly string[];
      /** How many cells there are in all. */
      readonly cellCount: number;
    }
  /** A record that cannot be used: a quote stands in the middle of a value that is not in quotes. */
  | { readonly kind: "strayQuote"; readonly line: number }
  /** The quote that opens a value in this line is not closed properly: nothing after it can be told apart. The last event. */
  | { readonly kind: "unbalancedQuote"; readonly line: number };

/** Cells of a record that are kept. */
export const maxCells = 1_000;
/** Characters of a cell that are kept; of a longer one the rest is `…`. */
export const maxCellLength = 65_536;

/** Where the reader stands: before a cell, within one, or behind the quote that may close it. */
type Place = "start" | "plain" | "quoted" | "closed";

const lineFeed = 10;
const quote = 34;

/**
 * Reads CSV (RFC 4180): a value in double quotes may hold the delimiter, line breaks and doubled quotes; spaces belong to
 * the value. The time is linear in the text, whatever stands in it, and no more is kept than the record under way.
 */
export class CsvReader {
  readonly #delimiter: number;
  #place: Place = "start";
  #line = 1;
  #firstLine = 1;
  #quoteLine = 1;
  #cells: string[] = [];
  #cellCount = 0;
  #cell = "";
  #blank = true;
  #stray = false;
  #ended = false;
  #recordCount = 0;

  constructor(delimiter: Delimiter) {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** Records that are complete, blank ones included. */
  get recordCount(): number {
    return this.#recordCount;
  }

  /** @param piece of the text, with `\n` as the only line break. @returns what it completes. */
  read(piece: string): CsvEvent[] {
    const events: CsvEvent[] = [];
    /** Where that part of the cell begins which is not in `#cell` yet. */
    let from = 0;
    for (let at = 0; at < piece.length && !this.#ended; at++) {
      const code = piece.charCodeAt(at);
      if (this.#place === "quoted") {
        if (code === lineFeed) this.#line++;
        if (code !== quote) continue;
        this.#keep(piece, from, at);
        this.#place = "closed";
      } else if (code === this.#delimiter || code === lineFeed) {
        if (this.#place === "plain") this.#keep(piece, from, at);
        this.#endCell();
        if (code === lineFeed) this.#endRecord(events);
      } else if (this.#place === "closed") {
        if (code !== quote) this.#breakOff(events);
        // The second of two quotes stands for itself.
        this.#place = "quoted";
        from = at;
      } else if (this.#place === "start") {
        this.#place = code === quote ? "quoted" : "plain";
        if (code === quote) this.#quoteLine = this.#line;
        from = code === quote ? at + 1 : at;
      } else if (code === quote) this.#stray = true;
    }
    if (this.#place === "plain" || this.#place === "quoted") this.#keep(piece, from, piece.length);
    return events;
  }

  /** @returns what the end of the text completes. */
  end(): CsvEvent[] {
    const events: CsvEvent[] = [];
    if (this.#ended) return events;
    if (this.#place === "quoted") this.#breakOff(events);
    else if (this.#place !== "start" || this.#cellCount > 0) {
      this.#endCell();
      this.#endRecord(events);
    }
    return events;
  }

  #keep(piece: string, from: number, to: number): void {
    const room = maxCellLength - this.#cell.length;
    if (to - from <= room) this.#cell += piece.slice(from, to);
    else if (room >= 0) this.#cell += `${piece.slice(from, from + room)}…`;
  }

  #endCell(): void {
    this.#cellCount++;
    if (this.#cells.length < maxCells) this.#cells.push(this.#cell);
    this.#blank &&= this.#cell === "" || this.#cell.trim() === "";
    this.#cell = "";
    this.#place = "start";
  }

  #endRecord(events: CsvEvent[]): void {
    const line = this.#firstLine;
    this.#recordCount++;
    if (this.#stray) events.push({ kind: "strayQuote", line });
    else if (!this.#blank)
      events.push({
        kind: "record",
        line,
        lastLine: this.#line,
        cells: this.#cells,
        cellCount: this.#cellCount,
      });
    this.#cells = [];
    this.#cellCount = 0;
    this.#blank = true;
    this.#stray = false;
    this.#line++;
    this.#firstLine = this.#line;
  }

  #breakOff(events: CsvEvent[]): void {
    this.#ended = true;
    events.push({ kind: "unbalancedQuote", line: this.#quoteLine });
  }
}
