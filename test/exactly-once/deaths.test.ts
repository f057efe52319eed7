import { describe, expect, it } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;

/** Kills whatever worker makes a call of this name for one of the mailboxes. */
class Poison extends FaultPlan {
  deaths = 0;
  readonly #fits: (name: string, given: readonly unknown[]) => boolean;

  constructor(fits: (name: string, given: readonly unknown[]) => boolean) {
    super();
    this.#fits = fits;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    const fault = super.next(name, given);
    if (!this.#fits(name, given)) return fault;
    this.deaths++;
    return { kind: "diesBefore" };
  }
}

const poisoned = "user0";
const neighbours = Array.from({ length: 15 }, (_, n) => `user${n + 1}`);
const ofPoisoned = (given: readonly unknown[]) => JSON.stringify(given).includes(poisoned);

function migrationWith(plan: FaultPlan, restartMs = 0): Migration {
  const migration = new Migration([poisoned, ...neighbours], { target: "graph", plan, restartMs });
  for (const user of [poisoned, ...neighbours])
    for (let n = 1; n <= 20; n++) migration.folder("INBOX", user).add(message(n));
  migration.folder("Poison", poisoned).add(message(99));
  return migration;
}

async function statuses(migration: Migration): Promise<Record<string, string>> {
  return Object.fromEntries(
    (await migration.mailboxes()).map(({ userName, status, error }) => [
      userName,
      error === undefined ? status : `${status} ${error.code}`,
    ]),
  );
}

describe("a mailbox that kills its worker", () => {
  it.each([
    [
      "where the source is opened",
      (name: string, given: readonly unknown[]) => name === "source.open" && ofPoisoned(given),
    ],
    [
      "where a folder is opened",
      (name: string, given: readonly unknown[]) => name === "source.openFolder" && given.includes("Poison"),
    ],
  ])("%s fails with the true reason after three deaths beside others and three alone", async (_, fits) => {
    const plan = new Poison(fits);
    const migration = migrationWith(plan);
    await migration.upload();
    const start = Date.now();
    await migration.deployment.rest();
    const found = await statuses(migration);
    expect(found[poisoned]).toBe("Failed WorkerCrashed");
    for (const user of neighbours) expect(found[user]).toBe("Synced");
    expect(plan.deaths).toBe(6);
    const rows = await migration.mailboxes();
    const synced = rows.filter(({ userName }) => userName !== poisoned).map((row) => row.lastSyncedAt ?? 0);
    expect(Math.max(...synced) - start).toBeLessThan(5 * minute);
    const alone = migration.deployment.events.filter(({ event }) => event === "worker.died").slice(-3);
    expect(new Set(alone.map(({ fields }) => fields.mailbox)).size).toBe(1);
  });

  it("delays its neighbours by five minutes at most where the next worker takes five seconds", async () => {
    // All have begun by then, and none is at its end.
    const plan = new (class extends Poison {
      override next(name: string, given: readonly unknown[]): Fault | undefined {
        const fault = super.next(name, given);
        return fault ?? (name === "target.write" ? { kind: "slow", forMs: 3_000 } : undefined);
      }
    })((name, given) => name === "source.openFolder" && given.includes("Poison"));
    const migration = migrationWith(plan, 5_000);
    await migration.upload();
    const start = Date.now();
    await migration.deployment.rest();
    const rows = await migration.mailboxes();
    const healthy = rows.filter(({ userName }) => userName !== poisoned);
    expect(new Set(healthy.map(({ status }) => status))).toEqual(new Set(["Synced"]));
    expect(Math.max(...healthy.map((row) => row.lastSyncedAt ?? 0)) - start).toBeLessThan(5 * minute);
    expect(plan.deaths).toBeLessThanOrEqual(6);
    const events = migration.deployment.events.map(({ event }) => event);
    expect(events).not.toContain("deadletter.handled");
  });

  it("where one message is written loses that message, with its reason, and nothing else", async () => {
    const plan = new Poison(
      (name, given) =>
        name === "target.write" &&
        (given[1] as { content?: Buffer })?.content?.includes("Subject: 13") === true,
    );
    const migration = new Migration(["ann"], { target: "graph", plan });
    for (let n = 1; n <= 40; n++) migration.folder("INBOX").add(message(n));
    await migration.upload();
    await migration.deployment.rest();
    const [mailbox] = await migration.mailboxes();
    expect(mailbox).toMatchObject({ status: "Synced", syncedItemCount: 39, skippedItemCount: 1 });
    expect(migration.target().items).toHaveLength(39);
    expect(plan.deaths).toBeLessThanOrEqual(6);
    const skips: string[] = [];
    if (mailbox?.ledgerId)
      for await (const skip of migration.deployment.stores.ledgers.listSkipped(mailbox.ledgerId))
        skips.push(`${skip.uid} ${skip.code}`);
    expect(skips).toEqual(["13 WorkerCrashed"]);
  });

  it("is tried again by a retry, from a clean slate", async () => {
    let poison = true;
    const plan = new Poison((name) => poison && name === "source.openFolder");
    const migration = new Migration(["ann"], { target: "graph", plan });
    migration.folder("INBOX").add(message(1));
    await migration.upload();
    await migration.deployment.rest();
    expect(await statuses(migration)).toEqual({ ann: "Failed WorkerCrashed" });
    poison = false;
    await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await migration.deployment.rest();
    await migration.expectSettled();
  });
});

it("a mailbox that copies something between deaths from outside is not failed for them", async () => {
  /** Ends the worker every twenty seconds while it writes: earlier than a step ends. */
  class Killed extends FaultPlan {
    deaths = 0;
    #since: number | undefined;

    override next(name: string, given: readonly unknown[]): Fault | undefined {
      const fault = super.next(name, given);
      if (name !== "target.write" || this.deaths === 15) return fault;
      this.#since ??= Date.now();
      if (Date.now() - this.#since < 20_000) return { kind: "slow", forMs: 2_000 };
      this.#since = undefined;
      this.deaths++;
      return { kind: "diesBefore" };
    }
  }
  const plan = new Killed();
  const migration = new Migration(["ann"], { target: "graph", plan });
  for (let n = 1; n <= 400; n++) migration.folder("INBOX").add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  expect(plan.deaths).toBe(15);
  expect(migration.deployment.events.filter(({ event }) => event === "worker.died")).toHaveLength(15);
  await migration.expectSettled();
});

describe("a step in which the process stands still", () => {
  /** Lets the process be busy at its first writes of one user's messages. */
  class Busy extends FaultPlan {
    stalls = 0;
    readonly #forMs: number;
    readonly #times: number;

    constructor(forMs: number, times: number) {
      super();
      this.#forMs = forMs;
      this.#times = times;
    }

    override next(name: string, given: readonly unknown[]): Fault | undefined {
      const fault = super.next(name, given);
      if (name !== "source.openFolder" || !given.includes("Poison") || this.stalls >= this.#times)
        return fault;
      this.stalls++;
      return { kind: "blocks", forMs: this.#forMs };
    }
  }

  it.each([
    ["counts as a death where it does so for over ten seconds", 12_000, 1, ["Synced", 1]],
    ["does not where it is shorter", 8_000, 1, ["Synced", 0]],
    ["fails its mailbox alone when it does so in every step", 12_000, 1_000, ["Failed WorkerCrashed", 6]],
  ] as const)("%s", async (_, forMs, times, [status, stalled]) => {
    const plan = new Busy(forMs, times);
    const migration = new Migration([poisoned, ...neighbours], {
      target: "graph",
      plan,
      limits: { maxMessages: 2 },
    });
    for (const user of neighbours) migration.folder("INBOX", user).add(message(1));
    for (let n = 1; n <= 40; n++) migration.folder("Poison", poisoned).add(message(n));
    await migration.upload();
    await migration.deployment.rest();
    const found = await statuses(migration);
    expect(found[poisoned]).toBe(status);
    for (const user of neighbours) expect(found[user]).toBe("Synced");
    const { events } = migration.deployment;
    const ofPoison = (await migration.mailboxes()).find(({ userName }) => userName === poisoned)?.id;
    const counted = events.filter(
      ({ event, fields }) => event === "worker.stalled" && fields.mailbox === ofPoison,
    );
    expect(counted).toHaveLength(stalled);
  });
});

/** Tells all processes that they are about to end when the tenth message is being written. */
class Ending extends FaultPlan {
  writes = 0;
  end = (): void => undefined;

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    if (name === "target.write" && ++this.writes === 10) this.end();
    return super.next(name, given);
  }
}

it.each(["graph", "imap"] as const)(
  "a process that is told to end hands its work back within seconds, and no death is counted (%s)",
  async (target) => {
    const plan = new Ending();
    const migration = new Migration(["ann"], { target, plan });
    for (let n = 1; n <= 60; n++) migration.folder("INBOX").add(message(n));
    let endedAt = 0;
    plan.end = () => {
      endedAt = Date.now();
      migration.deployment.endWorkers();
    };
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    const [mailbox] = await migration.mailboxes();
    expect((mailbox?.lastSyncedAt ?? 0) - endedAt).toBeLessThan(10_000);
    const events = migration.deployment.events.map(({ event }) => event);
    for (const event of ["worker.died", "mailbox.deferred", "chunk.recovered"])
      expect(events).not.toContain(event);
    expect(plan.writes).toBe(60);
  },
);
