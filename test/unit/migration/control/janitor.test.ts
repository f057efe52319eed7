import { describe, expect, it } from "vitest";
import type { BatchName, EndpointName } from "../../../../shared/domain/names.ts";
import { dailyWindow, newBatch } from "../../../../shared/migration/batch/life.ts";
import { createJanitor, type JanitorParts, nextLook } from "../../../../shared/migration/control/janitor.ts";
import { isTimeFor } from "../../../../shared/migration/control/tend-batch.ts";
import type { BatchState } from "../../../../shared/migration/ports/batch-state.ts";
import type { BatchRecord } from "../../../../shared/migration/ports/registry.ts";
import { foldState, nextLookAt } from "../../../../shared/migration/status/batch-states.ts";
import { mailbox } from "../sample-mailbox.ts";

const name = { batch: "b" as BatchName, displayName: "B", endpoint: "e" as EndpointName };
const batch = (change: Partial<BatchRecord> = {}): BatchRecord => ({
  ...newBatch(name, undefined, 0),
  intent: "running",
  ...change,
});
const window = { from: 5, spanMs: 0 };
const failing = { error: { code: "X", message: "y", at: 3 }, trouble: { failingSince: 3 }, notBefore: 99 };

describe("whose time has come", () => {
  it.each([
    ["a synced one that is due", mailbox("Synced"), true],
    ["a synced one that was synced in this window", mailbox("Synced", { lastSyncedAt: 6 }), false],
    ["a pause that is over", mailbox("Queued", { notBefore: 10 }), true],
    ["a pause that is not", mailbox("Queued", { notBefore: 15 }), false],
    ["a pause for what others got over", mailbox("Queued", failing), true],
    ["one that waits for its turn", mailbox("Queued"), false],
    ["a failed one", mailbox("Failed"), false],
    ["a stopped one", mailbox("Stopped"), false],
  ] as const)("%s", (_, one, expected) => {
    expect(isTimeFor(one, window, [{ from: 2, at: 4 }], 10)).toBe(expected);
  });

  it("nobody, without a window", () => {
    expect(isTimeFor(mailbox("Synced"), dailyWindow(batch(), 1), [], 10)).toBe(false);
    expect(
      isTimeFor(mailbox("Synced"), dailyWindow(batch({ intent: "completed", resyncAt: 5 }), 1), [], 10),
    ).toBe(false);
  });
});

describe("when a mailbox is looked at again", () => {
  it.each([
    ["now, while it is copied", mailbox("Syncing"), 10],
    ["now, while it waits for its turn", mailbox("Queued"), 10],
    ["now, if it was never started", mailbox("Created"), 10],
    ["when its pause is over", mailbox("Queued", { notBefore: 70 }), 70],
    ["now, if it pauses with its permit", mailbox("Syncing", { notBefore: 70 }), 10],
    ["when its next sync is due", mailbox("Synced"), 5],
    ["not before the next window", mailbox("Synced", { lastSyncedAt: 6 }), undefined],
    ["not while it is stopped", mailbox("Stopped"), undefined],
    ["not once it failed", mailbox("Failed"), undefined],
    ["not once it is completed", mailbox("Completed"), undefined],
  ] as const)("%s", (_, before, expected) => {
    expect(nextLookAt({ ...before, changedAt: 0 }, window, 10)).toBe(expected);
  });
});

describe("when a mailbox is looked at again outside the reading hours of its endpoint", () => {
  it.each([
    ["when they begin, while it waits for its turn", mailbox("Queued"), 300],
    ["when its pause is over", mailbox("Queued", { notBefore: 70 }), 70],
    ["now, while its last step ends", mailbox("Syncing"), 10],
  ] as const)("%s", (_, before, expected) => {
    expect(nextLookAt({ ...before, changedAt: 0 }, window, 10, 300)).toBe(expected);
  });
});

