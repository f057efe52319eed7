import { describe, expect, it, vi } from "vitest";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import type { TargetKind } from "../stack/memory/memory-target.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

interface Happening {
  readonly title: string;
  readonly act: (migration: Migration) => void;
  /** True where messages rightly stay in the target folder they were copied to. */
  readonly staysInPlace?: boolean;
  /**
   * True where copies that a dying process has just written can be told by a mark only: an IMAP server keeps none, so
   * there they cannot be told from the user's own mail.
   */
  readonly needsMark?: boolean;
}

const happenings: readonly Happening[] = [
  { title: "a folder gets another UIDVALIDITY", act: (migration) => migration.folder("INBOX").renumber() },
  {
    title: "a folder begins again under the same UIDVALIDITY",
    act: (migration) => {
      const inbox = migration.folder("INBOX");
      inbox.messages.clear();
      inbox.uidNext = 1;
      for (const n of [40, 2, 41]) inbox.add(message(n));
    },
    needsMark: true,
  },
  {
    title: "messages move to another folder",
    act: (migration) => {
      const inbox = migration.folder("INBOX");
      for (const [uid, one] of [...inbox.messages].slice(0, 2)) {
        inbox.messages.delete(uid);
        migration.folder("Work").add(one);
      }
    },
    needsMark: true,
  },
  {
    title: "messages are deleted",
    act: (migration) => {
      migration.folder("INBOX").messages.delete(1);
      migration.folder("Work").messages.delete(1);
    },
    needsMark: true,
  },
  { title: "a folder is renamed", act: renameFolder, staysInPlace: true, needsMark: true },
  {
    title: "a folder is removed at the source, and by the user in the target",
    act: (migration) => {
      migration.removeFolder("Work");
      migration.target().deleteFolder("Work");
    },
  },
  { title: "new mail comes in", act: (migration) => void migration.folder("INBOX").add(message(90)) },
];

function renameFolder(migration: Migration): void {
  const folders = migration.deployment.source.mailboxes.get("ann");
  const work = folders?.get("Work");
  if (work === undefined) return;
  folders?.delete("Work");
  folders?.set("Tasks", work);
}

/** A first and a second round; whatever happens may happen at any call of these. */
async function twoRounds(migration: Migration): Promise<void> {
  await migration.upload({ options: { propagateDeletes: true } });
  await migration.deployment.rest();
  await migration.sync();
  await migration.deployment.rest();
}

/** What happened in the middle of a round is noticed by the next one at the latest, and followed by the one of the next day. */
async function twoMoreRounds(migration: Migration): Promise<void> {
  await migration.sync();
  await migration.deployment.rest();
  vi.setSystemTime(Date.now() + 24 * 3_600_000);
  await migration.sync();
  await migration.deployment.rest();
}

function start(target: TargetKind, plan: FaultPlan): Migration {
  vi.clearAllTimers();
  const migration = new Migration(["ann"], { target, plan, limits: { maxMessages: 3 } });
  for (const n of [1, 2, 3, 4]) migration.folder("INBOX").add(message(n));
  for (const n of [5, 6]) migration.folder("Work").add(message(n));
  return migration;
}

const kinds = [
  { kind: "goesOn", title: "during a call", at: (_: string, index: number) => index % 6 === 0 },
  {
    kind: "diesAfter",
    title: "while a process dies in a call",
    at: (name: string) => /^target\.(write|moveItem|findWritten)|^ledgers\.write/.test(name),
  },
] as const;

