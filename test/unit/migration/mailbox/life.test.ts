import { describe, expect, it } from "vitest";
import { batchOptionsSchema } from "../../../../shared/domain/batch-options.ts";
import type { LedgerId } from "../../../../shared/domain/names.ts";
import * as life from "../../../../shared/migration/mailbox/life.ts";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { mailbox } from "../sample-mailbox.ts";

const now = 100;
const error = { code: "LoginFailed", message: "The password was refused.", at: 50 };
const login = { emailAddress: "a@contoso.com", userName: "a", sealedPassword: "sealed", userRoot: undefined };

/** Every state that an event can meet. */
const states = {
  Created: mailbox("Created"),
  Queued: mailbox("Queued"),
  "Queued, pausing": mailbox("Queued", { notBefore: 90, attempts: 3, error }),
  "Queued, tested": mailbox("Queued", { loginTest: "passed" }),
  Syncing: mailbox("Syncing", { startedAt: 5, attempts: 2 }),
  IncrementalSyncing: mailbox("IncrementalSyncing", { kind: "incremental", startedAt: 5 }),
  Synced: mailbox("Synced", { kind: "incremental", startedAt: 5, lastSyncedAt: 9 }),
  "Synced, due": mailbox("Synced", { kind: "incremental", lastSyncedAt: 9, dueAt: 90 }),
  "Synced, some skipped": mailbox("Synced", { kind: "incremental", skippedItemCount: 2 }),
  Stopped: mailbox("Stopped", { startedAt: 5 }),
  "Stopped, tested": mailbox("Stopped", { loginTest: "passed" }),
  Failed: mailbox("Failed", { attempts: 4, error, syncedItemCount: 12 }),
  Completed: mailbox("Completed", { kind: "incremental", lastSyncedAt: 9 }),
} satisfies Record<string, MailboxRecord>;

const events = {
  started: life.started,
  stopped: life.stopped,
  syncedAgain: life.syncedAgain,
  retried: life.retried,
  queued: life.queued,
  woken: life.woken,
  released: life.released,
  due: (one: MailboxRecord) => life.due(one, 200),
  copying: (one: MailboxRecord) => life.copying(one, { targetId: "t", ledgerId: "l" as LedgerId }, now),
  "short pause": (one: MailboxRecord) =>
    life.paused(one, { until: 110, attempts: 5, error, givesPermitBack: false }),
  "long pause": (one: MailboxRecord) => life.paused(one, { until: 900, attempts: 5, givesPermitBack: true }),
  failed: (one: MailboxRecord) => life.failed(one, error),
  synced: (one: MailboxRecord) => life.synced(one, false, now),
  "synced for good": (one: MailboxRecord) => life.synced(one, true, now),
  loginPassed: (one: MailboxRecord) => life.loginPassed(one, login, "t"),
  "mended, same row": (one: MailboxRecord) => life.mended(one, login),
  "mended, new password": (one: MailboxRecord) => life.mended(one, { ...login, sealedPassword: "other" }),
};

/**
 * State by event: the status that follows, "+" where a new round begins, "=" where nothing is written, "-" where the event
 * does not concern the state.
 */
