import { createHash } from "node:crypto";
import { expect, it, vi } from "vitest";
import type { BatchName, EndpointName, MailboxId } from "../../shared/domain/names.ts";
import { newBatch } from "../../shared/migration/batch/life.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import { MemoryDeployment } from "../stack/memory/memory-deployment.ts";
import { mailbox } from "../unit/migration/sample-mailbox.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

const batch = "spring" as BatchName;
const endpoint = "old" as EndpointName;
const size = 16_000;

/** Requests to Table Storage, and sends to Service Bus, until now. */
function requestsOf({ tables }: MemoryDeployment, plan: FaultPlan): number {
  const sends = plan.calls.filter((name) => name.startsWith("queue.")).length;
  return Object.values(tables).reduce((sum, table) => sum + table.requests, sends);
}

it("an operation takes 0.05 requests a mailbox at most, and every mailbox is queued once", async () => {
  vi.clearAllTimers();
  const plan = new FaultPlan();
  const deployment = new MemoryDeployment({ target: "graph", plan, processes: 2, steps: false });
  const { stores, blobs } = deployment;
  await blobs.endpoints.write(endpoint, JSON.stringify({ host: "imap.example.net" }), undefined);
  const place = { batch, displayName: batch, endpoint };
  await stores.batches.create({ ...newBatch(place, undefined, Date.now()), largestFile: size });
  const ids = Array.from({ length: size }, (_, n) =>
    createHash("sha256").update(`${n}`).digest("hex").slice(0, 32),
  );
  await stores.mailboxes.insertAll(
    batch,
    ids.map((id) => mailbox("Created", { id: id as MailboxId, batch, endpoint })),
  );
  const isThrough = async () => (await stores.batches.get(batch))?.value.operations.length === 0;
  const counts: Record<string, number> = {};
  for (const action of ["start", "stop", "start"] as const) {
    const before = requestsOf(deployment, plan);
    await deployment.perform(({ control }) => control.act(batch, action, "operator"));
    await deployment.goOnUntil(isThrough);
    counts[action] = (requestsOf(deployment, plan) - before) / size;
    expect(counts[action]).toBeLessThanOrEqual(0.05);
    const status = (await stores.states.get(batch))?.value.facets.status;
    expect(status).toEqual({ [action === "start" ? "Queued" : "Stopped"]: size });
  }
  const [started, stopped, first] = await stores.batches.operations(batch);
  for (const operation of [first, stopped, started])
    expect(operation?.outcome).toMatchObject({ state: "finished", passed: size, changed: size });
  expect(started?.slots).toBe(16);

  const permits = await stores.admissions.permits(endpoint);
  const { version } = await stores.admissions.gate(endpoint);
  const releasedPermits = permits.map(({ mailboxId }) => mailboxId);
  await stores.admissions.apply(endpoint, version, { shares: {}, releasedPermits });
  const before = requestsOf(deployment, plan);
  await deployment.perform(({ control }) => control.remove(batch, true, "operator"));
  await deployment.goOnUntil(async () => (await stores.batches.get(batch)) === undefined);
  expect((requestsOf(deployment, plan) - before) / size).toBeLessThanOrEqual(0.05);
  expect(await stores.admissions.endpoints()).toEqual([]);
});

it("a round in which nothing changed takes 20 requests at most", async () => {
  vi.clearAllTimers();
  const plan = new FaultPlan();
  const users = Array.from({ length: 60 }, (_, n) => `user${n}`);
  const migration = new Migration(users, { target: "graph", plan });
  for (const user of users) for (const n of [1, 2, 3]) migration.folder("INBOX", user).add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  const before = requestsOf(migration.deployment, plan);
  await migration.deployment.perform(({ resync }) => resync());
  await migration.deployment.rest();
  await migration.expectSettled();
  expect((requestsOf(migration.deployment, plan) - before) / users.length).toBeLessThanOrEqual(20);
});

it("folders that the target does not have are announced to it a hundred at once, and no others", async () => {
  vi.clearAllTimers();
  const announced: number[] = [];
  const plan = new (class extends FaultPlan {
    override next(name: string, given: readonly unknown[]) {
      if (name === "target.prepareFolders") announced.push((given[0] as readonly unknown[]).length);
      return super.next(name, given);
    }
  })();
  const migration = new Migration(["ann"], { target: "imap", plan });
  for (let n = 1; n <= 150; n++) migration.folder(`Folder ${n}`).add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  migration.folder("Folder 151").add(message(151));
  await migration.sync();
  await migration.deployment.rest();
  await migration.expectSettled();
  expect(announced).toEqual([100, 50, 1]);
  expect(plan.calls.filter((name) => name === "target.ensureFolder")).toHaveLength(151);
});
