import { describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import { defaultSample } from "../../shared/domain/verification.ts";
import { mailboxIdOf } from "../../shared/migration/upload/mailbox-of-row.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind, WriteInterruption } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { addressOf, batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;
const targets: readonly TargetKind[] = ["graph", "imap"];
const ann = mailboxIdOf(batch, addressOf("ann"));

/** Does something at the n-th write of all processes, before it has its effect. */
class AtWrites extends FaultPlan {
  readonly #at: ReadonlyMap<number, (given: readonly unknown[]) => Fault | undefined>;
  #writes = 0;

  constructor(at: Readonly<Record<number, (given: readonly unknown[]) => Fault | undefined>>) {
    super();
    this.#at = new Map(Object.entries(at).map(([n, act]) => [Number(n), (given) => act(given)]));
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    const fault = super.next(name, given);
    return name === "target.write" ? (this.#at.get(++this.#writes)?.(given) ?? fault) : fault;
  }
}

/** The process of the second write dies after it, and something happens at a later call to the source. */
class AfterDeath extends AtWrites {
  act: () => void = () => undefined;
  /** How many calls to the source later; below 1 once it has happened. */
  left: number;
  #isDead = false;

  constructor(left: number) {
    super({
      2: () => {
        this.#isDead = true;
        return { kind: "diesAfter" };
      },
    });
    this.left = left;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    if (this.#isDead && name.startsWith("source.") && --this.left === 0) this.act();
    return super.next(name, given);
  }
}

/** An inbox of so many messages, and two more in another folder. */
function migrationOf(
  target: TargetKind,
  messages: number,
  plan = new FaultPlan(),
  limits: { readonly maxMessages?: number } = {},
): Migration {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan, limits });
  for (let number = 1; number <= messages; number++) migration.folder("INBOX").add(message(number));
  for (const number of [9_001, 9_002]) migration.folder("Work").add(message(number));
  return migration;
}

const kinds: readonly WriteInterruption[] = [
  { kind: "answerLost" },
  { kind: "cutBefore" },
  { kind: "landsLate", afterMs: 20_000 },
  { kind: "landsLate", afterMs: 60_000 },
];

/** Every n-th write comes into doubt, in all ways in turn. */
function everyNth(n: number, from = 0): (write: number) => WriteInterruption | undefined {
  return (write) =>
    write > from && write % n === 0 ? kinds[Math.floor(write / n) % kinds.length] : undefined;
}

const opened = (plan: FaultPlan) => plan.calls.filter((name) => name === "source.open").length;

/** What else may happen while a chunk with a create in doubt is written. */
const troubles: readonly (readonly [string, (migration: Migration) => Fault | undefined])[] = [
  ["the source ends", sourceEnds],
  ["the process is told to end", endsProcess],
  ["the operator stops and starts", stopAndStart],
  ["the target asks for a pause", () => throttled(3_000)],
  ["the target asks for a long pause", () => throttled(70_000)],
  ["nothing more is taken", (migration) => takesNothingFor(migration, 40_000)],
];

describe.each(targets)("creates in doubt on %s", (target) => {
  it("cost themselves and nothing else, whatever order answers come in", async () => {
    const plan = new FaultPlan();
    const migration = migrationOf(target, 300, plan);
    const state = migration.target();
    state.disturb = everyNth(8);
    state.answersAfterMs = (write) => 20 + ((write * 37) % 100);
    await migration.upload();
    const began = Date.now();
    // Two at once, 70 ms each: eleven seconds.
    await migration.deployment.goOnFor(14_000);
    expect(new Set(state.items.map(({ text }) => text)).size).toBeGreaterThan(270);
    await migration.deployment.rest();
    await migration.expectSettled();
    expect((Date.now() - began) / 1000).toBeLessThan(target === "graph" ? 240 : 600);
    if (target === "graph") {
      expect(migration.deployment.events.map(({ event }) => event)).not.toContain("mailbox.deferred");
      // Session and plan hold while nothing but the look is waited for.
      expect(opened(plan)).toBe(1);
    }
  });

  it("of two chunks are open at once, and each is looked for in its own time", async () => {
    const migration = migrationOf(target, 12, new FaultPlan(), { maxMessages: 4 });
    migration.target().disturb = (write) =>
      [2, 3, 6, 7].includes(write) ? kinds[(write + 1) % kinds.length] : undefined;
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
  });

  it("beyond the room there is end the chunk, and all are there once", async () => {
    const migration = migrationOf(target, 1_300);
    let refuses = true;
    const { disturb } = everySecondUntil(() => refuses);
    migration.target().disturb = disturb;
    await migration.upload();
    await migration.deployment.goOnFor(30_000);
    refuses = false;
    await migration.deployment.rest();
    await migration.expectSettled();
  });

  describe.each([5, 50, 79])("landing after %i s", (seconds) => {
    const late: WriteInterruption = { kind: "landsLate", afterMs: seconds * 1000 };

    it.each(troubles)("are there once where %s in the same chunk", async (_, happens) => {
      const plan = new AtWrites({
        3: () => {
          migration.target().interruption = late;
          return undefined;
        },
        5: () => happens(migration),
      });
      const migration: Migration = migrationOf(target, 20, plan);
      migration.target().answersAfterMs = () => 4_000;
      await migration.upload();
      await migration.deployment.rest();
      await migration.deployment.goOnFor(5 * minute);
      await migration.deployment.rest();
      await migration.expectSettled();
    });

    it("are there once, as they are by then, where their messages are read and flagged meanwhile", async () => {
      const migration = migrationOf(target, 8);
      const { messages } = migration.folder("INBOX");
      migration.target().disturb = (write) => (write === 2 || write === 5 ? late : undefined);
      await migration.upload();
      await migration.deployment.goOnFor(2_000);
      for (const [uid, one] of messages) messages.set(uid, { ...one, flags: ["\\Flagged", "\\Seen"] });
      await migration.deployment.rest();
      await migration.sync();
      await migration.deployment.rest();
      await migration.expectSettled();
    });
  });
});

function everySecondUntil(refuses: () => boolean) {
  return {
    disturb: (write: number): WriteInterruption | undefined =>
      refuses() && write % 2 === 0 ? { kind: "cutBefore" } : undefined,
  };
}

function sourceEnds(migration: Migration): undefined {
  for (const path of ["INBOX", "Work"]) migration.folder(path).failsBy = "end";
  migration.deployment.source.cutAfterBytes = 0;
  setTimeout(() => {
    for (const path of ["INBOX", "Work"]) migration.folder(path).failsBy = undefined;
  }, 3_000);
}

function endsProcess({ deployment }: Migration): undefined {
  deployment.endWorkers();
}

function stopAndStart({ deployment }: Migration): undefined {
  deployment.begin(({ control }) => control.act(batch, "stop", "operator"));
  setTimeout(() => deployment.begin(({ control }) => control.act(batch, "start", "operator")), 20_000);
}

function throttled(retryAfterMs: number): Fault {
  return {
    kind: "fails",
    afterMs: 100,
    error: new MigrationError("throttled", "GraphThrottled", "It asked for a pause.", { retryAfterMs }),
  };
}

function takesNothingFor(migration: Migration, ms: number): undefined {
  const target = migration.target();
  target.takes = false;
  setTimeout(() => {
    target.takes = true;
  }, ms);
}

/** What a user does at the source while a copy is in doubt; an IMAP target keeps no stamp by which it could be told then. */
describe.each<WriteInterruption>([
  { kind: "answerLost" },
  { kind: "landsLate", afterMs: 20_000 },
  { kind: "landsLate", afterMs: 60_000 },
])("a create in doubt on graph (%o)", (how) => {
  it.each(["moved", "deleted", "numbered anew"] as const)(
    "whose message is %s meanwhile is there once, or not at all",
    async (what) => {
      const migration = migrationOf("graph", 8);
      const inbox = migration.folder("INBOX");
      const work = migration.folder("Work");
      migration.target().disturb = (write) => (write === 2 || write === 5 ? how : undefined);
      await migration.upload({ options: { propagateDeletes: true } });
      await migration.deployment.goOnFor(2_000);
      const open = [...inbox.messages].filter(
        ([, { text }]) => !migration.target().textsIn("Inbox").includes(text) || how.kind === "answerLost",
      );
      expect(open.length).toBeGreaterThan(1);
      if (what === "numbered anew") inbox.renumber();
      else
        for (const [uid, one] of open) {
          inbox.messages.delete(uid);
          if (what === "moved") work.add(one);
        }
      await migration.deployment.rest();
      await migration.sync();
      await migration.deployment.rest();
      await migration.deployment.goOnFor(5 * minute);
      await migration.expectSettled();
    },
  );

  it("is undone with the rest", async () => {
    const migration = migrationOf("graph", 8);
    migration.target().disturb = (write) => (write === 2 || write === 5 ? how : undefined);
    await migration.upload();
    await migration.deployment.goOnFor(2_000);
    await migration.deployment.perform(({ control }) =>
      control.undo(batch, [ann], { forGood: true }, "operator"),
    );
    await migration.deployment.rest();
    const [mailbox] = await migration.mailboxes();
    expect([mailbox?.status, mailbox?.error]).toEqual(["Stopped", undefined]);
    expect(migration.target().items).toEqual([]);
  });

  it("is copied again after it was forgotten, and what was there is doubled as was accepted", async () => {
    const migration = migrationOf("graph", 8);
    migration.target().disturb = (write) => (write === 2 || write === 5 ? how : undefined);
    await migration.upload();
    await migration.deployment.goOnFor(2_000);
    await migration.deployment.perform(({ control }) =>
      control.forget(batch, { mailboxes: [ann] }, true, "operator"),
    );
    await migration.deployment.goOnFor(3 * minute);
    migration.target().items = [];
    await migration.deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    await migration.deployment.rest();
    await migration.expectSettled();
  });
});

it.each(["moved", "deleted"] as const)(
  "what a dead process wrote to graph is there once, or not at all, whose message is %s at any later call",
  async (what) => {
    const failures: string[] = [];
    let calls = 0;
    for (let isLast = false; !isLast; calls++) {
      const plan = new AfterDeath(calls + 1);
      const migration = migrationOf("graph", 3, plan);
      plan.act = () => {
        const { messages } = migration.folder("INBOX");
        const one = messages.get(2);
        if (one && what === "moved") migration.folder("Work").add(one);
        messages.delete(2);
      };
      await migration.upload({ options: { propagateDeletes: true } });
      await migration.deployment.rest();
      isLast = plan.left > 0;
      plan.left = 0;
      await migration.sync();
      await migration.deployment.rest();
      await migration.expectSettled().catch((error: unknown) => failures.push(`call ${calls + 1}: ${error}`));
    }
    expect(failures).toEqual([]);
    expect(calls).toBeGreaterThan(10);
  },
);

it.each(targets.flatMap((target) => [1, 2, 3].map((write) => [target, write] as const)))(
  "what a dead process wrote to %s stays in doubt where a message moves into its folder before it was looked for (write %i)",
  async (target, write) => {
    const plan = new AtWrites({
      [5 + write]: () => {
        const { messages } = migration.folder("INBOX");
        const one = messages.get(2);
        if (one) migration.folder("Work").add(one);
        messages.delete(2);
        return { kind: "diesAfter" };
      },
    });
    const migration: Migration = migrationOf(target, 3, plan);
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    for (const number of [11, 12, 13]) migration.folder("Work").add(message(number));
    for (let rounds = 0; rounds < 2; rounds++) {
      await migration.sync();
      await migration.deployment.rest();
    }
    await migration.expectSettled();
  },
);

it("a doubt is told while it is open, reported as no loss, and a verification asked for meanwhile finds nothing", async () => {
  const migration = migrationOf("graph", 8);
  const { deployment } = migration;
  const verify = () =>
    deployment.perform(({ control }) =>
      control.verify(batch, { level: "items", sample: defaultSample }, "operator"),
    );
  migration.target().disturb = everyNth(3);
  await migration.upload();
  await deployment.goOnFor(2_000);
  const [open] = await migration.mailboxes();
  expect(open).toMatchObject({ status: "Syncing", skippedItemCount: 0, warnings: { MessagesSetAside: 3 } });
  await verify();
  await deployment.perform(({ report }) => report());
  await deployment.rest();
  await migration.expectSettled();
  await verify();
  await deployment.rest();
  const [mailbox] = await migration.mailboxes();
  expect(mailbox?.warnings ?? {}).toEqual({});
  expect(mailbox?.verification).toMatchObject({ compared: 10, counts: {} });
});

it.each([3, 30])(
  "a write that lands %i minutes after it was given up is removed by the next round",
  async (minutes) => {
    const migration = migrationOf("graph", 8);
    const state = migration.target();
    state.disturb = (write) => (write === 3 ? { kind: "landsLate", afterMs: minutes * minute } : undefined);
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    await migration.deployment.goOnFor(40 * minute);
    expect(state.items).toHaveLength(11);
    await migration.sync();
    await migration.deployment.rest();
    await migration.expectSettled();
    const [{ ledgerId } = { ledgerId: undefined }] = await migration.mailboxes();
    const folders = ledgerId ? await migration.deployment.stores.ledgers.listFolders(ledgerId) : [];
    expect(folders.flatMap(({ lastLooks = [] }) => lastLooks)).toEqual([]);
  },
);

it("a short pause that the target asks for costs no login, no plan and no round", async () => {
  const plan = new AtWrites({ 4: () => throttled(10_000), 22: () => throttled(20_000) });
  const migration = migrationOf("graph", 20, plan);
  await migration.upload();
  await migration.deployment.rest();
  await migration.expectSettled();
  expect(opened(plan)).toBe(1);
  const deferred = migration.deployment.events.filter(({ event }) => event === "mailbox.deferred");
  expect(deferred.map(({ fields }) => [fields.code, fields.delayMs])).toEqual([
    ["GraphThrottled", 10_000],
    ["GraphThrottled", 20_000],
  ]);
  const planned = migration.deployment.events.filter(({ event }) => event === "folder.planned");
  expect(planned).toHaveLength(1);
});

describe.each(targets)("doubts of two chunks and folders on %s", (target) => {
  it.each(["diesAfter", "landsLate"] as const)("end well whichever call a process %s", async (kind) => {
    const story = async (plan: FaultPlan): Promise<Migration> => {
      const migration = migrationOf(target, 7, plan, { maxMessages: 4 });
      migration.target().disturb = (write) =>
        [2, 5, 8].includes(write) ? kinds[(write + 1) % 4] : undefined;
      await migration.upload();
      await migration.deployment.rest();
      return migration;
    };
    const clean = new FaultPlan();
    await story(clean);
    const failures: string[] = [];
    for (const [index, name] of clean.calls.entries()) {
      if (index % 6 !== 1 || (kind === "landsLate" && !/\.(write|putAll)$/.test(name))) continue;
      try {
        const fault: Fault = kind === "landsLate" ? { kind, afterMs: 70_000 } : { kind };
        const migration = await story(new FaultPlan(new Map([[index + 1, fault]])));
        await migration.deployment.goOnFor(5 * minute);
        await migration.expectSettled();
      } catch (error) {
        failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(clean.calls.length).toBeGreaterThan(150);
    expect(failures).toEqual([]);
  });
});
