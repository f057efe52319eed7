import { afterEach, describe, expect, test } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import { sizeOf, type UidSet } from "../../shared/domain/uid-set.ts";
import type { SourceConnector, SourceMailbox } from "../../shared/migration/ports/source.ts";
import { BARE, type Dialect, FULL } from "../stack/scripted-imap/dialects.ts";
import { ScriptedAccount } from "../stack/scripted-imap/mailbox.ts";
import {
  type ScriptedOptions,
  type ScriptedServer,
  startScriptedImap,
} from "../stack/scripted-imap/server.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

const received = "Received: from a by b; Tue, 03 Mar 2009 10:00:00 +0100\r\n";
const sent = "Date: Mon, 02 Mar 2009 08:00:00 +0000\r\n";
const message = (number: number, header = received + sent) =>
  `${header}Message-ID: <${number}@example.com>\r\n\r\nbody ${number}\r\n`;

async function serve(messages: number, options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const server = await startScriptedImap(options);
  stops.push(() => server.stop());
  for (let i = 1; i <= messages; i++)
    server
      .account("alice")
      .folder("INBOX")
      .append({ content: message(i), flags: ["\\Seen"] });
  return server;
}

async function open(
  server: ScriptedServer,
  source: SourceConnector = createImapSource(),
  more: object = {},
): Promise<SourceMailbox> {
  const { host, port } = server;
  const endpoint = endpointSchema.parse({ host, port, security: "none", allowInsecure: true, ...more });
  const mailbox = await source.open({ endpoint, userName: "alice", password: "secret" });
  stops.push(() => mailbox.close());
  return mailbox;
}

const inbox = async (server: ScriptedServer) => (await open(server)).openFolder("INBOX");
const day = (text: string) => new Date(text).getTime();

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

async function uidsIn(rows: AsyncIterable<{ readonly uid: number }>): Promise<number[]> {
  return (await collect(rows)).map(({ uid }) => uid).sort((a, b) => a - b);
}

const commands = (server: ScriptedServer, start: string) =>
  server.commands.map(({ command }) => command).filter((command) => command.startsWith(start));

describe("a date that the server does not know", () => {
  const kinds: readonly (readonly [string, string | undefined])[] = [
    ["left out", undefined],
    ["NIL", "NIL"],
    ["of 1899", '"30-Dec-1899 00:00:00 +0000"'],
    ["of 1970", '"01-Jan-1970 00:00:00 +0000"'],
    ["of nonsense", '"yesterday"'],
  ];
  test.each(kinds)("%s is that of the newest Received field, or else of the Date field", async (_, date) => {
    const server = await serve(1, { quirks: { dateOf: () => date } });
    const folder = server.account("alice").folder("INBOX");
    folder.append({ content: message(2, sent) });
    folder.append({ content: message(3, "Subject: none\r\n") });
    const opened = await inbox(server);
    const expected = ["2009-03-03T09:00:00.000Z", "2009-03-02T08:00:00.000Z"];
    for (const rows of [
      await collect(opened.fetchSummaries([[1, 3]])),
      await collect(opened.fetchHeaders([[1, 3]])),
      await collect(opened.fetchMessages([[1, 3]])),
    ]) {
      expect(rows.map(({ uid }) => uid).sort()).toEqual([1, 2, 3]);
      const dates = new Map(rows.map(({ uid, internalDate }) => [Number(uid), internalDate.toISOString()]));
      expect([dates.get(1), dates.get(2)]).toEqual(expected);
    }
  });

  test("costs nothing where the server knows it", async () => {
    const server = await serve(3);
    await collect((await inbox(server)).fetchSummaries([[1, 3]]));
    expect(commands(server, "UID FETCH")).toHaveLength(1);
  });
});

describe("one message in several responses", () => {
  test("is put together", async () => {
    const server = await serve(3, { quirks: { splitsRows: true } });
    const rows = await collect((await inbox(server)).fetchMessages([[1, 3]]));
    expect(rows.map(({ uid, content }) => [uid, content.toString()])).toEqual(
      [1, 2, 3].map((number) => [number, message(number)]),
    );
    expect(rows.every(({ internalDate }) => internalDate.toISOString() === "2020-01-01T00:00:00.000Z")).toBe(
      true,
    );
    expect(commands(server, "UID FETCH")).toHaveLength(1);
  });
});