const table = `
                     | Created   | Queued    | Queued, pausing | Queued, tested | Syncing   | IncrementalSyncing  | Synced    | Synced, due | Synced, some skipped | Stopped   | Stopped, tested | Failed    | Completed
started              | Queued+   | -         | -               | -              | -         | -                   | -         | -           | -                    | Queued+   | Queued+         | -         | Queued+
stopped              | Stopped   | Stopped   | Stopped         | Stopped        | Stopped   | Stopped             | -         | -           | -                    | -         | -               | -         | -
syncedAgain          | -         | -         | -               | -              | -         | -                   | Queued+   | Queued+     | Queued+              | -         | -               | -         | -
retried              | -         | -         | -               | -              | -         | -                   | -         | -           | Queued+              | -         | -               | Queued+   | -
queued               | Queued    | =         | =               | =              | -         | -                   | -         | -           | -                    | -         | -               | -         | -
woken                | Queued+   | Queued+   | Queued+         | -              | Queued+   | Queued+             | -         | -           | -                    | -         | -               | -         | -
released             | -         | -         | -               | Queued+        | -         | -                   | -         | -           | -                    | -         | -               | -         | -
due                  | -         | -         | -               | -              | -         | -                   | Synced    | -           | Synced               | -         | -               | -         | -
copying              | -         | Syncing   | Syncing         | -              | Syncing   | IncrementalSyncing  | -         | -           | -                    | -         | -               | -         | -
short pause          | -         | Queued+   | Queued+         | Queued+        | Syncing+  | IncrementalSyncing+ | -         | -           | -                    | -         | -               | -         | -
long pause           | -         | Queued+   | Queued+         | Queued+        | Queued+   | Queued+             | -         | -           | -                    | -         | -               | -         | -
failed               | -         | Failed    | Failed          | Failed         | Failed    | Failed              | -         | -           | -                    | -         | -               | -         | -
synced               | -         | Synced    | Synced          | Synced         | Synced    | Synced              | -         | -           | -                    | -         | -               | -         | -
synced for good      | -         | Completed | Completed       | Completed      | Completed | Completed           | -         | -           | -                    | -         | -               | -         | -
loginPassed          | -         | Queued+   | Queued+         | Queued+        | Queued+   | Queued+             | -         | -           | -                    | -         | -               | -         | -
mended, same row     | -         | -         | -               | -              | -         | -                   | -         | -           | -                    | -         | -               | Created+  | -
mended, new password | Created   | Queued    | Queued          | Created+       | Syncing   | IncrementalSyncing  | Synced    | Synced      | Synced               | Stopped   | Stopped+        | Created+  | Completed
`;

const [head = "", ...rows] = table.trim().split("\n");
const columns = head.split("|").map((cell) => cell.trim());
const cases = rows.flatMap((row) => {
  const [event = "", ...cells] = row.split("|").map((cell) => cell.trim());
  return cells.map((expected, index) => [event, columns[index + 1] ?? "", expected] as const);
});

describe("what an event makes of a mailbox", () => {
  it("is said for every state and every event", () => {
    expect(columns.slice(1)).toEqual(Object.keys(states));
    expect(rows.map((row) => row.split("|")[0]?.trim())).toEqual(Object.keys(events));
  });

  it.each(cases)("%s, for one that is %s: %s", (event, state, expected) => {
    const before = states[state as keyof typeof states];
    const after = events[event as keyof typeof events](before);
    if (after === undefined) expect("-").toBe(expected);
    else if (after === before) expect("=").toBe(expected);
    else expect(`${after.status}${after.round === before.round ? "" : "+"}`).toBe(expected);
    if (after !== undefined) expect(after.round - before.round).toBe(expected.endsWith("+") ? 1 : 0);
  });
});

