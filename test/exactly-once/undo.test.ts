import { describe, expect, it, vi } from "vitest";
import type { UndoOutcome } from "../../shared/migration/ports/registry.ts";
import { mailboxIdOf } from "../../shared/migration/upload/mailbox-of-row.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetItem, TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";
import { edit, move } from "./target-edits.ts";

fakeTime();

const targets: readonly TargetKind[] = ["graph", "imap"];
const ann = mailboxIdOf(batch, addressOf("ann"));

/** Two rows, of which the first named the wrong person; messages 1 to `count` of hers are at the source. */
async function migrationOf(target: TargetKind, count: number, plan = new FaultPlan()): Promise<Migration> {
  vi.clearAllTimers();
  const migration = new Migration(["ann", "ben"], { target, plan });
  for (let n = 1; n <= count; n++)
    migration.folder(n % 3 === 0 ? "Work" : "INBOX").add(message(n, n % 2 === 0 ? ["\\Seen"] : []));
  migration.folder("INBOX", "ben").add(message(1_000));
  await migration.upload();
  return migration;
}

function begin({ deployment }: Migration, forGood: boolean): Promise<void> {
  return deployment.perform(({ control }) => control.undo(batch, [ann], { forGood }, "operator"));
}

async function undo(migration: Migration, forGood = false): Promise<UndoOutcome> {
  await begin(migration, forGood);
  await migration.deployment.rest();
  return outcomeOf(migration);
}

async function outcomeOf(migration: Migration): Promise<UndoOutcome> {
  const [mailbox, other] = (await migration.mailboxes()).toSorted((a, b) =>
    a.userName < b.userName ? -1 : 1,
  );
  expect([mailbox?.status, mailbox?.undoing, mailbox?.error]).toEqual(["Stopped", undefined, undefined]);
  expect(other?.status).toBe("Synced");
  expect(migration.target("ben").items).toHaveLength(1);
  for (const name of await migration.deployment.stores.admissions.endpoints())
    expect(await migration.deployment.stores.admissions.permits(name)).toEqual([]);
  if (mailbox?.undo === undefined) throw new Error("nothing was undone");
  return mailbox.undo;
}

/** Numbers of the messages in the target, those in the deleted items apart. */
function numbersIn(migration: Migration): { readonly kept: number[]; readonly deleted: number[] } {
  const target = migration.target();
  const trash = target.folderAt("Deleted Items").id;
  const numbers = (items: readonly TargetItem[]) =>
    items.map(({ text }) => Number(/Subject: (\d+)/.exec(text)?.[1])).sort((a, b) => a - b);
  return {
    kept: numbers(target.items.filter(({ folder }) => folder !== trash)),
    deleted: numbers(target.items.filter(({ folder }) => folder === trash)),
  };
}

/** She read the first message, moved the second one, deleted the third, and has one of her own. */
function touch(migration: Migration): void {
  edit(migration, 1, { flags: ["\\Seen"] });
  move(migration, 2, "Keep");
  move(migration, 3, "Deleted Items");
  const target = migration.target();
  target.place(target.folderAt("Inbox"), { ...message(77), chunkToken: "", stamp: undefined } as never);
}

const expected = { removed: 5, left: { changed: 1, movedOrDeleted: 2 }, inDoubt: 0 };

