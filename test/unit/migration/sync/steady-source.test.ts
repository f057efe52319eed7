import { beforeEach, describe, expect, it, vi } from "vitest";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import type { Uid } from "../../../../shared/domain/names.ts";
import { formatUidSet, type UidSet, uidSetOf } from "../../../../shared/domain/uid-set.ts";
import type { SourceMailbox, SourceMessage } from "../../../../shared/migration/ports/source.ts";
import {
  type First,
  type SteadyFolder,
  SteadySource,
} from "../../../../shared/migration/sync/steady-source.ts";
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
  source.lookAhead("Work", {});
  expect(await textsOf(await source.openFolder("Work"))).toEqual(["of work"]);
  expect(opens.mock.calls.map(([path]: readonly unknown[]) => path)).toEqual(["INBOX", "Work"]);
});

it("searches anew whenever it is asked again, or for some messages only", async () => {
  source.lookAhead("Work", {});
  const work = await source.openFolder("Work");
  expect(await work.searchUids({ since: 2 })).toEqual([]);
  source.lookAhead("INBOX", {});
  const inbox = await source.openFolder("INBOX");
  expect(await inbox.searchUids()).toEqual([[1, 1]]);
  folders.get("INBOX")?.add({ text: "new", internalDate: 1, flags: [] });
  expect(await inbox.searchUids()).toEqual([[1, 2]]);
});

it("gives the folder before from that folder, also while another one is asked for ahead", async () => {
  const inbox = await source.openFolder("INBOX");
  source.lookAhead("Work", {});
  expect(await textsOf(inbox)).toEqual(["of the inbox"]);
  const work = await source.openFolder("Work");
  expect(await textsOf(work)).toEqual(["of work"]);
  source.lookAhead("INBOX", {});
  await source.settle();
  expect(await textsOf(work)).toEqual(["of work"]);
});

it("lists and opens others in spite of what was asked for ahead", async () => {
  source.lookAhead("Work", {});
  expect(
    await source.listFolders(
      () => true,
      () => false,
    ),
  ).toHaveLength(2);
  source.lookAhead("Work", {});
  expect(await textsOf(await source.openFolder("INBOX"))).toEqual(["of the inbox"]);
});

it("tells how a folder fails to whoever opens it, not to who asked for it ahead", async () => {
  const inbox = await source.openFolder("INBOX");
  source.lookAhead("Gone", {});
  await source.settle();
  expect(await textsOf(inbox)).toEqual(["of the inbox"]);
  await expect(source.openFolder("Gone")).rejects.toMatchObject({ code: "SourceFolderGone" });
});

