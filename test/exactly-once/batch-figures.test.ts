import { expect, it, vi } from "vitest";
import type { BatchView } from "../../shared/domain/api/batches.ts";
import { MigrationError } from "../../shared/domain/errors.ts";
import { createEndpoints } from "../../shared/migration/endpoints/endpoint-settings.ts";
import { createBatchStates } from "../../shared/migration/status/batch-states.ts";
import { batchView } from "../../shared/migration/status/batch-totals.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

/** Numbers from 0 to 1 that are the same for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** How long a process stands still. */
const standstillMs = 15_000;
const away = new MigrationError("transient", "Away", "It does not answer.");

/** Now and then a process dies or stands still at a call, or what is called is away. */
class Trouble extends FaultPlan {
  quiet = false;
  readonly #random: () => number;

  constructor(random: () => number) {
    super();
    this.#random = random;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    super.next(name, given);
    if (this.quiet || this.#random() > 0.01)
      return name === "target.write" ? { kind: "slow", forMs: 700 } : undefined;
    const kinds: readonly Fault[] = [
      { kind: "diesBefore" },
      { kind: "diesAfter" },
      { kind: "stalls", forMs: standstillMs },
      { kind: "fails", afterMs: 500, error: away },
    ];
    return kinds[Math.floor(this.#random() * kinds.length)];
  }
}

/** What somebody sees who looks at a batch twice a second. */
async function polled(seed: number): Promise<readonly BatchView[]> {
  vi.clearAllTimers();
  const random = randomOf(seed);
  const plan = new Trouble(random);
  const migration = new Migration(["ann", "ben", "cas"], {
    target: seed % 2 === 0 ? "graph" : "imap",
    plan,
    limits: { maxMessages: 5 },
  });
  const { deployment } = migration;
  for (const [index, user] of ["ann", "ben", "cas"].entries())
    for (let n = 1; n <= 10 * (index + 1); n++)
      migration.folder(n % 4 === 0 ? "Work" : "INBOX", user).add(message(n));
  const states = createBatchStates({
    states: deployment.stores.states,
    snapshots: deployment.blobs.snapshots,
    mailboxes: deployment.stores.mailboxes,
    endpoints: createEndpoints(deployment.blobs.endpoints, Date.now),
    clock: Date.now,
    log: () => undefined,
  });
  const seen: BatchView[] = [];
  const lookIn = async (ms: number) => {
    await deployment.goOnFor(ms);
    const stored = await deployment.stores.batches.get(batch);
    if (stored) seen.push(batchView(stored.value, await states.figures(stored.value), Date.now()));
  };
  await migration.upload({ limits: { maxConcurrentMigrations: 2 } });
  for (let tick = 0; tick < 240; tick++) {
    await lookIn(500);
    const chance = random();
    const action = chance < 0.01 ? "stop" : chance < 0.03 ? "retry" : chance < 0.1 ? "start" : undefined;
    if (action) deployment.begin(({ control }) => control.act(batch, action, "operator"));
  }
  plan.quiet = true;
  // A stop asked for in a process that stands still comes after whatever is asked for meanwhile.
  await lookIn(standstillMs);
  await deployment.perform(({ control }) => control.act(batch, "start", "operator"));
  for (let tick = 0; tick < 600 && seen.at(-1)?.status !== "Synced"; tick++) await lookIn(500);
  await deployment.rest();
  await lookIn(0);
  return seen;
}

it.each([1, 2, 3, 4, 5, 6])(
  "through deaths, pauses, stops and retries no figure of a batch falls, and none says the end before it: story %s",
  async (seed) => {
    const seen = await polled(seed);
    const falls = seen.flatMap((view, index) =>
      (["syncedItemCount", "bytesTransferred", "percentageComplete"] as const).flatMap((figure) => {
        const before = seen[index - 1]?.[figure] ?? 0;
        return view[figure] < before ? [`${index}: ${figure} ${before} -> ${view[figure]}`] : [];
      }),
    );
    expect(falls).toEqual([]);
    const early = seen.filter(
      ({ percentageComplete, dataConsistencyScore, lastSyncedAt }) =>
        lastSyncedAt === null && (percentageComplete === 100 || dataConsistencyScore === "Perfect"),
    );
    expect(early).toEqual([]);
    expect(seen.at(-1)).toMatchObject({
      status: "Synced",
      percentageComplete: 100,
      syncedItemCount: 60,
      dataConsistencyScore: "Perfect",
    });
    expect(new Set(seen.map(({ syncedItemCount }) => syncedItemCount)).size).toBeGreaterThan(3);
  },
);
