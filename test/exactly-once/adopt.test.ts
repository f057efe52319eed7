import { describe, expect, it, vi } from "vitest";
import type { Uid } from "../../shared/domain/names.ts";
import { adoptionOf, fits } from "../../shared/migration/sync/adopt.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

const targets: readonly TargetKind[] = ["graph", "imap"];
const none = { stamp: undefined, chunkToken: undefined };
const count = 12;

/** How other programs change what they copy. */
const tools: Readonly<Record<string, (text: string) => string>> = {
  "a drag and drop, byte by byte": (text) => text,
  "imapsync, which adds headers": (text) => `X-imapsync: copied\r\nX-Spam-Status: No\r\n${text}`,
  "Exchange, which writes them anew": (text) =>
    text
      .replace("Subject: ", "X-MS-Exchange-Organization-SCL: -1\r\nsubject: ")
      .replace("Body", "<html><body>Body"),
};

/** A mailbox, half of which another program has copied; the user has mail of their own beside it. */
function halfCopied(target: TargetKind, change: (text: string) => string, plan = new FaultPlan()): Migration {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan });
  const state = migration.target();
  for (let n = 1; n <= count; n++) {
    const original = {
      ...message(n),
      text: `Date: ${new Date(n * 1e9).toUTCString()}\r\n${message(n).text}`,
    };
    migration.folder(n % 3 === 0 ? "Work" : "INBOX").add(original);
    if (n % 2 === 0)
      state.place(state.folderAt(n % 3 === 0 ? "Work" : "Inbox"), {
        ...original,
        ...none,
        text: change(original.text),
      });
  }
  state.place(state.folderAt("Inbox"), { ...message(500), ...none });
  return migration;
}

/** How often each message of the source is in the target, by Message-ID. */
function copies(migration: Migration): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { text } of migration.target().items) {
    const id = /^Message-ID: (.*)\r$/im.exec(text)?.[1] ?? "";
    found[id] = (found[id] ?? 0) + 1;
  }
  return found;
}

const once = Object.fromEntries(
  [...Array.from({ length: count }, (_, index) => index + 1), 500].map((n) => [`<${n}@example.net>`, 1]),
);

async function migrate(migration: Migration, adoptExisting: string): Promise<void> {
  await migration.upload({ options: { adoptExisting } });
  await migration.deployment.rest();
  expect((await migration.mailboxes()).map(({ status, error }) => error?.code ?? status)).toEqual(["Synced"]);
}

