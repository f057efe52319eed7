import { describe, expect, test } from "vitest";
import { readableText, repaired } from "../../../../shared/adapters/imap/wire-repair.ts";

const repair = (text: string) => repaired(Buffer.from(text, "latin1")).toString("utf8");

describe("a response is put right", () => {
  test.each([
    [
      "* 1 FETCH (UID 1 FLAGS (\\Seen a(b two) $X) RFC822.SIZE 5)",
      "* 1 FETCH (UID 1 FLAGS (\\Seen a_b two_ $X) RFC822.SIZE 5)",
    ],
    ["* 1 FETCH (FLAGS (() UID 1)", "* 1 FETCH (FLAGS (_) UID 1)"],
    ["* 1 FETCH (FLAGS (odd)))", "* 1 FETCH (FLAGS (odd_))"],
    ['* 1 FETCH (FLAGS (a"b) BODY[] {5}\r\n)', "* 1 FETCH (FLAGS (a_b) BODY[] {5}\r\n)"],
  ])("%j", (sent, expected) => {
    expect(repair(sent)).toBe(expected);
  });

  test.each([
    "* 1 FETCH (UID 1 FLAGS (\\Seen $Label1) X-OTHER (a (b)) RFC822.SIZE 5)",
    "* 1 FETCH (FLAGS () MODSEQ (12) UID 1)",
    '* LIST (\\HasChildren) "/" "a(b"',
    "* OK [PERMANENTFLAGS (\\Seen \\*)] Flags",
    "a OK FLAGS (x() done",
  ])("and what is right stays as it is: %j", (sent) => {
    expect(repair(sent)).toBe(sent);
  });

  test("each byte outside US-ASCII is a character of its own, as long as nobody reads it", () => {
    for (const bytes of ["Entw\xfcrfe", Buffer.from("Входящие", "utf8").toString("latin1"), "\xff\xfe\x80"])
      expect(repair(`* LIST () "/" "${bytes}"`)).toBe(`* LIST () "/" "${bytes}"`);
  });

  test("who reads it sees UTF-8, or else the characters of the West", () => {
    expect(readableText("plain")).toBe("plain");
    expect(readableText(Buffer.from("Входящие", "utf8").toString("latin1"))).toBe("Входящие");
    expect(readableText("Entw\xfcrfe \x80")).toBe("Entwürfe €");
  });
});
