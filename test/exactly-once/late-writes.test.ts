/// <reference types="vite/client" />
import { describe, expect, it, vi } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { SourceFolderState } from "../stack/memory/memory-source.ts";
import type { TargetKind, WriteInterruption } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

/** `--mode campaign`: more of the same. */
const isCampaign = import.meta.env.MODE === "campaign";
const minute = 60_000;

const lands = (seconds: number): WriteInterruption => ({ kind: "landsLate", afterMs: seconds * 1000 });
const cut: WriteInterruption = { kind: "cutBefore" };

/** What a user, or the server, does with the message of the second write. */
const changes: Readonly<Record<string, (migration: Migration) => void>> = {
  "numbered anew": (migration) => migration.folder("INBOX").renumber(),
  moved: (migration) => moveSecond(migration, migration.folder("Work")),
  "moved to a new folder": (migration) => moveSecond(migration, migration.folder("New")),
  deleted: (migration) => moveSecond(migration),
};

function moveSecond(migration: Migration, to?: SourceFolderState): void {
  const { messages } = migration.folder("INBOX");
  const one = messages.get(2);
  if (one) to?.add(one);
  messages.delete(2);
}

/** One message, whose first writes end so; every later one is taken. */
async function oneMessage(
  target: TargetKind,
  writes: readonly WriteInterruption[],
  plan = new FaultPlan(),
): Promise<Migration> {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan });
  migration.folder("INBOX").add(message(1));
  migration.target().disturb = (write) => writes[write - 1];
  await migration.upload();
  await migration.deployment.rest();
  await migration.deployment.goOnFor(5 * minute);
  return migration;
}

describe.each(["graph", "imap"] as const)("on %s", (target) => {
  it.each([
    ["a write is looked for in vain and lands, and the next four are cut", [lands(36), cut, cut, cut, cut]],
    ["it lands right before it is looked for again", [lands(79), cut, cut, cut, cut, cut]],
    ["it lands, and the next one after it was found", [lands(36), lands(70), cut, cut, cut]],
    ["it lands, and the one in doubt by then lands last", [lands(40), cut, lands(79), cut, cut]],
    ["all land too late to be found at first", Array.from({ length: 8 }, () => lands(60))],
  ])("a message is there once, and is not given up, where %s", async (_, writes) => {
    const migration = await oneMessage(target, writes);
    await migration.expectSettled();
  });

  it("nor whichever call a process dies after", async () => {
    const writes = [lands(36), cut, lands(60), cut, cut];
    const clean = new FaultPlan();
    await oneMessage(target, writes, clean);
    const failures: string[] = [];
    for (const [index, name] of clean.calls.entries()) {
      if (!isCampaign && !/^target|^ledgers\.write/.test(name)) continue;
      try {
        const plan = new FaultPlan(new Map<number, Fault>([[index + 1, { kind: "diesAfter" }]]));
        const migration = await oneMessage(target, writes, plan);
        await migration.expectSettled();
      } catch (error) {
        failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(clean.calls.length).toBeGreaterThan(150);
    expect(failures).toEqual([]);
  });
});

it.each([60, 120])(
  "a copy that lands is brought up to what its message became after %i s",
  async (seconds) => {
    vi.clearAllTimers();
    const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
    const inbox = migration.folder("INBOX");
    inbox.add(message(1));
    migration.target().disturb = (write) => [lands(36), cut, cut, cut, cut][write - 1];
    await migration.upload();
    setTimeout(() => inbox.messages.set(1, message(1, ["\\Seen"])), seconds * 1000);
    await migration.deployment.rest();
    await migration.sync();
    await migration.deployment.rest();
    await migration.expectSettled();
  },
);

it("a message that was given up is copied once one of its writes has landed", async () => {
  const migration = await oneMessage("graph", [lands(900), ...Array.from({ length: 5 }, () => cut)]);
  const [before] = await migration.mailboxes();
  expect([before?.syncedItemCount, before?.skippedItemCount]).toEqual([0, 1]);
  await migration.deployment.goOnFor(15 * minute);
  await migration.sync();
  await migration.deployment.rest();
  await migration.expectSettled();
});

it.each(["graph", "imap"] as const)(
  "a message in doubt on %s that cannot be read for a while is there once",
  async (target) => {
    const failures: string[] = [];
    for (const from of [20, 34, 36, 60])
      for (const until of [from + 5, 100, 300]) {
        vi.clearAllTimers();
        const migration = new Migration(["ann"], { target, plan: new FaultPlan() });
        const inbox = migration.folder("INBOX");
        for (const number of [1, 2, 3]) inbox.add(message(number));
        migration.target().disturb = (write) => [undefined, lands(36), undefined, cut][write - 1];
        await migration.upload();
        setTimeout(() => inbox.broken.set(2, { by: "refusal", in: "all" }), from * 1000);
        setTimeout(() => inbox.broken.delete(2), until * 1000);
        await migration.deployment.goOnFor(6 * minute);
        await migration.deployment.rest();
        await migration.expectSettled().catch((error) => failures.push(`${from} to ${until} s: ${error}`));
      }
    expect(failures).toEqual([]);
  },
);

describe("a write that lands late in graph", () => {
  /** Seconds from when it is made to when it lands, and to when its message is another one or elsewhere. */
  const moments = [20, 34, 36, 50, 79].flatMap((landing) =>
    [20, 34, 36, 50, 79].map((changing) => [landing, changing] as const),
  );

  it.each(Object.entries(changes))(
    "leaves one copy, or none, of a message %s meanwhile",
    async (_, change) => {
      const failures: string[] = [];
      for (const [landing, changing] of moments) {
        vi.clearAllTimers();
        const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
        for (const number of [1, 2, 3]) migration.folder("INBOX").add(message(number));
        migration.folder("Work").add(message(4));
        migration.target().disturb = (write) => (write === 2 ? lands(landing) : undefined);
        await migration.upload({ options: { propagateDeletes: true } });
        setTimeout(() => change(migration), changing * 1000);
        await migration.deployment.goOnFor(3 * minute);
        for (let rounds = 0; rounds < 2; rounds++) {
          await migration.sync();
          await migration.deployment.rest();
          await migration.deployment.goOnFor(20 * minute);
        }
        await migration
          .expectSettled()
          .catch((error: unknown) => failures.push(`lands ${landing}, changes ${changing}: ${error}`));
      }
      expect(failures).toEqual([]);
    },
  );
});
