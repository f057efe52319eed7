/// <reference types="vite/client" />
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import type { BatchName, EndpointName, MailboxId } from "../../shared/domain/names.ts";
import type { MailboxStatus } from "../../shared/domain/states.ts";
import { newBatch, smallBatch } from "../../shared/migration/batch/life.ts";
import { isWaiting } from "../../shared/migration/mailbox/life.ts";
import { operatedOn } from "../../shared/migration/operations/transitions.ts";
import type { MailboxRecord, OperationRecord } from "../../shared/migration/ports/registry.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { MemoryDeployment } from "../stack/memory/memory-deployment.ts";
import { mailbox } from "../unit/migration/sample-mailbox.ts";
import { fakeTime } from "./fake-time.ts";

fakeTime();

const batch = "spring" as BatchName;
const endpoint = "old" as EndpointName;
const minute = 60_000;

const kinds = ["start", "stop", "sync", "retry", "complete", "remove"] as const;
type Kind = (typeof kinds)[number];

const error = { code: "SourceLoginFailed", message: "The server refused the password.", at: 1 };
const states: readonly (readonly [MailboxStatus, Partial<MailboxRecord>])[] = [
  ["Queued", {}],
  ["Queued", { notBefore: 8e15, attempts: 2, error, trouble: { failingSince: 8e15 } }],
  ["Syncing", {}],
  ["Synced", { kind: "incremental", lastSyncedAt: 1 }],
  ["Synced", { kind: "incremental", lastSyncedAt: 1, skippedItemCount: 3 }],
  ["Failed", { error }],
  ["Stopped", {}],
  ["Completed", { kind: "incremental", lastSyncedAt: 1 }],
];

/** Mailboxes in every state, with ids that are spread as digests are. */
function mailboxes(count: number): readonly MailboxRecord[] {
  return Array.from({ length: count }, (_, n) => {
    const [status, change] = states[n % states.length] as (typeof states)[number];
    const id = (Math.imul(n + 1, 2654435761) >>> 0)
      .toString(16)
      .padStart(8, "0")
      .padEnd(32, "0") as MailboxId;
    return mailbox(status, { id, batch, endpoint, ...change });
  });
}

class Stage {
  readonly deployment: MemoryDeployment;
  readonly plan: FaultPlan;
  readonly before: readonly MailboxRecord[];

  constructor(count: number, faults: ReadonlyMap<number, Fault>, doubles: () => boolean) {
    vi.clearAllTimers();
    this.before = mailboxes(count);
    this.plan = new FaultPlan(faults);
    this.deployment = new MemoryDeployment({
      target: "graph",
      plan: this.plan,
      processes: 2,
      steps: false,
      doubles,
    });
  }

  /** @param until the workers that are at work on mailboxes live. */
  async prepare(until: number): Promise<void> {
    const { stores, blobs } = this.deployment;
    await blobs.endpoints.write(endpoint, JSON.stringify({ host: "imap.example.net" }), undefined);
    const place = { batch, displayName: batch, endpoint };
    const running = { ...newBatch(place, undefined, Date.now()), intent: "running", startedAt: 1 } as const;
    const { length } = this.before;
    // With the file of a large one a batch has 16 slots.
    await stores.batches.create({ ...running, largestFile: length > smallBatch ? 50_000 : length });
    await stores.mailboxes.insertAll(batch, this.before);
    const entry = ({ id, kind, round }: MailboxRecord) => ({ mailboxId: id, batch, kind, round });
    const queued = this.before.filter(isWaiting).map((one) => ({ ...entry(one), operation: 1, since: 1 }));
    await stores.admissions.join(endpoint, queued);
    const permits = this.before
      .filter(({ status }) => status === "Syncing")
      .map((one) => ({ ...entry(one), until }));
    for (let start = 0; start < permits.length; start += 90) {
      const { version } = await stores.admissions.gate(endpoint);
      const some = permits.slice(start, start + 90);
      await stores.admissions.apply(endpoint, version, { shares: {}, permits: some });
    }
  }

  /** An operator calls; one whose call died does so again only for a removal, which the rest of the story waits for. */
  async call(kind: Kind): Promise<void> {
    if (kind === "remove")
      await this.deployment.perform(({ control }) => control.remove(batch, true, "operator"));
    else this.deployment.begin(({ control }) => control.act(batch, kind, "operator"));
  }

  /** @returns the operations, in the order in which they began. */
  async untilThrough(): Promise<readonly OperationRecord[]> {
    const { stores } = this.deployment;
    const done = async () => ((await stores.batches.get(batch))?.value.operations.length ?? 0) === 0;
    await this.deployment.goOnUntil(done);
    return [...(await stores.batches.operations(batch))].reverse();
  }

  async mailboxes(): Promise<ReadonlyMap<MailboxId, MailboxRecord>> {
    const found = new Map<MailboxId, MailboxRecord>();
    for await (const { value } of this.deployment.stores.mailboxes.scan(batch)) found.set(value.id, value);
    return found;
  }
}

/**
 * What may have become of a mailbox: the operations in their order, where one that was superseded may not have reached it.
 * Raised once by each that has.
 */
function outcomes(before: MailboxRecord, operations: readonly OperationRecord[]): readonly MailboxRecord[] {
  let possible: readonly MailboxRecord[] = [before];
  for (const operation of operations) {
    const after = possible.map((one) => operatedOn(operation, [], one) ?? one);
    possible = operation.outcome?.state === "superseded" ? [...possible, ...after] : after;
  }
  return possible;
}

const looks = ({ status, round, retriesSkipped, loginTest }: MailboxRecord) =>
  JSON.stringify([status, round, retriesSkipped, loginTest]);

