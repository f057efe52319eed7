import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const lastActions = ["\\Answered", "$Forwarded"];

/** Four messages in a target that does not let the last action change. */
async function migrated(plan = new FaultPlan()): Promise<Migration> {
  const migration = new Migration(["ann"], { target: "graph", plan });
  for (const number of [1, 2, 3, 4]) migration.folder("INBOX").add(message(number));
  migration.folder("Projects").add(message(5));
  for (const flag of lastActions) migration.target().fixedFlags.add(flag);
  await migration.upload();
  await migration.deployment.rest();
  return migration;
}

/** Two users' acts and a new message, which makes the folder worth a visit. */
async function actAtSource(migration: Migration, fresh: number): Promise<void> {
  setFlags(migration, 1, ["\\Answered", "\\Seen"]);
  setFlags(migration, 2, ["$Forwarded"]);
  setFlags(migration, 3, ["\\Seen"]);
  await addAndSync(migration, fresh);
}

function setFlags(migration: Migration, number: number, flags: readonly string[]): void {
  migration.folder("INBOX").messages.set(number, message(number, flags));
}

async function addAndSync(migration: Migration, fresh: number, path = "INBOX"): Promise<void> {
  migration.folder(path).add(message(fresh));
  await migration.sync();
  await migration.deployment.rest();
}

async function retry(migration: Migration): Promise<void> {
  await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
  await migration.deployment.rest();
}

const warnings = async (migration: Migration) => (await migration.mailboxes())[0]?.warnings;
const flagsOf = (migration: Migration, number: number) =>
  migration.target().items.find(({ text }) => text === message(number).text)?.flags;

describe("flags that the target does not let change", () => {
  it("are counted, others of the same message are kept, and nothing else waits for them", async () => {
    const migration = await migrated();
    await actAtSource(migration, 6);
    expect(await warnings(migration)).toEqual({ AnsweredNotKept: 1, ForwardedNotKept: 1 });
    expect([1, 2, 3, 6].map((number) => flagsOf(migration, number))).toEqual([
      ["\\Seen"],
      [],
      ["\\Seen"],
      [],
    ]);
    await migration.expectAtRest();
  });

  it("count the same however often they are tried, and no more once there is nothing to try", async () => {
    const migration = await migrated();
    await actAtSource(migration, 6);
    for (const again of [() => addAndSync(migration, 7), () => retry(migration), () => retry(migration)]) {
      await again();
      expect(await warnings(migration)).toEqual({ AnsweredNotKept: 1, ForwardedNotKept: 1 });
    }
    setFlags(migration, 1, ["\\Seen"]);
    migration.folder("INBOX").messages.delete(2);
    await addAndSync(migration, 8);
    expect(await warnings(migration)).toEqual({});
  });

  it("go along with a message that moves, and with a folder that has new UIDs", async () => {
    const migration = await migrated();
    await actAtSource(migration, 6);
    const inbox = migration.folder("INBOX");
    migration.folder("Projects").add(message(1, ["\\Answered", "\\Seen"]));
    inbox.messages.delete(1);
    await addAndSync(migration, 7);
    expect(await warnings(migration)).toEqual({ AnsweredNotKept: 1, ForwardedNotKept: 1 });
    inbox.renumber();
    await addAndSync(migration, 8);
    expect(await warnings(migration)).toEqual({ AnsweredNotKept: 1, ForwardedNotKept: 1 });
    await migration.expectAtRest();
  });

  it("are brought along by a retry once the target takes them", async () => {
    const migration = await migrated();
    await actAtSource(migration, 6);
    migration.target().fixedFlags.clear();
    await retry(migration);
    await migration.expectSettled();
    expect(await warnings(migration)).toEqual({});
    const { round } = (await migration.mailboxes())[0] ?? {};
    await retry(migration);
    expect((await migration.mailboxes())[0]?.round).toBe(round);
  });

  it.each(["diesBefore", "diesAfter"] as const)("count once where a process %s any call", async (kind) => {
    const act = async (migration: Migration) => {
      await actAtSource(migration, 6);
      await retry(migration);
      return migration;
    };
    const clean = new FaultPlan();
    const first = await migrated(clean);
    const copied = clean.calls.length;
    await act(first);
    for (let index = copied; index < clean.calls.length; index++) {
      vi.clearAllTimers();
      const migration = await act(await migrated(new FaultPlan(new Map([[index + 1, { kind }]]))));
      expect(await warnings(migration)).toEqual({ AnsweredNotKept: 1, ForwardedNotKept: 1 });
      await migration.expectAtRest();
    }
    expect(clean.calls.length - copied).toBeGreaterThan(40);
  });
});
