import { describe, expect, it } from "vitest";
import { rateAfter, rateFrom } from "../../../../shared/migration/mailbox/rate.ts";
import type { CopyRate, MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { day, hour, minute } from "../../../../shared/migration/runtime.ts";
import { estimateOfMailbox, rateOfMailbox } from "../../../../shared/migration/status/mailbox-course.ts";
import { mailbox } from "../sample-mailbox.ts";

/** Copies so many messages of 1,000 bytes in each of so many minutes. */
function copied(perMinute: number, minutes: number, from: CopyRate = rateFrom(0)): CopyRate {
  let rate = from;
  for (let n = 1; n <= minutes * 6; n++) {
    const now = from.at + n * 10_000;
    rate = rateAfter(rate, perMinute / 6, (perMinute / 6) * 1_000, now);
  }
  return rate;
}

const copying = (rate: CopyRate, change: Partial<MailboxRecord> = {}) =>
  mailbox("Syncing", {
    rate,
    totalItemCount: 10_000,
    syncedItemCount: 1_000,
    estimatedBytes: 10_000_000,
    bytesTransferred: 1_000_000,
    ...change,
  });

describe("the rate of a mailbox", () => {
  it("is what was copied of late, from the first minute on", () => {
    for (const minutes of [1, 3, 10, 60]) {
      const { itemsPerMinute, bytesPerMinute } = rateOfMailbox(
        copying(copied(60, minutes)),
        minutes * minute,
      );
      expect(itemsPerMinute / 60).toBeCloseTo(1, 1);
      expect(bytesPerMinute / 60_000).toBeCloseTo(1, 1);
    }
    expect(rateOfMailbox(copying(copied(60, 0.5)), minute / 2)).toEqual({
      itemsPerMinute: 0,
      bytesPerMinute: 0,
    });
  });

  it("follows a change with a half-life of five minutes, and fades where nothing comes", () => {
    const before = copied(60, 60);
    const after = copied(600, 5, before);
    const { itemsPerMinute } = rateOfMailbox(copying(after), 65 * minute);
    expect(itemsPerMinute).toBeGreaterThan(300);
    expect(itemsPerMinute).toBeLessThan(360);
    expect(rateOfMailbox(copying(before), 65 * minute).itemsPerMinute).toBeCloseTo(30, 0);
  });

  it("is nothing while nothing is being copied", () => {
    const rate = copied(60, 10);
    for (const change of [
      { status: "Queued" },
      { status: "Synced" },
      { status: "Syncing", notBefore: 11 * minute },
    ] as const)
      expect(rateOfMailbox(copying(rate, change), 10 * minute).itemsPerMinute).toBe(0);
  });
});

describe("the end of a mailbox's first copy", () => {
  const rate = copied(60, 10);
  const now = 10 * minute;

  it("is told by what is left, at its own rate, rounded up", () => {
    // 9,000 messages at some 60 a minute, and as many kilobytes.
    expect(estimateOfMailbox(copying(rate), undefined, now)).toEqual({ at: 160 * minute });
    const large = copying(rate, { estimatedBytes: 61_000_000 });
    expect(estimateOfMailbox(large, undefined, now)).toEqual({ at: 17 * hour });
  });

  it("waits for the days of a daily cap", () => {
    expect(estimateOfMailbox(copying(rate), 2_000_000, now)).toEqual({ at: 5 * day });
    expect(estimateOfMailbox(copying(rate), 20_000_000, now)).toEqual({ at: 160 * minute });
  });

  it("is missing for a reason", () => {
    for (const [change, missing] of [
      [{ lastSyncedAt: 1 }, "done"],
      [{ status: "Stopped" }, "stopped"],
      [{ status: "Failed" }, "stopped"],
      [{ status: "Queued" }, "estimating"],
      [{ status: "Queued", notBefore: day }, "paused"],
      [{ totalItemCount: 0 }, "estimating"],
      [{ rate: rateFrom(now) }, "estimating"],
    ] as const)
      expect(estimateOfMailbox(copying(rate, change), undefined, now)).toEqual({ missing });
  });
});
