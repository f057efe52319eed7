import { describe, expect, it, vi } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { SourceFolderState, StoredMessage } from "../stack/memory/memory-source.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

function start(target: TargetKind, messages: number, plan = new FaultPlan()): Migration {
  const migration = new Migration(["ann"], { target, plan });
  for (let n = 1; n <= messages; n++) migration.folder("INBOX").add(message(n));
  for (const n of [201, 202]) migration.folder("Work").add(message(n));
  return migration;
}

/** The folder as another server shows it. */
function replaceBy(folder: SourceFolderState, uidValidity: number, messages: readonly StoredMessage[]): void {
  folder.messages.clear();
  Object.assign(folder, { uidValidity, uidNext: 1 });
  for (const one of messages) folder.add(one);
}

/**
 * A folder of another UIDVALIDITY that has its old one again before the change was matched.
 * @returns the number of calls before that.
 */
async function backAndForth(target: TargetKind, plan: FaultPlan): Promise<number> {
  vi.clearAllTimers();
  const migration = start(target, 5, plan);
  await migration.upload();
  await migration.deployment.rest();
  const before = plan.calls.length;
  const inbox = migration.folder("INBOX");
  const messages = [...inbox.messages.values()];
  replaceBy(inbox, 7, messages);
  migration.deployment.begin(({ control }) => control.act(batch, "sync", "operator"));
  await migration.deployment.goOnUntil(async () =>
    plan.calls.slice(before).some((name) => name === "source.openFolder"),
  );
  replaceBy(inbox, 1, messages);
  await migration.deployment.rest();
  await round(migration);
  await round(migration);
  await migration.expectSettled();
  return before;
}

/** Something happens at one of the calls to the source or the ledger that follow. */
class Happening extends FaultPlan {
  act: (() => void) | undefined;
  left = Number.POSITIVE_INFINITY;
  at = "";

  override next(name: string): Fault | undefined {
    if (/^source|^ledgers\.write/.test(name) && --this.left === 0) {
      this.at = name;
      this.act?.();
    }
    return super.next(name);
  }
}

/**
 * Three rounds over two days follow the change of a folder's UIDVALIDITY.
 * @param after how many calls of the first of them a message leaves the folder. @param goesOn what becomes of it.
 * @returns the name of this call; undefined if there are not as many.
 */
async function leavesNewGeneration(
  target: TargetKind,
  after: number,
  goesOn: (migration: Migration, one: StoredMessage) => void,
): Promise<string | undefined> {
  vi.clearAllTimers();
  const plan = new Happening();
  const migration = start(target, 3, plan);
  await migration.upload({ options: { propagateDeletes: true } });
  await migration.deployment.rest();
  const inbox = migration.folder("INBOX");
  inbox.renumber();
  plan.left = after;
  plan.act = () => {
    const [uid, one] = [...inbox.messages].at(-1) ?? [];
    if (uid === undefined || one === undefined) throw new Error("the inbox is empty");
    inbox.messages.delete(uid);
    goesOn(migration, one);
  };
  await round(migration);
  if (plan.at === "") return undefined;
  plan.act = undefined;
  await round(migration);
  vi.setSystemTime(Date.now() + 24 * 3_600_000);
  await round(migration);
  await migration.expectSettled().catch((error: unknown) => {
    throw new Error(`call ${after}, ${plan.at}: ${error instanceof Error ? error.message : error}`);
  });
  return plan.at;
}

async function round(migration: Migration): Promise<void> {
  await migration.sync();
  await migration.deployment.rest();
}

describe.each(["graph", "imap"] as const)("to %s", (target) => {
  describe.each([
    ["empty", () => false],
    ["with a few of its messages", (n: number) => n <= 4],
    ["with most of its messages", (n: number) => n % 10 > 0],
  ] as const)("a server that shows a folder %s under another UIDVALIDITY, and comes back,", (_, shown) => {
    it.each([
      ["a few messages", 6, {}],
      ["many messages", 60, {}],
      ["many messages, of a batch that propagates deletions", 60, { propagateDeletes: true }],
    ])("has nothing copied twice and nothing deleted: %s", async (__, count, options) => {
      const migration = start(target, count);
      await migration.upload({ options });
      await migration.deployment.rest();
      const inbox = migration.folder("INBOX");
      const before = {
        uidValidity: inbox.uidValidity,
        messages: [...inbox.messages],
        uidNext: inbox.uidNext,
      };
      const copied = migration.target().items.length;
      const shownOnly = before.messages.filter(([n]) => shown(n)).map(([, one]) => one);
      replaceBy(inbox, 7, shownOnly);
      await round(migration);
      await round(migration);
      expect(migration.target().items.length).toBe(copied);

      Object.assign(inbox, { uidValidity: before.uidValidity, uidNext: before.uidNext });
      inbox.messages.clear();
      for (const [uid, one] of before.messages) inbox.messages.set(uid, one);
      inbox.add(message(500));
      await round(migration);
      await migration.expectSettled();
      expect(migration.target().items.length).toBe(copied + 1);
    });
  });

  it("a UIDVALIDITY that goes from A to B and back leads nowhere into a row twice, wherever a process dies", async () => {
    const failures: string[] = [];
    const clean = new FaultPlan();
    const calls = await backAndForth(target, clean);
    for (const [index, name] of clean.calls.entries()) {
      if (index < calls || !/^ledgers\.write|^target|^source/.test(name)) continue;
      const faults = new Map<number, Fault>([[index + 1, { kind: "diesAfter" }]]);
      try {
        await backAndForth(target, new FaultPlan(faults));
      } catch (error) {
        failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(failures).toEqual([]);
  });

  it.each([
    ["deleted", () => undefined],
    ["moved", (migration: Migration, one: StoredMessage) => void migration.folder("Work").add(one)],
  ])("what is %s while a new generation is matched is followed, at whatever call", async (_, goesOn) => {
    const failures: string[] = [];
    let calls = 0;
    for (let name: string | undefined = "first"; name !== undefined; calls++) {
      name = await leavesNewGeneration(target, calls + 1, goesOn).catch((error: Error) => {
        failures.push(error.message);
        return "failed";
      });
    }
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(10);
  });

  it("what is gone for good is followed once the new generation was the same for most of a day", async () => {
    const migration = start(target, 30);
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    const inbox = migration.folder("INBOX");
    inbox.renumber();
    for (const uid of [1, 2, 3]) inbox.messages.delete(uid);
    await round(migration);
    await round(migration);
    expect(migration.target().textsIn("Deleted Items")).toEqual([]);
    vi.setSystemTime(Date.now() + 21 * 3_600_000);
    await round(migration);
    await migration.expectSettled();
    expect(migration.target().textsIn("Deleted Items")).toHaveLength(3);
  });

  it("a server that comes back from a backup, some of its last messages lost, is counted once", async () => {
    const migration = start(target, 10);
    await migration.upload({ options: { skippedItemLimit: 0 } });
    await migration.deployment.rest();
    const inbox = migration.folder("INBOX");
    for (const uid of [9, 10]) inbox.messages.delete(uid);
    inbox.uidNext = 9;
    migration.folder("Work").add(message(203));
    await round(migration);
    const [mailbox] = await migration.mailboxes();
    expect([mailbox?.totalItemCount, mailbox?.syncedItemCount]).toEqual([11, 11]);
  });
});
