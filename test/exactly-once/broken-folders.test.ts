import { describe, expect, it, vi } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const minute = 60_000;
const hour = 60 * minute;

/** Five folders of ten messages each. */
function migrationOf(plan = new FaultPlan(), paths = ["INBOX", "Archive", "Notes", "Work", "Zoo"]) {
  const migration = new Migration(["ann"], { target: "graph", plan });
  for (const [index, path] of paths.entries())
    for (let number = 1; number <= 10; number++) migration.folder(path).add(message(100 * index + number));
  return migration;
}

const mailboxOf = async (migration: Migration) => (await migration.mailboxes())[0];

async function recordOf(migration: Migration, path: string) {
  const { ledgerId } = (await mailboxOf(migration)) ?? {};
  if (ledgerId === undefined) return undefined;
  const folders = await migration.deployment.stores.ledgers.listFolders(ledgerId);
  return folders.find(({ source }) => source.path === path);
}

const syncAgain = async (migration: Migration) => {
  await migration.sync();
  await migration.deployment.rest();
};

const retry = async ({ deployment }: Migration) => {
  await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
  await deployment.rest();
};

const inDeleted = (migration: Migration) => {
  const { folders, items } = migration.target();
  const bin = [...folders.values()].find(({ path }) => path === "Deleted Items");
  return items.filter((item) => item.folder === bin?.id).length;
};

describe.each(["refusal", "end"] as const)("a folder that fails to open by a %s", (by) => {
  it.each(["INBOX", "Notes", "Zoo"])("%s: all others are copied at once, and it is named", async (path) => {
    const migration = migrationOf();
    migration.folder(path).failsBy = by;
    await migration.upload();
    await migration.deployment.goOnFor(minute);
    expect(migration.target().items).toHaveLength(40);
    expect((await mailboxOf(migration))?.warnings).toMatchObject({ FolderUnreadable: 1 });
    await migration.deployment.rest();
    expect(await mailboxOf(migration)).toMatchObject({
      status: "Synced",
      syncedItemCount: 40,
      skippedItemCount: 0,
      warnings: { FolderUnreadable: 1 },
    });
    const code = by === "refusal" ? "SourceFolderUnavailable" : "ConnectionLost";
    expect((await recordOf(migration, path))?.trouble).toMatchObject({ code, leftAt: expect.any(Number) });
    const tries = migration.deployment.events.filter(({ event }) => event === "folder.failed").length;
    expect(tries).toBeLessThanOrEqual(7);

    await syncAgain(migration);
    expect((await mailboxOf(migration))?.status).toBe("Synced");
    migration.folder(path).failsBy = undefined;
    await syncAgain(migration);
    await migration.expectSettled();
    expect((await mailboxOf(migration))?.warnings ?? {}).toEqual({});
  });

  it("is tried again by a retry", async () => {
    const migration = migrationOf();
    migration.folder("Work").failsBy = by;
    await migration.upload();
    await migration.deployment.rest();
    migration.folder("Work").failsBy = undefined;
    await retry(migration);
    await migration.expectSettled();
  });

  it("and that opens again before its round has ended is copied in it", async () => {
    const migration = migrationOf();
    migration.folder("INBOX").failsBy = by;
    await migration.upload();
    await migration.deployment.goOnFor(2 * minute);
    migration.folder("INBOX").failsBy = undefined;
    await migration.deployment.rest();
    await migration.expectSettled();
  });

  it("fails its mailbox after a day if no other one opens", async () => {
    const migration = migrationOf();
    for (const path of ["INBOX", "Archive", "Notes", "Work", "Zoo"]) migration.folder(path).failsBy = by;
    await migration.upload();
    for (let passed = 0; passed < 23; passed++) await migration.deployment.goOnFor(hour);
    expect((await mailboxOf(migration))?.status).not.toBe("Failed");
    for (let passed = 0; passed < 3; passed++) await migration.deployment.goOnFor(hour);
    const code = by === "refusal" ? "SourceFolderUnavailable" : "ConnectionLost";
    expect(await mailboxOf(migration)).toMatchObject({ status: "Failed", error: { code } });
    for (const path of ["INBOX", "Archive", "Notes", "Work", "Zoo"])
      migration.folder(path).failsBy = undefined;
    await retry(migration);
    await migration.expectSettled();
  });

  it("is left out where the options leave it out", async () => {
    const migration = migrationOf();
    migration.folder("Work").failsBy = by;
    await migration.upload({ options: { excludeFolders: ["Work"] } });
    await migration.deployment.rest();
    expect(await mailboxOf(migration)).toMatchObject({ status: "Synced", syncedItemCount: 40 });
    expect((await mailboxOf(migration))?.warnings ?? {}).toEqual({});
  });

  it("loses and doubles nothing where messages move into it", async () => {
    const migration = migrationOf();
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    migration.folder("Work").failsBy = by;
    migration.folder("INBOX").messages.delete(3);
    migration.folder("Work").add(message(3));
    await syncAgain(migration);
    expect([migration.target().items.length, inDeleted(migration)]).toEqual([50, 0]);
    migration.folder("Work").failsBy = undefined;
    await syncAgain(migration);
    await syncAgain(migration);
    await migration.expectSettled();
    expect(inDeleted(migration)).toBe(0);
  });

  it("loses and doubles nothing where it was renamed", async () => {
    const migration = migrationOf();
    await migration.upload({ options: { propagateDeletes: true } });
    await migration.deployment.rest();
    const folders = migration.deployment.source.mailboxes.get("ann");
    const work = migration.folder("Work");
    folders?.delete("Work");
    folders?.set("Projects", work);
    work.failsBy = by;
    await syncAgain(migration);
    expect([migration.target().items.length, inDeleted(migration)]).toEqual([50, 0]);
    work.failsBy = undefined;
    await syncAgain(migration);
    await migration.expectSettled();
    expect(inDeleted(migration)).toBe(0);
  });

  it("loses and doubles nothing where a process dies after any call", async () => {
    const copied = async (plan: FaultPlan) => {
      vi.clearAllTimers();
      const migration = migrationOf(plan, ["INBOX", "Work"]);
      migration.folder("INBOX").failsBy = by;
      await migration.upload();
      await migration.deployment.goOnFor(minute);
      migration.folder("INBOX").failsBy = undefined;
      await migration.deployment.rest();
      return migration;
    };
    const clean = new FaultPlan();
    await copied(clean);
    for (let index = 0; index < clean.calls.length; index += 4) {
      const migration = await copied(new FaultPlan(new Map([[index + 1, { kind: "diesAfter" }]])));
      await migration.expectSettled();
    }
    expect(clean.calls.length).toBeGreaterThan(100);
  });
});

