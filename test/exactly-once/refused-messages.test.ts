import { describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;
const hour = 60 * minute;

/** The inbox of so many messages, some of which the target answers with 500, and another folder behind it. */
function migrationOf(
  target: TargetKind,
  messages: number,
  refused: readonly number[],
  plan = new FaultPlan(),
) {
  const migration = new Migration(["ann"], { target, plan });
  for (let number = 1; number <= messages; number++) migration.folder("INBOX").add(message(number));
  for (const number of refused) migration.target().refusing.add(message(number).text);
  for (let number = 1001; number <= 1005; number++) migration.folder("Work").add(message(number));
  return migration;
}

async function figures(migration: Migration) {
  const [mailbox] = await migration.mailboxes();
  return [mailbox?.status, mailbox?.syncedItemCount, mailbox?.skippedItemCount];
}

async function skipsOf(migration: Migration) {
  const skips: { readonly uid: number; readonly code: string; readonly message: string }[] = [];
  for (const { ledgerId } of await migration.mailboxes())
    if (ledgerId)
      for await (const skip of migration.deployment.stores.ledgers.listSkipped(ledgerId)) skips.push(skip);
  return skips;
}

const copies = (migration: Migration) => migration.target().items.length;

describe.each(["graph", "imap"] as const)(
  "messages that the target (%s) answers with 500, always",
  (target) => {
    it.each([
      ["one of many", 150, [77]],
      ["the first", 150, [1]],
      ["the last", 150, [150]],
      ["some of many", 150, [3, 4, 5, 6, 50, 99, 149]],
    ] as const)("%s: all others are copied at once, and they are named", async (_, messages, refused) => {
      const migration = migrationOf(target, messages, refused);
      const { deployment } = migration;
      await migration.upload();
      await deployment.goOnFor(minute);
      expect(copies(migration)).toBe(messages - refused.length + 5);
      // An IMAP target cannot be asked whether it takes others, so that there it is tried for a day.
      if (target === "graph") {
        await deployment.goOnFor(20 * minute);
        expect(await skipsOf(migration)).toHaveLength(refused.length);
      }
      for (let hours = 0; target === "imap" && hours < 25; hours++) await deployment.goOnFor(hour);
      await deployment.rest();
      expect(await figures(migration)).toEqual(["Synced", messages - refused.length + 5, refused.length]);
      const skips = await skipsOf(migration);
      expect(skips.map(({ uid }) => uid)).toEqual(refused);
      for (const { code, message: reason } of skips) {
        expect(code).toBe("TargetRefusesMessage");
        expect(reason).toMatch(/in any try of \d+ minutes.*GraphUnavailable/);
      }

      migration.target().refusing.clear();
      await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
      await deployment.rest();
      await migration.expectSettled();
    });

    it("that it stored all the same are found, and there once", async () => {
      const migration = migrationOf(target, 20, []);
      migration.target().interruption = { kind: "answerLost" };
      await migration.upload();
      await migration.deployment.rest();
      await migration.expectSettled();
      expect(await skipsOf(migration)).toEqual([]);
    });

    it("that it stores late are there once", async () => {
      const migration = migrationOf(target, 20, []);
      migration.target().interruption = { kind: "landsLate", afterMs: 40_000 };
      await migration.upload();
      await migration.deployment.rest();
      await migration.expectSettled();
    });

    it("that it takes after all are copied once", async () => {
      const migration = migrationOf(target, 30, [7, 8]);
      await migration.upload();
      await migration.deployment.goOnFor(3 * minute);
      expect(copies(migration)).toBe(33);
      migration.target().refusing.clear();
      await migration.deployment.rest();
      await migration.expectSettled();
      expect(await figures(migration)).toEqual(["Synced", 35, 0]);
    });
  },
);

it("loses and doubles nothing where a process dies after any call", async () => {
  const copied = async (plan: FaultPlan) => {
    vi.clearAllTimers();
    const migration = migrationOf("graph", 5, [2], plan);
    await migration.upload();
    await migration.deployment.goOnFor(3 * minute);
    migration.target().refusing.clear();
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

/** From the first write on calls fail. */
class Away extends FaultPlan {
  until = Number.POSITIVE_INFINITY;
  readonly #calls: RegExp;
  readonly #lastsMs: number;
  readonly #error: MigrationError;

  constructor(calls: RegExp, lastsMs: number, error: MigrationError) {
    super();
    this.#calls = calls;
    this.#lastsMs = lastsMs;
    this.#error = error;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    super.next(name, given);
    if (name === "target.write" && this.until === Number.POSITIVE_INFINITY)
      this.until = Date.now() + this.#lastsMs;
    const isAway = this.until !== Number.POSITIVE_INFINITY && Date.now() < this.until;
    return isAway && this.#calls.test(name) ? { kind: "fails", afterMs: 500, error: this.#error } : undefined;
  }
}

const unavailable = new MigrationError("transient", "GraphUnavailable", "It answered 500.", {
  inDoubt: true,
});
const tokenRefused = new MigrationError("transient", "GraphTokenRefused", "It answered 401.");

describe("a target that is away as a whole", () => {
  it.each([
    ["for 40 s", /^target\./, 40_000, unavailable],
    ["for 10 min", /^target\./, 10 * minute, unavailable],
    ["to all that is written, for 40 s", /^target\.(write|takesMessages)/, 40_000, unavailable],
    ["to all that is written, for 10 min", /^target\.(write|takesMessages)/, 10 * minute, unavailable],
    ["to all that is written, for 2 h", /^target\.(write|takesMessages)/, 2 * hour, unavailable],
    ["to good tokens, for 2 h", /^target\./, 2 * hour, tokenRefused],
  ] as const)("%s gives up no message", async (_, calls, lastsMs, error) => {
    const plan = new Away(calls, lastsMs, error);
    const migration = new Migration(["ann", "bob"], { target: "graph", plan });
    for (const user of ["ann", "bob"])
      for (const path of ["INBOX", "Work"])
        for (let number = 1; number <= 4; number++) migration.folder(path, user).add(message(number));
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(await skipsOf(migration)).toEqual([]);
    expect(migration.deployment.events.map(({ event }) => event)).not.toContain("mailbox.failed");
  });

  it("to good tokens, for more than a day, ends with the true cause, and a retry goes on", async () => {
    const plan = new Away(/^target\./, 26 * hour, tokenRefused);
    const migration = migrationOf("graph", 4, [], plan);
    await migration.upload();
    for (let hours = 0; hours < 23; hours++) await migration.deployment.goOnFor(hour);
    expect((await migration.mailboxes())[0]?.status).not.toBe("Failed");
    for (let hours = 0; hours < 3; hours++) await migration.deployment.goOnFor(hour);
    const [mailbox] = await migration.mailboxes();
    expect([mailbox?.status, mailbox?.error?.code]).toEqual(["Failed", "GraphTokenRefused"]);
    await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await migration.deployment.rest();
    await migration.expectSettled();
  });
});
