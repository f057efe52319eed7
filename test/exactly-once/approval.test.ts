import { describe, expect, it, vi } from "vitest";
import { unapprovedCount } from "../../shared/migration/mailbox/approval.ts";
import type { Begun } from "../../shared/migration/operations/begin-operation.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

/** Three messages of which the server keeps two back. */
async function migrationOf(plan = new FaultPlan()): Promise<Migration> {
  const migration = new Migration(["ann"], { target: "graph", plan });
  const inbox = migration.folder("INBOX");
  for (const number of [1, 2, 3]) inbox.add(message(number));
  inbox.withheld.add(2).add(3);
  await migration.upload();
  await migration.deployment.rest();
  return migration;
}

const approve = async (migration: Migration) => {
  await migration.deployment.perform(({ control }) => control.approve(batch, "ann"));
  await migration.deployment.rest();
};
const unapproved = async (migration: Migration) =>
  (await migration.mailboxes()).reduce((sum, mailbox) => sum + unapprovedCount(mailbox), 0);

async function complete({ deployment }: Migration): Promise<Begun | undefined> {
  let begun: Begun | undefined;
  await deployment.perform(async ({ control }) => {
    begun = await control.act(batch, "complete", "ann");
  });
  await deployment.rest();
  return begun;
}

describe("an approval of skipped messages", () => {
  it("lets a batch be completed, and says who gave it", async () => {
    const migration = await migrationOf();
    expect(await complete(migration)).toMatchObject({
      outcome: "refused",
      code: "ItemsNotApproved",
      reasons: [expect.stringMatching(/^2 messages were skipped/)],
    });

    const round = (await migration.mailboxes())[0]?.round;
    await approve(migration);
    expect(await unapproved(migration)).toBe(0);
    const [mailbox] = await migration.mailboxes();
    expect(mailbox).toMatchObject({ status: "Synced", round });
    expect(Object.values(mailbox?.approved ?? {})).toEqual([expect.objectContaining({ ever: 2, by: "ann" })]);
    expect((await complete(migration))?.outcome).toBe("begun");
    expect((await migration.mailboxes())[0]?.status).toBe("Completed");
  });

  it("does not cover what is skipped after it", async () => {
    const migration = await migrationOf();
    await approve(migration);
    migration.folder("INBOX").add(message(4));
    migration.folder("INBOX").withheld.add(4);
    await migration.sync();
    await migration.deployment.rest();
    expect(await unapproved(migration)).toBe(1);
    expect(await complete(migration)).toMatchObject({ code: "ItemsNotApproved" });
    await approve(migration);
    expect((await complete(migration))?.outcome).toBe("begun");
  });

  it("stands although a stop follows at once, wherever a process dies", async () => {
    const story = async (plan: FaultPlan) => {
      vi.clearAllTimers();
      const migration = await migrationOf(plan);
      const before = plan.calls.length;
      await migration.deployment.perform(async ({ control }) => {
        await control.approve(batch, "ann");
        await control.act(batch, "stop", "ann");
      });
      await migration.deployment.rest();
      return { migration, before };
    };
    const clean = new FaultPlan();
    const { migration, before } = await story(clean);
    expect(await unapproved(migration)).toBe(0);
    for (let index = before; index < clean.calls.length; index += 2) {
      const fault = { kind: index % 4 === 0 ? "diesBefore" : "diesAfter" } as const;
      const { migration } = await story(new FaultPlan(new Map([[index + 1, fault]])));
      expect(await unapproved(migration)).toBe(0);
    }
    expect(clean.calls.length - before).toBeGreaterThan(10);
  });
});
