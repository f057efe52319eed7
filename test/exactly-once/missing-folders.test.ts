import { describe, expect, it } from "vitest";
import { MigrationError } from "../../shared/domain/errors.ts";
import type { FolderId } from "../../shared/domain/names.ts";
import type { FolderRecord } from "../../shared/migration/ports/ledger-store.ts";
import type { FolderAct } from "../../shared/migration/ports/registry.ts";
import { folderView, mailboxView } from "../../shared/migration/status/status.ts";
import { type Fault, FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;

/** From a write on, calls of some kinds answer for a while as if the folder were not there. */
class Unseen extends FaultPlan {
  #from: number | undefined;
  readonly #write: number;
  readonly #calls: RegExp;
  readonly #lastsMs: number;
  #writes = 0;

  constructor(write: number, calls: RegExp, lastsMs: number) {
    super();
    this.#write = write;
    this.#calls = calls;
    this.#lastsMs = lastsMs;
  }

  override next(name: string, given: readonly unknown[]): Fault | undefined {
    super.next(name, given);
    if (name === "target.write" && ++this.#writes === this.#write) this.#from = Date.now();
    if (this.#from === undefined || Date.now() >= this.#from + this.#lastsMs) return undefined;
    if (!this.#calls.test(name)) return undefined;
    return { kind: "fails", afterMs: 10, error: new MigrationError("item", "TargetFolderGone", "404.") };
  }
}

function start(plan = new FaultPlan()): Migration {
  const migration = new Migration(["ann"], { target: "graph", plan });
  for (const n of [1, 2, 3]) migration.folder("INBOX").add(message(n));
  for (const n of [4, 5]) migration.folder("Work").add(message(n));
  return migration;
}

async function folderAt(migration: Migration, path: string): Promise<FolderRecord> {
  const [mailbox] = await migration.mailboxes();
  const folders = mailbox?.ledgerId
    ? await migration.deployment.stores.ledgers.listFolders(mailbox.ledgerId)
    : [];
  const found = folders.find(({ source }) => source.path === path);
  if (found === undefined) throw new Error(`there is no folder ${path}`);
  return found;
}

async function warningsOf(migration: Migration) {
  const [mailbox] = await migration.mailboxes();
  return mailbox
    ? mailboxView(mailbox, { intent: "running" }, Date.now()).warnings.map(({ code, count }) => [code, count])
    : [];
}

async function act(migration: Migration, folderId: FolderId, what: FolderAct) {
  const id = await migration.mailboxId();
  await migration.deployment.perform(async ({ actOnFolder }) =>
    expect(await actOnFolder(batch, id, folderId, what)).toEqual({ outcome: "done", mailboxes: 1 }),
  );
  await migration.deployment.rest();
}

describe("a target folder that is answered as if it were not there", () => {
  it.each([
    ["just made, for 3 s", 4, /^target\.write/, 3_000],
    ["just made, for 3 min", 4, /^target\.write/, 3 * minute],
    ["just made, for an hour", 4, /^target\.write/, 60 * minute],
    ["the first, for 3 s", 1, /^target\.(write|findWritten)/, 3_000],
    ["in the middle of its messages, for 40 s", 2, /^target\.(write|findWritten|markFolder)/, 40_000],
  ] as const)("%s, loses no mail", async (_, write, calls, lastsMs) => {
    const migration = start(new Unseen(write, calls, lastsMs));
    await migration.upload();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(await warningsOf(migration)).toEqual([]);
  });

  it("while a round is planned in which messages move into it, has them moved and not copied", async () => {
    const migration = start();
    await migration.upload();
    await migration.deployment.rest();
    const target = migration.target();
    const [uid, moved] = [...migration.folder("INBOX").messages][0] ?? [];
    if (uid === undefined || moved === undefined) throw new Error("the inbox is empty");
    migration.folder("INBOX").messages.delete(uid);
    migration.folder("Work").add(moved);
    target.unseen.add(target.folderAt("Work").id);
    const before = target.items.map(({ id }) => id).sort();
    await migration.sync();
    await migration.deployment.goOnFor(30_000);
    expect(target.textsIn("Work")).toHaveLength(2);
    target.unseen.clear();
    await migration.deployment.rest();
    await migration.expectSettled();
    expect(target.items.map(({ id }) => id).sort()).toEqual(before);
  });

  it("while messages move into it, is waited for", async () => {
    const migration = start(new Unseen(6, /^target\.(write|moveItem)/, minute));
    await migration.upload();
    await migration.deployment.rest();
    const [uid, moved] = [...migration.folder("INBOX").messages][0] ?? [];
    if (uid === undefined || moved === undefined) throw new Error("the inbox is empty");
    migration.folder("INBOX").messages.delete(uid);
    migration.folder("Work").add(moved);
    migration.folder("INBOX").add(message(9));
    await migration.sync();
    await migration.deployment.rest();
    await migration.sync();
    await migration.deployment.rest();
    await migration.expectSettled();
  });
});

describe("a target folder that its user deleted for good", () => {
  async function removed(): Promise<Migration> {
    const migration = start();
    await migration.upload();
    await migration.deployment.rest();
    migration.target().deleteFolder("Work");
    migration.folder("Work").add(message(6));
    await migration.sync();
    await migration.deployment.goOnFor(4 * minute);
    expect((await folderAt(migration, "Work")).state).toBe("active");
    await migration.deployment.rest();
    expect((await folderAt(migration, "Work")).state).toBe("targetGone");
    return migration;
  }

  it("counts as removed after some minutes, and the mailbox says what is not copied", async () => {
    const migration = await removed();
    expect(await warningsOf(migration)).toEqual([["FolderRemovedInTarget", 1]]);
    await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
    await migration.deployment.rest();
    expect(migration.target().textsIn("Work")).toEqual([]);
  });

  it("is made anew by an act on that folder, with all of its mail but what lies elsewhere", async () => {
    const migration = await removed();
    const { folderId } = await folderAt(migration, "Work");
    await act(migration, folderId, "recreate");
    await migration.expectSettled();
    expect(await warningsOf(migration)).toEqual([]);
    await migration.deployment.perform(async ({ actOnFolder }) =>
      expect(await actOnFolder(batch, await migration.mailboxId(), folderId, "recreate")).toMatchObject({
        outcome: "refused",
        code: "FolderNotRemoved",
      }),
    );
  });

  it("has copies that the user had moved elsewhere left there", async () => {
    const migration = start();
    await migration.upload();
    await migration.deployment.rest();
    const target = migration.target();
    const work = target.folderAt("Work");
    const kept = target.items.find(({ folder }) => folder === work.id);
    if (kept === undefined) throw new Error("nothing was copied");
    kept.folder = target.folderAt("Kept").id;
    target.deleteFolder("Work");
    migration.folder("Work").add(message(6));
    await migration.sync();
    await migration.deployment.rest();
    await act(migration, (await folderAt(migration, "Work")).folderId, "recreate");
    expect(target.textsIn("Kept")).toEqual([kept.text]);
    expect(target.textsIn("Work")).toHaveLength(2);
    expect(target.textsIn("Work")).not.toContain(kept.text);
  });
});

it("a folder that the source shows anew goes on once an operator confirms it, whatever is retried", async () => {
  const migration = start();
  const work = migration.folder("Work");
  for (let n = 100; n < 130; n++) work.add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  work.messages.clear();
  work.uidValidity++;
  work.uidNext = 1;
  for (let n = 200; n < 203; n++) work.add(message(n));
  await migration.sync();
  await migration.deployment.rest();
  expect(await warningsOf(migration)).toEqual([["FolderReplaced", 1]]);
  await migration.deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
  await migration.deployment.rest();
  expect(migration.target().textsIn("Work")).toHaveLength(32);

  const { folderId } = await folderAt(migration, "Work");
  await act(migration, folderId, "confirm");
  expect(migration.target().textsIn("Work")).toHaveLength(35);
  expect(await warningsOf(migration)).toEqual([]);
  await migration.expectAtRest();
});

it("a folder that the source shows anew says that it waits, also where it was removed in the target", async () => {
  const migration = start();
  const work = migration.folder("Work");
  for (let n = 100; n < 130; n++) work.add(message(n));
  await migration.upload();
  await migration.deployment.rest();
  migration.target().deleteFolder("Work");
  work.add(message(130));
  await migration.sync();
  await migration.deployment.rest();
  work.messages.clear();
  work.uidValidity++;
  work.uidNext = 1;
  work.add(message(200));
  await migration.sync();
  await migration.deployment.rest();

  const status = async () => folderView(await folderAt(migration, "Work"), undefined).status;
  expect((await folderAt(migration, "Work")).state).toBe("targetGone");
  expect(await status()).toBe("WaitsForConfirmation");
  await act(migration, (await folderAt(migration, "Work")).folderId, "confirm");
  expect(await status()).toBe("RemovedInTarget");
});
