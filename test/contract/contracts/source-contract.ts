import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isMigrationError, type MigrationError } from "../../../shared/domain/errors.ts";
import type { Uid } from "../../../shared/domain/names.ts";
import { hasUid, sizeOf, type UidSet } from "../../../shared/domain/uid-set.ts";
import type {
  OpenSourceFolder,
  SourceFolder,
  SourceMailbox,
} from "../../../shared/migration/ports/source.ts";

/** A message as its owner stores it. */
export interface OwnMessage {
  readonly content: Buffer;
  readonly flags?: readonly string[];
  /** Whole seconds. */
  readonly date?: Date;
}

/** What the owner of the mailbox does, and sees, in another client. Folders are of the top level, by their names in ASCII. */
export interface SourceUser {
  createFolder(name: string): Promise<void>;
  /** With all that is in it. */
  deleteFolder(name: string): Promise<void>;
  renameFolder(name: string, to: string): Promise<void>;
  append(folder: string, message: OwnMessage): Promise<void>;
  setFlags(folder: string, uid: number, flags: readonly string[]): Promise<void>;
  /** For good. */
  delete(folder: string, uid: number): Promise<void>;
  /** Flags but \Recent, in the order of the messages. */
  flagsIn(folder: string): Promise<readonly (readonly string[])[]>;
}

/** A source with a mailbox, and hands to disturb it. */
export interface SourceUnderTest {
  open(): Promise<SourceMailbox>;
  /** Logs in with a password that is wrong. */
  openWrongly(): Promise<SourceMailbox>;
  readonly user: SourceUser;
  /** Ends the connection of every session in the middle of what is read next, after about so many bytes. */
  cutAfter(bytes: number): Promise<void>;
  /** Ends such interruptions. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const second = 1_000;
const day = 86_400 * second;
const dateOf = (n: number) => new Date(Date.UTC(2009, 2, n, 12, 30, 15));

/** The message `n`, which is told apart by its subject. */
function message(n: number, more: Partial<OwnMessage> = {}): OwnMessage & { readonly date: Date } {
  const text = `From: a@example.com\r\nSubject: number ${n}\r\nMessage-ID: <${n}@example.com>\r\n\r\nBody ${"x".repeat(n)}\r\n`;
  return { content: Buffer.from(text), date: dateOf(n), ...more };
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

function uidsOf(rows: readonly { readonly uid: number }[]): number[] {
  return rows.map(({ uid }) => uid).sort((a, b) => a - b);
}

function subjectOf(bytes: Buffer): string | undefined {
  return /^Subject: ([^\r\n]*)/m.exec(bytes.toString("latin1"))?.[1];
}

/** Reads all it can. @returns what came, and the MigrationError that ended it. */
async function readOn<T>(rows: AsyncIterable<T>): Promise<{ rows: T[]; error: MigrationError | undefined }> {
  const all: T[] = [];
  try {
    for await (const row of rows) all.push(row);
    return { rows: all, error: undefined };
  } catch (error) {
    if (!isMigrationError(error)) throw error;
    return { rows: all, error };
  }
}

/** What every source promises, and the sync engine builds on. @param open called once, before the first of the tests. */
export function sourceContract(open: () => Promise<SourceUnderTest>): void {
  let source: SourceUnderTest;
  let user: SourceUser;
  let mailbox: SourceMailbox;
  const opened: SourceMailbox[] = [];
  let made = 0;

  const session = async (): Promise<SourceMailbox> => {
    const next = await source.open();
    opened.push(next);
    return next;
  };
  /** A folder of its own with the messages 1 to `count`. */
  const folderWith = async (count: number): Promise<string> => {
    const name = `Contract${++made}`;
    await user.createFolder(name);
    for (let n = 1; n <= count; n++) await user.append(name, message(n));
    return name;
  };
  const listed = async (name: string, from = mailbox): Promise<SourceFolder | undefined> =>
    (await from.listFolders()).find(({ segments }) => segments.join("/") === name);
  const pathOf = async (name: string): Promise<string> => {
    const path = (await listed(name))?.path;
    if (path === undefined) throw new Error("the folder is not listed");
    return path;
  };
  const openFolder = async (name: string): Promise<OpenSourceFolder> =>
    mailbox.openFolder(await pathOf(name));

  beforeAll(async () => {
    source = await open();
    user = source.user;
  });
  beforeEach(async () => {
    if (mailbox?.usable !== true) mailbox = await session();
  });
  afterEach(() => source.settle());
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await source?.close();
  });

