import { parse } from "csv-parse/sync";
import { describe, expect, it } from "vitest";
import type { EndpointName } from "../../shared/domain/names.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { DeploymentSettings } from "../stack/memory/memory-deployment.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;

function migrationOf(users: readonly string[], settings: Partial<DeploymentSettings> = {}): Migration {
  const migration = new Migration(users, { target: "graph", plan: new FaultPlan(), ...settings });
  for (const user of users) migration.folder("INBOX", user).add(message(1));
  return migration;
}

describe("reports of a batch", () => {
  const rowsOf = (migration: Migration, report: "mailboxes" | "skipped-items") =>
    parse(migration.deployment.blobs.report(batch, report) ?? "", { bom: true, columns: true });

  it("show each round within minutes of its end, and go with the batch", async () => {
    const migration = migrationOf(["ann", "bob"]);
    migration.folder("INBOX", "bob").add(message(2, ["\\Deleted"]));
    await migration.upload();
    await migration.deployment.rest();
    await migration.deployment.goOnFor(5 * minute);
    const ann = { emailAddress: "ann@contoso.example", status: "Synced", syncedItemCount: "1" };
    const bob = { emailAddress: "bob@contoso.example", status: "Synced", skippedItemCount: "1" };
    expect(rowsOf(migration, "mailboxes")).toEqual(
      expect.arrayContaining([expect.objectContaining(ann), expect.objectContaining(bob)]),
    );
    expect(rowsOf(migration, "skipped-items")).toMatchObject([
      { emailAddress: "bob@contoso.example", folder: "INBOX", uid: "2", code: "MarkedDeleted" },
    ]);
    await migration.expectAtRest();

    migration.folder("INBOX", "bob").messages.delete(2);
    await migration.sync();
    await migration.deployment.rest();
    await migration.deployment.goOnFor(5 * minute);
    expect(rowsOf(migration, "skipped-items")).toEqual([]);
    await migration.expectAtRest();

    const written = migration.deployment.events.filter(({ event }) => event === "batch.reported").length;
    await migration.deployment.goOnFor(30 * minute);
    expect(migration.deployment.events.filter(({ event }) => event === "batch.reported")).toHaveLength(
      written,
    );

    await migration.sync();
    await migration.deployment.perform(({ control }) => control.act(batch, "stop", "operator"));
    await migration.deployment.goOnFor(5 * minute);
    expect(rowsOf(migration, "mailboxes")).toEqual(
      expect.arrayContaining([expect.objectContaining({ status: "Stopped" })]),
    );

    await migration.deployment.perform(({ control }) => control.remove(batch, true, "operator"));
    await migration.deployment.goOnFor(5 * minute);
    expect(migration.deployment.blobs.report(batch, "mailboxes")).toBeUndefined();
    expect(await migration.deployment.stores.batches.list()).toEqual([]);
  });
});

it("goes on with other batches when an endpoint's file is gone, and fails the mailboxes that need it", async () => {
  const migration = migrationOf(["ann"]);
  await migration.upload();
  await migration.deployment.rest();
  const { stores, blobs } = migration.deployment;
  const id = await migration.mailboxId();
  const stored = await stores.mailboxes.get(batch, id);
  const file = await blobs.endpoints.read("old" as EndpointName);
  if (stored === undefined || file === undefined) throw new Error("nothing was migrated");
  const orphan = { ...stored.value, batch: "autumn" as typeof batch, endpoint: "gone" as EndpointName };
  const { value } = (await stores.batches.get(batch)) ?? {};
  if (value === undefined) throw new Error("there is no batch");
  // It is listed first.
  await stores.batches.create({ ...value, name: orphan.batch, endpoint: orphan.endpoint });
  await stores.mailboxes.insertAll(orphan.batch, [orphan]);
  await migration.deployment.perform(({ resync }) => resync());

  await migration.deployment.goOnFor(6 * minute);
  const [failed] = await migration.mailboxes(orphan.batch);
  expect([failed?.status, failed?.error?.code]).toEqual(["Failed", "EndpointNotFound"]);
  const [synced] = await migration.mailboxes();
  expect(synced?.status).toBe("Synced");
  expect(synced?.round).toBe(stored.value.round + 1);
});

it("an endpoint's file that is deleted in the middle leaves no permit, nobody who waits, and no failing sweep", async () => {
  const users = ["ann", "bob", "cid"];
  const plan = new (class extends FaultPlan {
    override next(name: string, given: readonly unknown[]): Fault | undefined {
      super.next(name, given);
      return name === "target.write" ? { kind: "blocks", forMs: 20_000 } : undefined;
    }
  })();
  const migration = migrationOf(users, { plan, limits: { maxMessages: 1 } });
  for (const user of users) for (let n = 2; n <= 5; n++) migration.folder("INBOX", user).add(message(n));
  await migration.upload({ limits: { maxConcurrentMigrations: 1, maxConcurrentIncrementalSyncs: 1 } });
  const { deployment } = migration;
  await deployment.goOnUntil(async () => plan.calls.includes("target.write"));
  const file = await deployment.blobs.endpoints.read("old" as EndpointName);
  await deployment.blobs.endpoints.delete("old" as EndpointName, file?.version ?? "");
  await deployment.goOnFor(20 * minute);
  await deployment.rest();

  const rows = await migration.mailboxes();
  expect(rows.filter(({ status }) => status === "Failed").length).toBeGreaterThan(1);
  for (const { status, error } of rows)
    expect([status, error?.code]).toEqual(
      status === "Synced" ? ["Synced", undefined] : ["Failed", "EndpointNotFound"],
    );
  expect(await deployment.stores.admissions.endpoints()).toEqual([]);
  const failed = deployment.events.filter(({ event }) =>
    ["janitor.failed", "thrown", "failed"].includes(event),
  );
  expect(failed).toEqual([]);
});

describe("the janitor", () => {
  const sweeps = ({ deployment }: Migration) =>
    deployment.events.filter(({ event }) => event === "janitor.swept").length;

  it("sweeps every minute while anything is at work, and every five at rest", async () => {
    const migration = migrationOf(["ann"]);
    const { deployment } = migration;
    await migration.upload();
    await deployment.rest();
    const before = sweeps(migration);
    await deployment.goOnFor(60 * minute);
    expect(sweeps(migration) - before).toBe(12);

    // A batch that waits for its start in seven minutes is started by a message.
    const startAfter = new Date(Date.now() + 7 * minute).toISOString();
    await migration.upload({ name: "autumn" as typeof batch, options: { startAfter } });
    await deployment.goOnFor(8 * minute);
    const [started] = await migration.mailboxes("autumn" as typeof batch);
    expect(started?.status).toBe("Synced");
    await deployment.rest();
    await migration.expectAtRest();
  });

  it("is not needed as a timer: its messages bring a batch through, and each daily round", async () => {
    const users = Array.from({ length: 30 }, (_, index) => `user${index}`);
    const migration = migrationOf(users, { timer: false });
    await migration.upload();
    await migration.deployment.rest();
    for (const user of users) migration.folder("INBOX", user).add(message(2));
    await migration.deployment.perform(({ resync }) => resync());
    await migration.deployment.rest();
    await migration.expectSettled();
  });
});