describe.each(["graph", "imap"] as const)(
  "a server that writes messages anew at each read, to %s",
  (target) => {
    const copies = (migration: Migration) =>
      migration.target().items.map(({ text }) => /Message-ID: (\S+)/.exec(text)?.[1]);

    it.each([false, true])(
      "has nothing copied twice when it numbers them anew (propagateDeletes: %s)",
      async (propagateDeletes) => {
        const migration = new Migration(["ann"], { target, plan: new FaultPlan() });
        const inbox = migration.folder("INBOX");
        let reads = 0;
        inbox.render = (text) =>
          `Content-Type: multipart/mixed; boundary="=_${reads++ * 7919}"\r\nX-Read: ${"x".repeat(reads % 50)}\r\n${text}`;
        for (let number = 1; number <= 30; number++) inbox.add(message(number));
        await migration.upload({ options: { propagateDeletes } });
        await migration.deployment.rest();
        for (let round = 0; round < 3; round++) {
          inbox.renumber();
          inbox.add(message(100 + round));
          await syncAgain(migration);
        }
        const ids = copies(migration);
        expect([ids.length, new Set(ids).size, inDeleted(migration)]).toEqual([33, 33, 0]);
        expect(await mailboxOf(migration)).toMatchObject({
          status: "Synced",
          syncedItemCount: 33,
          totalItemCount: 33,
        });
      },
    );

    it("lets a copy follow a message that moved", async () => {
      const migration = new Migration(["ann"], { target, plan: new FaultPlan() });
      const [inbox, work] = [migration.folder("INBOX"), migration.folder("Work")];
      let reads = 0;
      for (const folder of [inbox, work]) folder.render = (text) => `X-Boundary: ${reads++}\r\n${text}`;
      for (let number = 1; number <= 5; number++) inbox.add(message(number));
      work.add(message(9));
      await migration.upload({ options: { propagateDeletes: true } });
      await migration.deployment.rest();
      inbox.messages.delete(2);
      work.add(message(2));
      await syncAgain(migration);
      expect([copies(migration).length, inDeleted(migration)]).toEqual([6, 0]);
    });
  },
);

describe("a list is not the whole truth", () => {
  const options = { propagateDeletes: true };

  it("messages that are counted and not shown are no reason to delete their copies", async () => {
    const migration = migrationOf();
    await migration.upload({ options });
    await migration.deployment.rest();
    const inbox = migration.folder("INBOX");
    for (const uid of [2, 3, 9]) inbox.unshown.add(uid);
    inbox.add(message(77));
    for (let round = 0; round < 3; round++) {
      await syncAgain(migration);
      expect(inDeleted(migration)).toBe(0);
      expect((await mailboxOf(migration))?.warnings).toMatchObject({ MessagesUnshown: 3 });
    }
    inbox.unshown.clear();
    await syncAgain(migration);
    await migration.expectSettled();
    expect((await mailboxOf(migration))?.warnings ?? {}).toEqual({});
  });

  it("messages that are not shown at first are copied once they are", async () => {
    const migration = migrationOf();
    const inbox = migration.folder("INBOX");
    for (const uid of [2, 3, 10]) inbox.unshown.add(uid);
    await migration.upload({ options });
    await migration.deployment.rest();
    expect(await mailboxOf(migration)).toMatchObject({
      status: "Synced",
      syncedItemCount: 47,
      warnings: { MessagesUnshown: 3 },
    });
    inbox.unshown.clear();
    await syncAgain(migration);
    await migration.expectSettled();
  });

  it("a folder that one list leaves out is not gone while it opens", async () => {
    const migration = migrationOf();
    await migration.upload({ options });
    await migration.deployment.rest();
    migration.folder("Work").isListed = false;
    migration.folder("INBOX").add(message(77));
    await syncAgain(migration);
    expect(inDeleted(migration)).toBe(0);
    migration.folder("Work").isListed = true;
    await syncAgain(migration);
    await migration.expectSettled();
    migration.removeFolder("Work");
    await syncAgain(migration);
    expect(inDeleted(migration)).toBe(10);
  });
});
