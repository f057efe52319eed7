import { beforeEach, expect, it, vi } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import type { SourceMailbox } from "../../../../shared/migration/ports/source.ts";
import { type SteadyFolder, SteadySource } from "../../../../shared/migration/sync/steady-source.ts";
import { MemorySource, SourceFolderState } from "../../../stack/memory/memory-source.ts";

let folders: Map<string, SourceFolderState>;
let session: SourceMailbox;
let source: SteadySource;
let opens: ReturnType<typeof vi.spyOn>;

beforeEach(async () => {
  const server = new MemorySource();
  folders = new Map();
  server.mailboxes.set("ann", folders);
  for (const [path, text] of [
    ["INBOX", "of the inbox"],
    ["Work", "of work"],
  ] as const) {
    const folder = new SourceFolderState();
    folder.add({ text, internalDate: 1, flags: [] });
    folders.set(path, folder);
  }
  session = await server.open({ userName: "ann" });
  opens = vi.spyOn(session, "openFolder");
  source = new SteadySource(session, async () => [], Date.now, Number.POSITIVE_INFINITY);
});

async function textsOf(folder: SteadyFolder): Promise<string[]> {
  const texts: string[] = [];
  for await (const { content } of folder.fetchMessages(await folder.searchUids())) texts.push(`${content}`);
  return texts;
}

it("opens a folder once that was asked for ahead", async () => {
  await textsOf(await source.openFolder("INBOX"));
  source.lookAhead("Work", false);
  expect(await textsOf(await source.openFolder("Work"))).toEqual(["of work"]);
  expect(opens.mock.calls).toEqual([["INBOX"], ["Work"]]);
});

it("searches anew whenever it is asked again, or for some messages only", async () => {
  source.lookAhead("Work", false);
  const work = await source.openFolder("Work");
  expect(await work.searchUids({ since: 2 })).toEqual([]);
  source.lookAhead("INBOX", false);
  const inbox = await source.openFolder("INBOX");
  expect(await inbox.searchUids()).toEqual([[1, 1]]);
  folders.get("INBOX")?.add({ text: "new", internalDate: 1, flags: [] });
  expect(await inbox.searchUids()).toEqual([[1, 2]]);
});

it("gives the folder before from that folder, also while another one is asked for ahead", async () => {
  const inbox = await source.openFolder("INBOX");
  source.lookAhead("Work", false);
  expect(await textsOf(inbox)).toEqual(["of the inbox"]);
  const work = await source.openFolder("Work");
  expect(await textsOf(work)).toEqual(["of work"]);
  source.lookAhead("INBOX", false);
  await source.settle();
  expect(await textsOf(work)).toEqual(["of work"]);
});

it("lists and opens others in spite of what was asked for ahead", async () => {
  source.lookAhead("Work", false);
  expect(
    await source.listFolders(
      () => true,
      () => false,
    ),
  ).toHaveLength(2);
  source.lookAhead("Work", false);
  expect(await textsOf(await source.openFolder("INBOX"))).toEqual(["of the inbox"]);
});

it("tells how a folder fails to whoever opens it, not to who asked for it ahead", async () => {
  const inbox = await source.openFolder("INBOX");
  source.lookAhead("Gone", false);
  await source.settle();
  expect(await textsOf(inbox)).toEqual(["of the inbox"]);
  await expect(source.openFolder("Gone")).rejects.toMatchObject({ code: "SourceFolderGone" });
});

it("goes on with another connection where the one ended on which a folder was asked for ahead", async () => {
  const work = folders.get("Work") as SourceFolderState;
  work.failsBy = "end";
  source.lookAhead("Work", false);
  await source.settle();
  work.failsBy = undefined;
  expect(await textsOf(await source.openFolder("Work"))).toEqual(["of work"]);
});

it("opens a folder anew after another one did not open", async () => {
  const inbox = await source.openFolder("INBOX");
  await expect(source.openFolder("Gone")).rejects.toMatchObject({ code: "SourceFolderGone" });
  expect(await textsOf(inbox)).toEqual(["of the inbox"]);
});

it("finds the UIDs of a folder whose summaries do not come with them", async () => {
  let asked = 0;
  opens.mockImplementationOnce(async (path: string) => {
    opens.mockRestore();
    const folder = await session.openFolder(path);
    const searchUids = vi.spyOn(folder, "searchUids");
    searchUids.mockImplementationOnce(async () => {
      asked++;
      throw new MigrationError("transient", "ConnectionLost", "The connection was lost.");
    });
    return folder;
  });
  const inbox = await source.openFolder("INBOX");
  expect(await inbox.searchUids({ summariesNext: true })).toEqual([[1, 1]]);
  expect(asked).toBe(1);
});
