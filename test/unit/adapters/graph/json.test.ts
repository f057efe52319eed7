import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonBytes, jsonOf } from "../../../../shared/adapters/graph/json.ts";

const longTexts = fc
  .tuple(fc.string({ unit: "binary", maxLength: 5 }), fc.constantFrom("😀", '"', "\u2028x", "a", "\\\n"))
  .map(([begin, unit]) => begin + unit.repeat(40_000));

describe("jsonOf", () => {
  it("writes what JSON.stringify writes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        longTexts,
        fc.string({ unit: "binary" }),
        async (value, long, short) => {
          const all = {
            value,
            long,
            list: [long, short, null, undefined, 1],
            none: undefined,
            at: new Date(0),
          };
          expect(await jsonOf(all)).toBe(JSON.stringify(all));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("counts the bytes of a text", async () => {
    await fc.assert(
      fc.asyncProperty(longTexts, async (text) => {
        expect(await jsonBytes(text)).toBe(Buffer.byteLength(JSON.stringify(text)) - 2);
      }),
      { numRuns: 20 },
    );
  });
});
