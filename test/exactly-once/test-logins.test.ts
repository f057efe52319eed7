import { describe, expect, it, vi } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";

fakeTime();

const users = ["ann", "ben"];

/** Some users of one server that lets one of them in at a time, so that copying could begin between two tests. */
function migrationOf(plan: FaultPlan): Migration {
  vi.clearAllTimers();
  const migration = new Migration(users, { target: "graph", plan });
  for (const user of users) migration.folder("INBOX", user).add(message(1));
  return migration;
}

const upload = (migration: Migration, change: { users?: readonly string[] } = {}) =>
  migration.upload({ options: { testLogins: true }, limits: { maxConcurrentMigrations: 1 }, ...change });

const statuses = async (migration: Migration) =>
  (await migration.mailboxes()).map(({ status, error }) => error?.code ?? status).sort();

/** Runs a whole migration. @throws if any target was opened before every one had been looked for. */
async function migrate(plan: FaultPlan, afterMs = 0): Promise<void> {
  const migration = migrationOf(plan);
  const { target } = migration.deployment;
  const looked = vi.spyOn(target, "resolve");
  const opened = vi.spyOn(target, "open");
  await upload(migration);
  await migration.deployment.rest();
  await migration.deployment.goOnFor(afterMs);
  await migration.expectSettled();

  const orderOf = (address: string) =>
    looked.mock.invocationCallOrder[looked.mock.calls.findIndex(([given]) => given === address)];
  const [first = 0] = opened.mock.invocationCallOrder;
  for (const user of users) expect(orderOf(addressOf(user))).toBeLessThan(first);
}

const faults: readonly {
  readonly title: string;
  readonly fault: Fault;
  /** Every how many calls it happens. */
  readonly every: number;
  readonly afterMs: number;
}[] = [
  { title: "dies after", fault: { kind: "diesAfter" }, every: 1, afterMs: 0 },
  {
    title: "dies in, which has its effect after the next attempt",
    fault: { kind: "landsLate", afterMs: 75_000 },
    every: 2,
    afterMs: 900_000,
  },
  {
    title: "stands still at for a while",
    fault: { kind: "stalls", forMs: 90_000 },
    every: 3,
    afterMs: 900_000,
  },
];

describe("logins tested before anything is copied", () => {
  it.each(faults)(
    "are all tested first, whichever call a process $title",
    async ({ fault, every, afterMs }) => {
      const clean = new FaultPlan();
      await migrate(clean);
      const failures: string[] = [];
      for (const [index, name] of clean.calls.entries()) {
        if (index % every > 0) continue;
        try {
          await migrate(new FaultPlan(new Map([[index + 1, fault]])), afterMs);
        } catch (error) {
          failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
        }
      }
      expect(clean.calls.length).toBeGreaterThan(60);
      expect(failures).toEqual([]);
    },
  );

  it("fail by themselves, and hold nobody up", async () => {
    const migration = migrationOf(new FaultPlan());
    migration.deployment.target.mailboxes.delete(addressOf("ben"));
    await upload(migration, { users: [...users, "nobody"] });
    await migration.deployment.rest();
    expect(await statuses(migration)).toEqual(["SourceLoginFailed", "Synced", "TargetMailboxNotFound"]);
  });

  it("are not tested again after a stop, and nothing is copied by a start alone", async () => {
    const migration = migrationOf(new FaultPlan());
    const { deployment } = migration;
    const count = (name: string) => deployment.events.filter(({ event }) => event === name).length;
    await upload(migration);
    await deployment.goOnUntil(async () => count("login.passed") === 2);
    expect(await statuses(migration)).toEqual(["Queued", "Queued"]);
    await deployment.perform(({ control }) => control.act(batch, "stop", "operator"));
    await deployment.goOnFor(180_000);
    expect(await statuses(migration)).toEqual(["Stopped", "Stopped"]);
    expect(count("batch.released")).toBe(0);

    await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await deployment.rest();
    await migration.expectSettled();
    expect([count("login.passed"), count("batch.released")]).toEqual([2, 1]);
    // A permit for each test and for each copy.
    expect(count("mailbox.admitted")).toBe(4);
  });
});
