import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";
import { processFaults, triedAtEachCall } from "./process-faults.ts";

fakeTime();

vi.mock("../../shared/migration/sync/limits.ts", async (original) => ({
  ...(await original<object>()),
  maxChunkItems: 2,
  maxListedItems: 4,
}));

const minute = 60_000;

/** Chunks of two messages, listed four at a time, of which some cannot be read for two minutes. */
async function story(
  target: TargetKind,
  troubles: boolean,
  plan = new FaultPlan(),
  hasModseqs = false,
): Promise<Migration> {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan });
  migration.deployment.source.hasModseqs = hasModseqs;
  const inbox = migration.folder("INBOX");
  for (let number = 1; number <= 9; number++) inbox.add(message(number));
  for (const number of [11, 12, 13]) migration.folder("Work").add(message(number));
  if (troubles) {
    inbox.withheld.add(3);
    inbox.broken.set(6, { by: "end", in: "bodies" });
  }
  await migration.upload();
  await migration.deployment.goOnFor(2 * minute);
  inbox.withheld.clear();
  inbox.broken.clear();
  await migration.deployment.rest();
  return migration;
}

describe.each(["graph", "imap"] as const)("to %s", (target) => {
  it("the next chunk is read and written before one is committed", async () => {
    const plan = new FaultPlan();
    const migration = await story(target, false, plan);
    await migration.expectSettled();
    const list = "source.fetchSummaries";
    const [read, write, commit] = ["source.fetchMessages", "target.write", "ledgers.write"];
    const calls = plan.calls.filter((name) => [list, read, write, commit].includes(name));
    const first = calls.indexOf(list);
    const writes = [write, write];
    // Where messages come in the order of the chunks two of them are read in one go.
    const windows =
      target === "imap"
        ? [
            [read, commit, ...writes, ...writes, commit, list, commit],
            [read, commit, ...writes, ...writes, list, commit, commit],
          ]
        : Array(2).fill([read, commit, ...writes, read, ...writes, list, commit, commit]);
    const inbox = [list, ...windows.flat(), read, commit, write, commit];
    expect(calls.slice(first, first + inbox.length)).toEqual(inbox);
  });

  it("the next folder is opened before the last chunk is committed, where no flags are left to be compared", async () => {
    const plan = new FaultPlan();
    const migration = await story(target, false, plan, true);
    await migration.expectSettled();
    const [open, search, commit] = ["source.openFolder", "source.searchUids", "ledgers.write"];
    const calls = plan.calls.filter((name) => [open, search, commit, "target.write"].includes(name));
    const next = calls.lastIndexOf(open);
    expect(calls.slice(next - 2, next + 3)).toEqual([commit, "target.write", open, search, commit]);
    expect(calls.filter((name) => name === open)).toHaveLength(2);
  });

  it.each(
    processFaults.flatMap((fault) => [
      { ...fault, troubles: false, hasModseqs: false },
      // In a quarter of an hour what cannot be read is given up, as it should be.
      ...[false, true].map((hasModseqs) => ({ ...fault, troubles: fault.afterMs <= 900_000, hasModseqs })),
    ]),
  )(
    "no message is lost or doubled whichever call a process $title, some unreadable: $troubles, mod-sequences: $hasModseqs",
    async ({ hasModseqs, troubles, ...fault }) => {
      const some = (name: string, index: number) => index % 4 === 0 && fault.at(name, index);
      const at = fault.fault.kind === "diesAfter" ? some : fault.at;
      const told = await triedAtEachCall((plan) => story(target, troubles, plan, hasModseqs), {
        ...fault,
        at,
      });
      expect(told.calls).toBeGreaterThan(100);
      expect(told.failures).toEqual([]);
    },
  );
});
