import { describe, expect, it } from "vitest";
import type { BatchName, MailboxId } from "../../../../shared/domain/names.ts";
import {
  createJanitor,
  type JanitorParts,
  nextLookAt,
  tended,
} from "../../../../shared/migration/control/janitor.ts";
import { mailbox, mailboxId } from "../sample-mailbox.ts";

describe("what the janitor does with a mailbox", () => {
  const nobody = { permits: [], waiting: [], version: "1" };
  const wait = {
    mailboxId: "f".repeat(32) as MailboxId,
    batch: "b" as BatchName,
    kind: "initial" as const,
    round: 1,
    since: 1,
  };

  it.each([
    ["a synced one that is due", mailbox("Synced", { dueAt: 5 }), nobody, true],
    ["a synced one that is not due yet", mailbox("Synced", { dueAt: 15 }), nobody, false],
    ["a synced one without a date", mailbox("Synced"), nobody, false],
    ["a queued one that nobody waits for", mailbox("Queued"), nobody, true],
    ["a queued one while others wait", mailbox("Queued"), { ...nobody, waiting: [wait] }, false],
    [
      "a syncing one with a permit",
      mailbox("Syncing"),
      { ...nobody, permits: [{ ...wait, mailboxId, until: 99 }] },
      false,
    ],
    ["a syncing one without", mailbox("Syncing"), nobody, true],
    ["a pause that is over", mailbox("Queued", { notBefore: 5 }), nobody, true],
    ["a pause that is not", mailbox("Queued", { notBefore: 15 }), nobody, false],
    ["one that waits for the logins of others", mailbox("Queued", { loginTest: "passed" }), nobody, false],
    ["one that no longer does", mailbox("Queued", { loginTest: "released" }), nobody, true],
    ["a failed one", mailbox("Failed"), nobody, false],
    ["a stopped one", mailbox("Stopped"), nobody, false],
  ] as const)("%s", (_, before, state, queued) => {
    const after = tended(before, state, 10);
    if (queued)
      expect(after).toMatchObject({ status: "Queued", round: 8, notBefore: undefined, dueAt: undefined });
    else expect(after).toBeUndefined();
  });
});

describe("when the janitor looks at a mailbox again", () => {
  it.each([
    ["now, while it is copied", mailbox("Syncing"), 10],
    ["now, while it waits for its turn", mailbox("Queued"), 10],
    ["now, if it was never started", mailbox("Created"), 10],
    ["when its pause is over", mailbox("Queued", { notBefore: 70 }), 70],
    ["now, if it pauses with its permit", mailbox("Syncing", { notBefore: 70 }), 10],
    ["when its next sync is due", mailbox("Synced", { dueAt: 80 }), 80],
    ["not before somebody plans a sync", mailbox("Synced"), undefined],
    ["not while it is stopped", mailbox("Stopped", { dueAt: 80 }), undefined],
    ["not once it failed", mailbox("Failed"), undefined],
    ["not once it is completed", mailbox("Completed"), undefined],
  ] as const)("%s", (_, before, expected) => {
    expect(nextLookAt(before, 10)).toBe(expected);
  });
});

describe("uploads that nobody read", () => {
  it("are read one after another, whatever is wrong with one of them", async () => {
    const read: string[] = [];
    const events: unknown[] = [];
    const nothing = async () => [];
    const sweep = createJanitor({
      uploads: {
        async *list() {
          for (const name of ["a/1.csv", "a/2.csv", "list.txt"])
            yield { name, version: "1", size: 1, modifiedAt: 0 };
        },
      },
      ingest: async (name: string) => {
        read.push(name);
        if (name === "a/1.csv") throw new RangeError("canary");
      },
      batches: { list: nothing },
      admissions: { endpoints: nothing },
      deadLetters: { drain: async () => 0 },
      clock: () => 10 * 60_000,
      log: (event: string, fields: unknown) => void events.push([event, fields]),
    } as unknown as JanitorParts);
    await sweep();
    expect(read).toEqual(["a/1.csv", "a/2.csv", "list.txt"]);
    expect(events).toContainEqual(["upload.failed", { code: "InternalError" }]);
    expect(JSON.stringify(events)).not.toContain("canary");
  });
});