describe("what else an event writes", () => {
  const { Queued: waiting, Syncing: syncing, Failed: failing } = states;

  it("another round forgets the pause and the date of the next sync", () => {
    expect(life.woken(states["Queued, pausing"])).toMatchObject({ notBefore: undefined, attempts: 3 });
    expect(life.syncedAgain(states["Synced, due"])?.dueAt).toBeUndefined();
  });

  it("a retry begins with a clean slate and tries skipped messages again", () => {
    expect(life.retried(failing)).toEqual({
      ...failing,
      status: "Queued",
      round: 8,
      attempts: 0,
      error: undefined,
      notBefore: undefined,
      dueAt: undefined,
      retriesSkipped: true,
    });
  });

  it("a retry confirms deletions where the mailbox failed for those, and only there", () => {
    const stopped = { ...failing, error: { ...error, code: "TooManyDeletions" } };
    expect(life.retried(stopped)?.deletionsConfirmed).toBe(true);
    expect(life.retried(failing)?.deletionsConfirmed).toBeUndefined();
  });

  it("a release lets a tested mailbox be copied", () => {
    expect(life.released(states["Queued, tested"])?.loginTest).toBe("released");
  });

  it("the daily timer writes the date", () => {
    expect(life.due(states.Synced, 200)).toEqual({ ...states.Synced, dueAt: 200 });
  });

  it("copying notes ledger and target, and the first start for good", () => {
    const ledger = { targetId: "t", ledgerId: "l" as LedgerId };
    expect(life.copying({ ...waiting, notBefore: 9 }, ledger, now)).toEqual({
      ...waiting,
      ...ledger,
      status: "Syncing",
      startedAt: now,
      notBefore: undefined,
    });
    expect(life.copying(syncing, ledger, now)?.startedAt).toBe(5);
  });

  it("a pause keeps its end, its count and the last error", () => {
    const pause = { until: 110, attempts: 5, givesPermitBack: false };
    expect(life.paused(syncing, { ...pause, error })).toEqual({
      ...syncing,
      round: 8,
      notBefore: 110,
      attempts: 5,
      error,
    });
    expect(life.paused({ ...syncing, error }, pause)?.error).toEqual(error);
  });

  it("a failure shows its reason and no next attempt", () => {
    expect(life.failed(states["Queued, pausing"], { ...error, code: "Other" })).toMatchObject({
      error: { code: "Other" },
      notBefore: undefined,
    });
  });

  it("the end of a round clears what the round was about, and what follows is incremental", () => {
    const busy = { ...states["Queued, pausing"], deletionsConfirmed: true, dueAt: 3 };
    expect(life.synced(busy, false, now)).toEqual({
      ...busy,
      status: "Synced",
      kind: "incremental",
      attempts: 0,
      error: undefined,
      notBefore: undefined,
      deletionsConfirmed: undefined,
      lastSyncedAt: now,
      dueAt: undefined,
    });
  });

  it("a passed login is noted with the target, unless the row was mended meanwhile", () => {
    const trying = { ...waiting, attempts: 2, error, notBefore: 9 };
    expect(life.loginPassed(trying, login, "t")).toEqual({
      ...trying,
      targetId: "t",
      loginTest: "passed",
      round: 8,
      attempts: 0,
      error: undefined,
      notBefore: undefined,
    });
    for (const change of [{ userName: "b" }, { userRoot: "/b" }, { sealedPassword: "other" }])
      expect(life.loginPassed({ ...trying, ...change }, login, "t")).toEqual({ ...trying, ...change });
  });
});

describe("what a mailbox counts as", () => {
  const named = (holds: (one: MailboxRecord) => boolean) =>
    Object.entries(states)
      .filter(([, one]) => holds(one))
      .map(([name]) => name);

  it.each([
    ["at work or waiting for it", life.isActive, /^Queued|Syncing/],
    ["yet to be worked on, or at it", life.hasWork, /^Created|^Queued|Syncing/],
    ["not started", life.isCreated, /^Created/],
    ["waiting for its permit", life.isQueued, /^Queued/],
    ["failed", life.isFailed, /^Failed/],
    ["waiting for the logins of others", life.waitsForOthers, /^Queued, tested/],
    ["waiting for its next sync to be planned", life.awaitsNextSync, /^Synced(?!, due)/],
    ["due", (one: MailboxRecord) => life.isDue(one, 90), /^Synced, due/],
    ["not due yet", (one: MailboxRecord) => life.isDue(one, 89), /^never/],
    ["at the end of its pause", (one: MailboxRecord) => life.isPauseOver(one, 90), /^Queued, pausing/],
    ["still pausing", (one: MailboxRecord) => life.isPauseOver(one, 89), /^never/],
  ] as const)("%s", (_, holds, names) => {
    expect(named(holds)).toEqual(Object.keys(states).filter((name) => names.test(name)));
  });

  it.each([
    ["Created", "created"],
    ["Queued", "active"],
    ["Syncing", "active"],
    ["IncrementalSyncing", "active"],
    ["Synced", "synced"],
    ["Stopped", "stopped"],
    ["Failed", "failed"],
    ["Completed", "completed"],
  ] as const)("%s is counted as %s", (state, count) => {
    expect(life.countOf(states[state])).toBe(count);
  });

  it("tested before anything is copied, where the batch asks for it", () => {
    const options = batchOptionsSchema.parse({ testLogins: true });
    expect(named((one) => life.isBeingTested(options, one))).toEqual([
      "Created",
      "Queued",
      "Queued, pausing",
    ]);
    expect(named((one) => life.needsLoginTest(batchOptionsSchema.parse({}), one))).toEqual([]);
  });
});