describe("a search by date that cannot be trusted", () => {
  const byDate = /SINCE|BEFORE/;
  const since = { since: day("2019-06-01"), before: day("2021-01-01") };

  test("finds what it does not find: all messages are looked at instead", async () => {
    const server = await serve(5, { quirks: { finds: (found, keys) => (byDate.test(keys) ? [] : found) } });
    expect(await (await inbox(server)).searchUids(since)).toEqual([[1, 5]]);
  });

  test("and that finds some of what it should", async () => {
    const server = await serve(5, {
      quirks: { finds: (found, keys) => (byDate.test(keys) ? found.slice(0, 2) : found) },
    });
    expect(await (await inbox(server)).searchUids(since)).toEqual([[1, 5]]);
  });

  test.each(["NO cannot search", "BAD unknown criterion"])("and that is refused with %s", async (text) => {
    const server = await serve(5);
    server.faults.add({
      command: /^UID SEARCH .*(SINCE|BEFORE)/,
      times: 99,
      reaction: { kind: "reply", text },
    });
    expect(await (await inbox(server)).searchUids(since)).toEqual([[1, 5]]);
  });

  test("and where every search is refused", async () => {
    const server = await serve(5);
    server.faults.add({ command: /^UID SEARCH/, times: 99, reaction: { kind: "reply", text: "NO sorry" } });
    const folder = await inbox(server);
    expect([await folder.searchUids(since), await folder.searchUids()]).toEqual([[[1, 5]], [[1, 5]]]);
  });

  test("one that can be trusted finds nothing where nothing is", async () => {
    const server = await serve(5);
    const folder = await inbox(server);
    expect(await folder.searchUids({ since: day("2022-01-01") })).toEqual([]);
    expect(await folder.searchUids({ before: day("2019-01-01") })).toEqual([]);
    expect(commands(server, "FETCH")).toEqual([]);
  });
});

describe("names that are no modified UTF-7", () => {
  const dialect: Dialect = { ...FULL, rawNames: true };
  const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  test.each([
    ["Latin-1", "Entw\xfcrfe \xe4", "Entwürfe ä"],
    ["UTF-8", bytes("Входящие письма"), "Входящие письма"],
    ["a shift without an end", "Rock &Roll", "Rock &Roll"],
    ["a shift of half a character", "&AA-x", "&AA-x"],
  ])("%s: a folder is opened by the bytes that were listed", async (_, path, shown) => {
    const account = new ScriptedAccount();
    account.create(path).append({ content: message(1) });
    const server = await serve(0, { dialect, users: [{ name: "alice", password: "secret", account }] });
    const mailbox = await open(server);
    const listed = (await mailbox.listFolders()).find(({ segments }) => segments[0] === shown);
    expect(listed).toMatchObject({ segments: [shown], status: { messages: 1 } });
    expect((await mailbox.openFolder(listed?.path ?? "")).status.messages).toBe(1);
  });
});

describe("flags that are none", () => {
  test.each(["(", "odd(one", "two)", 'a"b', "x{5}", "100%", "st*r", "back\\slash"])(
    "%s makes no message unreadable",
    async (flag) => {
      const server = await serve(1);
      server
        .account("alice")
        .folder("INBOX")
        .append({ content: message(2), flags: ["\\Flagged", flag, "NonJunk"] });
      const rows = await collect((await inbox(server)).fetchMessages([[1, 2]]));
      expect(rows.map(({ uid }) => uid)).toEqual([1, 2]);
      expect(rows[1]?.flags).toEqual(expect.arrayContaining(["\\Flagged", "NonJunk"]));
    },
  );
});

describe("summaries that come with the UIDs", () => {
  const summariesNext = true;

  test("cost one command in all, however many UIDs are free", async () => {
    const server = await serve(9);
    const stored = server.account("alice").folder("INBOX");
    for (const uid of [1, 4, 5]) stored.expunge(uid);
    const folder = await inbox(server);
    const uids = await folder.searchUids({ summariesNext });
    expect(uids).toEqual([
      [2, 3],
      [6, 9],
    ]);
    const summaries = await collect(folder.fetchSummaries(uids));
    expect(summaries.map(({ uid }) => uid)).toEqual([2, 3, 6, 7, 8, 9]);
    expect(summaries[0]).toMatchObject({ size: message(2).length, flags: ["\\Seen"] });
    expect(folder.unshownMessages).toBe(0);
    expect(commands(server, "UID")).toEqual(["UID FETCH 1:9 (UID FLAGS INTERNALDATE RFC822.SIZE)"]);
  });

  test("are asked for by themselves where there are none or too many, or too many UIDs", async () => {
    const empty = await serve(0);
    expect(await (await inbox(empty)).searchUids({ summariesNext })).toEqual([]);
    const many = await serve(2_001);
    expect(sizeOf(await (await inbox(many)).searchUids({ summariesNext }))).toBe(2_001);
    for (const server of [empty, many]) expect(commands(server, "UID FETCH")).toEqual([]);
  });

  test("count only if they are as many as the server counts", async () => {
    const server = await serve(5, { quirks: { omits: ({ uid }, isByUid) => isByUid && uid === 4 } });
    const folder = await inbox(server);
    expect(await folder.searchUids({ summariesNext })).toEqual([[1, 5]]);
    expect(await uidsIn(folder.fetchSummaries([[1, 5]]))).toEqual([1, 2, 3, 4, 5]);
    expect(commands(server, "UID SEARCH")).toHaveLength(1);
  });
});

