import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { type CsvValue, writeCsv } from "../../../shared/migration/csv-writer.ts";

async function* each<T>(rows: readonly T[]): AsyncGenerator<T> {
  yield* rows;
}

/** The text of a report with these rows. */
async function report(header: readonly string[], rows: AsyncIterable<readonly CsvValue[]>): Promise<string> {
  let text = "";
  for await (const piece of writeCsv(header, rows)) text += piece;
  return text;
}

describe("a report line", () => {
  it.each<[CsvValue, string]>([
    [undefined, ""],
    [-12, "-12"],
    ["plain", "plain"],
    ["a,b", '"a,b"'],
    ["a;b", '"a;b"'],
    ['say "x"', '"say ""x"""'],
    ["two\r\nlines", '"two\r\nlines"'],
    ["two\nlines", '"two\nlines"'],
    [" spaced ", '" spaced "'],
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", `"'\t'=1"`],
    ["\r=1", `"'\r'=1"`],
    ["  =1", "'  =1"],
    ["＝1", "'＝1"],
    ["\uFE66\u200B1", "'\uFE66\u200B1"],
    ["\u22121+1", "'\u22121+1"],
    ["\u0085=1", "\u0085'=1"],
    ["\u200B\u2060=1", "'\u200B\u2060=1"],
    ["\u0000\u001F+1", "'\u0000\u001F+1"],
    ["x;=1+1;y", `"x;'=1+1;y"`],
    ["x; \u00AD@SUM(A1)", `"x;' \u00AD@SUM(A1)"`],
    ['x;"=1"', `"x;'""=1"""`],
    ["x\n=1\ty\t-1", `"x\n'=1\ty\t'-1"`],
    ["a; b - c", '"a; b - c"'],
    ["a=1", "a=1"],
  ])("holds %j as %j", async (value, cell) => {
    expect(await report(["a", "b"], each([[value, "end"]]))).toBe(`\uFEFFa,b\r\n${cell},end\r\n`);
  });

  it("is what a CSV reader gives back", async () => {
    const rows = [
      ["plain", 'quote "q"', "comma, and\nline"],
      ["", " lead", "Größe"],
    ];
    const text = await report(["a", "b", "c"], each(rows));
    expect(text.startsWith("\uFEFFa,b,c\r\n")).toBe(true);
    expect(parse(text, { bom: true, from_line: 2 })).toEqual(rows);
  });
  it("is headers only without a row", async () => {
    expect(await report(["a", "b"], each([]))).toBe("\uFEFFa,b\r\n");
  });

  it("is made as it is read, and reads no further row once nobody reads", async () => {
    let made = 0;
    let ended = false;
    async function* endless(): AsyncGenerator<readonly CsvValue[]> {
      try {
        for (;;) yield [++made, "x".repeat(1000)];
      } finally {
        ended = true;
      }
    }
    for await (const piece of writeCsv(["a", "b"], endless())) if (piece.includes("x")) break;
    await expect.poll(() => ended).toBe(true);
    expect(made).toBeLessThan(200);
  });

  it("ends with what a row failed with", async () => {
    async function* failing(): AsyncGenerator<readonly CsvValue[]> {
      yield ["one"];
      throw new Error("the table is gone");
    }
    await expect(report(["a"], failing())).rejects.toThrow("the table is gone");
  });
});