  describe("a session", () => {
    test("goes on over another connection, with what its listing found", async () => {
      const name = await folderWith(3);
      const other = await session();
      const path = (await listed(name, other))?.path ?? "";
      const before = await other.openFolder(path);
      const { uidValidity, partition } = before.status;
      await other.close();
      await other.reconnect();
      expect(other.usable).toBe(true);
      const opened = await other.openFolder(path);
      expect(opened.status).toMatchObject({ uidValidity, messages: 3, ...(partition ? { partition } : {}) });
      expect(await collect(opened.fetchMessages(await opened.searchUids()))).toHaveLength(3);
      await other.reconnect();
      expect(await listed(name, other)).toMatchObject({ path });
    });

    test("is refused with a wrong password", async () => {
      await expect(source.openWrongly()).rejects.toMatchObject({ kind: "mailbox" });
    });

    test("is unusable once it is closed, and closing it again is harmless", async () => {
      const other = await session();
      expect(other.usable).toBe(true);
      await other.close();
      await other.close();
      expect(other.usable).toBe(false);
    });
  });

  describe("folders", () => {
    test("are listed with their status, the inbox among them", async () => {
      const name = await folderWith(3);
      await user.setFlags(name, 2, ["\\Seen"]);
      expect(await listed(name)).toMatchObject({
        segments: [name],
        selectable: true,
        status: { messages: 3, uidNext: 4, unseen: 2 },
      });
      const inbox = (await mailbox.listFolders()).find(({ specialUse }) => specialUse === "inbox");
      expect(inbox?.selectable).toBe(true);
    });

    test("tell their status as it is now, the open one too", async () => {
      const name = await folderWith(1);
      await openFolder(name);
      await user.append(name, message(2));
      expect((await listed(name))?.status).toMatchObject({ messages: 2, uidNext: 3 });
      await user.delete(name, 1);
      expect((await listed(name))?.status).toMatchObject({ messages: 1, uidNext: 3 });
    });

    test("tell the same status when they are opened", async () => {
      const name = await folderWith(2);
      const status = (await listed(name))?.status;
      const { uidValidity, uidNext, messages } = (await openFolder(name)).status;
      expect({ uidValidity, uidNext, messages }).toEqual({
        uidValidity: status?.uidValidity,
        uidNext: 3,
        messages: 2,
      });
    });

    test("that are gone say so, and the session goes on", async () => {
      const [name, other] = [await folderWith(1), await folderWith(1)];
      const path = await pathOf(name);
      await user.deleteFolder(name);
      await expect(mailbox.openFolder(path)).rejects.toMatchObject({
        kind: "item",
        code: "SourceFolderGone",
      });
      expect(mailbox.usable).toBe(true);
      expect((await openFolder(other)).status.messages).toBe(1);
      expect(await listed(name)).toBeUndefined();
    });

    test("keep their messages under another name", async () => {
      const name = await folderWith(2);
      const path = await pathOf(name);
      const renamed = `${name}x`;
      await user.renameFolder(name, renamed);
      await expect(mailbox.openFolder(path)).rejects.toMatchObject({ code: "SourceFolderGone" });
      expect(sizeOf(await (await openFolder(renamed)).searchUids())).toBe(2);
    });

    test("made anew under the same name have another UIDVALIDITY", async () => {
      const name = await folderWith(1);
      const before = (await openFolder(name)).status.uidValidity;
      await user.deleteFolder(name);
      await user.createFolder(name);
      await user.append(name, message(2));
      const other = await session();
      const after = await other.openFolder((await listed(name, other))?.path ?? "");
      expect(after.status.uidValidity).not.toBe(before);
    });
  });

