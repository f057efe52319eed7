import { describe, expect, it } from "vitest";
import type { EndpointName } from "../../shared/domain/names.ts";
import { createEndpoints } from "../../shared/migration/endpoints/endpoint-settings.ts";
import { hour, minute } from "../../shared/migration/runtime.ts";
import { createBatchStates } from "../../shared/migration/status/batch-states.ts";
import { createEndpointUsage } from "../../shared/migration/status/endpoint-usage.ts";
import { createStatus } from "../../shared/migration/status/status.ts";
import { streamedSize } from "../../shared/migration/sync/limits.ts";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { StoredMessage } from "../stack/memory/memory-source.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const endpoint = "old" as EndpointName;
const users = ["ann", "ben", "cas", "dan", "eve", "fay"];

function sized(number: number, bytes: number): StoredMessage {
  const { text, ...rest } = message(number);
  return { ...rest, text: text + "x".repeat(bytes - text.length) };
}

function migrationOf(processes: number): Migration {
  return new Migration(users, { target: "graph", plan: new FaultPlan(), processes });
}

/** Lets everything go on for so many hours, in which it is never at rest. */
async function pass({ deployment }: Migration, hours: number): Promise<void> {
  for (let n = 0; n < hours; n++) await deployment.goOnFor(hour);
}

/** What an operator sees. */
async function look({ deployment }: Migration) {
  const { stores, blobs } = deployment;
  const endpoints = createEndpoints(blobs.endpoints, Date.now);
  const parts = { ...stores, ...blobs, endpoints, clock: Date.now, log: () => undefined };
  const states = createBatchStates(parts);
  const status = createStatus({ ...parts, states, ledger: stores.ledgers });
  const [view, list, usage] = await Promise.all([
    status.batch(batch),
    status.mailboxes(batch, { top: 100 }),
    createEndpointUsage({ ...stores, states, clock: Date.now })(endpoint, await endpoints.get(endpoint)),
  ]);
  if (view === undefined || list === undefined) throw new Error("there is no such batch");
  return { view, mailboxes: list.value, usage };
}

/** No stretch of time has more reads than the rate allows, but for the portion that is read at once. */
function expectWithin(
  reads: readonly { readonly at: number; readonly amount: number }[],
  rate: number,
): void {
  for (const [first, { at: from }] of reads.entries()) {
    let before = 0;
    for (const { at, amount } of reads.slice(first)) {
      expect(before).toBeLessThanOrEqual((rate * (at - from)) / 1000 + rate);
      before += amount;
    }
  }
}

describe("the rates of an endpoint", () => {
  it("hold for the bytes of all its mailboxes in any number of processes, and nothing waits longer than it has to", async () => {
    const migration = migrationOf(3);
    const rate = 10_000;
    for (const user of users)
      for (let n = 1; n <= 40; n++) migration.folder("INBOX", user).add(sized(n, 500 + 100 * (n % 7)));
    await migration.upload({ limits: { maxBytesPerSecond: rate } });
    const began = Date.now();
    await migration.deployment.rest();
    await migration.expectSettled();
    const { reads } = migration.deployment.source;
    const total = reads.reduce((sum, { bytes }) => sum + bytes, 0);
    expectWithin(
      reads.map(({ at, bytes }) => ({ at, amount: bytes })),
      rate,
    );
    const seconds = ((reads.at(-1)?.at ?? 0) - began) / 1000;
    expect(seconds).toBeGreaterThan(total / rate - 2);
    expect(seconds).toBeLessThan(total / rate + 15);
    // Each mailbox gets its share all the time.
    const half = new Set(reads.slice(0, reads.length / 2).map(({ userName }) => userName));
    expect(half.size).toBe(users.length);
  });

  it("hold for messages", async () => {
    const migration = migrationOf(2);
    for (const user of users)
      for (let n = 1; n <= 30; n++) migration.folder(n % 5 === 0 ? "Work" : "INBOX", user).add(message(n));
    await migration.upload({ limits: { maxMessagesPerSecond: 4 } });
    await migration.deployment.rest();
    await migration.expectSettled();
    const { reads } = migration.deployment.source;
    expect(reads).toHaveLength(180);
    expectWithin(
      reads.map(({ at }) => ({ at, amount: 1 })),
      4,
    );
    expect((reads.at(-1)?.at ?? 0) - (reads[0]?.at ?? 0)).toBeLessThan(50_000);
  });

  it("let a message larger than any budget pass; all others wait for it, and no step is longer for that", async () => {
    const migration = migrationOf(2);
    const rate = 20_000;
    const large = streamedSize + 1_000;
    migration.folder("INBOX", "ann").add(sized(1, large));
    for (const user of users)
      for (let n = 2; n <= (user === "ann" ? 3 : 40); n++)
        migration.folder("INBOX", user).add(sized(n, 5_000));
    await migration.upload({ limits: { maxBytesPerSecond: rate } });
    await migration.deployment.goOnUntil(async () =>
      migration.deployment.source.reads.some(({ bytes }) => bytes === large),
    );
    const read = migration.deployment.source.reads.find(({ bytes }) => bytes === large);
    await migration.deployment.goOnFor(2 * minute);
    const { mailboxes, usage } = await look(migration);
    expect(Date.parse(usage.ratesFreeAt ?? "") - Date.now()).toBeGreaterThan(minute);
    expect(mailboxes.filter(({ error }) => error?.code === "SourceRateReached").length).toBeGreaterThan(0);
    await migration.deployment.rest();
    await migration.expectSettled();
    const after = migration.deployment.source.reads.filter(({ at }) => at > (read?.at ?? 0));
    expect(after.length).toBeGreaterThan(0);
    for (const { at } of after) expect(at - (read?.at ?? 0)).toBeGreaterThanOrEqual((large * 1000) / rate);
    expect(Math.max(...migration.deployment.stepsMs)).toBeLessThan(3 * minute);
    expect(migration.deployment.events.filter(({ event }) => event === "thrown")).toEqual([]);
  });

  it("cost nothing where there are none", async () => {
    const migration = migrationOf(1);
    migration.folder("INBOX").add(message(1));
    await migration.upload();
    await migration.deployment.rest();
    const { sourceDebts } = migration.deployment.stores;
    expect(await sourceDebts.get(endpoint)).toBeUndefined();
  });
});

