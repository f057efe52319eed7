/**
 * Kills host and worker with SIGKILL in the middle of operations on a batch, again and again, and looks after every few kills
 * whether each operation came through, raised every round once, and left each mailbox once on the wait list or not at all:
 * `node test/e2e/operations-campaign.ts [--kills 200] [--mailboxes 1500] [--seed a] [--lock 5]`.
 * A kill counts where it cut off at least one page of an operation. What a dead worker had is locked for `--lock` seconds (60
 * in Azure), so that one kill does not find what the one before it has left lying for a minute.
 * The endpoint's permits are held by mailboxes that are not there, so that nothing but the operations changes a mailbox.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createTableStores } from "../../shared/adapters/tables/table-stores.ts";
import type { BatchName, EndpointName, MailboxId } from "../../shared/domain/names.ts";
import { operationsQueue } from "../../shared/domain/queue-messages.ts";
import type { MailboxStatus } from "../../shared/domain/states.ts";
import { newBatch } from "../../shared/migration/batch/life.ts";
import { isWaiting } from "../../shared/migration/mailbox/life.ts";
import { operatedOn } from "../../shared/migration/operations/transitions.ts";
import type { MailboxRecord, OperationRecord } from "../../shared/migration/ports/registry.ts";
import { startDeployment } from "../stack/deployment.ts";
import { Random } from "../stack/random.ts";
import { queues } from "../stack/stack.ts";
import { mailbox } from "../unit/migration/sample-mailbox.ts";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "200" },
    mailboxes: { type: "string", default: "1500" },
    seed: { type: "string", default: "a" },
    lock: { type: "string", default: "5" },
  },
});
const wanted = Number(values.kills);
/** Kills between two looks at everything. */
const killsOfBurst = 10;
/** An operation that is not through after so long is stuck, in milliseconds. */
const stuckMs = 10 * 60_000;
const actions = ["start", "stop", "sync", "retry", "complete"] as const;

const batch = "spring" as BatchName;
const endpoint = "nowhere" as EndpointName;
const error = { code: "SourceLoginFailed", message: "The server refused the password.", at: 1 };
const states: readonly (readonly [MailboxStatus, Partial<MailboxRecord>])[] = [
  ["Created", {}],
  ["Synced", { kind: "incremental", lastSyncedAt: 1 }],
  ["Synced", { kind: "incremental", lastSyncedAt: 1, skippedItemCount: 3 }],
  ["Failed", { error }],
  ["Stopped", {}],
  ["Completed", { kind: "incremental", lastSyncedAt: 1 }],
];

const random = new Random(values.seed);
const deployment = await startDeployment({
  queues: { [operationsQueue]: { ...queues[operationsQueue], lockDurationMs: Number(values.lock) * 1_000 } },
});
const connectionString = deployment.stack.settings.AzureWebJobsStorage ?? "";
const { batches, mailboxes, admissions } = createTableStores({ connectionString });

async function prepare(count: number): Promise<void> {
  const place = { batch, displayName: batch, endpoint };
  const permits = { maxConcurrentMigrations: 1, maxConcurrentIncrementalSyncs: 1 };
  await deployment.putEndpoint(endpoint, { host: "imap.invalid", ...permits });
  const { version } = await admissions.gate(endpoint);
  const held = (["initial", "incremental"] as const).map((kind, index) => ({
    mailboxId: String(index).padStart(32, "f") as MailboxId,
    batch: "elsewhere" as BatchName,
    kind,
    round: 1,
    until: 9e15,
  }));
  const shares = { ["elsewhere" as BatchName]: { initial: 1, incremental: 1, servedAt: 0 } };
  await admissions.apply(endpoint, version, { shares, permits: held });
  const records = Array.from({ length: count }, (_, n) => {
    const [status, change] = states[n % states.length] as (typeof states)[number];
    const id = random.fork(n).integer(0, 0xffff_ffff).toString(16).padStart(8, "0");
    return mailbox(status, {
      id: `${id}${String(n).padStart(24, "0")}` as MailboxId,
      batch,
      endpoint,
      ...change,
    });
  });
  await mailboxes.insertAll(batch, records);
  const running = { ...newBatch(place, undefined, Date.now()), intent: "running", startedAt: 1 } as const;
  // With the file of a large one a batch has 16 slots.
  await batches.create({ ...running, largestFile: 50_000 });
}

async function all(): Promise<ReadonlyMap<MailboxId, MailboxRecord>> {
  const found = new Map<MailboxId, MailboxRecord>();
  for await (const { value } of mailboxes.scan(batch)) found.set(value.id, value);
  return found;
}

const pending = async () => (await batches.get(batch))?.value.operations.length ?? 0;

async function untilThrough(): Promise<void> {
  for (const deadline = Date.now() + stuckMs; (await pending()) > 0; await sleep(500))
    if (Date.now() > deadline) throw new Error(`${await pending()} operations are stuck`);
}

