import { describe, expect, it } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import { batchView, totalsOf } from "../../shared/migration/status/batch-totals.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/** Something is away for a while, from a message on; each call to it fails after a moment. */
class Outage extends FaultPlan {
  from = Number.POSITIVE_INFINITY;
  until = Number.POSITIVE_INFINITY;
  /** Calls that met it. */
  met = 0;
  /** Messages that are written before it begins. */
  #writesBefore = 30;
  readonly #calls: RegExp;
  readonly #lastsMs: number;

  constructor(calls: RegExp, lastsMs: number) {
    super();
    this.#calls = calls;
    this.#lastsMs = lastsMs;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    super.next(name, given);
    if (name === "target.write" && --this.#writesBefore === 0) {
      this.from = Date.now();
      this.until = this.from + this.#lastsMs;
    }
    const now = Date.now();
    if (now < this.from || now >= this.until || !this.#calls.test(name)) return undefined;
    this.met++;
    const error = new MigrationError("transient", "Away", "It does not answer.");
    return { kind: "fails", afterMs: 1_500, error };
  }
}

const users = Array.from({ length: 20 }, (_, n) => `user${n}`);
const away = {
  storage: /^(batches|mailboxes|ledgers|admissions|uploads|endpoints|reports|sweeps)\./,
  tables: /^(batches|mailboxes|ledgers|admissions)\./,
  bus: /^queue\./,
  vault: /^vault\./,
  source: /^source\./,
  target: /^target\./,
};
const lengths = [
  ["20 s", 20 * second],
  ["90 s", 90 * second],
  ["10 min", 10 * minute],
  ["1 h", hour],
  ["6 h", 6 * hour],
] as const;

describe.each(Object.entries(away))("an outage of %s", (_, calls) => {
  it.each(lengths)("of %s costs time and nothing else, and all go on with the first", async (_length, ms) => {
    const plan = new Outage(calls, ms);
    const migration = new Migration(users, { target: "graph", plan, processes: 2 });
    for (const user of users) for (let n = 1; n <= 6; n++) migration.folder("INBOX", user).add(message(n));
    // Not all at once: some mailboxes are opened only when it has begun.
    const file = await migration.put({ limits: { maxConcurrentMigrations: 8 } });
    migration.deployment.begin((worker) => worker.ingest(file));
    for (let passed = 0; passed < ms; passed += hour) await migration.deployment.goOnFor(Math.min(hour, ms));
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(plan.met).toBeGreaterThan(0);
    const events = migration.deployment.events.map(({ event }) => event);
    for (const event of ["worker.died", "mailbox.failed"]) expect(events).not.toContain(event);
    const ended = Math.max(...(await migration.mailboxes()).map((row) => row.lastSyncedAt ?? 0));
    // One mailbox has to try first; pauses grow to half an hour. From then on the others follow.
    const firstTry = ms < 10 * minute ? 2 * minute : 40 * minute;
    expect(ended - plan.until).toBeLessThan(firstTry + 2 * minute);
  });
});

it("a batch says what keeps its mailboxes waiting, and says so no more once they go on", async () => {
  const plan = new Outage(away.target, 20 * minute);
  const migration = new Migration(users, { target: "graph", plan, processes: 2 });
  for (const user of users) for (let n = 1; n <= 6; n++) migration.folder("INBOX", user).add(message(n));
  await migration.upload();
  await migration.deployment.goOnFor(15 * minute);
  const { stores } = migration.deployment;
  const view = async () => {
    const [stored] = await stores.batches.list();
    if (stored === undefined) throw new Error("there is no batch");
    const mailboxes = await migration.mailboxes();
    return batchView(stored, { totals: totalsOf(mailboxes), asOf: Date.now() }, Date.now()).outage;
  };
  const during = await view();
  expect(during).toMatchObject({ code: "Away", message: "It does not answer." });
  expect(during?.mailboxCount).toBeGreaterThan(0);
  expect(Date.parse(during?.since ?? "")).toBeGreaterThanOrEqual(plan.from);
  await migration.deployment.rest();
  expect(await view()).toBeNull();
});

it("hosts without a worker use up deliveries within a minute, and nothing is lost by it", async () => {
  let writes = 0;
  const plan = new (class extends FaultPlan {
    override next(name: string, given: readonly unknown[]): Fault | undefined {
      super.next(name, given);
      return name === "target.write" && ++writes % 40 === 0 && writes < 200
        ? { kind: "diesAfter" }
        : undefined;
    }
  })();
  const migration = new Migration(users, { target: "graph", plan, restartMs: minute });
  for (const user of users) for (let n = 1; n <= 6; n++) migration.folder("INBOX", user).add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  await migration.expectSettled();
  const events = migration.deployment.events.map(({ event }) => event);
  expect(events).toContain("deadletter.handled");
  expect(events).not.toContain("mailbox.failed");
});
