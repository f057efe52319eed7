import { describe, expect, it, vi } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

/** One user with three folders, copied in four steps; then edits, and a second round. */
async function smallMigration(target: TargetKind, plan: FaultPlan): Promise<Migration> {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan, limits: { maxMessages: 2 } });
  const inbox = migration.folder("INBOX");
  const work = migration.folder("Work");
  for (const n of [1, 2, 3]) inbox.add(message(n, n === 1 ? ["\\Seen"] : []));
  for (const n of [4, 5]) work.add(message(n));
  migration.folder("Work/Old").add(message(6));
  await migration.upload();
  await migration.deployment.rest();

  inbox.add(message(7));
  inbox.messages.delete(2);
  work.add(message(2));
  inbox.messages.set(1, message(1, ["\\Answered", "\\Seen"]));
  await migration.sync();
  await migration.deployment.rest();
  return migration;
}

const changesSomething =
  /\.(write|put|insertMissing|merge|remove|putAll|removeRange|moveItem|changeFlags|ensureFolder|prepareFolders|send\w+)$/;
/** An adapter starts no request once a write's time is over; a stall before that is in the adapters' own tests. */
const bound = /^target\.write$/;

const faults: readonly {
  readonly title: string;
  readonly fault: Fault;
  readonly at: (name: string, index: number) => boolean;
  /** Fake time for what is still under way when all seems to be done. */
  readonly afterMs: number;
}[] = [
  { title: "dies after", fault: { kind: "diesAfter" }, at: () => true, afterMs: 0 },
  // Where calls follow one another this is the same as after the call before it.
  { title: "dies before", fault: { kind: "diesBefore" }, at: (_, index) => index % 5 === 0, afterMs: 0 },
  {
    title: "dies in, which has its effect after the next attempt",
    fault: { kind: "landsLate", afterMs: 75_000 },
    at: (name) => changesSomething.test(name),
    afterMs: 900_000,
  },
  {
    title: "stands still at for a minute and a half",
    fault: { kind: "stalls", forMs: 90_000 },
    at: (_, index) => index % 6 === 0,
    afterMs: 900_000,
  },
  {
    title: "stands still at for a quarter of an hour",
    fault: { kind: "stalls", forMs: 900_000 },
    at: (name, index) => index % 6 === 3 && !bound.test(name),
    afterMs: 1_800_000,
  },
];

describe.each(["graph", "imap"] as const)("a small migration to %s", (target) => {
  it("ends with every message once", async () => {
    const migration = await smallMigration(target, new FaultPlan());
    await migration.expectSettled();
  });

  it.each(faults)("whichever call a process $title", async ({ fault, at, afterMs }) => {
    const clean = new FaultPlan();
    await smallMigration(target, clean);
    const failures: string[] = [];
    for (const [index, name] of clean.calls.entries()) {
      if (!at(name, index)) continue;
      try {
        const migration = await smallMigration(target, new FaultPlan(new Map([[index + 1, fault]])));
        await migration.deployment.goOnFor(afterMs);
        await migration.expectSettled();
      } catch (error) {
        failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(clean.calls.length).toBeGreaterThan(150);
    expect(failures).toEqual([]);
  });
});
