import { describe, expect, it } from "vitest";
import { copiedFlags, flagChange, sameFlags } from "../../../../shared/migration/sync/flags.ts";

describe("flags", () => {
  it("leave out what belongs to the source alone", () => {
    expect(copiedFlags(["\\Seen", "\\Recent", "work", "\\deleted", "\\seen"])).toEqual(["\\seen", "work"]);
  });

  it.each([
    ["a flag set at the source", [], ["\\Seen"], [], { add: ["\\Seen"], remove: [] }],
    ["one the user has set already", [], ["\\Seen"], ["\\Seen"], { add: [], remove: [] }],
    ["one cleared at the source", ["\\Flagged"], [], ["\\Flagged"], { add: [], remove: ["\\Flagged"] }],
    ["one the user has cleared already", ["\\Flagged"], [], [], { add: [], remove: [] }],
    [
      "one the user has set, untouched at the source",
      ["\\Seen"],
      ["\\Seen"],
      ["\\Seen", "mine"],
      { add: [], remove: [] },
    ],
  ])("follow %s", (_, before, after, current, change) => {
    expect(flagChange(before, after, current)).toEqual(change);
  });

  it("are the same in any order and case", () => {
    expect(sameFlags(["\\Seen", "A"], ["a", "\\seen"])).toBe(true);
    expect(sameFlags(["\\Seen"], ["\\Seen", "a"])).toBe(false);
  });
});
