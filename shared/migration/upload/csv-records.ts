import { Readable } from "node:stream";
import { parse } from "csv-parse";

export type Delimiter = "," | ";" | "\t";

/** What comes next in a CSV text. Lines count from 1. */
export type CsvEvent =
  /** A record, blank ones included. */
  | { readonly kind: "record"; readonly line: number; readonly cells: readonly string[] }
  /** A record that was passed over: a quote stands in the middle of a value that is not in quotes. */
  | { readonly kind: "strayQuote"; readonly line: number }
  /** A quote opened in this line is not closed properly: nothing after it can be told apart. The last event. */
  | { readonly kind: "unbalancedQuote"; readonly line: number };

interface ParsedRecord {
  readonly record: readonly string[];
  readonly info: { readonly records: number; readonly lines: number };
}

/**
 * Reads CSV (RFC 4180) record by record: a value in double quotes may hold the delimiter, line breaks and doubled quotes;
 * spaces belong to the value. Errors of the parser hold cells, so they end here.
 * @param text pieces with `\n` as the only line break.
 */
export async function* readCsv(text: Iterable<string>, delimiter: Delimiter): AsyncGenerator<CsvEvent> {
  const skipped: { readonly stray: boolean; readonly records: number; readonly line: number }[] = [];
  const parser = Readable.from(text, { objectMode: false }).pipe(
    parse({
      delimiter,
      record_delimiter: "\n",
      relax_column_count: true,
      info: true,
      skip_records_with_error: true,
      on_skip: (error) => {
        const stray = String(error?.code).endsWith("INVALID_OPENING_QUOTE");
        skipped.push({ stray, records: Number(error?.records), line: Number(error?.lines) });
        return undefined;
      },
    }),
  );
  /** Last line of what was handed out. */
  let line = 0;

  /** Errors met before record number `records` was complete: the parser runs ahead of its reader. */
  function takeSkipped(records: number): CsvEvent[] {
    const events: CsvEvent[] = [];
    while (skipped[0] !== undefined && skipped[0].records < records) {
      const error = skipped.shift();
      if (error === undefined) break;
      if (!error.stray) return [...events, { kind: "unbalancedQuote", line: line + 1 }];
      // A record with two stray quotes is still one record.
      if (error.line <= line) continue;
      line = error.line;
      events.push({ kind: "strayQuote", line });
    }
    return events;
  }

  for await (const { record, info } of parser as AsyncIterable<ParsedRecord>) {
    for (const event of takeSkipped(info.records)) {
      yield event;
      if (event.kind === "unbalancedQuote") return;
    }
    yield { kind: "record", line: info.lines - lineBreaksIn(record), cells: record };
    line = info.lines;
  }
  yield* takeSkipped(Number.POSITIVE_INFINITY);
}

function lineBreaksIn(cells: readonly string[]): number {
  return cells.reduce((count, cell) => count + (cell.includes("\n") ? cell.split("\n").length - 1 : 0), 0);
}
