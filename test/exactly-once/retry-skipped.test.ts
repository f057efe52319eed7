import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

/** Three messages of which the server keeps two back, until they are given out. */
function migrationOf(plan = new FaultPlan()): Migration {
  const migration = new Migration(["ann"], { target: "graph", plan });
  const inbox = migration.folder("INBOX");
  for (const number of [1, 2, 3]) inbox.add(message(number));
  inbox.withheld.add(2).add(3);
  return migration;
}

const counts = async (migration: Migration) => {
  const [mailbox] = await migration.mailboxes();
  return [mailbox?.status, mailbox?.syncedItemCount, mailbox?.skippedItemCount];
};

describe("a retry", () => {
  it("tries skipped messages again, once", async () => {
    const migration = migrationOf();
    const { deployment } = migration;
    await migration.upload();
    await deployment.rest();
    expect(await counts(migration)).toEqual(["Synced", 1, 2]);
    await migration.sync();
    await deployment.rest();
    expect(await counts(migration)).toEqual(["Synced", 1, 2]);

    migration.folder("INBOX").withheld.delete(3);
    await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await deployment.rest();
    expect(await counts(migration)).toEqual(["Synced", 2, 1]);
    migration.folder("INBOX").withheld.clear();
    await migration.sync();
    await deployment.rest();
    expect(await counts(migration)).toEqual(["Synced", 2, 1]);

    await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await deployment.rest();
    await migration.expectSettled();
    expect(await counts(migration)).toEqual(["Synced", 3, 0]);
    const { round } = (await migration.mailboxes())[0] ?? {};
    await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    expect((await migration.mailboxes())[0]?.round).toBe(round);
  });

  it.each(["diesBefore", "diesAfter"] as const)(
    "loses and doubles nothing where a process %s any call of it",
    async (kind) => {
      const retried = async (plan: FaultPlan) => {
        vi.clearAllTimers();
        const migration = migrationOf(plan);
        await migration.upload();
        await migration.deployment.rest();
        const before = plan.calls.length;
        migration.folder("INBOX").withheld.clear();
        await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
        await migration.deployment.rest();
        return { migration, before };
      };
      const clean = new FaultPlan();
      const { before } = await retried(clean);
      for (let index = before; index < clean.calls.length; index++) {
        const { migration } = await retried(new FaultPlan(new Map([[index + 1, { kind }]])));
        await migration.expectSettled();
      }
      expect(clean.calls.length - before).toBeGreaterThan(50);
    },
  );
});
