import { describe, expect, it } from "vitest";
import { dailyAllowance, dailyCapReached } from "../../../../shared/migration/sync/daily-allowance.ts";

const day = 24 * 60 * 60 * 1000;
const noon = 20_000 * day + day / 2;
const start = { day: 20_000, bytesTransferred: 1_000 };

describe("bytes a day", () => {
  it.each([
    ["the first step of all begins a day", undefined, 1_000, 500, start, 500],
    ["what was transferred today is used", start, 1_300, 500, start, 200],
    ["nothing is left, also after a chunk that went beyond", start, 1_700, 500, start, 0],
    ["yesterday's bytes do not count", { day: 19_999, bytesTransferred: 0 }, 1_000, 500, start, 500],
  ] as const)("%s", (_title, stored, transferred, cap, expected, bytesLeft) => {
    expect(dailyAllowance(stored, transferred, cap, noon)).toEqual({ start: expected, bytesLeft });
  });

  it("pauses until the day is over", () => {
    expect(dailyCapReached(500, noon)).toMatchObject({
      kind: "throttled",
      code: "DailyCapReached",
      retryAfterMs: day / 2,
    });
  });
});
