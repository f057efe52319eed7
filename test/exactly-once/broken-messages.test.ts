import { describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;

type Broken = { readonly by: "refusal" | "end"; readonly in: "bodies" | "all" };
const kinds: readonly Broken[] = [
  { by: "refusal", in: "bodies" },
  { by: "end", in: "bodies" },
  { by: "refusal", in: "all" },
  { by: "end", in: "all" },
];

/** The inbox of so many messages, some of which the server fails at, and another folder behind it. */
function migrationOf(messages: number, broken: readonly number[], how: Broken, plan = new FaultPlan()) {
  const migration = new Migration(["ann"], { target: "graph", plan });
  const inbox = migration.folder("INBOX");
  for (let number = 1; number <= messages; number++) inbox.add(message(number));
  for (const uid of broken) inbox.broken.set(uid, how);
  for (let number = 1001; number <= 1005; number++) migration.folder("Work").add(message(number));
  return migration;
}

const figures = async (migration: Migration) => {
  const [mailbox] = await migration.mailboxes();
  return [mailbox?.status, mailbox?.syncedItemCount, mailbox?.skippedItemCount];
};

async function skipsOf(migration: Migration) {
  const skips: { readonly uid: number; readonly code: string; readonly message: string }[] = [];
  const [mailbox] = await migration.mailboxes();
  if (mailbox?.ledgerId)
    for await (const skip of migration.deployment.stores.ledgers.listSkipped(mailbox.ledgerId))
      skips.push(skip);
  return skips;
}

const copies = (migration: Migration) => migration.target().items.length;

describe.each(kinds)("messages that the server fails at by a $by, asked for $in", (how) => {
  it.each([
    ["one of many", 150, [77]],
    ["the first", 150, [1]],
    ["the last", 150, [150]],
    ["some of many", 150, [3, 4, 50, 99, 149]],
    ["all of a folder", 3, [1, 2, 3]],
    ["many of a folder", 120, Array.from({ length: 90 }, (_, n) => n + 10)],
  ] as const)("%s: all others are copied at once, and they are named", async (_, messages, broken) => {
    const started = Date.now();
    const migration = migrationOf(messages, broken, how);
    const { deployment } = migration;
    await migration.upload();
    await deployment.goOnFor(minute);
    expect(copies(migration)).toBe(messages - broken.length + 5);
    await deployment.rest();
    expect(await figures(migration)).toEqual(["Synced", messages - broken.length + 5, broken.length]);
    const skips = await skipsOf(migration);
    expect(skips.map(({ uid }) => uid)).toEqual(broken);
    for (const { code, message: reason } of skips) {
      expect(code).toBe("SourceMessageUnreadable");
      expect(reason).toMatch(/in any try of 1[0-9] minutes.*(ServerUnavailable|ConnectionLost)/);
    }
    const [mailbox] = await migration.mailboxes();
    expect(((mailbox?.lastSyncedAt ?? 0) - started) / minute).toBeLessThan(25);

    migration.folder("INBOX").broken.clear();
    await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await deployment.rest();
    await migration.expectSettled();
  });

  it("are named by a batch with a filter of dates, too", async () => {
    const migration = migrationOf(30, [7], how);
    await migration.upload({ options: { receivedSince: "2000-01-01T00:00:00Z" } });
    await migration.deployment.rest();
    expect(await figures(migration)).toEqual(["Synced", 34, 1]);
  });

  it("that come after all are copied once", async () => {
    const migration = migrationOf(30, [7, 8], how);
    await migration.upload();
    await migration.deployment.goOnFor(3 * minute);
    expect(copies(migration)).toBe(33);
    migration.folder("INBOX").broken.delete(8);
    await migration.deployment.goOnFor(4 * minute);
    expect(copies(migration)).toBe(34);
    migration.folder("INBOX").broken.delete(7);
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(await figures(migration)).toEqual(["Synced", 35, 0]);
  });
});

it("loses and doubles nothing where a process dies after any call", async () => {
  const copied = async (plan: FaultPlan) => {
    vi.clearAllTimers();
    const migration = migrationOf(5, [2], { by: "end", in: "bodies" }, plan);
    await migration.upload();
    await migration.deployment.goOnFor(2 * minute);
    migration.folder("INBOX").broken.clear();
    await migration.deployment.rest();
    return migration;
  };
  const clean = new FaultPlan();
  await copied(clean);
  for (let index = 0; index < clean.calls.length; index += 2) {
    const migration = await copied(new FaultPlan(new Map([[index + 1, { kind: "diesAfter" }]])));
    await migration.expectSettled();
  }
  expect(clean.calls.length).toBeGreaterThan(100);
});

describe.each(["graph", "imap"] as const)(
  "to %s, nothing is lost or doubled where messages cannot be read",
  (target) => {
    it("of a folder that was numbered anew", async () => {
      const migration = new Migration(["ann"], { target, plan: new FaultPlan() });
      const inbox = migration.folder("INBOX");
      for (let number = 1; number <= 40; number++) inbox.add(message(number));
      await migration.upload({ options: { propagateDeletes: true } });
      await migration.deployment.rest();
      inbox.renumber();
      for (const uid of [3, 17]) inbox.broken.set(uid, { by: "end", in: "all" });
      inbox.add(message(41));
      await migration.sync();
      await migration.deployment.goOnFor(minute);
      expect(copies(migration)).toBe(41);
      await migration.deployment.rest();
      expect(await figures(migration)).toEqual(["Synced", 39, 2]);
      for (let day = 0; day < 2; day++) {
        for (let passed = 0; passed < 24; passed++) await migration.deployment.goOnFor(60 * minute);
        await migration.sync();
        await migration.deployment.rest();
      }
      expect(copies(migration)).toBe(41);
      inbox.broken.clear();
      await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
      await migration.deployment.rest();
      await migration.expectSettled();
    });

    it("where a worker died while it wrote them", async () => {
      const clean = migrationOf(6, [], { by: "end", in: "all" });
      await clean.upload();
      await clean.deployment.rest();
      for (let n = 1; n <= 6; n++) {
        vi.clearAllTimers();
        let writes = 0;
        const plan = new (class extends FaultPlan {
          override next(name: string, given: readonly unknown[]): Fault | undefined {
            super.next(name, given);
            if (name !== "target.write" || ++writes !== n) return undefined;
            for (const uid of [2, 3, 4]) migration.folder("INBOX").broken.set(uid, { by: "end", in: "all" });
            return { kind: "diesAfter" };
          }
        })();
        const migration = new Migration(["ann"], { target, plan });
        for (let number = 1; number <= 6; number++) migration.folder("INBOX").add(message(number));
        migration.folder("Work").add(message(9));
        await migration.upload();
        await migration.deployment.goOnFor(5 * minute);
        migration.folder("INBOX").broken.clear();
        await migration.deployment.rest();
        await migration.expectSettled();
      }
    });

    it("that moved to another folder", async () => {
      const migration = new Migration(["ann"], { target, plan: new FaultPlan() });
      const [inbox, work] = [migration.folder("INBOX"), migration.folder("Work")];
      for (let number = 1; number <= 10; number++) inbox.add(message(number));
      for (let number = 11; number <= 15; number++) work.add(message(number));
      await migration.upload({ options: { propagateDeletes: true } });
      await migration.deployment.rest();
      inbox.messages.delete(4);
      work.broken.set(work.add(message(4)), { by: "refusal", in: "all" });
      await migration.sync();
      await migration.deployment.goOnFor(minute);
      expect(copies(migration)).toBe(15);
      work.broken.clear();
      await migration.deployment.rest();
      await migration.sync();
      await migration.deployment.rest();
      await migration.expectSettled();
      expect(copies(migration)).toBe(15);
    });
  },
);

describe("a server that is away as a whole, and answers all the same,", () => {
  /** Every read fails from the first write on. */
  class Away extends FaultPlan {
    #until = Number.POSITIVE_INFINITY;
    readonly #calls: RegExp;
    readonly #lastsMs: number;

    constructor(calls: RegExp, lastsMs: number) {
      super();
      this.#calls = calls;
      this.#lastsMs = lastsMs;
    }

    override next(name: string, given: readonly unknown[]): Fault | undefined {
      super.next(name, given);
      if (name === "target.write" && this.#until === Number.POSITIVE_INFINITY)
        this.#until = Date.now() + this.#lastsMs;
      if (Date.now() >= this.#until || this.#until === Number.POSITIVE_INFINITY || !this.#calls.test(name))
        return undefined;
      const error = new MigrationError("transient", "ServerUnavailable", "It is away.");
      return { kind: "fails", afterMs: 500, error };
    }
  }

  it.each([
    ["to what asks for bodies, for 40 s", /^source\.(fetchMessages|openMessage)/, 40_000],
    ["to what asks for bodies, for 10 min", /^source\.(fetchMessages|openMessage)/, 10 * minute],
    ["to what asks for messages, for 10 min", /^source\.(fetch|openMessage)/, 10 * minute],
    ["to what opens a folder, for 40 s", /^source\.openFolder/, 40_000],
    ["to what opens a folder, for 10 min", /^source\.openFolder/, 10 * minute],
    ["to all, for 10 min", /^source\./, 10 * minute],
  ] as const)("%s, costs no message and no folder", async (_, calls, lastsMs) => {
    const plan = new Away(calls, lastsMs);
    const migration = new Migration(["ann", "bob"], { target: "graph", plan });
    for (const user of ["ann", "bob"])
      for (const path of ["INBOX", "Work", "Work/Old", "Zoo"])
        for (let number = 1; number <= 3; number++) migration.folder(path, user).add(message(number));
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(await skipsOf(migration)).toEqual([]);
  });
});
