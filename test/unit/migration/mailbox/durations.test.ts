import { expect, it } from "vitest";
import { timed, timesSpent } from "../../../../shared/migration/mailbox/durations.ts";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { mailbox } from "../sample-mailbox.ts";

/** Has a mailbox be each of these for ten milliseconds. */
function lived(...states: readonly Partial<MailboxRecord>[]): MailboxRecord {
  let now = 0;
  let current = mailbox("Created");
  for (const state of states) {
    current = timed({ ...current, notBefore: undefined, ...state }, now);
    now += 10;
  }
  return current;
}

it("time is queued, in progress, paused or synced, and what waits for an operator is none of it", () => {
  const one = lived(
    { status: "Created" },
    { status: "Queued" },
    { status: "Syncing" },
    { status: "Syncing", notBefore: 25 },
    { status: "Syncing" },
    { status: "Queued", notBefore: 999 },
    { status: "Queued" },
    { status: "Syncing" },
    { status: "Synced" },
    { status: "Queued" },
    { status: "IncrementalSyncing" },
    { status: "Failed" },
    { status: "Stopped" },
    { status: "Queued" },
  );
  expect(timesSpent(one.times, 145)).toEqual({ queued: 45, inProgress: 40, paused: 20, synced: 10 });
});

it("what changes nothing of it writes nothing of it, and rows of before count from their next change", () => {
  const syncing = timed(mailbox("Syncing"), 5);
  expect(syncing.times).toEqual({ phase: "inProgress", since: 5, spent: {} });
  expect(timed(syncing, 100)).toBe(syncing);
  expect(timesSpent(undefined, 100)).toEqual({});
  // Clocks differ: nothing is taken back.
  expect(timesSpent(syncing.times, 1)).toEqual({ inProgress: 0 });
});
