import { describe, expect, it } from "vitest";
import { parseRetryAfter } from "../../../shared/adapters/retry-after.ts";

describe("parseRetryAfter", () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  it.each([
    ["120", 120_000],
    [" 0 ", 0],
    ["1.5", 1500],
    ["Thu, 01 Jan 2026 12:01:00 GMT", 60_000],
    ["Thu, 01 Jan 2026 11:00:00 GMT", 0],
    ["soon", undefined],
    [null, undefined],
  ])("%j", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });
});