describe("a mailbox that was half copied before", () => {
  it.each(targets.flatMap((target) => Object.keys(tools).map((tool) => [target, tool] as const)))(
    "%s: by %s, is adopted: nothing twice, nothing lost",
    async (target, tool) => {
      const migration = halfCopied(target, tools[tool] ?? String);
      await migrate(migration, "folder");
      expect(copies(migration)).toEqual(once);
      const [mailbox] = await migration.mailboxes();
      expect(mailbox).toMatchObject({
        syncedItemCount: count,
        totalItemCount: count,
        warnings: { AdoptedExisting: count / 2 },
      });

      // Flags follow to what was adopted.
      const inbox = migration.folder("INBOX");
      const second = inbox.messages.get(2);
      if (second === undefined) throw new Error("no message");
      inbox.messages.set(2, { ...second, flags: ["\\Seen"] });
      await migration.sync();
      await migration.deployment.rest();
      expect(copies(migration)).toEqual(once);
      const id = /Message-ID: (.*)\r/i.exec(second.text)?.[1] ?? "";
      expect(migration.target().items.find(({ text }) => text.includes(id))?.flags).toEqual(["\\Seen"]);
    },
  );

  it.each(targets)("%s: is copied whole where nobody asked for it", async (target) => {
    const migration = halfCopied(target, String);
    await migrate(migration, "off");
    expect(Object.values(copies(migration)).filter((times) => times === 2)).toHaveLength(count / 2);
  });

  it.each(targets)("%s: is adopted from other folders if that is asked for, and else not", async (target) => {
    for (const [option, twice] of [
      ["anywhere", 0],
      ["folder", count / 2],
    ] as const) {
      const migration = halfCopied(target, String);
      const state = migration.target();
      const items = [...state.items];
      state.items = [];
      for (const item of items) state.place(state.folderAt("Old mail"), item);
      await migrate(migration, option);
      expect(Object.values(copies(migration)).filter((times) => times === 2)).toHaveLength(twice);
    }
  });

  it("has different messages of one Message-ID copied, and counts them", async () => {
    const migration = halfCopied("graph", String);
    const twin = {
      ...message(2),
      text: `Date: ${new Date(2e9).toUTCString()}\r\nX-List: 1\r\n${message(2).text}`,
    };
    migration.folder("INBOX").add(twin);
    await migrate(migration, "folder");
    expect((await migration.mailboxes())[0]?.warnings).toEqual({
      AdoptedExisting: count / 2 - 1,
      AdoptionAmbiguous: 2,
    });
    expect(copies(migration)).toEqual({ ...once, "<2@example.net>": 3 });
  });

  it.each(targets)(
    "%s: is adopted once though a worker dies at any call",
    { timeout: 120_000 },
    async (target) => {
      const clean = new FaultPlan();
      await migrate(halfCopied(target, String, clean), "folder");
      const first = clean.calls.indexOf("target.listEntries");
      const failures: string[] = [];
      for (let at = first; at <= clean.calls.length; at += 2) {
        const kind: Fault["kind"] = at % 4 === 0 ? "diesBefore" : "diesAfter";
        const migration = halfCopied(target, String, new FaultPlan(new Map([[at, { kind }]])));
        await migrate(migration, "folder");
        if (
          JSON.stringify(Object.entries(copies(migration)).sort()) !==
          JSON.stringify(Object.entries(once).sort())
        )
          failures.push(`${kind} at ${at} ${clean.calls[at - 1]}`);
      }
      expect(clean.calls.length - first).toBeGreaterThan(20);
      expect(failures).toEqual([]);
    },
  );
});

describe("what is adopted", () => {
  const of = (uid: number, digest = "a", size = 1_000) => ({ uid: uid as Uid, size, key: "k", digest });
  const there = (id: string, size: number | undefined = 1_000) => ({
    id: id as never,
    size,
    place: "inbox" as never,
    key: "k",
  });
  const pairs = (...given: Parameters<typeof adoptionOf>) => {
    const { adopted, ambiguous } = adoptionOf(...given);
    return [Object.fromEntries([...adopted].map(([uid, { id }]) => [uid, id])), ambiguous];
  };

  it.each([
    ["one of one", [of(1)], [there("x")], { 1: "x" }, []],
    ["the nearest of several", [of(1)], [there("x", 2_000), there("y", 1_010)], { 1: "y" }, []],
    ["as many equal ones as there are", [of(1), of(2)], [there("x")], { 1: "x" }, []],
    ["none of different ones", [of(1), of(2, "b")], [there("x")], {}, [1, 2]],
    ["none of another size", [of(1)], [there("x", 900_000)], {}, []],
    ["one whose size is not told", [of(1)], [there("x", undefined)], { 1: "x" }, []],
    ["none of none", [of(1)], [], {}, []],
  ] as const)("is %s", (_, messages, unclaimed, adopted, ambiguous) => {
    expect(pairs(messages, unclaimed)).toEqual([adopted, ambiguous]);
  });

  it("may be smaller by the encoding of its attachments, and larger by headers", () => {
    expect([fits(1_000_000, 740_000), fits(1_000_000, 1_010_000), fits(1_000_000, 400_000)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

it("a write in doubt is found although what was adopted elsewhere has its id there", async () => {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target: "imap", plan: new FaultPlan() });
  const dated = (n: number) => ({
    ...message(n),
    text: `Date: ${new Date(n * 1e9).toUTCString()}\r\n${message(n).text}`,
  });
  for (const n of [1, 2]) migration.folder("INBOX").add(dated(n));
  const state = migration.target();
  const { id } = state.place(state.folderAt("Archive"), { ...dated(1), ...none });
  state.interruption = { kind: "answerLost" };
  await migration.upload({ options: { adoptExisting: "anywhere" } });
  await migration.deployment.rest();
  const written = state.items.filter(({ text }) => text === dated(2).text);
  expect(written.map((one) => one.id)).toEqual([id]);
  expect(state.items).toHaveLength(2);
  await migration.expectAtRest();
});