describe.each(targets)("a row that named the wrong person, on %s", (target) => {
  it.each([false, true])(
    "all that nobody touched goes, the rest is left and listed; for good: %s",
    async (forGood) => {
      const migration = await migrationOf(target, 8);
      await migration.deployment.rest();
      touch(migration);
      expect(await undo(migration, forGood)).toMatchObject({ ...expected, forGood });
      const { kept, deleted } = numbersIn(migration);
      expect(kept).toEqual([1, 2, 77]);
      expect(deleted).toEqual(forGood ? [3] : [3, 4, 5, 6, 7, 8]);
      const progress = await migration.deployment.blobs.undos.read(batch, ann);
      expect(progress?.left.map(({ folder, uid, reason }) => `${folder} ${uid} ${reason}`).sort()).toEqual([
        "INBOX 1 changed",
        "INBOX 2 movedOrDeleted",
        "Work 1 movedOrDeleted",
      ]);

      const again = await undo(migration, forGood);
      expect(again).toMatchObject({ ...expected, removed: 0 });
      expect(numbersIn(migration)).toEqual({ kept, deleted });
      await migration.deployment.perform(({ control }) =>
        control.act(batch, "start", "operator", { selection: { mailboxes: [ann] } }),
      );
      await migration.deployment.rest();
      // What was removed is recorded as such: it is not copied again.
      expect(numbersIn(migration)).toEqual({ kept, deleted });
    },
  );

  it("what was there before the copy was begun is left", async () => {
    vi.clearAllTimers();
    const migration = new Migration(["ann", "ben"], { target, plan: new FaultPlan() });
    migration.folder("INBOX").add(message(1));
    migration.folder("INBOX").add(message(2));
    migration.folder("INBOX", "ben").add(message(1_000));
    const state = migration.target();
    state.place(state.folderAt("Inbox"), { ...message(1), chunkToken: "", stamp: undefined } as never);
    await migration.upload({ options: { adoptExisting: "folder" } });
    await migration.deployment.rest();
    expect(await undo(migration)).toMatchObject({ removed: 1, left: { adopted: 1 } });
    expect(numbersIn(migration)).toEqual({ kept: [1], deleted: [2] });
  });

  it("counts each copy once, wherever a process dies, over more than one page", async () => {
    const story = async (plan: FaultPlan) => {
      const migration = await migrationOf(target, 170, plan);
      await migration.deployment.rest();
      touch(migration);
      const before = plan.calls.length;
      return { before, outcome: await undo(migration), migration };
    };
    const clean = new FaultPlan();
    const { before, outcome } = await story(clean);
    expect(outcome).toMatchObject({ ...expected, removed: 167 });
    const calls = clean.calls.length - before;
    expect(calls).toBeGreaterThan(167);
    for (let index = before + 1; index <= clean.calls.length; index += Math.ceil(calls / 16)) {
      const fault: Fault = { kind: index % 2 === 0 ? "diesBefore" : "diesAfter" };
      const { migration, outcome } = await story(new FaultPlan(new Map([[index, fault]])));
      expect(outcome).toMatchObject({ ...expected, removed: 167 });
      expect(numbersIn(migration).kept).toEqual([1, 2, 77]);
    }
  });

  it("is stopped in the middle of its copy, wherever a process dies in it, and nothing of it stays", async () => {
    const clean = new FaultPlan();
    await (await migrationOf(target, 12, clean)).deployment.rest();
    for (let index = 20; index < clean.calls.length; index += Math.ceil(clean.calls.length / 12)) {
      const migration = await migrationOf(
        target,
        12,
        new FaultPlan(new Map([[index, { kind: "diesAfter" }]])),
      );
      await migration.deployment.goOnFor(index * 20);
      const { removed, inDoubt } = await undo(migration, true);
      const { kept, deleted } = numbersIn(migration);
      expect(deleted).toEqual([]);
      // A target without stamps cannot be searched for what nobody saw the answer of: that is told.
      if (target === "graph") expect([kept, inDoubt]).toEqual([[], 0]);
      else expect(kept.length).toBeLessThanOrEqual(inDoubt);
      expect(removed).toBeLessThanOrEqual(12);
    }
  });
});

it("of a batch that is not at work is refused", async () => {
  const migration = await migrationOf("graph", 3);
  await migration.deployment.rest();
  let answer: unknown;
  await migration.deployment.perform(async ({ control }) => {
    await control.act(batch, "stop", "operator");
    answer = await control.undo(batch, [ann], { forGood: false }, "operator");
  });
  expect(answer).toMatchObject({ outcome: "refused", code: "BatchNotRunning" });
});
