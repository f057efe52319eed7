import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  flagsOf,
  type MessageState,
  representableFlags,
  stateChange,
  stateOfNew,
} from "../../../../shared/adapters/graph/flags.ts";
import { propertyIds, propertyValue } from "../../../../shared/adapters/graph/properties.ts";

/** What Exchange shows after a create with these flags. */
function storedState(flags: readonly string[]): MessageState {
  const state = stateOfNew(flags);
  const messageFlags = Number(propertyValue(state.singleValueExtendedProperties, propertyIds.messageFlags));
  return { ...state, isDraft: (messageFlags & 8) !== 0 };
}

/** What Exchange shows after both updates. */
function changedState(before: MessageState, change: Parameters<typeof stateChange>[1]): MessageState {
  const { plain, lastAction } = stateChange(before, change);
  return { ...before, ...plain, ...(lastAction ? { singleValueExtendedProperties: lastAction } : {}) };
}

const anyFlags = fc.uniqueArray(
  fc.oneof(
    fc.constantFrom(
      "\\Seen",
      "\\seen",
      "\\Flagged",
      "\\Answered",
      "\\Draft",
      "\\Deleted",
      "\\Recent",
      "\\Custom",
    ),
    fc.constantFrom(
      "$Forwarded",
      "$forwarded",
      "$MDNSent",
      "$Label1",
      "$label5",
      "Important",
      "IMPORTANT",
      "NonJunk",
    ),
    fc.stringMatching(/^[A-Za-z0-9$,;_.-]{1,12}$/),
  ),
);

describe("representableFlags", () => {
  it.each([
    [
      ["\\seen", "\\FLAGGED"],
      ["\\Flagged", "\\Seen"],
    ],
    [["\\Answered", "$Forwarded"], ["\\Answered"]],
    [["$FORWARDED"], ["$Forwarded"]],
    [["\\Deleted", "\\Recent", "$MDNSent", "$Junk", "NonJunk", "$MailFlagBit1"], []],
    [["$Label1", "Important"], ["$label1"]],
    [["Work"], ["$label2"]],
    [["a,b;c", "A,B;C"], ["a_b_c"]],
    [
      ["\\Draft", "Projekt"],
      ["Projekt", "\\Draft"],
    ],
  ])("%j becomes %j", (flags, expected) => {
    expect(representableFlags(flags)).toEqual(expected.toSorted());
  });

  it("is what is read back after a create, and its own fixed point", () => {
    fc.assert(
      fc.property(anyFlags, (flags) => {
        const held = representableFlags(flags);
        expect(representableFlags(held)).toEqual(held);
        expect(flagsOf(storedState(flags))).toEqual(held);
      }),
    );
  });
});

describe("stateOfNew", () => {
  it.each([
    ["\\Answered", "102", "261"],
    ["$Forwarded", "104", "262"],
  ])("records %s as Outlook's last action", (flag, verb, icon) => {
    const { singleValueExtendedProperties: properties } = stateOfNew([flag]);
    expect(propertyValue(properties, propertyIds.lastVerb)).toBe(verb);
    expect(propertyValue(properties, propertyIds.iconIndex)).toBe(icon);
  });

  it("gives Thunderbird's labels their names", () => {
    expect(stateOfNew(["$label1", "$Label4", "Other"]).categories).toEqual(["Important", "To Do", "Other"]);
  });
});

describe("stateChange", () => {
  const apply = (flags: readonly string[], add: readonly string[], remove: readonly string[]) => {
    const before = storedState(flags);
    return flagsOf(changedState(before, { add, remove }));
  };

  it.each([
    { flags: ["\\Seen"], add: ["\\Flagged"], remove: [], after: ["\\Flagged", "\\Seen"] },
    { flags: ["\\Seen", "\\Flagged"], add: [], remove: ["\\seen"], after: ["\\Flagged"] },
    { flags: ["\\Answered"], add: ["$Forwarded"], remove: ["\\Answered"], after: ["$Forwarded"] },
    { flags: ["\\Answered"], add: [], remove: ["\\Answered", "$Forwarded"], after: [] },
    { flags: ["A", "B"], add: ["C"], remove: ["a"], after: ["B", "C"] },
    { flags: [], add: ["\\Draft", "$MDNSent"], remove: ["\\Deleted"], after: [] },
  ])("$flags with $add and without $remove is $after", ({ flags, add, remove, after }) => {
    expect(apply(flags, add, remove)).toEqual(after.toSorted());
  });

  it("says when there is nothing to change", () => {
    expect(
      stateChange(storedState(["\\Seen", "A"]), { add: ["\\Seen", "A"], remove: ["\\Flagged"] }),
    ).toEqual({});
  });

  it("keeps the last action apart from what may be changed without a permission", () => {
    const change = { add: ["\\Seen", "\\Answered"], remove: ["A"] };
    const { plain, lastAction } = stateChange(storedState(["A"]), change);
    expect(plain).toEqual({ isRead: true, categories: [] });
    expect(propertyValue(lastAction, propertyIds.lastVerb)).toBe("102");
    expect(stateChange(storedState([]), { add: ["\\Answered"], remove: [] }).plain).toBeUndefined();
  });

  it("takes the reply to all for an answer", () => {
    const state: MessageState = { singleValueExtendedProperties: [{ id: "Integer 0x1081", value: "103" }] };
    expect(flagsOf(state)).toEqual(["\\Answered"]);
  });

  it("does the same however often", () => {
    fc.assert(
      fc.property(anyFlags, anyFlags, anyFlags, (flags, add, remove) => {
        const before = storedState(flags);
        const once = changedState(before, { add, remove });
        // What is both added and removed stays added.
        expect(stateChange(once, { add, remove })).toEqual({});
      }),
    );
  });
});