describe("the reading hours of an endpoint", () => {
  const hours = { from: "20:00", to: "06:00", timeZone: "Europe/Berlin" };

  it("let nothing in before they begin, say so, and cost next to nothing until then", async () => {
    const migration = migrationOf(2);
    for (const user of users) migration.folder("INBOX", user).add(message(1));
    await migration.upload({ limits: { readingHours: hours } });
    // It is nine o'clock in UTC.
    await pass(migration, 9);
    expect(migration.deployment.source.reads).toEqual([]);
    const { view, mailboxes, usage } = await look(migration);
    expect(usage).toEqual({
      initial: { used: 0, limit: 20 },
      incremental: { used: 0, limit: 10 },
      waitingCount: users.length,
      batches: [{ name: batch, initial: 0, incremental: 0, waitingCount: users.length }],
      opensAt: "2026-01-05T19:00:00.000Z",
      ratesFreeAt: null,
      asOf: new Date().toISOString(),
    });
    expect(view).toMatchObject({
      status: "Syncing",
      isStalled: false,
      noEstimate: "paused",
      pause: { mailboxCount: users.length, code: "OutsideReadingHours", until: "2026-01-05T19:00:00.000Z" },
    });
    expect(view.pause?.message).toContain("from 20:00 to 06:00 (Europe/Berlin)");
    for (const mailbox of mailboxes)
      expect(mailbox).toMatchObject({ status: "Queued", nextAttemptAt: "2026-01-05T19:00:00.000Z" });
    const sweeps = migration.deployment.events.filter(({ event }) => event === "janitor.swept").length;
    expect(sweeps).toBeLessThan((9 * hour) / (5 * minute) + 10);
    await migration.deployment.goOnFor(hour + 5 * minute);
    await migration.deployment.rest();
    await migration.expectSettled();
    for (const { at } of migration.deployment.source.reads)
      expect(at).toBeGreaterThanOrEqual(Date.UTC(2026, 0, 5, 19));
    expect((await look(migration)).view.pause).toBeNull();
  });

  it("end what runs at the next message, and go on where it was on the next day", async () => {
    const migration = migrationOf(2);
    for (const user of users)
      for (let n = 1; n <= 15; n++) migration.folder("INBOX", user).add(sized(n, 100_000));
    const readingHours = { from: "09:00", to: "09:10", timeZone: "UTC" };
    await migration.upload({ limits: { readingHours, maxBytesPerSecond: 10_000 } });
    await migration.deployment.goOnFor(30 * minute);
    const { view, mailboxes } = await look(migration);
    expect(view.pause).toMatchObject({ code: "OutsideReadingHours", until: "2026-01-06T09:00:00.000Z" });
    for (const mailbox of mailboxes)
      expect(mailbox).toMatchObject({
        status: "Queued",
        error: { code: "OutsideReadingHours" },
        nextAttemptAt: "2026-01-06T09:00:00.000Z",
      });
    for (const name of await migration.deployment.stores.admissions.endpoints())
      expect(await migration.deployment.stores.admissions.permits(name)).toEqual([]);
    const first = migration.deployment.source.reads.length;
    expect(first).toBeGreaterThan(30);
    await pass(migration, 47);
    await migration.expectSettled();
    expect(migration.deployment.source.reads.length).toBe(users.length * 15);
    for (const { at } of migration.deployment.source.reads) {
      const time = new Date(at);
      expect([time.getUTCHours(), time.getUTCMinutes() < 10]).toEqual([9, true]);
    }
  });
});