describe("a list is not the whole truth", () => {
  const all: UidSet = [[1, 1250]];

  test("a search that is cut at 1,000 of 1,250", async () => {
    const server = await serve(1250, { quirks: { finds: (found) => found.slice(0, 1000) } });
    const folder = await inbox(server);
    expect(await folder.searchUids()).toEqual(all);
    expect(folder.unshownMessages).toBe(0);
  });

  test("a search that leaves one message out, in one of its answers", async () => {
    let answers = 0;
    const server = await serve(40, {
      quirks: { finds: (found) => (++answers === 2 ? found.filter((uid) => uid !== 7) : found) },
    });
    const folder = await inbox(server);
    for (let i = 0; i < 3; i++) expect(sizeOf(await folder.searchUids())).toBe(40);
  });

  test("a message that a search does not find is not gone while FETCH shows it", async () => {
    const server = await serve(10, { quirks: { finds: () => [] } });
    const folder = await inbox(server);
    server.account("alice").folder("INBOX").expunge(9);
    expect(await folder.searchUids({ among: [[8, 10]] })).toEqual([
      [8, 8],
      [10, 10],
    ]);
  });

  test("a message that one FETCH leaves out is asked for again", async () => {
    const left = new Set([3]);
    const server = await serve(5, { quirks: { omits: ({ uid }) => left.delete(uid) } });
    const folder = await inbox(server);
    expect(await uidsIn(folder.fetchMessages([[1, 5]]))).toEqual([1, 2, 3, 4, 5]);
    left.add(2).add(5);
    expect(await uidsIn(folder.fetchSummaries([[1, 5]]))).toEqual([1, 2, 3, 4, 5]);
    left.add(4);
    expect(await uidsIn(folder.fetchHeaders([[1, 5]]))).toEqual([1, 2, 3, 4, 5]);
  });

  test("a message that is left out by its UID is asked for by its sequence number", async () => {
    const server = await serve(5, { quirks: { omits: ({ uid }, isByUid) => isByUid && uid === 6 } });
    server.account("alice").folder("INBOX").expunge(2);
    server
      .account("alice")
      .folder("INBOX")
      .append({ content: message(6) });
    const folder = await inbox(server);
    expect(await folder.searchUids()).toEqual([
      [1, 1],
      [3, 6],
    ]);
    const rows = await collect(folder.fetchMessages([[3, 6]]));
    expect(rows.map(({ uid, content }) => [uid, content.toString()])).toEqual(
      [3, 4, 5, 6].map((number) => [number, message(number)]),
    );
    expect(commands(server, "FETCH")).toEqual(["FETCH 5 (UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"]);
  });

  test("counts that still disagree are told", async () => {
    const server = await serve(5, {
      quirks: { finds: (found) => found.filter((uid) => uid !== 4), omits: ({ uid }) => uid === 4 },
    });
    const folder = await inbox(server);
    expect(await folder.searchUids()).toEqual([
      [1, 3],
      [5, 5],
    ]);
    expect(folder.unshownMessages).toBe(1);
  });

  test("counts that agree cost one command", async () => {
    const server = await serve(5);
    const folder = await inbox(server);
    await folder.searchUids();
    expect(folder.unshownMessages).toBe(0);
    expect(server.commands.map(({ command }) => command.split(" ")[0]).slice(-2)).toEqual(["EXAMINE", "UID"]);
  });
});

