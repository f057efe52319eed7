import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { batchOptionsSchema } from "../../../../shared/domain/batch-options.ts";
import type { LedgerId, MailboxId } from "../../../../shared/domain/names.ts";
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
  copying: (one: MailboxRecord) => life.copying(one, { targetId: "t", ledgerId: "l" as LedgerId }, now),
  "short pause": (one: MailboxRecord) =>
    life.paused(one, { until: 110, attempts: 5, error, givesPermitBack: false, step: "a" }),
  "long pause": (one: MailboxRecord) =>
    life.paused(one, { until: 900, attempts: 5, givesPermitBack: true, step: "a" }),
  stepBegun: (one: MailboxRecord) => life.stepBegun(one, "a", true, now),
  returned: (one: MailboxRecord) => life.returned(one, now),
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
                     | Created   | Queued    | Queued, pausing | Queued, tested | Syncing   | IncrementalSyncing  | Synced    | Synced, some skipped | Stopped   | Stopped, tested | Failed    | Completed
started              | Queued+   | -         | -               | -              | -         | -                   | -         | -                    | Queued+   | Queued+         | -         | Queued+
stopped              | Stopped   | Stopped   | Stopped         | Stopped        | Stopped   | Stopped             | -         | -                    | -         | -               | -         | -
syncedAgain          | -         | -         | -               | -              | -         | -                   | Queued+   | Queued+              | -         | -               | -         | -
retried              | -         | -         | -               | -              | -         | -                   | -         | Queued+              | -         | -               | Queued+   | -
queued               | Queued    | -         | -               | -              | -         | -                   | -         | -                    | -         | -               | -         | -
woken                | Queued+   | Queued+   | Queued+         | -              | Queued+   | Queued+             | -         | -                    | -         | -               | -         | -
released             | -         | -         | -               | Queued+        | -         | -                   | -         | -                    | -         | -               | -         | -
copying              | -         | Syncing   | Syncing         | -              | Syncing   | IncrementalSyncing  | -         | -                    | -         | -               | -         | -
short pause          | -         | Queued+   | Queued+         | Queued+        | Syncing+  | IncrementalSyncing+ | -         | -                    | -         | -               | -         | -
long pause           | -         | Queued+   | Queued+         | Queued+        | Queued+   | Queued+             | -         | -                    | -         | -               | -         | -
stepBegun            | -         | Queued    | Queued          | Queued         | Syncing   | IncrementalSyncing  | -         | -                    | -         | -               | -         | -
returned             | Queued+   | Queued+   | Queued+         | -              | Queued+   | Queued+             | -         | -                    | -         | -               | -         | -
failed               | -         | Failed    | Failed          | Failed         | Failed    | Failed              | -         | -                    | -         | -               | -         | -
synced               | -         | Synced    | Synced          | Synced         | Synced    | Synced              | -         | -                    | -         | -               | -         | -
synced for good      | -         | Completed | Completed       | Completed      | Completed | Completed           | -         | -                    | -         | -               | -         | -
loginPassed          | -         | Queued+   | Queued+         | Queued+        | Queued+   | Queued+             | -         | -                    | -         | -               | -         | -
mended, same row     | -         | -         | -               | -              | -         | -                   | -         | -                    | -         | -               | Created+  | -
mended, new password | Created   | Queued    | Queued          | Created+       | Syncing   | IncrementalSyncing  | Synced    | Synced               | Stopped   | Stopped+        | Created+  | Completed
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

it("is due at the same place of its window every day, and a batch is spread over it", () => {
  const ids = Array.from({ length: 1000 }, (_, n) =>
    createHash("sha256").update(`${n}`).digest("hex").slice(0, 32),
  );
  const places = (from: number) =>
    ids.map(
      (id) => (life.dueAt({ ...states.Synced, id: id as MailboxId }, { from, spanMs: 1000 }) ?? 0) - from,
    );
  expect(places(10)).toEqual(places(99));
  expect(Math.min(...places(10))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...places(10))).toBeLessThan(1000);
  expect(places(10).filter((place) => place < 500).length).toBeGreaterThan(400);
  expect(places(10).filter((place) => place < 500).length).toBeLessThan(600);
  // Synced since the window began.
  expect(life.dueAt(states.Synced, { from: 9, spanMs: 1000 })).toBeUndefined();
});

