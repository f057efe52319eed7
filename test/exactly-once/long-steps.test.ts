import { describe, expect, it } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

const second = 1_000;
const minute = 60 * second;

/** Makes every call of some names slow, from when it is told to. */
class Slow extends FaultPlan {
  fits: RegExp | undefined;
  readonly #forMs: number;

  constructor(forMs: number) {
    super();
    this.#forMs = forMs;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    return (
      super.next(name, given) ?? (this.fits?.test(name) ? { kind: "slow", forMs: this.#forMs } : undefined)
    );
  }
}

/** A user with mail in many folders, and a deployment that notes how long each step took. */
function slowMigration(plan: Slow, processes = 1): Migration {
  const migration = new Migration(["ann"], { target: "graph", plan, processes });
  for (let n = 0; n < 40; n++) {
    migration.folder(`Folder ${n}`).add(message(2 * n));
    migration.folder(`Folder ${n}`).add(message(2 * n + 1));
  }
  return migration;
}

function longestStepMs(migration: Migration): number {
  return Math.max(...migration.deployment.stepsMs);
}

describe.each([1, 3])("what takes longer than a step goes on in the next one (%i processes)", (processes) => {
  it("making the folders of a plan", async () => {
    const plan = new Slow(5 * second);
    plan.fits = /^target\.ensureFolder$/;
    const migration = slowMigration(plan, processes);
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(migration.deployment.stepsMs.length).toBeGreaterThan(3);
    expect(longestStepMs(migration)).toBeLessThan(5 * minute);
    expect(plan.calls.filter((name) => name === "target.ensureFolder").length).toBeLessThan(2 * 40);
  });

  it("writing the messages of a chunk", async () => {
    const plan = new Slow(20 * second);
    plan.fits = /^target\.write$/;
    const migration = new Migration(["ann"], { target: "graph", plan, processes });
    for (let n = 0; n < 60; n++) migration.folder("INBOX").add(message(n));
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(plan.calls.filter((name) => name === "target.write")).toHaveLength(60);
    expect(migration.deployment.stepsMs.length).toBeGreaterThan(2);
    expect(longestStepMs(migration)).toBeLessThan(5 * minute);
  });

  it.each([
    ["looking for what left its folder", /^source\.openFolder$/, "move"],
    ["seeing which places are there", /^target\.folderState$/, "move"],
    ["letting copies follow", /^target\.moveItem$/, "move"],
    ["removing copies", /^target\.deleteItem$/, "delete"],
    ["bringing flags over", /^target\.changeFlags$/, "flag"],
    ["knowing messages again that were renumbered", /^source\.fetchHeaders$/, "renumber"],
    ["finding folders that were renamed", /^source\.openFolder$/, "rename"],
  ] as const)("%s", async (_, calls, change) => {
    const plan = new Slow(5 * second);
    const migration = slowMigration(plan, processes);
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    for (let n = 0; n < 40; n++) {
      const folder = migration.folder(`Folder ${n}`);
      const [uid = 0] = folder.messages.keys();
      const first = folder.messages.get(uid);
      if (first === undefined) throw new Error("a folder without a message");
      if (change === "flag") folder.messages.set(uid, { ...first, flags: ["\\Flagged", "\\Seen"] });
      if (change === "renumber") folder.renumber();
      if (change === "move" || change === "delete") folder.messages.delete(uid);
      if (change === "move") migration.folder(`Folder ${(n + 7) % 40}`).add(first);
      if (change === "rename") {
        migration.folder(`Renamed ${n}`).takeOver(folder);
        migration.removeFolder(`Folder ${n}`);
      }
    }
    const before = migration
      .target()
      .items.map(({ id }) => id)
      .sort();
    migration.deployment.stepsMs.length = 0;
    plan.fits = calls;
    plan.calls.length = 0;
    await migration.sync();
    await migration.deployment.rest();
    plan.fits = undefined;
    await migration.expectSettled({ byFolder: change !== "rename" });
    expect(plan.calls.filter((name) => calls.test(name)).length).toBeGreaterThan(12);
    expect(migration.deployment.stepsMs.length).toBeGreaterThan(2);
    expect(longestStepMs(migration)).toBeLessThan(5 * minute);
    // The very same copies: nothing was copied again.
    const after = migration.target().items.map(({ id }) => id);
    if (change !== "delete") expect([...after].sort()).toEqual(before);
  });
});
