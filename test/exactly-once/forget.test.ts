import { describe, expect, it, vi } from "vitest";
import type { Begun } from "../../shared/migration/operations/begin-operation.ts";
import type { Selection } from "../../shared/migration/ports/registry.ts";
import { mailboxIdOf } from "../../shared/migration/upload/mailbox-of-row.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";

fakeTime();

const ann = mailboxIdOf(batch, addressOf("ann"));

async function copied(plan = new FaultPlan()): Promise<Migration> {
  vi.clearAllTimers();
  const migration = new Migration(["ann", "ben"], { target: "graph", plan });
  for (const user of ["ann", "ben"])
    for (let n = 1; n <= 9; n++) migration.folder(n % 3 === 0 ? "Work" : "INBOX", user).add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  return migration;
}

async function forget(
  { deployment }: Migration,
  acceptDoubles: boolean,
  selection: Selection = { mailboxes: [ann] },
): Promise<Begun | undefined> {
  let begun: Begun | undefined;
  await deployment.perform(async ({ control }) => {
    begun = await control.forget(batch, selection, acceptDoubles, "operator");
  });
  await deployment.rest();
  return begun;
}

const start = ({ deployment }: Migration) =>
  deployment.perform(({ control }) =>
    control.act(batch, "start", "operator", { selection: { mailboxes: [ann] } }),
  );

describe("a mailbox that is forgotten", () => {
  it("is refused until it is accepted that what is in the target is doubled", async () => {
    const migration = await copied();
    expect(await forget(migration, false)).toMatchObject({ outcome: "refused", code: "ForgetNotAccepted" });
    expect((await migration.mailboxes()).map(({ status }) => status)).toEqual(["Synced", "Synced"]);
  });

  it("is each that fits where many are meant, and no other", async () => {
    const migration = await copied();
    const ledgers = async () => (await migration.mailboxes()).map(({ ledgerId }) => ledgerId !== undefined);
    await forget(migration, true, { errorCode: "TooManyDeletions" });
    expect(await ledgers()).toEqual([true, true]);
    await forget(migration, true, { status: "Synced" });
    expect(await ledgers()).toEqual([false, false]);
    expect((await migration.mailboxes()).map(({ status }) => status)).toEqual(["Stopped", "Stopped"]);
  });

  it("is copied again from the beginning once its user has emptied the target, wherever a process dies", async () => {
    const story = async (plan: FaultPlan) => {
      const migration = await copied(plan);
      migration.target("ann").items = [];
      const before = plan.calls.length;
      await forget(migration, true);
      const after = plan.calls.length;
      const [mailbox] = (await migration.mailboxes()).filter(({ id }) => id === ann);
      expect(mailbox).toMatchObject({ status: "Stopped", syncedItemCount: 0, kind: "initial" });
      expect([mailbox?.ledgerId, mailbox?.lastSyncedAt]).toEqual([undefined, undefined]);
      await start(migration);
      await migration.deployment.rest();
      await migration.expectSettled();
      return { before, after };
    };
    const { before, after } = await story(new FaultPlan());
    expect(after - before).toBeGreaterThan(10);
    for (let index = before + 1; index <= after; index += 2) {
      const fault: Fault = { kind: index % 4 < 2 ? "diesBefore" : "diesAfter" };
      await story(new FaultPlan(new Map([[index, fault]])));
    }
  });

  it("is waited for while it is copied", async () => {
    vi.clearAllTimers();
    const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
    for (let n = 1; n <= 60; n++) migration.folder("INBOX").add(message(n));
    await migration.upload();
    await migration.deployment.goOnFor(1_000);
    await forget(migration, true);
    const [mailbox] = await migration.mailboxes();
    expect([mailbox?.status, mailbox?.ledgerId]).toEqual(["Stopped", undefined]);
    migration.target().items = [];
    await start(migration);
    await migration.deployment.rest();
    await migration.expectSettled();
  });
});

it("a removal that asks for it leaves nothing of the records; any other one leaves them", async () => {
  for (const forgets of [false, true]) {
    const migration = await copied();
    const ledgers = (await migration.mailboxes()).flatMap(({ ledgerId }) => ledgerId ?? []);
    expect(ledgers).toHaveLength(2);
    await migration.deployment.perform(({ control }) => control.remove(batch, true, "operator", forgets));
    await migration.deployment.rest();
    expect(await migration.mailboxes()).toEqual([]);
    for (const ledger of ledgers)
      expect(await migration.deployment.stores.ledgers.listFolders(ledger)).toHaveLength(forgets ? 0 : 2);
  }
});
