import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type AnswerBudget,
  AnswerGuard,
  shortAnswer,
} from "../../../../shared/adapters/imap/answer-guard.ts";

const scene = { side: "source", host: "imap.example.com", port: 993, stage: "session" } as const;
const withBodies: AnswerBudget = { ...shortAnswer, bodyBytes: 1_000 };

function guardFor(budget: AnswerBudget): AnswerGuard {
  const guard = new AnswerGuard(scene);
  guard.take(Buffer.from("* OK ready\r\n"));
  guard.expect(budget);
  return guard;
}

/** What the guard hands on of a text that comes in pieces of these sizes, over and over. */
function handedOn(guard: AnswerGuard, text: string, sizes: readonly number[]): string {
  let out = "";
  for (let at = 0, i = 0; at < text.length; i++) {
    const size = sizes[i % sizes.length] ?? text.length;
    out += guard.take(Buffer.from(text.slice(at, at + size), "latin1")).toString("latin1");
    at += size;
  }
  return out;
}

const pieces = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });
const row = (size: number, announced = `${size}`) =>
  `* 1 FETCH (UID 1 BODY[] {${announced}}\r\n${"x\r\n".repeat(size).slice(0, size)})\r\n`;

describe("what the guard hands on", () => {
  test("is what came, however it came", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 20 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
        (bodies, sizes) => {
          const text = bodies.map((size) => `${row(size)}* 3 EXISTS\r\n`).join("");
          expect(handedOn(guardFor(withBodies), text, sizes)).toBe(text);
        },
      ),
    );
  });

  test("of a long answer to SEARCH is the same numbers in several short ones", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30_000 }), pieces, fc.boolean(), (count, sizes, isExtended) => {
        const numbers = Array.from({ length: count }, (_, i) => 7 + 2 * i);
        const text = isExtended
          ? `* ESEARCH (TAG "a") UID ALL ${numbers.join(",")}\r\n`
          : `* SEARCH ${numbers.join(" ")}\r\n`;
        const lines = handedOn(guardFor(shortAnswer), text, sizes).split("\r\n").slice(0, -1);
        const head = isExtended ? /^\* ESEARCH (?:\(TAG "a"\) )?UID ALL / : /^\* SEARCH /;
        expect(lines.every((line) => head.test(line) && line.length < 80_000)).toBe(true);
        expect(lines.flatMap((line) => line.replace(head, "").split(/[ ,]/).map(Number))).toEqual(numbers);
      }),
      {
        numRuns: 10,
        examples: [
          [12_000, [1], false],
          [12_000, [2], true],
          [12_000, [1, 2, 1], true],
        ],
      },
    );
  });

  test("of an answer to SEARCH with a mod-sequence is not cut within it", () => {
    const text = `* SEARCH ${"1 ".repeat(20_000)}(MODSEQ 12345)\r\n`;
    expect(handedOn(guardFor(shortAnswer), text, [1_000])).toMatch(/ 1 \(MODSEQ 12345\)\r\n$/);
  });
});

describe("a body that the guard takes out", () => {
  const body = "{5}\r\nabc {9}\r\n";

  test("is all of it, and an empty one is handed on in its place, however it came", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 }), (sizes) => {
        const guard = guardFor(withBodies);
        const taken: string[] = [];
        const announced: number[] = [];
        guard.expect(withBodies, async (bytes, size) => {
          taken.push(bytes.toString("latin1"));
          announced.push(size);
        });
        const row = (text: string) =>
          `* 1 FETCH (UID 1 BODY[]<0> {${text.length}}\r\n${text} RFC822.SIZE 9)\r\n`;
        const lines = "* 3 EXISTS {1\r\n* OK {\r\n";
        const text = `${lines}${row(body)}${row("another")}${lines}a OK {1} done\r\n`;
        expect(handedOn(guard, text, sizes)).toBe(text.replace(`{${body.length}}\r\n${body}`, "{0}\r\n"));
        expect(taken.join("")).toBe(body);
        expect(new Set(announced)).toEqual(new Set([body.length]));
      }),
    );
  });

  test("is held to the budget", () => {
    const guard = guardFor(withBodies);
    guard.expect(withBodies, async () => undefined);
    expect(() => guard.take(Buffer.from("* 1 FETCH (BODY[] {1001}\r\n"))).toThrow(
      expect.objectContaining({ code: "ResponseTooLarge" }),
    );
  });

  test("holds the server back until there is room", async () => {
    const guard = guardFor(withBodies);
    const { promise, resolve } = Promise.withResolvers<void>();
    guard.expect(withBodies, () => promise);
    guard.take(Buffer.from("* 1 FETCH (BODY[] {3}\r\n"));
    expect(guard.room).toBeUndefined();
    guard.take(Buffer.from("abc)\r\n"));
    expect(guard.room).toBe(promise);
    resolve();
    guard.take(Buffer.from("a OK\r\n"));
    expect(guard.room).toBeUndefined();
  });
});

describe("what the guard ends", () => {
  const cases: readonly (readonly [string, AnswerBudget, string, string])[] = [
    ["a line without an end", shortAnswer, "x".repeat(65_537), "ResponseTooLarge"],
    ["a literal that is no body", shortAnswer, `* LIST () "/" {65536}\r\n`, "ResponseTooLarge"],
    [
      "a literal where no body was asked for",
      shortAnswer,
      "* 1 FETCH (BODY[] {65536}\r\n",
      "ResponseTooLarge",
    ],
    ["a body that is larger than asked for", withBodies, "* 1 FETCH (BODY[] {1001}\r\n", "ResponseTooLarge"],
    [
      "bodies that together are",
      withBodies,
      `* 1 FETCH (BODY[] {600}\r\n${"x".repeat(600)} BODY[] {600}\r\n`,
      "ResponseTooLarge",
    ],
    [
      "many small literals in one response",
      shortAnswer,
      `* LIST ({9}\r\n123456789${" {9}\r\n123456789".repeat(5_000)}`,
      "ResponseTooLarge",
    ],
    [
      "a size with more digits than are read",
      withBodies,
      `* 1 FETCH (BODY[] {${"0".repeat(60)}5}\r\n`,
      "ResponseTooLarge",
    ],
    ["more lines than any answer has", shortAnswer, "* OK\r\n".repeat(20_001), "AnswerTooLong"],
    [
      "more bytes than any answer has",
      shortAnswer,
      `* OK ${"x".repeat(60_000)}\r\n`.repeat(80),
      "AnswerTooLong",
    ],
  ];
  test.each(cases)("%s", (_, budget, text, code) => {
    for (const sizes of [[1_000_000], [7], [4_096, 1]])
      expect(() => handedOn(guardFor(budget), text, sizes)).toThrow(expect.objectContaining({ code }));
  });

  test("nothing that a body holds", () => {
    const budget = { ...shortAnswer, bodyBytes: 10_000_000, lines: 10 };
    const body = `${"\r\n".repeat(1_000_000)}{99999}\r\n`;
    const text = `* 1 FETCH (UID 1 BODY[] {${body.length}}\r\n${body})\r\n`;
    expect(handedOn(guardFor(budget), text, [16_384])).toBe(text);
  });

  test("no command for what another one was answered", () => {
    const guard = guardFor({ ...shortAnswer, lines: 2 });
    for (let i = 0; i < 10; i++) {
      guard.expect({ ...shortAnswer, lines: 2 });
      guard.take(Buffer.from("* OK\r\na OK\r\n"));
    }
    expect(guard.received).toBe(12 + 10 * 12);
  });
});
