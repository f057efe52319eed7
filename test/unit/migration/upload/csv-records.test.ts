import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CsvEvent, CsvReader, type Delimiter } from "../../../../shared/migration/upload/csv-records.ts";

/** What a text holds, read in pieces of a size. */
function read(text: string, delimiter: Delimiter, size: number): CsvEvent[] {
  const reader = new CsvReader(delimiter);
  const events: CsvEvent[] = [];
  for (let start = 0; start < text.length; start += size)
    events.push(...reader.read(text.slice(start, start + size)));
  return [...events, ...reader.end()];
}

const anyText = fc.string({ unit: fc.constantFrom("a", " ", ",", ";", '"', "\n", "é", "🔑"), maxLength: 40 });

/** Records that are not blank, by another reader; undefined if a quote is not closed properly. */
function readElsewhere(text: string): string[][] | undefined {
  let balanced = true;
  const records: string[][] = parse(text, {
    record_delimiter: "\n",
    relax_column_count: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      balanced &&= String(error?.code).endsWith("INVALID_OPENING_QUOTE");
      return undefined;
    },
  });
  return balanced ? records.filter((cells) => cells.some((cell) => cell.trim() !== "")) : undefined;
}

describe("a CSV text", () => {
  it("is read as another reader reads it, in pieces of any size", () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 1, max: 45 }), (text, size) => {
        const events = read(text, ",", size);
        const elsewhere = readElsewhere(text);
        if (elsewhere === undefined) expect(events.at(-1)?.kind).toBe("unbalancedQuote");
        else
          expect(events.flatMap((event) => (event.kind === "record" ? [event.cells] : []))).toEqual(
            elsewhere,
          );
      }),
      { numRuns: 2_000 },
    );
  });

  it("comes back as it was written, with the lines of its records", () => {
    const cells = fc.array(anyText, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(cells, { maxLength: 6 }), fc.integer({ min: 1, max: 45 }), (records, size) => {
        const text = records
          .map((record) => `${record.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(";")}\n`)
          .join("");
        let line = 1;
        const wanted = records.flatMap((record) => {
          const firstLine = line;
          const lastLine = line + record.join("").split("\n").length - 1;
          line = lastLine + 1;
          const blank = record.every((cell) => cell.trim() === "");
          return blank
            ? []
            : [{ kind: "record", line: firstLine, lastLine, cells: record, cellCount: record.length }];
        });
        expect(read(text, ";", size)).toEqual(wanted);
      }),
    );
  });

  it("keeps a thousand cells of a record and counts the others", () => {
    const [event] = read("x,".repeat(2_000), ",", 64);
    expect(event).toMatchObject({ kind: "record", cellCount: 2_001 });
    expect(event?.kind === "record" && event.cells).toHaveLength(1_000);
  });

  it("keeps the beginning of a long cell, which stays long and does not count as blank", () => {
    for (const text of [`"${" \n".repeat(500_000)}",y`, `${" ".repeat(1_000_000)},y`]) {
      const [event] = read(text, ",", 4_096);
      const [long = "", other] = event?.kind === "record" ? event.cells : [];
      expect([long.length, long.at(-1), other]).toEqual([65_537, "…", "y"]);
    }
    expect(read(" ".repeat(1_000_000), ",", 4_096)).toHaveLength(1);
  });

  it("counts blank records, and tells no more of them", () => {
    const reader = new CsvReader(",");
    expect(reader.read('\n\n , \n""\n')).toEqual([]);
    expect(reader.recordCount).toBe(4);
  });
});
