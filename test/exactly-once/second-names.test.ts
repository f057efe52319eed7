import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import type { SourceFolderState } from "../stack/memory/memory-source.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

/** A UIDVALIDITY that is a time, as most servers give them. */
const telling = 1_700_000_000;

/** Three folders of ten messages, each with a UIDVALIDITY of its own. */
function migrationOf(plan = new FaultPlan()) {
  const migration = new Migration(["ann"], { target: "graph", plan });
  for (const [index, path] of ["INBOX", "Notes", "Work"].entries()) {
    const folder = migration.folder(path);
    folder.uidValidity = telling + index;
    for (let number = 1; number <= 10; number++) folder.add(message(100 * index + number));
  }
  return migration;
}

/** A message that was removed again leaves a gap, as it does in a folder that is in use. */
function leaveGap(folder: SourceFolderState): void {
  folder.messages.delete(folder.add(message(990)));
}

/** Has the server show a folder under one more name. */
function alias(migration: Migration, path: string, folder: SourceFolderState): void {
  leaveGap(folder);
  migration.deployment.source.mailboxes.get("ann")?.set(path, folder);
}

const syncAgain = async (migration: Migration) => {
  await migration.sync();
  await migration.deployment.rest();
};

async function copiesOf(migration: Migration) {
  const [mailbox] = await migration.mailboxes();
  const { folders, items } = migration.target();
  const bin = [...folders.values()].find(({ path }) => path === "Deleted Items")?.id;
  const texts = items.filter(({ folder }) => folder !== bin).map(({ text }) => text);
  return {
    copies: texts.length,
    different: new Set(texts).size,
    deleted: items.length - texts.length,
    status: mailbox?.status,
    counted: mailbox?.totalItemCount,
    warnings: mailbox?.warnings ?? {},
  };
}

const once = (copies: number, warnings: object) => ({
  copies,
  different: copies,
  deleted: 0,
  status: "Synced",
  counted: copies,
  warnings,
});

async function secondNamesOf(migration: Migration) {
  const [mailbox] = await migration.mailboxes();
  if (mailbox?.ledgerId === undefined) return undefined;
  const folders = await migration.deployment.stores.ledgers.listFolders(mailbox.ledgerId);
  return Object.fromEntries(
    folders.flatMap(({ source, sameAs }) => (sameAs === undefined ? [] : [[source.path, sameAs]])),
  );
}

describe("a folder that is listed under two names", () => {
  it("is copied once, and named", async () => {
    const migration = migrationOf();
    alias(migration, "Notes 2", migration.folder("Notes"));
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    expect(await copiesOf(migration)).toEqual(once(30, { FolderListedTwice: 1 }));
    expect(await secondNamesOf(migration)).toEqual({ "Notes 2": "Notes" });
    for (let round = 0; round < 3; round++) {
      migration.folder("Notes").add(message(500 + round));
      await syncAgain(migration);
      expect(await copiesOf(migration)).toEqual(once(31 + round, { FolderListedTwice: 1 }));
    }
  });

  it("is found where it was empty at first", async () => {
    const migration = migrationOf();
    const folder = migration.folder("Notes");
    folder.messages.clear();
    alias(migration, "Notes 2", folder);
    await migration.upload();
    await migration.deployment.rest();
    expect(await copiesOf(migration)).toEqual(once(20, {}));
    folder.add(message(501));
    await syncAgain(migration);
    expect(await copiesOf(migration)).toEqual(once(21, { FolderListedTwice: 1 }));
  });

  it("is found where the server gives all folders one UIDVALIDITY, once messages were removed from it", async () => {
    const migration = migrationOf();
    for (const path of ["INBOX", "Notes", "Work"]) migration.folder(path).uidValidity = 1;
    migration.folder("Notes").messages.delete(4);
    alias(migration, "Notes 2", migration.folder("Notes"));
    await migration.upload();
    await migration.deployment.rest();
    expect(await copiesOf(migration)).toEqual(once(29, { FolderListedTwice: 1 }));
  });

  it("is copied under the name that is left when the other one goes", async () => {
    const migration = migrationOf();
    alias(migration, "Notes 2", migration.folder("Notes"));
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    migration.removeFolder("Notes");
    await syncAgain(migration);
    expect(await secondNamesOf(migration)).toEqual({});
    expect(await copiesOf(migration)).toEqual(once(30, {}));
    const { folders, items } = migration.target();
    const place = [...folders.values()].find(({ path }) => path === "Notes 2");
    expect(items.filter(({ folder }) => folder === place?.id)).toHaveLength(10);
  });

  it("is copied under its second name where the options leave out the first", async () => {
    const migration = migrationOf();
    alias(migration, "Zent", migration.folder("Work"));
    await migration.upload({ options: { excludeFolders: ["Work"] } });
    await migration.deployment.rest();
    expect(await copiesOf(migration)).toEqual(once(30, {}));
  });

  it("is copied once wherever a process dies", async () => {
    const copied = async (plan: FaultPlan) => {
      vi.clearAllTimers();
      const migration = migrationOf(plan);
      alias(migration, "Notes 2", migration.folder("Notes"));
      await migration.upload();
      await migration.deployment.rest();
      return migration;
    };
    const clean = new FaultPlan();
    await copied(clean);
    for (let index = 0; index < clean.calls.length; index += 6)
      expect(
        await copiesOf(await copied(new FaultPlan(new Map([[index + 1, { kind: "diesAfter" }]])))),
      ).toEqual(once(30, { FolderListedTwice: 1 }));
    expect(clean.calls.length).toBeGreaterThan(50);
  });
});

describe("two folders that look alike", () => {
  it("are both copied where their messages are others", async () => {
    const migration = migrationOf();
    for (const path of ["INBOX", "Notes", "Work"]) migration.folder(path).uidValidity = telling;
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect((await copiesOf(migration)).warnings).toEqual({});
  });

  it.each([
    [1, "one UIDVALIDITY for all"],
    [telling, "the same second"],
  ])("are both copied where one is a copy of the other (%s, %s)", async (uidValidity) => {
    const migration = migrationOf();
    const copy = migration.folder("Copy of Work");
    for (const [, each] of migration.folder("Work").messages) copy.add(each);
    for (const path of ["INBOX", "Notes", "Work", "Copy of Work"])
      migration.folder(path).uidValidity = uidValidity;
    migration.folder("INBOX").add(message(900));
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
  });

  it("are both copied where they were filled alike within one second", async () => {
    const migration = migrationOf();
    const filled = [migration.folder("One label"), migration.folder("Another label")];
    for (const folder of filled) {
      folder.uidValidity = telling + 9;
      folder.add(message(700));
    }
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect((await copiesOf(migration)).copies).toBe(32);
  });

  it("and then turn out to be two are copied both", async () => {
    const migration = migrationOf();
    const work = migration.folder("Work");
    const other = migration.folder("Other");
    leaveGap(work);
    other.takeOver(work);
    await migration.upload();
    await migration.deployment.rest();
    expect(await secondNamesOf(migration)).toEqual({ Work: "Other" });
    other.add(message(801));
    work.add(message(802));
    work.messages.delete(3);
    await syncAgain(migration);
    await migration.expectSettled();
  });
});
