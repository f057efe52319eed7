import { describe, expect, it } from "vitest";
import type { EndpointName } from "../../../../shared/domain/names.ts";
import { opensAt, outsideReadingHours } from "../../../../shared/migration/endpoints/reading-hours.ts";

const berlin = "Europe/Berlin";

/** @returns "open", or when it opens, in UTC. */
function look(from: string, to: string, timeZone: string, now: string): string {
  const at = opensAt({ from, to, timeZone }, Date.parse(now));
  return at === undefined ? "open" : new Date(at).toISOString();
}

describe("reading hours", () => {
  it.each([
    // Within a day.
    ["08:00", "17:30", "UTC", "2026-11-30T08:00:00Z", "open"],
    ["08:00", "17:30", "UTC", "2026-11-30T17:29:59.999Z", "open"],
    ["08:00", "17:30", "UTC", "2026-11-30T17:30:00Z", "2026-12-01T08:00:00.000Z"],
    ["08:00", "17:30", "UTC", "2026-11-30T07:59:59.999Z", "2026-11-30T08:00:00.000Z"],
    // Over midnight, by clocks that are an hour ahead of UTC, or five and three quarters.
    ["20:00", "06:00", berlin, "2026-11-30T19:00:00Z", "open"],
    ["20:00", "06:00", berlin, "2026-12-01T04:59:59Z", "open"],
    ["20:00", "06:00", berlin, "2026-12-01T05:00:00Z", "2026-12-01T19:00:00.000Z"],
    ["20:07", "00:00", "Asia/Kathmandu", "2026-11-30T12:00:00Z", "2026-11-30T14:22:00.000Z"],
    // All but a minute of the day.
    ["00:01", "00:00", "UTC", "2026-11-30T00:00:30Z", "2026-11-30T00:01:00.000Z"],
  ])("from %s to %s (%s) at %s: %s", (from, to, timeZone, now, expected) => {
    expect(look(from, to, timeZone, now)).toBe(expected);
  });

  it.each([
    // Clocks go from 02:00 to 03:00 on 2026-03-29: the night is an hour shorter, and 02:30 is not shown.
    ["20:00", "06:00", "2026-03-29T03:59:00Z", "open"],
    ["20:00", "06:00", "2026-03-29T04:00:00Z", "2026-03-29T18:00:00.000Z"],
    ["02:30", "06:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00.000Z"],
    ["02:10", "02:40", "2026-03-28T12:00:00Z", "2026-03-30T00:10:00.000Z"],
    ["03:00", "06:00", "2026-03-29T00:59:00Z", "2026-03-29T01:00:00.000Z"],
    // Clocks go from 03:00 to 02:00 on 2026-10-25: what lies between comes twice.
    ["20:00", "06:00", "2026-10-25T04:59:00Z", "open"],
    ["20:00", "06:00", "2026-10-25T05:00:00Z", "2026-10-25T19:00:00.000Z"],
    ["02:15", "02:45", "2026-10-24T23:00:00Z", "2026-10-25T00:15:00.000Z"],
    ["02:15", "02:45", "2026-10-25T00:45:00Z", "2026-10-25T01:15:00.000Z"],
    ["02:15", "02:45", "2026-10-25T01:45:00Z", "2026-10-26T01:15:00.000Z"],
  ])("from %s to %s when clocks are changed, at %s: %s", (from, to, now, expected) => {
    expect(look(from, to, berlin, now)).toBe(expected);
  });

  it("says when it goes on, and for how long the pause is", () => {
    const hours = { from: "20:00", to: "06:00", timeZone: berlin };
    const now = Date.parse("2026-11-30T12:00:00Z");
    const at = opensAt(hours, now) ?? 0;
    const error = outsideReadingHours("old" as EndpointName, hours, at, now);
    expect(error).toMatchObject({
      kind: "throttled",
      code: "OutsideReadingHours",
      retryAfterMs: 7 * 3_600_000,
    });
    expect(error.message).toContain("from 20:00 to 06:00 (Europe/Berlin)");
    expect(error.message).toContain("2026-11-30T19:00:00.000Z");
  });
});
