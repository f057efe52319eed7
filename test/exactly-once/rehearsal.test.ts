import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const targets: readonly TargetKind[] = ["graph", "imap"];

/** All that is ever asked of the two sides in a rehearsal; none of it changes anything there. */
const harmless = new Set([
  "source.open",
  "source.listFolders",
  "source.openFolder",
  "source.searchUids",
  "source.fetchSummaries",
  "source.fetchHeaders",
  "source.fetchMessages",
  "source.close",
  "target.resolve",
  "target.open",
  "target.roomLeft",
  "target.listPlaces",
  "target.listEntries",
  "target.lookOf",
  "target.close",
]);

function migrationOf(target: TargetKind, plan = new FaultPlan()): Migration {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan });
  for (let n = 1; n <= 6; n++) migration.folder("INBOX").add(message(n));
  migration.folder("INBOX").add(message(7, ["\\Deleted"]));
  migration.folder("INBOX").add({ ...message(8), announcedSize: 40_000_000 });
  migration.folder("INBOX").add({ ...message(9), announcedSize: 300_000_000 });
  for (let n = 10; n <= 12; n++) migration.folder("Work").add(message(n));
  migration.folder("Spam").add(message(20));
  const state = migration.target();
  state.place(state.folderAt("Inbox"), { ...message(2), stamp: undefined, chunkToken: undefined });
  return migration;
}

async function rehearse(migration: Migration, more: object = {}): Promise<void> {
  const options = { dryRun: true, adoptExisting: "folder", excludeFolders: ["Spam"], ...more };
  await migration.upload({ options, limits: { maxBytesPerDayPerMailbox: 100_000_000 } });
  await migration.deployment.rest();
}

describe("a rehearsal", () => {
  it.each(targets)("%s: tells what would be copied, and changes nothing on either side", async (target) => {
    const plan = new FaultPlan();
    const migration = migrationOf(target, plan);
    const before = JSON.stringify([...migration.target().items, ...migration.target().folders]);
    await rehearse(migration);
    const [mailbox] = await migration.mailboxes();
    expect(mailbox).toMatchObject({
      status: "Completed",
      syncedItemCount: 0,
      rehearsal: {
        folders: 2,
        foldersLeftOut: 1,
        items: 11,
        itemsLeftOut: 1,
        over35MB: 2,
        tooLarge: 1,
        adoptable: 1,
        ambiguous: 0,
        foldersEstimated: 0,
        days: 4,
      },
    });
    const [low = 0, high = 0] = mailbox?.rehearsal?.seconds ?? [];
    expect(low).toBeGreaterThan(300);
    expect(high).toBe(Math.ceil((mailbox?.rehearsal?.bytes ?? 0) / 262_144));
    const asked = plan.calls.filter((call) => /^(source|target)\./.test(call));
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.filter((call) => !harmless.has(call))).toEqual([]);
    expect(JSON.stringify([...migration.target().items, ...migration.target().folders])).toBe(before);

    expect(mailbox?.rehearsal?.fits).toBeUndefined();
    await migration.deployment.goOnFor(6 * 60_000);
    const rows = (migration.deployment.blobs.report(batch, "rehearsal") ?? "").trim().split("\r\n");
    expect(rows.slice(1).map((row) => row.split(",").slice(1, 6))).toEqual([
      ["INBOX", "#inbox#", "", "", "8"],
      ["Work", "Work", "", "", "3"],
      ["Spam", "", "excludeFolders or includeFolders", "", "1"],
    ]);
  });

  it.each(targets)("%s: is followed by the copy once it is started for real, not before", async (target) => {
    const migration = migrationOf(target);
    migration.folder("INBOX").messages.delete(8);
    migration.folder("INBOX").messages.delete(9);
    await rehearse(migration, { excludeFolders: [] });
    const act = (action: "start" | "startForReal" | "complete") =>
      migration.deployment.perform(({ control }) => control.act(batch, action, "operator"));
    await act("complete");
    await act("start");
    await migration.deployment.rest();
    expect(migration.target().items).toHaveLength(1);
    await act("startForReal");
    await migration.deployment.rest();
    // One was there already, and one is marked as deleted.
    expect(migration.target().items).toHaveLength(10);
    expect((await migration.mailboxes())[0]).toMatchObject({ status: "Synced", syncedItemCount: 10 });
  });

  it.each([
    [{}, undefined, true],
    [{ bytes: 350_000_000, items: 11 }, 350_000_000, true],
    [{ bytes: 100_000_000 }, 100_000_000, false],
    [{ items: 9 }, undefined, false],
  ])("with room for %j says whether it suffices", async (room, freeBytes, fits) => {
    const migration = migrationOf("imap");
    migration.target().room = room;
    await rehearse(migration);
    expect((await migration.mailboxes())[0]?.rehearsal).toMatchObject({ fits });
    expect((await migration.mailboxes())[0]?.rehearsal?.freeBytes).toBe(freeBytes);
    await migration.deployment.goOnFor(6 * 60_000);
    const [head, first] = (migration.deployment.blobs.report(batch, "rehearsal") ?? "").split("\r\n");
    expect(head?.split(",").slice(-2)).toEqual(["targetFreeBytes", "fits"]);
    expect(first?.split(",").slice(-2)).toEqual([String(freeBytes ?? ""), fits ? "yes" : "no"]);
  });

  it("that fails says why, and is tried again", async () => {
    const migration = migrationOf("graph");
    const state = migration.deployment.source.mailboxes.get("ann");
    migration.deployment.source.mailboxes.delete("ann");
    await rehearse(migration);
    expect((await migration.mailboxes())[0]).toMatchObject({
      status: "Failed",
      error: { code: "SourceLoginFailed" },
    });
    if (state) migration.deployment.source.mailboxes.set("ann", state);
    await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await migration.deployment.rest();
    expect((await migration.mailboxes())[0]).toMatchObject({ status: "Completed", rehearsal: { items: 11 } });
  });
});