const looks = ({ status, round, retriesSkipped }: MailboxRecord) =>
  `${status} ${round} ${retriesSkipped ?? false}`;

/** What may have become of a mailbox: one that an operation which ended early may not have reached is raised once or not at all. */
function outcomes(before: MailboxRecord, operations: readonly OperationRecord[]): ReadonlySet<string> {
  let possible: readonly MailboxRecord[] = [before];
  for (const operation of operations) {
    const after = possible.map((one) => operatedOn(operation, [], one) ?? one);
    const next = operation.outcome?.state === "superseded" ? [...possible, ...after] : after;
    possible = [...new Map(next.map((one) => [`${looks(one)} ${one.operation}`, one])).values()];
  }
  return new Set(possible.map(looks));
}

/** @returns what is wrong, as sentences. */
async function faultsSince(
  before: ReadonlyMap<MailboxId, MailboxRecord>,
  operations: readonly OperationRecord[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  const stored = await batches.get(batch);
  const after = await all();
  if (stored === undefined || after.size !== before.size) return [`${after.size} mailboxes are left`];
  const { intent, admitsFrom } = stored.value;
  const entries = new Map<MailboxId, number[]>();
  for (const kind of ["initial", "incremental"] as const)
    for (const entry of await admissions.waiting(endpoint, kind, batch, admitsFrom, 1_000_000))
      entries.set(entry.mailboxId, [...(entries.get(entry.mailboxId) ?? []), entry.round]);
  for (const [id, was] of before) {
    const now = after.get(id) as MailboxRecord;
    if (!outcomes(was, operations).has(looks(now))) faults.push(`${id}: ${looks(was)} became ${looks(now)}`);
    const live = (entries.get(id) ?? []).filter((round) => round >= now.round);
    const due = isWaiting(now) && intent !== "stopped" ? 1 : 0;
    if (live.length !== due) faults.push(`${id}: ${now.status}, on the list ${live.length} times`);
  }
  for (const { seq, kind, outcome } of operations)
    if (outcome === undefined) faults.push(`${kind} ${seq} is not over`);
    else if (outcome.state === "finished" && outcome.passed !== before.size)
      faults.push(`${kind} ${seq} passed ${outcome.passed} mailboxes`);
  return faults;
}

/** Pages that are under way in the app, by what its host has logged since its last start. */
function underWay(): number {
  const running = new Set<unknown>();
  const since = deployment.log.findLastIndex(({ message }) => message === "Host started");
  for (const { message, functionName, invocationId } of deployment.log.slice(since + 1)) {
    if (functionName !== "operations") continue;
    if (message === "Executing") running.add(invocationId);
    else if (message === "Executed" || message === "Failed") running.delete(invocationId);
  }
  return running.size;
}

/** Where nothing is pending another operation begins, and sometimes while something is. */
async function operate(): Promise<void> {
  if ((await pending()) > 0 && !random.chance(0.35)) return;
  const action = actions[random.integer(0, actions.length - 1)];
  await deployment.request("POST", `batches/${batch}/${action}`).catch(() => undefined);
}

/** Kills in the middle of operations. @returns how many, and the pages they cut off. */
async function burst(): Promise<readonly [kills: number, cutOff: number]> {
  let [kills, cutOff] = [0, 0];
  while (kills < Math.min(killsOfBurst, wanted)) {
    await operate();
    for (const deadline = Date.now() + stuckMs; underWay() === 0; await sleep(5)) {
      if ((await pending()) === 0) break;
      if (Date.now() > deadline) throw new Error(`${await pending()} operations stand still`);
    }
    await sleep(random.magnitude(1, 2_000));
    const pages = (await pending()) === 0 ? 0 : underWay();
    if (pages === 0) continue;
    // Host and worker: the host alone gives up where its workers die again and again.
    await deployment.crashAndRestart();
    kills++;
    cutOff += pages;
  }
  return [kills, cutOff];
}

try {
  await prepare(Number(values.mailboxes));
  let [kills, cutOff, operations, superseded] = [0, 0, 0, 0];
  const startedAt = Date.now();
  while (kills < wanted) {
    const before = await all();
    const from = (await batches.get(batch))?.value.lastOperation ?? 0;
    const [more, pages] = await burst();
    kills += more;
    cutOff += pages;
    await untilThrough();
    const done = (await batches.operations(batch)).filter(({ seq }) => seq > from).reverse();
    operations += done.length;
    superseded += done.filter(({ outcome }) => outcome?.state === "superseded").length;
    const faults = await faultsSince(before, done);
    console.log(
      `${kills} kills, ${cutOff} pages cut off, ${operations} operations (${superseded} superseded), ${faults.length} faults, ${Math.round((Date.now() - startedAt) / 1000)} s`,
    );
    if (faults.length > 0) {
      console.log(faults.slice(0, 20).join("\n"));
      process.exitCode = 1;
      break;
    }
  }
} finally {
  await deployment.stop();
}
