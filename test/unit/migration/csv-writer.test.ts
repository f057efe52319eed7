import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import { type CsvValue, csvLine, writeCsv } from "../../../shared/migration/csv-writer.ts";

describe("a report line", () => {
  it.each<[CsvValue, string]>([
    [undefined, ""],
    [-12, "-12"],
    ["plain", "plain"],
    ["a,b", '"a,b"'],
    ["a;b", '"a;b"'],
    ['say "x"', '"say ""x"""'],
    ["two\r\nlines", '"two\r\nlines"'],
    [" spaced ", '" spaced "'],
    ["=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\t=1", '"\'\t=1"'],
    ["\r=1", '"\'\r=1"'],
    ["  =1", "'  =1"],
    ["＝1", "'＝1"],
    ["a=1", "a=1"],
  ])("holds %j as %j", (value, cell) => {
    expect(csvLine([value])).toBe(`${cell}\r\n`);
  });

  it("is what a CSV reader gives back", async () => {
    const rows = [
      ["plain", 'quote "q"', "comma, and\nline"],
      ["", " lead", "Größe"],
    ];
    let text = "";
    for await (const piece of writeCsv(
      ["a", "b", "c"],
      (async function* () {
        yield* rows;
      })(),
    ))
      text += piece;
    expect(text.startsWith("\uFEFFa,b,c\r\n")).toBe(true);
    expect(parse(text, { bom: true, from_line: 2 })).toEqual(rows);
  });
});
