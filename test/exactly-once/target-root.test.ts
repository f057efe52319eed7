import { expect, it } from "vitest";
import { FaultPlan } from "../stack/memory/faults.ts";
import { fakeTime } from "./fake-time.ts";
import { Migration, message } from "./migration.ts";

fakeTime();

it.each(["graph", "imap"] as const)("all of a mailbox goes below targetRootFolder (%s)", async (target) => {
  const migration = new Migration(["ann"], { target, plan: new FaultPlan() });
  const { deployment } = migration;
  const own = migration.target();
  own.place(own.folderAt("Inbox"), {
    text: "hers",
    internalDate: 1,
    flags: [],
    stamp: undefined,
    chunkToken: undefined,
  });
  migration.folder("INBOX").add(message(1));
  migration.folder("Sent").add(message(2));
  migration.folder("Work/Deep").add(message(3));
  await migration.upload({ options: { targetRootFolder: "Old mail" } });
  await deployment.rest();
  const before = own.folders.size;
  migration.folder("INBOX").add(message(4));
  await migration.sync();
  await deployment.rest();
  expect(own.textsIn("Old mail/INBOX")).toEqual([message(1).text, message(4).text]);
  expect(own.textsIn("Old mail/Sent")).toEqual([message(2).text]);
  expect(own.textsIn("Old mail/Work/Deep")).toEqual([message(3).text]);
  expect(own.textsIn("Inbox")).toEqual(["hers"]);
  expect(own.folders.size).toBe(before);
});