describe("a folder whose status the server fails at", () => {
  const folders = ["INBOX", "Bad", "Good"];
  const account = () => {
    const made = new ScriptedAccount();
    for (const path of folders.slice(1)) made.create(path);
    return made;
  };
  const bug = { kind: "reply", text: "NO [SERVERBUG] Internal error occurred" } as const;
  const refusal = { kind: "reply", text: "NO Mailbox is broken" } as const;
  const bye = { kind: "bye", text: "Internal error" } as const;
  const drop = { kind: "drop" } as const;

  test.each([
    ["refuses all in one, and this one, for a bug", bug, bug],
    ["refuses all in one, and this one", refusal, refusal],
    ["ends the connection at all in one, and at this one", drop, bye],
    ["says goodbye at all in one, and ends the connection at this one", bye, drop],
  ])("%s: the others are listed with theirs", async (_, atAll, atOne) => {
    const users = [{ name: "alice", password: "secret", account: account() }];
    const server = await serve(2, { users });
    server.faults.add({ command: /^LIST .*STATUS/, times: 99, reaction: atAll });
    server.faults.add({ command: /^STATUS "?Bad/, times: 99, reaction: atOne });
    const mailbox = await open(server);
    for (let round = 0; round < 2; round++) {
      const listed = await mailbox.listFolders();
      expect(listed.map(({ path, status }) => [path, status?.messages])).toEqual([
        ["INBOX", 2],
        ["Bad", undefined],
        ["Good", 0],
      ]);
      expect(listed[1]?.statusError).toMatch(/refuses the status/);
      expect((await mailbox.openFolder("Good")).status.messages).toBe(0);
    }
  });

  test("is not asked for it where it takes no part", async () => {
    const users = [{ name: "alice", password: "secret", account: account() }];
    const server = await serve(2, { users });
    server.faults.add({ command: /^LIST .*STATUS/, times: 99, reaction: drop });
    server.faults.add({ command: /^STATUS "?Bad/, times: 99, reaction: drop });
    const mailbox = await open(server);
    const listed = await mailbox.listFolders(({ path }) => path !== "Bad");
    expect(listed.map(({ path }) => path)).toEqual(folders);
    expect(commands(server, "STATUS").filter((line) => line.includes("Bad"))).toEqual([]);
  });

  test("a server that is away fails the listing", async () => {
    const server = await serve(2);
    const mailbox = await open(server);
    await server.stop();
    await expect(mailbox.listFolders()).rejects.toMatchObject({ kind: "transient" });
  });
});

test("an inbox that is listed twice is one", async () => {
  const account = new ScriptedAccount();
  account.folders.set("Inbox", account.folder("INBOX"));
  account.create("Other");
  const server = await serve(2, { dialect: BARE, users: [{ name: "alice", password: "secret", account }] });
  const folders = await (await open(server)).listFolders();
  expect(folders.map(({ path, segments }) => [path, segments])).toEqual([
    ["INBOX", ["INBOX"]],
    ["Other", ["Other"]],
  ]);
});

describe("an extension that is offered and refused", () => {
  const bad = { kind: "reply", text: "BAD Unknown argument" } as const;
  const visit = async (mailbox: SourceMailbox) => {
    const folders = await mailbox.listFolders();
    const folder = await mailbox.openFolder("INBOX");
    return {
      folders,
      uids: await folder.searchUids(),
      flags: await uidsIn(folder.fetchFlags([[1, 3]], "1")),
    };
  };
  test.each([
    ["CONDSTORE in EXAMINE", /^EXAMINE .*CONDSTORE/],
    ["CONDSTORE in STATUS", /^(STATUS .*HIGHESTMODSEQ|LIST .*STATUS)/],
    ["CONDSTORE in FETCH", /^UID FETCH .*CHANGEDSINCE/],
    ["LIST-STATUS", /^LIST .*STATUS/],
    ["LIST-EXTENDED", /^LIST .*RETURN/],
    ["ESEARCH", /^UID SEARCH RETURN/],
    ["ID", /^ID/],
  ])("%s: it goes without, and knows it the next time", async (_, command) => {
    const server = await serve(3);
    server.faults.add({ command, times: 1_000, reaction: bad });
    const source = createImapSource();
    const seen = () => server.commands.filter(({ command: line }) => command.test(line)).length;
    for (let i = 0; i < 2; i++) {
      const before = seen();
      const { folders, uids, flags } = await visit(await open(server, source));
      expect(folders).toMatchObject([{ path: "INBOX", status: { messages: 3 } }]);
      expect([uids, flags]).toEqual([[[1, 3]], [1, 2, 3]]);
      if (i > 0 && !command.test("ID")) expect(seen()).toBe(before);
    }
  });

  test("is no reason to do without it where the folder is the reason", async () => {
    const server = await serve(3);
    const source = createImapSource();
    const mailbox = await open(server, source);
    await expect(mailbox.openFolder("Gone")).rejects.toMatchObject({ code: "SourceFolderGone" });
    expect((await mailbox.openFolder("INBOX")).status.highestModseq).toBeDefined();
  });
});