describe.each(["graph", "imap"] as const)("to %s", (target) => {
  describe.each(kinds)("whatever happens $title", ({ kind, at }) => {
    const possible = happenings.filter(
      ({ needsMark }) => target === "graph" || kind === "goesOn" || needsMark !== true,
    );
    it.each(possible)("$title", async ({ act, staysInPlace = false }) => {
      const clean = new FaultPlan();
      await twoRounds(start(target, clean));
      const failures: string[] = [];
      for (const [index, name] of clean.calls.entries()) {
        if (!at(name, index)) continue;
        const faults = new Map<number, Fault>();
        const migration = start(target, new FaultPlan(faults));
        faults.set(index + 1, { kind, meanwhile: () => act(migration) });
        try {
          await twoRounds(migration);
          await twoMoreRounds(migration);
          await migration.expectSettled({ byFolder: !staysInPlace });
        } catch (error) {
          failures.push(`call ${index + 1}, ${name}: ${error instanceof Error ? error.message : error}`);
        }
      }
      expect(failures).toEqual([]);
    });
  });

  it("a target folder that the user deletes while a round is interrupted stops nothing", async () => {
    const first = async (migration: Migration) => {
      await migration.upload();
      await migration.deployment.rest();
      for (const [path, n] of [
        ["INBOX", 7],
        ["Work", 8],
      ] as const)
        migration.folder(path).add(message(n));
    };
    const clean = new FaultPlan();
    const undisturbed = start(target, clean);
    await first(undisturbed);
    const before = clean.calls.length;
    await undisturbed.sync();
    await undisturbed.deployment.rest();
    const failures: string[] = [];
    for (const [index, name] of clean.calls.entries()) {
      if (index < before || !/^target/.test(name)) continue;
      const faults = new Map<number, Fault>();
      const migration = start(target, new FaultPlan(faults));
      const meanwhile = () => {
        migration.target().deleteFolder("Work");
        const inbox = migration.folder("INBOX").messages;
        const [uid, moved] = [...inbox][0] ?? [];
        if (uid === undefined || moved === undefined) throw new Error("the inbox is empty");
        inbox.delete(uid);
        const work = migration.folder("Work");
        // As many as before, so that the folder does not look changed once more.
        work.messages.delete([...work.messages.keys()][0] ?? 0);
        work.add(moved);
      };
      faults.set(index + 1, { kind: "diesAfter", meanwhile });
      await first(migration);
      await migration.sync();
      await migration.deployment.rest();
      const [mailbox] = await migration.mailboxes();
      if (mailbox?.status !== "Synced") failures.push(`call ${index + 1}, ${name}: ${mailbox?.error?.code}`);
    }
    expect(failures).toEqual([]);
  });
});

it("ends where a folder with a write in doubt is removed at the source, and in the target at any later call", async () => {
  const clean = new FaultPlan();
  await twoRounds(start("graph", clean));
  const last = clean.calls.slice(0, 120).lastIndexOf("target.write") + 1;
  const failures: string[] = [];
  for (let later = last + 1; later < last + 110; later++) {
    const faults = new Map<number, Fault>();
    const migration = start("graph", new FaultPlan(faults));
    faults.set(last, { kind: "diesAfter", meanwhile: () => migration.removeFolder("Work") });
    faults.set(later, { kind: "goesOn", meanwhile: () => migration.target().deleteFolder("Work") });
    try {
      await twoRounds(migration);
      await twoMoreRounds(migration);
      await migration.expectSettled();
    } catch (error) {
      failures.push(`call ${later}: ${error instanceof Error ? error.message : error}`);
    }
  }
  expect(failures).toEqual([]);
});

it("a move that ended after its COPY, on an IMAP target without MOVE, leaves no second copy", async () => {
  const migration = start("imap", new FaultPlan());
  await migration.upload();
  await migration.deployment.rest();
  const [uid, moved] = [...migration.folder("INBOX").messages][0] ?? [];
  if (uid === undefined || moved === undefined) throw new Error("the inbox is empty");
  migration.folder("INBOX").messages.delete(uid);
  migration.folder("Work").add(moved);
  migration.target().copiesFirst = true;
  await migration.sync();
  await migration.deployment.rest();
  expect(migration.target().copiesFirst).toBe(false);
  await migration.expectSettled();
});
