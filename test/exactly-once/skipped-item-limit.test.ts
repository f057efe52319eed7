import { describe, expect, it } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { batch, Migration, message } from "./migration.ts";

fakeTime();

const outcome = async (migration: Migration) => {
  const [mailbox] = await migration.mailboxes();
  return [mailbox?.status, mailbox?.error?.code, mailbox?.syncedItemCount, mailbox?.skippedItemCount];
};

const retry = async ({ deployment }: Migration) => {
  await deployment.perform(({ control }) => control.act(batch, "retry", "operator"));
  await deployment.rest();
};

/** Five messages; the server delivers two of them to nobody, and the user has marked a third as deleted. */
function migrationOf(): Migration {
  const migration = new Migration(["ann"], { target: "graph", plan: new FaultPlan() });
  const inbox = migration.folder("INBOX");
  for (const number of [1, 2, 3, 4]) inbox.add(message(number));
  inbox.add(message(5, ["\\Deleted"]));
  inbox.withheld.add(2).add(3);
  return migration;
}

describe("skippedItemLimit", () => {
  it("fails a mailbox that has lost more items, again at every retry until it is raised", async () => {
    const migration = migrationOf();
    await migration.upload({ options: { skippedItemLimit: 1 } });
    await migration.deployment.rest();
    const failed = ["Failed", "SkippedItemLimitExceeded", 2, 3];
    expect(await outcome(migration)).toEqual(failed);
    const [mailbox] = await migration.mailboxes();
    expect(mailbox?.error?.message).toContain("2 items were skipped, more than skippedItemLimit (1)");

    await retry(migration);
    expect(await outcome(migration)).toEqual(failed);

    await migration.upload({ options: { skippedItemLimit: 2 } });
    await retry(migration);
    expect(await outcome(migration)).toEqual(["Synced", undefined, 2, 3]);
    expect(migration.target().textsIn("INBOX")).toEqual([message(1).text, message(4).text]);
  });

  it("is met again when the items are gone at the source", async () => {
    const migration = migrationOf();
    await migration.upload({ options: { skippedItemLimit: 1 } });
    await migration.deployment.rest();
    migration.folder("INBOX").messages.delete(3);
    await retry(migration);
    expect(await outcome(migration)).toEqual(["Synced", undefined, 2, 2]);
  });

  it("does not count what was left out on purpose", async () => {
    const migration = migrationOf();
    migration.folder("INBOX").withheld.clear();
    migration.folder("INBOX").add({ ...message(6), text: `${message(6).text}and more\r\n` });
    await migration.upload({ options: { skippedItemLimit: 0, maxItemSize: message(1).text.length } });
    await migration.deployment.rest();
    expect(await outcome(migration)).toEqual(["Synced", undefined, 4, 2]);
  });
});
