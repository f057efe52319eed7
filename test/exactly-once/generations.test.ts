import { describe, expect, it } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

function start(target: TargetKind, messages: number, plan = new FaultPlan()): Migration {
  const migration = new Migration(["ann"], { target, plan });
  for (let n = 1; n <= messages; n++) migration.folder("INBOX").add(message(n));
  for (const n of [201, 202]) migration.folder("Work").add(message(n));
  return migration;
}

async function round(migration: Migration): Promise<void> {
  await migration.sync();
  await migration.deployment.rest();
}

describe.each(["graph", "imap"] as const)("to %s", (target) => {
  it("a server that comes back from a backup, some of its last messages lost, is counted once", async () => {
    const migration = start(target, 10);
    await migration.upload({ options: { skippedItemLimit: 0 } });
    await migration.deployment.rest();
    const inbox = migration.folder("INBOX");
    for (const uid of [9, 10]) inbox.messages.delete(uid);
    inbox.uidNext = 9;
    migration.folder("Work").add(message(203));
    await round(migration);
    const [mailbox] = await migration.mailboxes();
    expect([mailbox?.totalItemCount, mailbox?.syncedItemCount]).toEqual([11, 11]);
  });
});
