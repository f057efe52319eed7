import { describe, expect, it } from "vitest";
import { dailyWindow } from "../../shared/migration/batch/life.ts";
import { dueAt } from "../../shared/migration/mailbox/life.ts";
import type { MailboxRecord } from "../../shared/migration/ports/registry.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;

function migrationOf(users: readonly string[], messages = 1): Migration {
  const migration = new Migration(users, { target: "graph", plan: new FaultPlan() });
  for (const user of users)
    for (let number = 1; number <= messages; number++) migration.folder("INBOX", user).add(message(number));
  return migration;
}

const resync = ({ deployment }: Migration) => deployment.perform((worker) => worker.resync());

/** How many windows the timer has begun. */
const planned = ({ deployment }: Migration) =>
  deployment.events.filter(({ event }) => event === "resync.planned").length;

/** When each mailbox is due that is. */
async function dueTimes(migration: Migration): Promise<readonly number[]> {
  const stored = await migration.deployment.stores.batches.get(batch);
  const mailboxes = await migration.mailboxes();
  const window = stored && dailyWindow(stored.value, mailboxes.length);
  return mailboxes.flatMap((mailbox) => dueAt(mailbox, window) ?? []);
}

const byUser = async (migration: Migration): Promise<ReadonlyMap<string, MailboxRecord>> =>
  new Map((await migration.mailboxes()).map((mailbox) => [mailbox.userName, mailbox]));

/** The timer leaves every mailbox of the batch as it is. */
async function expectLeftAlone(migration: Migration): Promise<void> {
  const before = await migration.mailboxes();
  await resync(migration);
  await migration.deployment.goOnFor(10 * minute);
  expect(await migration.mailboxes()).toEqual(before);
}

describe("the daily timer", () => {
  it("makes synced mailboxes due all over its window, and each is brought up to date in its turn", async () => {
    const users = Array.from({ length: 48 }, (_, index) => `user${index}`);
    const windowMs = users.length * 2_000;
    const migration = migrationOf(users);
    await migration.upload();
    await migration.deployment.rest();
    for (const user of users) migration.folder("INBOX", user).add(message(2));
    const synced = await byUser(migration);

    const start = Date.now();
    await resync(migration);
    const due = await dueTimes(migration);
    expect(Math.min(...due)).toBeGreaterThanOrEqual(start);
    expect(Math.max(...due)).toBeLessThan(start + windowMs);
    for (const quarter of [0, 1, 2, 3]) {
      const from = start + (quarter * windowMs) / 4;
      expect(due.filter((at) => from <= at && at < from + windowMs / 4).length).toBeGreaterThan(3);
    }

    // Another run changes nothing.
    await resync(migration);
    expect(await dueTimes(migration)).toEqual(due);
    expect(planned(migration)).toBe(1);

    await migration.deployment.goOnFor(windowMs / 2);
    const halfway = Date.now();
    const rounds = (mailboxes: ReadonlyMap<string, MailboxRecord>, user: string) =>
      (mailboxes.get(user)?.round ?? 0) - (synced.get(user)?.round ?? 0);
    const then = await byUser(migration);
    const early = [...then.keys()].filter((user) => rounds(then, user) > 0);
    const late = await dueTimes(migration);
    expect(early.length).toBeGreaterThan(6);
    expect(late.length).toBeGreaterThan(6);
    expect(early.length + late.length).toBe(users.length);
    // A batch at work is looked at every ten seconds.
    for (const at of late) expect(at).toBeGreaterThan(halfway - 20_000);

    await migration.deployment.rest();
    const last = await byUser(migration);
    for (const user of users) expect([user, rounds(last, user)]).toEqual([user, 1]);
    await migration.expectSettled();
  });

  it("does not disturb mailboxes that are still being copied", async () => {
    const users = ["ann", "ben", "cas"];
    const migration = migrationOf(users, 3);
    const { deployment } = migration;
    const count = (name: string) => deployment.events.filter(({ event }) => event === name).length;
    const csv = await migration.put({ limits: { maxConcurrentMigrations: 1 } });
    await deployment.perform(async (worker) => {
      await worker.ingest(csv);
      await worker.resync();
    });
    await deployment.rest();
    expect(await dueTimes(migration)).toEqual([]);
    expect(count("mailbox.synced")).toBe(users.length);
    await migration.expectSettled();
  });

  it("leaves mailboxes alone that were stopped, and those of a batch that is not started", async () => {
    const migration = migrationOf(["ann", "ben"]);
    const { deployment } = migration;
    await migration.upload({ options: { autoStart: false } });
    await expectLeftAlone(migration);

    await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await deployment.rest();
    await migration.sync();
    await deployment.perform(({ control }) => control.act(batch, "stop", "operator"));
    await deployment.rest();
    await expectLeftAlone(migration);
    expect(planned(migration)).toBe(0);
  });

  it("leaves mailboxes alone that failed or are completed, also beside one that is synced", async () => {
    const migration = migrationOf(["ann", "ben", "cas"]);
    const { deployment } = migration;
    const { mailboxes } = deployment.target;
    mailboxes.delete(addressOf("ben"));
    mailboxes.delete(addressOf("cas"));
    await migration.upload();
    await deployment.rest();
    await deployment.perform(({ control }) =>
      control.act(batch, "complete", "operator", { leaveFailed: true }),
    );
    await deployment.rest();
    await expectLeftAlone(migration);

    deployment.target.add(addressOf("ben"));
    await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await deployment.rest();
    const statuses = ({ userName, status }: MailboxRecord) => `${userName} ${status}`;
    expect((await migration.mailboxes()).map(statuses).sort()).toEqual([
      "ann Completed",
      "ben Completed",
      "cas Failed",
    ]);
    await expectLeftAlone(migration);

    await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await deployment.rest();
    const before = await byUser(migration);
    expect([...before.values()].map(statuses).sort()).toEqual(["ann Synced", "ben Synced", "cas Failed"]);
    await resync(migration);
    await deployment.rest();
    const after = await byUser(migration);
    expect(after.get("cas")).toEqual(before.get("cas"));
    const { status, round } = after.get("ben") ?? {};
    expect([status, round]).toEqual(["Synced", (before.get("ben")?.round ?? 0) + 1]);
  });
});

describe("startAfter", () => {
  const startAfter = () => new Date(Date.now() + 30 * minute).toISOString();
  const statuses = async (migration: Migration) => (await migration.mailboxes()).map(({ status }) => status);

  it("lets a batch start by itself when the time has come, and not before", async () => {
    const migration = migrationOf(["ann"]);
    const { deployment } = migration;
    await migration.upload({ options: { startAfter: startAfter() } });
    await deployment.goOnFor(29 * minute);
    expect(await statuses(migration)).toEqual(["Created"]);
    expect(migration.target().items).toEqual([]);

    await deployment.goOnFor(2 * minute);
    await deployment.rest();
    await migration.expectSettled();
  });

  it.each([
    ["is started by hand only", { autoStart: false }, false],
    ["was stopped meanwhile", {}, true],
  ])("does not start a batch that %s", async (_, options, stops) => {
    const migration = migrationOf(["ann"]);
    const { deployment } = migration;
    await migration.upload({ options: { ...options, startAfter: startAfter() } });
    if (stops) await deployment.perform(({ control }) => control.act(batch, "stop", "operator"));
    await deployment.goOnFor(minute);
    const before = await statuses(migration);
    await deployment.goOnFor(60 * minute);
    expect(await statuses(migration)).toEqual(before);
    expect(migration.target().items).toEqual([]);
  });
});
