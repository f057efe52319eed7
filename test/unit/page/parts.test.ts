import { describe, expect, it } from "vitest";
import { ApiError } from "../../../functions/page/api/api-error.ts";
import { pollAfter } from "../../../functions/page/api/polling.ts";
import { verdictOf } from "../../../functions/page/batch/verdict.ts";
import { bytes, counted, duration, relative, words } from "../../../functions/page/parts/format.ts";
import { lookOf, wordsFor } from "../../../functions/page/parts/status.ts";

describe("numbers and times", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 kB"],
    [12_000_000, "12 MB"],
    [5_000_000_000, "5 GB"],
  ])("%d bytes are %s", (size, text) => expect(bytes(size)).toBe(text));

  it("spans have two units at most", () => {
    expect(duration(0)).toBe("0 s");
    expect(duration(40_000)).toBe("40 s");
    expect(duration(3_600_000 + 60_000)).toBe("1 h 1 min");
    expect(duration(3 * 86_400_000 + 4 * 3_600_000 + 1_000)).toBe("3 d 4 h");
  });

  it("instants are told from now, both ways", () => {
    const now = Date.parse("2026-11-30T12:00:00Z");
    expect(relative("2026-11-30T11:55:00Z", now)).toBe("5 min ago");
    expect(relative("2026-11-30T14:00:00Z", now)).toBe("in 2 h");
    expect(relative("2026-11-26T12:00:00Z", now)).toBe("4 days ago");
    expect(relative("2026-11-30T11:59:50Z", now)).toBe("just now");
  });

  it("words are counted and spaced", () => {
    expect(counted(1, "mailbox", "mailboxes")).toBe("1 mailbox");
    expect(words("SyncedWithErrors")).toBe("Synced with errors");
    expect(wordsFor("IncrementalSyncing")).toBe("Syncing changes");
  });
});

it("a status of a later version is shown by its name", () => {
  expect(lookOf("Hibernating")).toBe("still");
  expect(wordsFor("Hibernating")).toBe("Hibernating");
  expect(lookOf("SyncedWithErrors")).toBe("warning");
});

it("asks often while anything moves, less and less after failures, and never without a session", () => {
  expect(pollAfter(true, 0, null)).toBe(5_000);
  expect(pollAfter(false, 0, null)).toBe(60_000);
  expect([1, 2, 3, 4, 9].map((failures) => pollAfter(true, failures, new Error()))).toEqual([
    5_000, 10_000, 20_000, 60_000, 60_000,
  ]);
  expect(pollAfter(true, 1, new ApiError(401, "SignedOut", ""))).toBe(false);
});

describe("the verdict of the cut-over", () => {
  const reasons = ["31 of 72 h have passed since the MX change of contoso.com."];
  it("says what is missing, and until when", () => {
    expect(
      verdictOf({ verdict: "notYet", reasons, readyAt: "2026-12-03T02:00:00Z" }, () => "Thursday"),
    ).toEqual({
      intent: "info",
      title: "Not yet",
      text: `${reasons[0]} Nothing else is missing after Thursday.`,
    });
    expect(verdictOf({ verdict: "blocked", reasons, readyAt: null }, String).intent).toBe("error");
    expect(verdictOf({ verdict: "ready", reasons: [], readyAt: null }, String).title).toBe("Ready");
  });
});