describe("what else an event writes", () => {
  const { Queued: waiting, Syncing: syncing, Failed: failing } = states;

  it("another round forgets the pause", () => {
    expect(life.woken(states["Queued, pausing"])).toMatchObject({ notBefore: undefined, attempts: 3 });
  });

  it("a retry begins with a clean slate and tries skipped messages again", () => {
    expect(life.retried(failing)).toEqual({
      ...failing,
      status: "Queued",
      round: 8,
      attempts: 0,
      error: undefined,
      notBefore: undefined,
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

  it("copying notes ledger and target, and the first start for good", () => {
    const ledger = { targetId: "t", ledgerId: "l" as LedgerId };
    expect(life.copying({ ...waiting, notBefore: 9 }, ledger, now)).toEqual({
      ...waiting,
      ...ledger,
      status: "Syncing",
      startedAt: now,
      syncBegan: { at: now, items: 0, bytes: 0 },
      rate: { items: 0, bytes: 0, minutes: 0, at: now },
      notBefore: undefined,
    });
    expect(life.copying(syncing, ledger, now)?.startedAt).toBe(5);
  });

  it("what it paused for is over once it is copied again; a failure is not, before it gets on", () => {
    const ledger = { targetId: "t", ledgerId: "l" as LedgerId };
    const pause = { until: 110, attempts: 1, givesPermitBack: true, step: "a", error };
    const capped = life.paused(syncing, pause) ?? syncing;
    expect([capped.status, capped.error]).toEqual(["Queued", error]);
    expect(life.copying(capped, ledger, now)?.error).toBeUndefined();
    const failing = life.paused(syncing, { ...pause, failing: true }) ?? syncing;
    const again = life.copying(failing, ledger, now) ?? failing;
    expect(again.error).toEqual(error);
    expect(life.gotOn(again, false, now).error).toBeUndefined();
  });

  it("a pause keeps its end, its count and the last error", () => {
    const pause = { until: 110, attempts: 5, givesPermitBack: false, step: "a" };
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
    const busy = { ...states["Queued, pausing"], deletionsConfirmed: true };
    expect(life.synced(busy, false, now)).toEqual({
      ...busy,
      status: "Synced",
      kind: "incremental",
      attempts: 0,
      error: undefined,
      notBefore: undefined,
      deletionsConfirmed: undefined,
      lastSyncedAt: now,
      percentageComplete: 100,
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

describe("deaths of workers", () => {
  const { Syncing: syncing } = states;
  const begun = (one: MailboxRecord, id: string) => life.stepBegun(one, id, true, now) ?? one;

  it("are counted when the next step finds one that has not ended", () => {
    const first = begun(syncing, "a");
    expect([first.step?.id, first.trouble]).toEqual(["a", undefined]);
    const second = begun(first, "b");
    expect([second.step?.id, second.trouble]).toEqual(["b", { deaths: 1 }]);
    expect(begun(begun(second, "c"), "d").trouble).toEqual({ deaths: 3 });
    expect(begun(second, "b")).toBe(second);
  });

  it("are not counted while the other worker may be alive, nor where it could tell its end", () => {
    const first = begun(syncing, "a");
    expect(life.stepBegun(first, "b", false, now)).toBe(first);
    for (const told of [
      life.stepEnded(first, "a"),
      life.paused(first, { until: 110, attempts: 1, givesPermitBack: false, step: "a" }),
      life.failed(first, error),
      life.synced(first, false, now),
    ])
      expect(told?.step).toBeUndefined();
    const other = life.paused(first, { until: 110, attempts: 1, givesPermitBack: false, step: "b" });
    expect(other?.step?.id).toBe("a");
  });

  it("isolate the mailbox at the third, until a step of it ends well", () => {
    const isolated = { ...syncing, trouble: { deaths: 3 } };
    expect([life.isIsolated(isolated), life.isIsolated({ ...syncing, trouble: { deaths: 2 } })]).toEqual([
      true,
      false,
    ]);
    expect(life.gotOn(isolated, false, now).trouble).toEqual({ deaths: 3, copiedSince: true });
    expect(life.gotOn(isolated, true, now).trouble).toBeUndefined();
    expect(life.synced(isolated, false, now)?.trouble).toBeUndefined();
  });

  it("count alone only where nothing was copied since the one before", () => {
    const deathsOf = (deaths: number, copied: boolean) => {
      const before = { ...syncing, trouble: { deaths }, step: { id: "a", since: 1 } };
      return life.stepBegun(copied ? life.gotOn(before, false, now) : before, "b", true, now)?.trouble;
    };
    expect([deathsOf(2, true), deathsOf(2, false)]).toEqual([{ deaths: 3 }, { deaths: 3 }]);
    expect([deathsOf(3, true), deathsOf(3, false)]).toEqual([{ deaths: 3 }, { deaths: 4 }]);
  });

  it.each([
    ["started", life.started, states.Stopped],
    ["retried", life.retried, states.Failed],
  ] as const)("are forgotten when the operator has it %s", (_, event, state) => {
    const dead = { ...state, trouble: { deaths: 6 }, step: { id: "a", since: 1 } };
    expect(event(dead)).toMatchObject({ trouble: undefined, step: undefined });
  });
});

describe("failures that pass", () => {
  const minute = 60_000;
  const pause = { until: 110, attempts: 1, givesPermitBack: true, failing: true, step: "a" };
  const failingFor = (one: MailboxRecord, at: number) =>
    life.paused(one, { ...pause, error: { ...error, at } }) ?? one;

  it("are dated by the first of a row, which something copied ends", () => {
    const first = failingFor(states.Syncing, 1000);
    expect(failingFor(first, 9000).trouble).toEqual({ failingSince: 1000 });
    expect(life.gotOn(first, false, 9000)).toMatchObject({ attempts: 0, trouble: undefined });
  });

  it("are a recovery when they lasted, and what failed meanwhile need wait no longer", () => {
    const recovered = life.gotOn(failingFor(states.Syncing, 1000), false, 1000 + 5 * minute);
    expect(recovered.recovery).toEqual({ from: 1000, at: 1000 + 5 * minute });
    expect(life.gotOn(failingFor(states.Syncing, 1000), false, 1000 + minute).recovery).toBeUndefined();
    const recoveries = [recovered.recovery ?? { from: 0, at: 0 }];
    const waiting = (at: number) => life.hasRecoveredWithout(failingFor(states.Syncing, at), recoveries);
    expect([waiting(999), waiting(1000), waiting(1000 + 4 * minute), waiting(1000 + 6 * minute)]).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it("of which only the queue tells are tried again without end, ever later", () => {
    const delays: number[] = [];
    let one: MailboxRecord = states.Syncing;
    for (let letter = 0; letter < 10; letter++) {
      one = life.returned(one, now) ?? one;
      delays.push(((one.notBefore ?? 0) - now) / minute);
    }
    expect(delays).toEqual([0, 0, 0, 1, 2, 5, 10, 30, 30, 30]);
    expect(one).toMatchObject({ status: "Queued", trouble: { deadLetters: 10, failingSince: now } });
  });

  it("do not hold the other logins of a batch up for ever", () => {
    const options = batchOptionsSchema.parse({ testLogins: true });
    const tried = (attempts: number) => life.isBeingTested(options, { ...states.Queued, attempts });
    expect([tried(4), tried(5)]).toEqual([true, false]);
  });
});

describe("what a mailbox counts as", () => {
  const named = (holds: (one: MailboxRecord) => boolean) =>
    Object.entries(states)
      .filter(([, one]) => holds(one))
      .map(([name]) => name);

  const window = { from: 90, spanMs: 10 };

  it.each([
    ["at work or waiting for it", life.isActive, /^Queued|Syncing/],
    ["yet to be worked on, or at it", life.hasWork, /^Created|^Queued|Syncing/],
    ["not started", life.isCreated, /^Created/],
    ["waiting for its permit", life.isQueued, /^Queued/],
    ["failed", life.isFailed, /^Failed/],
    ["waiting for the logins of others", life.waitsForOthers, /^Queued, tested/],
    ["waiting for a permit", life.isWaiting, /^Queued$/],
    ["due in a window", (one: MailboxRecord) => life.dueAt(one, window) !== undefined, /^Synced/],
    ["due without a window", (one: MailboxRecord) => life.dueAt(one, undefined) !== undefined, /^never/],
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

it("a mailbox whose mail is another one's from now on begins with its counts anew", () => {
  const before = mailbox("Syncing", { ledgerId: "old" as LedgerId, totalItemCount: 9, syncedItemCount: 9 });
  const figures = { ...before, percentageComplete: 99 };
  const ledger = { targetId: "t", ledgerId: "new" as LedgerId };
  expect(life.copying(figures, ledger, now)).toMatchObject({
    totalItemCount: 0,
    syncedItemCount: 0,
    percentageComplete: undefined,
  });
  expect(life.copying(figures, { ...ledger, ledgerId: before.ledgerId as LedgerId }, now)).toMatchObject({
    syncedItemCount: 9,
    percentageComplete: 99,
  });
});