  describe("messages", () => {
    test("come byte by byte, with size, date and flags", async () => {
      const name = await folderWith(0);
      const stored = [
        message(1, { flags: ["\\Seen", "\\Answered"] }),
        message(2, { flags: ["\\Flagged", "Project"] }),
        message(3),
      ];
      for (const one of stored) await user.append(name, one);
      const folder = await openFolder(name);
      const messages = await collect(folder.fetchMessages(await folder.searchUids()));
      expect(messages.map(({ uid }) => uid)).toEqual([1, 2, 3]);
      expect(messages.map(({ content }) => content.toString())).toEqual(
        stored.map(({ content }) => content.toString()),
      );
      expect(messages.map(({ size }) => size)).toEqual(stored.map(({ content }) => content.length));
      expect(messages.map(({ internalDate }) => internalDate)).toEqual(stored.map(({ date }) => date));
      expect(messages.map(({ flags }) => [...flags].sort())).toEqual(
        stored.map(({ flags = [] }) => [...flags].sort()),
      );
    });

    test("are summed up and headed without their bodies", async () => {
      const folder = await openFolder(await folderWith(3));
      expect((await collect(folder.fetchSummaries([[2, 9]]))).map(({ uid, size }) => [uid, size])).toEqual([
        [2, message(2).content.length],
        [3, message(3).content.length],
      ]);
      const [header] = await collect(folder.fetchHeaders([[1, 1]]));
      expect(header?.header.toString().trimEnd()).toBe(message(1).content.toString().split("\r\n\r\n")[0]);
    });

    test("stream in parts, whole", async () => {
      const name = await folderWith(0);
      const content = Buffer.concat([
        message(1).content,
        Buffer.from(`${"0123456789abcdef".repeat(4)}\r\n`.repeat(20_000)),
      ]);
      await user.append(name, { content });
      const folder = await openFolder(name);
      const stream: Readable = await folder.openMessage(1 as Uid);
      expect((await buffer(stream)).equals(content)).toBe(true);
      expect(sizeOf(await folder.searchUids())).toBe(1);
    });

    // A server may give a message that another session has removed until it has told this one of it.
    test("that vanish between search and fetch are absent or whole, and the others come", async () => {
      const name = await folderWith(4);
      const folder = await openFolder(name);
      const uids = await folder.searchUids();
      await user.delete(name, 2);
      const messages = await collect(folder.fetchMessages(uids));
      const headers = await collect(folder.fetchHeaders(uids));
      for (const { uid, content } of messages) expect(content.equals(message(uid).content)).toBe(true);
      for (const { uid, header } of headers) expect(subjectOf(header)).toBe(`number ${uid}`);
      for (const rows of [messages, headers])
        expect(uidsOf(rows).filter((uid) => uid !== 2)).toEqual([1, 3, 4]);
      expect(mailbox.usable).toBe(true);
    });

    test("that vanished are streamed whole or refused, which concerns them alone", async () => {
      const name = await folderWith(2);
      const folder = await openFolder(name);
      await user.delete(name, 1);
      const outcome = await folder.openMessage(1 as Uid).then(buffer, (error: unknown) => error);
      if (Buffer.isBuffer(outcome)) expect(outcome.equals(message(1).content)).toBe(true);
      else expect(outcome).toMatchObject({ kind: "item" });
      expect((await buffer(await folder.openMessage(2 as Uid))).equals(message(2).content)).toBe(true);
    });

    test("that vanish while they are streamed never end as if they were whole", async () => {
      const name = await folderWith(0);
      const content = Buffer.from(`${"0123456789abcdef".repeat(4)}\r\n`.repeat(50_000));
      await user.append(name, { content: Buffer.concat([message(1).content, content]) });
      const folder = await openFolder(name);
      const stream = await folder.openMessage(1 as Uid);
      await user.delete(name, 1);
      const outcome = await buffer(stream).catch((error: unknown) => error);
      if (Buffer.isBuffer(outcome)) expect(outcome.length).toBe(message(1).content.length + content.length);
      else expect(outcome).toMatchObject({ kind: "item" });
      expect(mailbox.usable).toBe(true);
    });

    test("of a folder that is removed meanwhile are whole or absent, or the failure is told", async () => {
      const [name, other] = [await folderWith(2), await folderWith(1)];
      const folder = await openFolder(name);
      await user.deleteFolder(name);
      const { rows, error } = await readOn(folder.fetchMessages([[1, 2]]));
      for (const { uid, content } of rows) expect(content.equals(message(uid).content)).toBe(true);
      if (error !== undefined) expect(["transient", "item"]).toContain(error.kind);
      if (!mailbox.usable) mailbox = await session();
      expect((await openFolder(other)).status.messages).toBe(1);
    });

    test("of a folder that is made anew meanwhile are whole, and then its UIDVALIDITY is another", async () => {
      const name = await folderWith(2);
      const folder = await openFolder(name);
      await user.deleteFolder(name);
      await user.createFolder(name);
      for (const n of [8, 9]) await user.append(name, message(n));
      // Dovecot gives the new messages under the old numbers, and a session cannot tell.
      const { rows } = await readOn(folder.fetchMessages([[1, 2]]));
      for (const { uid, content } of rows)
        expect([message(uid), message(uid + 7)].some((one) => content.equals(one.content))).toBe(true);
      if (!mailbox.usable) mailbox = await session();
      expect((await openFolder(name)).status.uidValidity).not.toBe(folder.status.uidValidity);
    });

    test("after a reader that stopped early can be read again", async () => {
      const folder = await openFolder(await folderWith(5));
      for await (const { uid } of folder.fetchMessages([[1, 5]])) if (uid === 2) break;
      expect(mailbox.usable).toBe(true);
      expect(uidsOf(await collect(folder.fetchMessages([[1, 5]])))).toEqual([1, 2, 3, 4, 5]);
    });

    test("of a connection that is cut come whole or not at all, and the session ends", async () => {
      const name = await folderWith(0);
      const body = "0123456789abcdef\r\n".repeat(6_000);
      const contents = [1, 2, 3, 4].map((n) => Buffer.from(`Subject: number ${n}\r\n\r\n${body}`));
      for (const content of contents) await user.append(name, { content });
      const other = await session();
      const folder = await other.openFolder(await pathOf(name));
      await source.cutAfter(250_000);
      const { rows, error } = await readOn(folder.fetchMessages([[1, 4]]));
      expect(error).toMatchObject({ kind: "transient" });
      expect(rows.length).toBeLessThan(4);
      for (const { uid, content } of rows) expect(content.equals(contents[uid - 1] as Buffer)).toBe(true);
      expect(other.usable).toBe(false);
      await source.settle();
      const again = await (await session()).openFolder(await pathOf(name));
      expect(uidsOf(await collect(again.fetchMessages([[1, 4]])))).toEqual([1, 2, 3, 4]);
    });
  });