it("goes on with another connection where the one ended on which a folder was asked for ahead", async () => {
  const work = folders.get("Work") as SourceFolderState;
  work.failsBy = "end";
  source.lookAhead("Work", {});
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

describe("messages that are read ahead of their folder", () => {
  type Messages = AsyncIterable<SourceMessage>;
  let work: SourceFolderState;
  let fetched: string[];
  let opening: (path: string) => void;
  let watched: (messages: Messages) => Messages;
  const all: First = {
    among: (uids) => uids,
    of: (summaries) => uidSetOf(summaries.map(({ uid }) => uid)),
  };
  const firstTwo: First = { among: all.among, of: () => [[1, 2]] };

  beforeEach(() => {
    work = folders.get("Work") as SourceFolderState;
    for (const text of ["second", "third"]) work.add({ text, internalDate: 1, flags: [] });
    fetched = [];
    opening = () => undefined;
    watched = (messages) => messages;
    opens.mockRestore();
    const open = session.openFolder.bind(session);
    opens = vi.spyOn(session, "openFolder").mockImplementation(async (path: string) => {
      opening(path);
      const folder = await open(path);
      const fetchMessages = folder.fetchMessages.bind(folder);
      folder.fetchMessages = (uids) => {
        fetched.push(`${path} ${formatUidSet(uids)}`);
        return watched(fetchMessages(uids));
      };
      return folder;
    });
  });

  it("are given in its turn, and only the others are asked for", async () => {
    source.lookAhead("Work", { summariesNext: true }, firstTwo);
    const folder = await source.openFolder("Work");
    expect(await textsOf(folder)).toEqual(["of work", "second", "third"]);
    expect(fetched).toEqual(["Work 1:2", "Work 3"]);
  });

  it("are given once, and to whom they are asked for", async () => {
    source.lookAhead("Work", { summariesNext: true }, all);
    const folder = await source.openFolder("Work");
    const uids: number[] = [];
    for await (const { uid } of folder.fetchMessages([[2, 2]])) uids.push(uid);
    expect(uids).toEqual([2]);
    expect(await textsOf(folder)).toEqual(["of work", "second", "third"]);
    expect(fetched).toEqual(["Work 1:3", "Work 1:3"]);
  });

  it("are asked for in its turn where they could not be read ahead", async () => {
    work.failsBy = "end";
    source.lookAhead("Work", { summariesNext: true }, all);
    await source.settle();
    work.failsBy = undefined;
    expect(await textsOf(await source.openFolder("Work"))).toEqual(["of work", "second", "third"]);
  });

  it("are no more than a few megabytes, whatever size they were said to be", async () => {
    for (let i = 0; i < 6; i++) work.add({ text: "x".repeat(3_000_000), internalDate: 1, flags: [] });
    let given = 0;
    watched = async function* (messages) {
      for await (const message of messages) {
        given++;
        yield message;
      }
    };
    source.lookAhead("Work", { summariesNext: true }, all);
    const folder = await source.openFolder("Work");
    await source.settle();
    expect(given).toBe(6);
    expect(await textsOf(folder)).toHaveLength(9);
    expect(fetched).toEqual(["Work 1:9", "Work 7:9"]);
  });

  it("have come before another folder is opened, by whoever", async () => {
    let isReading = false;
    opening = () => expect(isReading).toBe(false);
    watched = async function* (messages) {
      isReading = true;
      for await (const message of messages) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        yield message;
      }
      isReading = false;
    };
    source.lookAhead("Work", { summariesNext: true }, all);
    const folder = await source.openFolder("Work");
    source.lookAhead("INBOX", { summariesNext: true }, all);
    expect(await textsOf(await source.openFolder("INBOX"))).toEqual(["of the inbox"]);
    expect(await textsOf(folder)).toEqual(["of work", "second", "third"]);
    expect(fetched).toEqual(["Work 1:3", "INBOX 1"]);
  });

  it("are chosen among a few summaries, however many there are", async () => {
    let looked: UidSet = [];
    const first: First = {
      among: () => [[2, 3]],
      of: (summaries) => {
        looked = uidSetOf(summaries.map(({ uid }) => uid));
        return [[3, 3]];
      },
    };
    source.lookAhead("Work", { summariesNext: true }, first);
    await source.settle();
    expect(looked).toEqual([[2, 3]]);
    expect(fetched).toEqual(["Work 3"]);
  });

  it("do not tell of a failure that came after them", async () => {
    source.lookAhead("Work", { summariesNext: true }, firstTwo);
    const folder = await source.openFolder("Work");
    await source.settle();
    const lost = new MigrationError("transient", "ConnectionLost", "The connection was lost.");
    watched = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(lost) }) });
    const uids: number[] = [];
    for await (const { uid } of folder.fetchMessages([[1, 3]])) uids.push(uid);
    expect(uids).toEqual([1, 2]);
    const unread = folder.unread.get(3 as Uid);
    expect(unread && (await source.isTelling(unread))).toBe(false);
  });

  it("are taken by nobody where the source wants a pause instead", async () => {
    const pause = new MigrationError("throttled", "ServerThrottled", "Later.", { retryAfterMs: 1_000 });
    watched = () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(pause) }) });
    source.lookAhead("Work", { summariesNext: true }, all);
    await source.settle();
    source.lookAhead("Work", { summariesNext: true }, all);
    const folder = await source.openFolder("Work");
    await expect(textsOf(folder)).rejects.toBe(pause);
    expect(fetched).toEqual(["Work 1:3", "Work 1:3"]);
  });
});
