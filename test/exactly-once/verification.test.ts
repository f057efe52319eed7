import { describe, expect, it, vi } from "vitest";
import type { Stamp, TargetItemId } from "../../shared/domain/names.ts";
import {
  type DifferenceCounts,
  defaultSample,
  type VerificationLevel,
} from "../../shared/domain/verification.ts";
import type { VerificationOutcome } from "../../shared/migration/ports/registry.ts";
import { batchVerification } from "../../shared/migration/status/verification-view.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";
import { edit, itemOf, move } from "./target-edits.ts";

fakeTime();

const targets: readonly TargetKind[] = ["graph", "imap"];

/** A synced mailbox of eight messages in two folders, one of them marked as deleted at the source, and so left out. */
async function synced(target: TargetKind, plan = new FaultPlan(), options = {}): Promise<Migration> {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan });
  for (let n = 1; n <= 5; n++) migration.folder("INBOX").add(message(n, n % 2 === 0 ? ["\\Seen"] : []));
  migration.folder("INBOX").add(message(6, ["\\Deleted"]));
  for (let n = 7; n <= 8; n++) migration.folder("Work").add(message(n));
  await migration.upload({ options });
  await migration.deployment.rest();
  return migration;
}

async function verify(
  migration: Migration,
  level: VerificationLevel = "items",
): Promise<VerificationOutcome> {
  const request = { level, sample: defaultSample };
  await migration.deployment.perform(({ control }) => control.verify(batch, request, "operator"));
  await migration.deployment.rest();
  const [mailbox] = await migration.mailboxes();
  expect(mailbox?.verifying).toBeUndefined();
  expect(mailbox?.error).toBeUndefined();
  if (mailbox?.verification === undefined) throw new Error("the mailbox was not verified");
  return mailbox.verification;
}

interface Plant {
  readonly name: string;
  readonly plant: (migration: Migration) => void;
  readonly found: DifferenceCounts;
  readonly level?: VerificationLevel;
  readonly only?: TargetKind;
  readonly more?: Partial<VerificationOutcome>;
}

const plants: readonly Plant[] = [
  { name: "nothing", plant: () => undefined, found: {}, more: { compared: 7, waiting: 0 } },
  {
    name: "a message removed from the store",
    plant: (migration) => {
      const target = migration.target();
      const gone = itemOf(migration, 3);
      target.items = target.items.filter((item) => item !== gone);
    },
    found: { Missing: 1 },
    more: { compared: 6 },
  },
  {
    name: "a second copy beside the first",
    plant: (migration) => {
      const target = migration.target();
      target.place(target.folderAt("Inbox"), itemOf(migration, 2));
    },
    found: { Duplicate: 1 },
  },
  {
    name: "a second copy in another folder",
    plant: (migration) => {
      const target = migration.target();
      target.place(target.folderAt("Elsewhere"), itemOf(migration, 2));
    },
    found: { Duplicate: 1 },
    only: "graph",
  },
  {
    name: "another date",
    plant: (migration) => edit(migration, 1, { internalDate: message(1).internalDate + 3_600_000 }),
    found: { DateDiffers: 1 },
  },
  {
    name: "a foreign message with our stamp",
    plant: (migration) => {
      const target = migration.target();
      const foreign = { ...message(99), chunkToken: "foreign", stamp: "foreign" as Stamp };
      target.place(target.folderAt("Inbox"), foreign);
    },
    found: { Unexpected: 1 },
    only: "graph",
  },
  {
    name: "a foreign message with our stamp in another folder",
    plant: (migration) => {
      const target = migration.target();
      const foreign = { ...message(99), chunkToken: "foreign", stamp: "foreign" as Stamp };
      target.place(target.folderAt("Elsewhere"), foreign);
    },
    found: { Unexpected: 1 },
    only: "graph",
  },
  {
    name: "a message that the source no longer gives",
    plant: (migration) => void migration.folder("Work").withheld.add(1),
    found: { NotReadable: 1 },
    more: { compared: 6 },
  },
  {
    name: "another content",
    plant: (migration) => edit(migration, 4, { text: message(4).text.slice(0, -3) }),
    found: { ContentDiffers: 1 },
    level: "content",
    more: { sampled: 7 },
  },
  { name: "no other content", plant: () => undefined, found: {}, level: "content", more: { sampled: 7 } },
  {
    name: "what the user deleted",
    plant: (migration) => move(migration, 5, "Deleted Items"),
    found: { DeletedInTarget: 1 },
  },
  {
    name: "what the user moved",
    plant: (migration) => move(migration, 5, "Private"),
    found: { MovedInTarget: 1 },
  },
  {
    name: "what the user moved between folders that are copied",
    plant: (migration) => move(migration, 7, "Inbox"),
    found: { MovedInTarget: 1 },
  },
  {
    name: "what the user read",
    plant: (migration) => edit(migration, 1, { flags: ["\\Seen"] }),
    found: { FlagsDiffer: 1 },
  },
  {
    name: "mail of the user's own",
    plant: (migration) => {
      const target = migration.target();
      const own = { ...message(77), stamp: undefined, chunkToken: undefined };
      target.place(target.folderAt("Inbox"), own);
      target.place(target.folderAt("Private"), own);
    },
    found: {},
  },
  {
    name: "mail that came since the last sync, and flags that changed",
    plant: (migration) => {
      migration.folder("INBOX").add(message(50));
      const first = migration.folder("INBOX").messages.get(1);
      if (first) migration.folder("INBOX").messages.set(1, { ...first, flags: ["\\Flagged"] });
    },
    found: {},
    more: { waiting: 2, compared: 7 },
  },
  {
    name: "mail that was deleted at the source since",
    plant: (migration) => void migration.folder("INBOX").messages.delete(2),
    found: {},
  },
  {
    name: "a folder with all it held",
    plant: (migration) => migration.target().deleteFolder("Work"),
    found: { Missing: 2 },
  },
  {
    name: "a folder that is not there, by counts",
    plant: (migration) => migration.target().deleteFolder("Work"),
    found: { FolderMissing: 1 },
    level: "counts",
  },
  {
    name: "a folder that is short, by counts",
    plant: (migration) => {
      const target = migration.target();
      const gone = itemOf(migration, 3);
      target.items = target.items.filter((item) => item !== gone);
    },
    found: { FolderShort: 1 },
    level: "counts",
  },
  { name: "nothing, by counts", plant: () => undefined, found: {}, level: "counts" },
];