  describe("a search", () => {
    /** The adapter may ask for a day more, and the caller filters. */
    const within = (found: UidSet, exact: readonly number[], slack: readonly number[]) => {
      for (const uid of exact) expect(hasUid(found, uid)).toBe(true);
      for (const [low, high] of found)
        for (let uid = low; uid <= high; uid++) expect([...exact, ...slack]).toContain(uid);
    };

    test("finds every message, and after deletions those that are left", async () => {
      const name = await folderWith(5);
      const folder = await openFolder(name);
      expect(await folder.searchUids()).toEqual([[1, 5]]);
      await user.delete(name, 3);
      expect(await (await openFolder(name)).searchUids()).toEqual([
        [1, 2],
        [4, 5],
      ]);
      expect(await (await openFolder(await folderWith(0))).searchUids()).toEqual([]);
    });

    test("finds messages by date and number", async () => {
      const folder = await openFolder(await folderWith(9));
      within(await folder.searchUids({ since: dateOf(5).getTime() }), [5, 6, 7, 8, 9], [3, 4]);
      within(await folder.searchUids({ before: dateOf(5).getTime() }), [1, 2, 3, 4], [5, 6]);
      within(await folder.searchUids({ since: dateOf(9).getTime() + 3 * day }), [], []);
      const among: UidSet = [
        [2, 3],
        [7, 20],
      ];
      within(await folder.searchUids({ among }), [2, 3, 7, 8, 9], []);
    });

    test("never gives a number to two messages", async () => {
      const name = await folderWith(2);
      await user.delete(name, 2);
      await user.append(name, message(3));
      const folder = await openFolder(name);
      expect(folder.status.uidNext).toBe(4);
      expect(await folder.searchUids()).toEqual([
        [1, 1],
        [3, 3],
      ]);
    });
  });

  describe("flags", () => {
    test("come as they are, those that changed since at least", async () => {
      const name = await folderWith(3);
      const before = (await openFolder(name)).status;
      await user.setFlags(name, 2, ["\\Seen", "\\Flagged"]);
      const folder = await openFolder(name);
      const changed = await collect(folder.fetchFlags([[1, 3]], before.highestModseq));
      expect(changed.find(({ uid }) => uid === 2)?.flags.toSorted()).toEqual(["\\Flagged", "\\Seen"]);
      // A server without mod-sequences gives all of them.
      expect(uidsOf(changed)).toEqual(before.highestModseq === undefined ? [1, 2, 3] : [2]);
      const all = await collect(folder.fetchFlags([[1, 3]]));
      expect(all.map(({ uid, flags }) => [uid, flags.toSorted()])).toEqual([
        [1, []],
        [2, ["\\Flagged", "\\Seen"]],
        [3, []],
      ]);
    });

    test("and everything else stay as they are, whatever is read", async () => {
      const name = await folderWith(3);
      await user.setFlags(name, 3, ["\\Answered"]);
      const before = await user.flagsIn(name);
      const folder = await openFolder(name);
      await folder.searchUids();
      await collect(folder.fetchMessages([[1, 3]]));
      await collect(folder.fetchHeaders([[1, 3]]));
      await buffer(await folder.openMessage(1 as Uid));
      await collect(folder.fetchFlags([[1, 3]]));
      await mailbox.listFolders();
      expect(await user.flagsIn(name)).toEqual(before);
      expect(before).toEqual([[], [], ["\\Answered"]]);
      expect(await listed(name)).toMatchObject({ status: { messages: 3, unseen: 3, uidNext: 4 } });
    });
  });

  test("new mail shows when the folder is opened again, and two sessions see the same", async () => {
    const name = await folderWith(1);
    const path = await pathOf(name);
    const other = await session();
    const first = await mailbox.openFolder(path);
    expect(await first.searchUids()).toEqual([[1, 1]]);
    await user.append(name, message(2));
    for (const one of [mailbox, other]) {
      const folder = await one.openFolder(path);
      expect(folder.status).toMatchObject({ uidNext: 3, messages: 2 });
      expect(uidsOf(await collect(folder.fetchSummaries([[1, 2]])))).toEqual([1, 2]);
    }
  });
}
