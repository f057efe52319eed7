import { describe, expect, it } from "vitest";
import type { BatchVerificationView } from "../../../functions/page/api/types.ts";
import { approvalOf, skippedText } from "../../../functions/page/batch/approval.ts";
import { expectedTime } from "../../../functions/page/batch/expected-time.ts";
import { differencesOf, resultOf } from "../../../functions/page/batch/verification-text.ts";

const nothing: BatchVerificationView = {
  mailboxCount: 4,
  verifiedCount: 0,
  verifyingCount: 0,
  failedCount: 0,
  equalCount: 0,
  comparedItemCount: 0,
  differences: {},
  byUsers: {},
  waitingItemCount: 0,
  deletedAtSourceCount: 0,
  sampledItemCount: 0,
  statement: null,
  asOf: "2026-11-30T12:00:00.000Z",
  mailboxes: [],
};

describe("what a verification came to", () => {
  it.each<[string, Partial<BatchVerificationView>, string | undefined, string]>([
    ["there was none", {}, undefined, ""],
    ["under way", { verifiedCount: 1, verifyingCount: 3 }, "info", "1 of 4 mailboxes are through"],
    ["all equal", { verifiedCount: 4, equalCount: 4, comparedItemCount: 12 }, "success", "12 messages of 4"],
    [
      "some differ",
      { verifiedCount: 4, equalCount: 3, differences: { DateDiffers: 2 } },
      "warning",
      "0 messages",
    ],
    ["some are lost", { verifiedCount: 4, equalCount: 3, differences: { Missing: 1 } }, "error", "missing"],
    [
      "some could not be",
      { verifiedCount: 3, failedCount: 1, equalCount: 3 },
      "warning",
      "Verify them again",
    ],
  ])("%s", (_, change, intent, text) => {
    const result = resultOf({ ...nothing, ...change });
    expect(result?.intent).toBe(intent);
    expect(result?.text ?? "").toContain(text);
  });

  it("the most frequent differences stand first, what users did last", () => {
    const found = differencesOf({
      differences: { Missing: 1, DateDiffers: 5, Duplicate: 0 },
      byUsers: { MovedInTarget: 9 },
    });
    expect(found.map(({ kind, byUsers }) => [kind, byUsers])).toEqual([
      ["DateDiffers", false],
      ["Missing", false],
      ["MovedInTarget", true],
    ]);
  });
});

describe("skipped messages", () => {
  it("of a batch that lost many the name has to be typed", () => {
    expect(approvalOf({ name: "pilot", dataConsistencyScore: "Poor" }, 3, "pilot").typed).toBe("pilot");
    expect(
      approvalOf({ name: "pilot", dataConsistencyScore: "Investigate" }, 3, "pilot").typed,
    ).toBeUndefined();
  });

  it.each([
    [0, 0, "No message was skipped."],
    [3, 0, "Nothing has to be done"],
    [3, 3, "None of them was left out on purpose"],
    [40, 37, "37 are neither left out on purpose nor accepted"],
  ])("%d skipped, %d of them accepted by nobody", (skippedItemCount, unapprovedItemCount, text) =>
    expect(skippedText({ skippedItemCount, unapprovedItemCount })).toContain(text),
  );
});

it("a rehearsal says how long a mailbox takes, and over how many days", () => {
  expect(expectedTime({ secondsAtBest: 120, secondsAtWorst: 300, days: null })).toBe("2 min to 5 min");
  expect(expectedTime({ secondsAtBest: 60, secondsAtWorst: 60, days: 3 })).toBe(
    "1 min, over 3 days by its daily cap",
  );
});
