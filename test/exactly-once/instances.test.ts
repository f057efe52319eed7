import { describe, expect, it } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

const second = 1_000;
const minute = 60 * second;
const users = Array.from({ length: 4 }, (_, n) => `user${n}`);

/** Each write takes a while, so that a migration takes half an hour. */
class SlowWrites extends FaultPlan {
  override next(name: string, given: readonly unknown[]): Fault | undefined {
    return (
      super.next(name, given) ?? (name === "target.write" ? { kind: "slow", forMs: 20 * second } : undefined)
    );
  }
}

interface Figures {
  /** From the upload until every mailbox is Synced, in milliseconds. */
  readonly tookMs: number;
  /** The longest time in which a mailbox had nothing copied, in milliseconds. */
  readonly longestStandstillMs: number;
}

/** Migrates 180 messages of each user. @param every milliseconds between two disturbances. */
async function migrate(
  disturb: (migration: Migration) => void,
  every: number,
  timer = true,
): Promise<Figures> {
  const migration = new Migration(users, {
    target: "graph",
    plan: new SlowWrites(),
    processes: 5,
    timer,
    limits: { maxMessages: 5 },
  });
  const { deployment } = migration;
  for (const user of users) for (let n = 0; n < 180; n++) migration.folder("INBOX", user).add(message(n));
  const start = Date.now();
  const last = new Map<unknown, number>();
  let longestStandstillMs = 0;
  let seen = 0;
  const look = (): void => {
    for (const { event, fields } of deployment.events.slice(seen)) {
      if (event !== "chunk.copied") continue;
      longestStandstillMs = Math.max(longestStandstillMs, Date.now() - (last.get(fields.mailbox) ?? start));
      last.set(fields.mailbox, Date.now());
    }
    seen = deployment.events.length;
  };
  const looking = setInterval(look, 20 * second);
  await migration.upload({ limits: { maxConcurrentMigrations: users.length } });
  const disturbing = setInterval(() => disturb(migration), every);
  await deployment.rest();
  clearInterval(disturbing);
  clearInterval(looking);
  await migration.expectSettled();
  const names = deployment.events.map(({ event }) => event);
  for (const event of ["worker.died", "mailbox.failed", "duplicate.removed"])
    expect(names).not.toContain(event);
  const rows = await migration.mailboxes();
  return { tookMs: Math.max(...rows.map((row) => row.lastSyncedAt ?? 0)) - start, longestStandstillMs };
}

const every = 10 * minute;

describe("instances that come and go while mailboxes are copied for long", () => {
  it("cost at most eleven minutes when all are scaled in, little when they are replaced, and nothing by the timer", async () => {
    const undisturbed = await migrate(() => undefined, every);
    const scaledIn = await migrate(({ deployment }) => deployment.scaleIn(), every);
    const replaced = await migrate(({ deployment }) => deployment.endWorkers(), every);
    const timerStopped = await migrate(() => undefined, every, false);
    if (process.env.FIGURES) console.log(JSON.stringify({ undisturbed, scaledIn, replaced, timerStopped }));
    expect(undisturbed.tookMs).toBeGreaterThan(2 * every);
    expect(scaledIn.longestStandstillMs).toBeGreaterThan(5 * minute);
    const between = scaledIn.longestStandstillMs - undisturbed.longestStandstillMs;
    expect(between).toBeLessThanOrEqual(11 * minute);
    const deployments = Math.floor(replaced.tookMs / every);
    expect(deployments).toBeGreaterThan(1);
    expect(replaced.tookMs - undisturbed.tookMs).toBeLessThan(deployments * 2 * minute);
    expect(timerStopped.tookMs - undisturbed.tookMs).toBeLessThan(2 * minute);
  });
});
