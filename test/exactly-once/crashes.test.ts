import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";
import { processFaults, triedAtEachCall } from "./process-faults.ts";

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

describe.each(["graph", "imap"] as const)("a small migration to %s", (target) => {
  it("ends with every message once", async () => {
    const migration = await smallMigration(target, new FaultPlan());
    await migration.expectSettled();
  });

  it.each(processFaults)("whichever call a process $title", async (fault) => {
    const { failures, calls } = await triedAtEachCall((plan) => smallMigration(target, plan), fault);
    expect(calls).toBeGreaterThan(150);
    expect(failures).toEqual([]);
  });
});