const cases = targets.flatMap((target) =>
  plants.filter(({ only = target }) => only === target).map((plant) => ({ target, ...plant })),
);

describe("a verification", () => {
  it.each(cases)(
    "$target: finds $name and nothing else",
    async ({ target, plant, found, level, more = {} }) => {
      const migration = await synced(target);
      plant(migration);
      const before = JSON.stringify([...migration.target().items, ...migration.target().folders]);
      const outcome = await verify(migration, level);
      expect(outcome).toMatchObject({ counts: found, ...more });
      expect(outcome.error).toBeUndefined();
      expect(outcome.counts).toEqual(found);
      // It changes nothing, and the mailbox is what it was.
      expect(JSON.stringify([...migration.target().items, ...migration.target().folders])).toBe(before);
      expect((await migration.mailboxes())[0]).toMatchObject({ status: "Synced" });
    },
  );

  it.each(targets)("%s: finds all of them at once, and reports each with its place", async (target) => {
    const migration = await synced(target);
    const state = migration.target();
    const lost = itemOf(migration, 3);
    state.items = state.items.filter((item) => item !== lost);
    edit(migration, 1, { internalDate: 0 });
    move(migration, 5, "Private");
    state.place(state.folderAt("Inbox"), itemOf(migration, 2));
    const { counts } = await verify(migration);
    expect(counts).toEqual({ Missing: 1, DateDiffers: 1, MovedInTarget: 1, Duplicate: 1 });
    await migration.deployment.goOnFor(6 * 60_000);
    const report = migration.deployment.blobs.report(batch, "verification") ?? "";
    const rows = report.trim().split("\r\n");
    expect(rows[0]).toBe("emailAddress,folder,uid,receivedAt,size,difference,source,target,message");
    expect(
      rows.slice(1).map((row) =>
        row
          .split(",")
          .slice(1, 3)
          .concat(row.split(",")[5] ?? ""),
      ),
    ).toEqual(
      expect.arrayContaining([
        ["INBOX", "3", "Missing"],
        ["INBOX", "1", "DateDiffers"],
        ["INBOX", "5", "MovedInTarget"],
        ["INBOX", "2", "Duplicate"],
      ]),
    );
    expect(report).not.toContain("Body");
    const mailboxes = await migration.deployment.stores.mailboxes.summaries(batch, { slot: 0, of: 1 });
    expect(batchVerification(mailboxes, 0)).toMatchObject({
      verifiedCount: 1,
      equalCount: 0,
      differences: { Missing: 1, DateDiffers: 1, Duplicate: 1 },
      byUsers: { MovedInTarget: 1 },
    });
  });

  it.each(targets)("%s: of a mailbox that is copied completely finds every planted loss", async (target) => {
    const migration = await synced(target);
    for (let n = 100; n < 160; n++) migration.folder("INBOX").add(message(n));
    await migration.sync();
    await migration.deployment.rest();
    const state = migration.target();
    const lost = new Set<TargetItemId>();
    for (let n = 100; n < 160; n += 7) lost.add(itemOf(migration, n).id);
    state.items = state.items.filter(({ id }) => !lost.has(id));
    expect((await verify(migration)).counts).toEqual({ Missing: lost.size });
  });

  it("takes a mailbox again whose messages move while it is looked at", async () => {
    const calls = new FaultPlan();
    await verify(await synced("imap", calls));
    const at = calls.calls.lastIndexOf("target.listEntries") + 1;
    const moves = new Map<number, Fault>();
    const migration = await synced("imap", new FaultPlan(moves));
    move(migration, 7, "Aside");
    // It has looked into the inbox, and goes on to the folder where the message was.
    moves.set(at, { kind: "goesOn", meanwhile: () => move(migration, 7, "Inbox") });
    expect((await verify(migration)).counts).toEqual({ MovedInTarget: 1 });
  });

  it("goes on with the folder after it when its time is up", async () => {
    const migration = new Migration(["ann"], {
      target: "graph",
      plan: new FaultPlan(),
      limits: { maxSeconds: 0 },
    });
    for (let n = 1; n <= 6; n++) migration.folder(`Folder ${n}`).add(message(n));
    await migration.upload();
    await migration.deployment.rest();
    const before = migration.deployment.stepsMs.length;
    expect(await verify(migration)).toMatchObject({ compared: 6, counts: {} });
    expect(migration.deployment.stepsMs.length - before).toBeGreaterThanOrEqual(6);
  });

  it("outlives its worker at every call, and finds the same", async () => {
    const clean = new FaultPlan();
    const plain = await synced("graph", clean);
    const first = clean.calls.length + 1;
    move(plain, 5, "Private");
    await verify(plain);
    const last = clean.calls.length;
    for (let at = first; at <= last; at += 3) {
      const migration = await synced("graph", new FaultPlan(new Map([[at, { kind: "diesAfter" }]])));
      move(migration, 5, "Private");
      expect((await verify(migration)).counts, `call ${at}`).toEqual({ MovedInTarget: 1 });
    }
  });

  it("that fails leaves the mailbox as it was, and says why", async () => {
    const migration = await synced("graph");
    migration.deployment.source.mailboxes.delete("ann");
    expect(await verify(migration)).toMatchObject({ counts: {}, error: { code: "SourceLoginFailed" } });
    expect((await migration.mailboxes())[0]).toMatchObject({ status: "Synced" });
  });

  it("ends with a stop, and gives way to a sync", async () => {
    const migration = await synced("graph");
    const request = { level: "items", sample: 1 } as const;
    await migration.deployment.perform(async ({ control }) => {
      await control.verify(batch, request, "operator");
      await control.act(batch, "stop", "operator");
    });
    await migration.deployment.rest();
    expect((await migration.mailboxes())[0]).toMatchObject({ status: "Synced" });
    await migration.deployment.perform(({ control }) => control.act(batch, "start", "operator"));
    migration.folder("INBOX").add(message(60));
    await migration.deployment.perform(async ({ control }) => {
      await control.verify(batch, request, "operator");
      await control.act(batch, "complete", "operator");
    });
    await migration.deployment.rest();
    expect((await migration.mailboxes())[0]).toMatchObject({ status: "Completed" });
    expect(itemOf(migration, 60)).toBeDefined();
    expect(await verify(migration)).toMatchObject({ counts: {}, compared: 8 });
    expect((await migration.mailboxes())[0]?.status).toBe("Completed");
  });

  it("looks at a folder under two names once", async () => {
    vi.clearAllTimers();
    const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
    const notes = migration.folder("Notes");
    for (let n = 1; n <= 11; n++) notes.add(message(n));
    notes.messages.delete(1);
    migration.deployment.source.mailboxes.get("ann")?.set("Notes 2", notes);
    await migration.upload();
    await migration.deployment.rest();
    expect(await verify(migration)).toMatchObject({ counts: {}, compared: 10, waiting: 0 });
  });

  it("compares no message that the batch's dates leave out", async () => {
    const receivedSince = new Date(message(3).internalDate).toISOString();
    vi.clearAllTimers();
    const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
    for (let n = 1; n <= 5; n++) migration.folder("INBOX").add(message(n));
    await migration.upload({ options: { receivedSince } });
    await migration.deployment.rest();
    expect(await verify(migration)).toMatchObject({ counts: {}, compared: 3, waiting: 0 });
  });
});