async function expectExact(stage: Stage, operations: readonly OperationRecord[]): Promise<void> {
  const { stores, blobs } = stage.deployment;
  const stored = await stores.batches.get(batch);
  const after = await stage.mailboxes();
  if (stored === undefined) {
    expect(after.size).toBe(0);
    expect(await stores.states.get(batch)).toBeUndefined();
    expect(await stores.admissions.endpoints()).toEqual([]);
    expect(await blobs.snapshots.read(batch)).toBeUndefined();
    return;
  }
  expect(after.size).toBe(stage.before.length);
  const { admitsFrom, intent } = stored.value;
  const permits = new Set((await stores.admissions.permits(endpoint)).map(({ mailboxId }) => mailboxId));
  const entries = new Map<MailboxId, number[]>();
  for (const kind of ["initial", "incremental"] as const)
    for (const { mailboxId, round } of await stores.admissions.waiting(
      endpoint,
      kind,
      batch,
      admitsFrom,
      9999,
    ))
      entries.set(mailboxId, [...(entries.get(mailboxId) ?? []), round]);
  for (const before of stage.before) {
    const now = after.get(before.id) as MailboxRecord;
    expect(outcomes(before, operations).map(looks)).toContain(looks(now));
    const live = (entries.get(before.id) ?? []).filter((round) => round >= now.round);
    if (intent === "stopped") expect([now.id, live]).toEqual([now.id, []]);
    else if (isWaiting(now) && !permits.has(now.id)) expect([now.id, live]).toEqual([now.id, [now.round]]);
    else if (!isWaiting(now)) expect([now.id, live]).toEqual([now.id, []]);
  }
  if (intent === "stopped")
    for (const { status } of after.values())
      expect(["Created", "Queued", "Syncing", "IncrementalSyncing"]).not.toContain(status);
  const last = operations.at(-1);
  for (const { seq, outcome, kind } of operations) {
    if (outcome?.state !== "finished") continue;
    expect([kind, outcome.passed]).toEqual([kind, stage.before.length]);
    const bearing = [...after.values()].filter(({ operation }) => operation === seq).length;
    if (seq === last?.seq) expect([kind, outcome.changed]).toEqual([kind, bearing]);
  }
}

const fault: fc.Arbitrary<Fault> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fault>({ kind: "diesAfter" }) },
  { weight: 2, arbitrary: fc.constant<Fault>({ kind: "diesBefore" }) },
  fc.integer({ min: 1, max: 90 }).map((seconds): Fault => ({ kind: "landsLate", afterMs: seconds * 1000 })),
  fc.integer({ min: 1, max: 90 }).map((seconds): Fault => ({ kind: "stalls", forMs: seconds * 1000 })),
);

const isCampaign = import.meta.env.MODE === "campaign";

/** @returns the number of times that a process ended in the middle of it. */
async function tell(
  first: Kind,
  second: Kind,
  count: number,
  afterCalls: number,
  faults: readonly (readonly [number, Fault])[],
  doubled: readonly boolean[],
): Promise<number> {
  let message = 0;
  const plan = new Map<number, Fault>(faults);
  const stage = new Stage(count, plan, () => doubled[message++ % Math.max(1, doubled.length)] ?? false);
  const isRemoved = first === "remove" || second === "remove";
  await stage.prepare(isRemoved ? Date.now() + 2 * minute : 9e15);
  await stage.call(first);
  await stage.deployment.goOnUntil(async () => stage.plan.calls.length >= afterCalls || isThrough(stage));
  await stage.call(second);
  await stage.deployment.goOnFor(3 * minute);
  const operations = await stage.untilThrough();
  // The janitor clears up behind workers that stood still.
  await stage.deployment.goOnFor((isRemoved ? 8 : 2) * minute);
  await expectExact(stage, operations);
  return faults.filter(([call, { kind }]) => call <= stage.plan.calls.length && kind !== "stalls").length;
}

function isThrough({ deployment }: Stage): boolean {
  return deployment.queues.operations.counts().active === 0;
}

describe.each(kinds)("%s", (first) => {
  it.each(kinds)(`${first}, then %s, whatever goes wrong`, async (second) => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(40, 40, 1_000),
        fc.nat(60),
        fc.array(fc.tuple(fc.integer({ min: 1, max: 90 }), fault), { maxLength: 4 }),
        fc.array(fc.boolean(), { maxLength: 4 }),
        async (count, afterCalls, faults, doubled) =>
          void (await tell(first, second, count, afterCalls, faults, doubled)),
      ),
      { numRuns: isCampaign ? 60 : 4, seed: 20_260_105 },
    );
  });
});

it.each(["stop", "remove"] as const)(
  "applies no permit that was decided before the answer to a %s",
  async (kind) => {
    const stage = new Stage(40, new Map(), () => false);
    await stage.prepare(9e15);
    const { deployment } = stage;
    const gate = () => deployment.stores.admissions.gate(endpoint);
    const { version } = await gate();
    await deployment.perform(({ control }) =>
      kind === "remove" ? control.remove(batch, true, "operator") : control.act(batch, kind, "operator"),
    );
    expect((await gate()).version).not.toBe(version);
  },
);

it("goes on with 16 slots at once, whatever goes wrong in any of them", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...kinds),
      fc.nat(400),
      fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fault), { minLength: 2, maxLength: 8 }),
      async (second, afterCalls, faults) =>
        void (await tell("start", second, 1_100, afterCalls, faults, [false, true])),
    ),
    { numRuns: isCampaign ? 100 : 6, seed: 20_260_105 },
  );
});
