import { describe, expect, it } from "vitest";
import { day, hour, minute } from "../../shared/migration/runtime.ts";
import { historyView } from "../../shared/migration/status/history-view.ts";
import { optionsETag } from "../../shared/migration/status/options-view.ts";
import { type ChangeOptions, createOptionsChange } from "../../shared/migration/upload/change-options.ts";
import { mailboxIdOf } from "../../shared/migration/upload/mailbox-of-row.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";

fakeTime();

async function migrationOf(users: readonly string[], options: object = {}): Promise<Migration> {
  const migration = new Migration(users, { target: "graph", plan: new FaultPlan() });
  for (const user of users)
    for (let number = 1; number <= 12; number++) migration.folder("INBOX", user).add(message(number));
  await migration.upload({ options: { ...options } });
  return migration;
}

const idOf = (user: string) => mailboxIdOf(batch, addressOf(user));
const statuses = async (migration: Migration) =>
  Object.fromEntries((await migration.mailboxes()).map(({ userName, status }) => [userName, status]));
const statusOf = async ({ deployment }: Migration) => {
  let status = "";
  const stored = await deployment.stores.batches.get(batch);
  await deployment.perform(async ({ states }) => {
    if (stored) status = (await states.standing(stored.value)).status;
  });
  return status;
};

function optionsOf({ deployment: { stores, queues } }: Migration): ChangeOptions {
  return createOptionsChange({
    batches: stores.batches,
    queue: queues,
    clock: Date.now,
    log: () => undefined,
  });
}

describe("some mailboxes of a batch", () => {
  it("are stopped, started, synced and retried without the others", async () => {
    const migration = await migrationOf(["ann", "ben"]);
    const { deployment } = migration;
    await deployment.rest();
    const act = (action: "start" | "stop" | "sync", user: string) =>
      deployment.perform(({ control }) =>
        control.act(batch, action, "operator", { selection: { mailboxes: [idOf(user)] } }),
      );
    await act("sync", "ann");
    await act("stop", "ann");
    await deployment.rest();
    expect(await statuses(migration)).toMatchObject({ ben: "Synced" });
    await act("start", "ann");
    await deployment.rest();
    expect(await statuses(migration)).toEqual({ ann: "Synced", ben: "Synced" });

    const rounds = async () =>
      Object.fromEntries((await migration.mailboxes()).map(({ userName, round }) => [userName, round]));
    const before = await rounds();
    await act("sync", "ben");
    await deployment.rest();
    const after = await rounds();
    expect(after.ann).toBe(before.ann);
    expect(after.ben).toBeGreaterThan(before.ben ?? 0);
    await migration.expectSettled();
  });

  it("leave it while they are copied: their permits come back, their mail stays, and the others go on", async () => {
    const migration = await migrationOf(["ann", "ben", "cas"]);
    const { deployment } = migration;
    await deployment.goOnFor(1_000);
    deployment.begin(({ control }) => control.removeMailboxes(batch, [idOf("ann")], "operator"));
    await deployment.rest();
    expect(await statuses(migration)).toEqual({ ben: "Synced", cas: "Synced" });
    expect(migration.target("ben").items).toHaveLength(12);
    for (const name of await deployment.stores.admissions.endpoints())
      expect(await deployment.stores.admissions.permits(name)).toEqual([]);
    expect(await deployment.stores.batches.operations(batch)).toMatchObject([
      { kind: "removeMailboxes", outcome: { state: "finished", passed: 1, changed: 1 } },
      { kind: "upload" },
    ]);

    // The ledger stays: uploaded again it is copied to its end and nothing twice.
    await migration.upload();
    await deployment.rest();
    await migration.expectSettled();
  });
});

describe("by itself", () => {
  it("a batch is completed once its time has come, and once only", async () => {
    const completeAfter = new Date(Date.now() + 2 * hour).toISOString();
    const migration = await migrationOf(["ann"], { completeAfter });
    const { deployment } = migration;
    await deployment.rest();
    expect(await statusOf(migration)).toBe("Synced");
    migration.folder("INBOX").add(message(13));
    await deployment.goOnFor(3 * hour);
    expect(await statusOf(migration)).toBe("Completed");
    expect(migration.target().items).toHaveLength(13);

    await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await deployment.goOnFor(hour);
    expect(await statusOf(migration)).toBe("Synced");
  });

  it("a batch that nobody touches for sixty days stops, and goes on when it is started", async () => {
    const migration = await migrationOf(["ann"]);
    const { deployment } = migration;
    await deployment.rest();
    const stored = await deployment.stores.batches.get(batch);
    if (stored === undefined) throw new Error("there is no batch");
    const touchedAt = Date.now() - 60 * day + minute;
    await deployment.stores.batches.replace({ ...stored, value: { ...stored.value, touchedAt } });
    await deployment.perform((worker) => worker.resync());
    await deployment.goOnFor(10 * minute);
    expect(await statusOf(migration)).toBe("Synced");
    await deployment.perform((worker) => worker.resync());
    await deployment.goOnFor(minute);
    expect(await statusOf(migration)).toBe("Stopped");
    const [last] = await deployment.stores.batches.operations(batch);
    expect([last?.kind, last?.by]).toEqual(["stop", "app"]);

    await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await deployment.perform((worker) => worker.resync());
    await deployment.goOnFor(10 * minute);
    expect(await statusOf(migration)).toBe("Synced");
  });
});

describe("options", () => {
  it("are changed by whoever has seen them, hold for the next round, and are noted", async () => {
    const migration = await migrationOf(["ann"]);
    const { deployment } = migration;
    await deployment.rest();
    const change = optionsOf(migration);
    const stored = await deployment.stores.batches.get(batch);
    const seen = stored && optionsETag(stored.value.options);
    expect(await change(batch, { propagateDeletes: true }, undefined, "ann")).toEqual({
      outcome: "unconditional",
    });
    expect(await change(batch, { propagateDeletes: true }, seen, "ann")).toEqual({ outcome: "done" });
    expect(await change(batch, { propagateDeletes: false }, seen, "ben")).toEqual({ outcome: "changed" });
    expect(await change(batch, { propagateDeletes: 7 }, "*", "ben")).toMatchObject({
      outcome: "invalid",
      issues: [{ path: "propagateDeletes" }],
    });
    expect(await change(batch, { testLogins: true }, "*", "ben")).toMatchObject({ code: "BatchStarted" });

    migration.folder("INBOX").messages.delete(1);
    await migration.sync();
    await deployment.rest();
    const target = migration.target();
    const bin = [...target.folders.values()].find(({ path }) => path === "Deleted Items");
    expect(target.items.filter(({ folder }) => folder === bin?.id)).toHaveLength(1);

    const { batches } = deployment.stores;
    const history = historyView(await batches.operations(batch), await batches.history(batch));
    expect(history.slice(0, 3).map(({ act, by }) => `${act} ${by}`)).toEqual([
      "sync operator",
      "changeOptions ann",
      "upload app",
    ]);
    expect(history[1]?.changes).toEqual([{ option: "propagateDeletes", before: "false", after: "true" }]);
  });
});
