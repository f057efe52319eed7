import { describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import type { BatchName } from "../../shared/domain/names.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const second = "autumn" as BatchName;

interface Intervention {
  readonly title: string;
  readonly act: (migration: Migration) => void;
  /** What the operator does when nothing goes on any more. */
  readonly afterwards: (migration: Migration) => Promise<void>;
}

const interventions: readonly Intervention[] = [
  {
    title: "stops the batch, and starts it again later",
    act: ({ deployment }) => deployment.begin(({ control }) => control.act(batch, "stop", "operator")),
    afterwards: ({ deployment }) =>
      deployment.perform(({ control }) => control.act(batch, "start", "operator")),
  },
  {
    title: "stops the batch and starts it at once",
    act: ({ deployment }) =>
      deployment.begin(async ({ control }) => {
        await control.act(batch, "stop", "operator");
        await control.act(batch, "start", "operator");
      }),
    afterwards: async () => undefined,
  },
  {
    title: "asks for another round and a retry",
    act: ({ deployment }) =>
      deployment.begin(async ({ control }) => {
        await control.act(batch, "sync", "operator");
        await control.act(batch, "retry", "operator");
      }),
    afterwards: async () => undefined,
  },
  {
    title: "deletes the batch, and uploads it again later",
    act: ({ deployment }) => deployment.begin(({ control }) => control.remove(batch, true, "operator")),
    afterwards: (migration) => migration.upload(),
  },
  {
    title: "uploads the same mailbox in a second batch with a date filter",
    act: (migration) =>
      void migration
        .put({ name: second, options: { receivedSince: "2020-01-01T00:03:30Z" } })
        .then((csv) => migration.deployment.begin(({ ingest }) => ingest(csv))),
    afterwards: async () => undefined,
  },
];

function start(plan: FaultPlan): Migration {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], {
    target: "graph",
    plan,
    processes: 2,
    limits: { maxMessages: 2 },
  });
  for (const n of [1, 2, 3, 4, 5]) migration.folder("INBOX").add(message(n));
  for (const n of [6, 7]) migration.folder("Work").add(message(n));
  return migration;
}

describe.each([
  { title: "during a call", fault: { kind: "goesOn" } },
  { title: "when a process dies after a call", fault: { kind: "diesAfter" } },
  { title: "while a process stands still", fault: { kind: "stalls", forMs: 10_000 } },
] as const)("an operator, $title,", ({ fault }) => {
  it.each(interventions)("$title", async ({ act, afterwards }) => {
    const clean = new FaultPlan();
    const first = start(clean);
    await first.upload();
    await first.deployment.rest();
    const failures: string[] = [];
    for (const [index, name] of clean.calls.entries()) {
      if (index % 4 !== 1) continue;
      const faults = new Map<number, Fault>();
      const migration = start(new FaultPlan(faults));
      faults.set(index + 1, { ...fault, meanwhile: () => act(migration) });
      try {
        await migration.upload();
        await migration.deployment.rest();
        await afterwards(migration);
        await migration.deployment.rest();
        await migration.deployment.goOnFor(3 * 60_000);
        await migration.deployment.rest();
        await migration.expectSettled();
      } catch (error) {
        failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(failures).toEqual([]);
  });
});

it("a batch that waits for its start is not begun by a completion, whatever the janitor does then", async () => {
  const migration = start(new FaultPlan());
  await migration.upload({ options: { startAfter: new Date(Date.now() + 86_400_000).toISOString() } });
  await migration.deployment.perform(async ({ control }) =>
    expect(await control.act(batch, "complete", "operator")).toMatchObject({
      outcome: "refused",
      code: "BatchNotStarted",
    }),
  );
  await migration.deployment.goOnFor(20 * 60_000);
  expect(migration.target().items).toEqual([]);
  expect((await migration.mailboxes()).map(({ status, startedAt }) => [status, startedAt])).toEqual([
    ["Created", undefined],
  ]);

  await migration.deployment.perform(({ control }) => control.act(batch, "start", "operator"));
  await migration.deployment.rest();
  await migration.expectSettled();
  const [stored] = await migration.deployment.stores.batches.list();
  expect(stored?.startedAt).toBeDefined();
});

/** The first write fails; so many calls later something happens, before the call has its effect. */
class AfterFailure extends FaultPlan {
  act: () => Promise<void> = async () => undefined;
  readonly #later: number;
  #since = 0;

  constructor(later: number) {
    super();
    this.#later = later;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    super.next(name, given);
    if (this.#since > 0 && ++this.#since === this.#later + 1) void this.act();
    if (name !== "target.write" || this.#since > 0) return undefined;
    this.#since = 1;
    const error = new MigrationError("transient", "Away", "It does not answer.");
    return { kind: "fails", afterMs: 0, error };
  }
}

it("an operator who stops a batch while a failure of it is being stored leaves no error behind", async () => {
  const errors: unknown[] = [];
  for (let later = 1; later <= 15; later++) {
    const plan = new AfterFailure(later);
    const migration = start(plan);
    plan.act = async () => {
      const { mailboxes } = migration.deployment.stores;
      const id = await migration.mailboxId();
      // The application may write it in the same moment.
      for (let isDone = false; !isDone; ) {
        const stored = await mailboxes.get(batch, id);
        if (stored === undefined) return;
        const value = { ...stored.value, status: "Stopped" as const };
        isDone = (await mailboxes.replace({ ...stored, value })) !== undefined;
      }
    };
    await migration.upload();
    await migration.deployment.rest();
    expect((await migration.mailboxes())[0]?.status).toBe("Stopped");
    errors.push(...migration.deployment.events.filter(({ event }) => /^(thrown|failed)$/.test(event)));
  }
  expect(errors).toEqual([]);
});