describe("when a batch is looked at again", () => {
  const stateOf = (of: BatchRecord, ...mailboxes: readonly ReturnType<typeof mailbox>[]): BatchState => ({
    ...foldState(
      of,
      mailboxes.map((one) => ({ ...one, changedAt: 0 })),
      10,
    ),
    rebuiltAt: 10,
  });
  const pending = [{ seq: 1, kind: "start", whole: true }] as const;
  it.each([
    ["now, if nobody has looked at it", batch(), undefined, 20],
    ["not at rest", batch(), stateOf(batch(), mailbox("Failed")), undefined],
    ["now, while an operation is pending", batch({ operations: pending }), stateOf(batch()), 20],
    ["now, if a window began since", batch({ resyncAt: 15 }), stateOf(batch()), 20],
    ["at the end of the first pause", batch(), stateOf(batch(), mailbox("Queued", { notBefore: 70 })), 70],
  ] as const)("%s", (_, one, state, expected) => {
    expect(nextLook(one, state, 20)).toBe(expected);
  });
});

describe("uploads that nobody read", () => {
  it("have a message each, however many there are, and other duties go on beside", async () => {
    const sent: unknown[] = [];
    const events: unknown[] = [];
    const nothing = async () => [];
    const sweep = createJanitor({
      uploads: {
        async *list() {
          for (const file of ["a/1.csv", "list.txt"])
            yield { name: file, version: '"0x1"', size: 1, modifiedAt: 0 };
        },
      },
      queue: { sendOperations: async (messages: readonly unknown[]) => void sent.push(...messages) },
      batches: { list: nothing },
      states: { list: nothing },
      admissions: {
        endpoints: async () => {
          throw new RangeError("canary");
        },
      },
      deadLetters: { drain: async () => 3 },
      clock: () => 10 * 60_000,
      log: (event: string, fields: unknown) => void events.push([event, fields]),
    } as unknown as JanitorParts);
    await expect(sweep()).rejects.toThrow(RangeError);
    expect(sent).toMatchObject([
      { kind: "upload", file: "a/1.csv", version: "0x1", attempt: 5 },
      { kind: "upload", file: "list.txt" },
    ]);
    expect(events).toContainEqual(["janitor.failed", { duty: "permits", code: "InternalError" }]);
    expect(events).toContainEqual([
      "janitor.swept",
      { uploads: 2, deadLetters: 3, batches: 0, durationMs: 0 },
    ]);
    expect(JSON.stringify(events)).not.toContain("canary");
  });
});

describe("what a stopped batch has left on the list of an endpoint", () => {
  /** A sweep that takes a second for a group. @returns how many entries were removed, in how many groups. */
  async function swept(operations: BatchRecord["operations"], left: number) {
    const time = { now: 0 };
    let [removed, groups] = [0, 0];
    const permits: readonly never[] = [];
    const sweep = createJanitor({
      uploads: { async *list() {} },
      queue: { sendOperations: async () => undefined },
      batches: { list: async () => [batch({ intent: "stopped", admitsFrom: 7, operations })] },
      states: { list: async () => [] },
      admissions: {
        endpoints: async () => [name.endpoint],
        listed: async () => [name.batch],
        async forget(_endpoint: EndpointName, _batch: BatchName, before: number, limit: number) {
          expect(before).toBe(7);
          time.now += 1_000;
          groups++;
          const gone = Math.min(limit, left - removed);
          removed += gone;
          return gone;
        },
      },
      admission: {
        recount: async () => permits,
        opensAt: async () => undefined,
        problemOf: async () => undefined,
        admit: async () => undefined,
      },
      deadLetters: { drain: async () => 0 },
      clock: () => time.now,
      log: () => undefined,
    } as unknown as JanitorParts);
    await sweep();
    return { removed, groups };
  }

  it("is removed by groups within the time of one sweep, and the rest in the next", async () => {
    expect(await swept([], 150)).toEqual({ removed: 150, groups: 2 });
    expect(await swept([], 10_000)).toEqual({ removed: 495, groups: 5 });
  });

  it("stays while operations are at work on the list", async () => {
    const pending = [{ seq: 7, kind: "stop", whole: true }] as const;
    expect(await swept(pending, 150)).toEqual({ removed: 0, groups: 0 });
  });
});
