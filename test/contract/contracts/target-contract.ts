import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isMigrationError, type MigrationError } from "../../../shared/domain/errors.ts";
import type { Stamp, TargetFolderId, TargetItemId, Uid } from "../../../shared/domain/names.ts";
import type {
  OutgoingMessage,
  TargetConnector,
  TargetMailbox,
  WriteCandidate,
} from "../../../shared/migration/ports/target.ts";

/**
 * What happens to the next write:
 * - `answerLost`: it has its effect, and the connection ends before the answer.
 * - `cutBefore`: the connection ends in the middle of it; it has no effect.
 * - `landsLate`: nobody hears of it, and it has its effect a while later.
 */
export type Interruption = "answerLost" | "cutBefore" | "landsLate";

/** A message as the user finds it. */
export interface SeenMessage {
  readonly subject: string;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** What the owner of the mailbox does, and sees, in another client. */
export interface TargetUser {
  /** In the order in which they were stored. */
  messagesIn(folder: TargetFolderId): Promise<readonly SeenMessage[]>;
  /** For good. */
  deleteFolder(folder: TargetFolderId): Promise<void>;
  /** Stores a message of their own. */
  add(folder: TargetFolderId, subject: string): Promise<void>;
  /** Sets \Flagged. */
  flag(folder: TargetFolderId, item: TargetItemId): Promise<void>;
  /** For good. */
  delete(folder: TargetFolderId, item: TargetItemId): Promise<void>;
}

/** A target with an empty mailbox, and hands to disturb it. */
export interface TargetUnderTest {
  readonly connector: TargetConnector;
  readonly emailAddress: string;
  /** An address without a mailbox, where the target can tell that there is none. */
  readonly unknownAddress?: string;
  readonly user: TargetUser;
  interrupt(interruption: Interruption): Promise<void>;
  /** Ends interruptions and waits until what is to land late has landed. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

const noneKnown: ReadonlySet<TargetItemId> = new Set();
const token = "chunk-1";
const dateOf = (n: number) => new Date(Date.UTC(2001, 0, 1, 0, 0, n));

function headerOf(n: number): string {
  return [
    "From: Ann <ann@example.com>",
    `Subject: number ${n}`,
    `Message-ID: <${n}@example.com>`,
    "Date: Mon, 01 Jan 2001 00:00:00 +0000",
    "",
    "",
  ].join("\r\n");
}

/** The message `n`, which is told apart by its subject. */
function outgoing(n: number, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  const content = Buffer.from(`${headerOf(n)}Body ${n}\r\n`);
  return {
    uid: n as Uid,
    stamp: `stamp-${n}` as Stamp,
    chunkToken: token,
    internalDate: dateOf(n),
    flags: ["\\Seen"],
    size: content.length,
    content,
    timeoutMs: 30_000,
    ...more,
  };
}

function candidate(n: number, more: Partial<WriteCandidate> = {}): WriteCandidate {
  const { uid, stamp, internalDate, flags, size } = outgoing(n);
  return { uid, stamp, internalDate, flags, size, header: Buffer.from(headerOf(n)), ...more };
}

async function failure(promise: Promise<unknown>): Promise<MigrationError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isMigrationError(error)) throw new Error("a MigrationError was expected", { cause: error });
  return error;
}

/** What every target promises, and the sync engine builds on. @param open called once, before the first of the tests. */
export function targetContract(open: () => Promise<TargetUnderTest>): void {
  let target: TargetUnderTest;
  let user: TargetUser;
  let mailbox: TargetMailbox;
  const opened: TargetMailbox[] = [];
  let folders = 0;

  const session = async (): Promise<TargetMailbox> => {
    const { connector, emailAddress } = target;
    const next = await connector.open(await connector.resolve(emailAddress));
    opened.push(next);
    return next;
  };
  const fresh = async (): Promise<TargetFolderId> =>
    (await mailbox.ensureFolder([`Contract ${++folders}`])).id;
  const subjectsIn = async (folder: TargetFolderId) =>
    (await user.messagesIn(folder)).map(({ subject }) => subject);
  const flagsOf = async (folder: TargetFolderId, item: TargetItemId) => {
    const state = (await mailbox.readItems(folder, [item])).get(item);
    return state && [...state.flags].sort();
  };
  const find = (folder: TargetFolderId, mark: string, ...candidates: readonly WriteCandidate[]) =>
    mailbox.findWritten(folder, { token, mark }, candidates, noneKnown);

  beforeAll(async () => {
    target = await open();
    user = target.user;
    mailbox = await session();
  });
  afterEach(async () => {
    await target.settle();
    if (!mailbox.usable) mailbox = await session();
  });
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()));
    await target?.close();
  });

  describe("an address", () => {
    test("stands for the same mailbox however it is written", async () => {
      const { connector, emailAddress } = target;
      const { id } = await connector.resolve(emailAddress);
      expect((await connector.resolve(emailAddress)).id).toBe(id);
      expect(id).not.toBe("");
    });

    test("without a mailbox is told", async () => {
      if (target.unknownAddress === undefined) return;
      expect(await failure(target.connector.resolve(target.unknownAddress))).toMatchObject({
        kind: "mailbox",
        code: "TargetMailboxNotFound",
      });
    });
  });

  describe("folders", () => {
    test("are created with their parents, once", async () => {
      const folder = await mailbox.ensureFolder(["Tree", "Branch", "Leaf"]);
      expect(await mailbox.ensureFolder(["Tree", "Branch", "Leaf"])).toEqual(folder);
      const other = await session();
      expect((await other.ensureFolder(["Tree", "Branch", "Leaf"])).id).toBe(folder.id);
      expect(await other.folderState((await other.ensureFolder(["Tree"])).id)).toBe("there");
    });

    test("that are announced are those that are ensured afterwards", async () => {
      const names = ["One", "Two", "Three", "Four", "F\u00fcnf & \u{1f600}", "Six"].map(
        mailbox.naming.sanitize,
      );
      const paths = names.flatMap((name) => [[name], [name, "Below"], [name, "Below", "it"]]);
      const wanted = [["Announced"], ...paths.map((path) => ["Announced", ...path])];
      const segmentsOf = wanted.map((segments) => ({ segments }));
      await mailbox.prepareFolders(segmentsOf);
      await mailbox.prepareFolders(segmentsOf);
      const other = await session();
      await other.prepareFolders(segmentsOf);
      const ids = new Set<string>();
      for (const segments of wanted) {
        const folder = await mailbox.ensureFolder(segments);
        expect(folder.path.split("/")).toHaveLength(segments.length);
        expect(await other.ensureFolder(segments)).toEqual(folder);
        expect(await mailbox.folderState(folder.id)).toBe("there");
        ids.add(folder.id);
      }
      expect(ids.size).toBe(wanted.length);
      const deepest = (await mailbox.ensureFolder(wanted.at(-1) ?? [])).id;
      await mailbox.write(deepest, outgoing(1));
      expect(await mailbox.listEntries(deepest)).toHaveLength(1);
    });

    test("of a special use are the target's own", async () => {
      const inbox = await mailbox.ensureFolder(["INBOX"], "inbox");
      expect((await mailbox.ensureFolder(["Posteingang"], "inbox")).id).toBe(inbox.id);
      const below = await mailbox.ensureFolder(["INBOX", "Below"]);
      expect(below.id).not.toBe(inbox.id);
      expect(await mailbox.folderState(below.id)).toBe("there");
    });

    test("are told apart by case as the naming says", async () => {
      const [upper, lower] = [await mailbox.ensureFolder(["CASE"]), await mailbox.ensureFolder(["case"])];
      expect(upper.id !== lower.id).toBe(mailbox.naming.caseSensitive);
    });

    test("take every name once it is sanitized", async () => {
      for (const name of ["a/b.c", "\u00dcberblick", "x ".repeat(200), "~tilde", "tab\tbed"]) {
        const sanitized = mailbox.naming.sanitize(name);
        expect(mailbox.naming.sanitize(sanitized)).toBe(sanitized);
        const { id } = await mailbox.ensureFolder([sanitized]);
        expect((await mailbox.ensureFolder([sanitized])).id).toBe(id);
      }
    });

    test("that the user deleted do not exist, and take nothing", async () => {
      const [folder, other] = [await fresh(), await fresh()];
      const id = await mailbox.write(folder, outgoing(1));
      const kept = await mailbox.write(other, outgoing(2));
      await user.deleteFolder(folder);
      expect(await mailbox.folderState(folder)).not.toBe("there");
      const gone = { kind: "item", code: "TargetFolderGone", inDoubt: false };
      expect(await failure(mailbox.write(folder, outgoing(3)))).toMatchObject(gone);
      expect(await mailbox.readItems(folder, [id])).toEqual(new Map());
      expect(await mailbox.changeFlags(folder, id, { add: ["\\Flagged"], remove: [] })).toBe("gone");
      expect(await mailbox.deleteItem(folder, id)).toBe("gone");
      expect(await mailbox.moveItem(folder, id, other)).toBeUndefined();
      await mailbox.purgeItem(folder, id);
      expect(await failure(mailbox.moveItem(other, kept, folder))).toMatchObject(gone);
      expect(await subjectsIn(other)).toEqual(["number 2"]);
      expect(mailbox.usable).toBe(true);
    });

    test("that the user made anew under the same name hold nothing of ours", async () => {
      const name = `Anew ${++folders}`;
      const { id: folder } = await mailbox.ensureFolder([name]);
      const mark = await mailbox.markFolder(folder);
      const id = await mailbox.write(folder, outgoing(1));
      await user.deleteFolder(folder);
      const other = await session();
      const anew = (await other.ensureFolder([name])).id;
      await user.add(anew, "their own");
      for (const place of [folder, anew]) {
        expect((await other.readItems(place, [id])).size).toBe(0);
        expect(await other.changeFlags(place, id, { add: ["\\Flagged"], remove: [] })).toBe("gone");
        expect(await other.deleteItem(place, id)).toBe("gone");
        await other.purgeItem(place, id);
      }
      const found = await other.findWritten(anew, { token, mark }, [candidate(1)], noneKnown);
      expect(found).toEqual(new Map());
      expect(await subjectsIn(anew)).toEqual(["their own"]);
    });
  });

  test("that is asked whether it takes messages has nothing more in it than before", async () => {
    const folder = await fresh();
    await mailbox.write(folder, outgoing(1));
    expect(await mailbox.takesMessages()).not.toBe(false);
    expect(await subjectsIn(folder)).toEqual(["number 1"]);
    expect(mailbox.maxItemBytes).toBeGreaterThan(0);
  });

  describe("a write", () => {
    test("stores the message with its date and flags", async () => {
      const folder = await fresh();
      const id = await mailbox.write(folder, outgoing(1, { flags: ["\\Seen", "\\Flagged"] }));
      expect(await user.messagesIn(folder)).toEqual([
        { subject: "number 1", receivedAt: dateOf(1).getTime() },
      ]);
      expect(await flagsOf(folder, id)).toEqual(["\\Flagged", "\\Seen"]);
    });

    test("of flags gives back what the target says it can hold", async () => {
      const folder = await fresh();
      const flags = ["\\Answered", "\\Seen", "Project"];
      const id = await mailbox.write(folder, outgoing(1, { flags }));
      expect(await flagsOf(folder, id)).toEqual([...target.connector.representableFlags(flags)].sort());
    });

    test("runs beside as many others as allowed, each once", async () => {
      const folder = await fresh();
      const numbers = Array.from({ length: mailbox.writeConcurrency * 4 }, (_, index) => index + 1);
      const waiting = [...numbers];
      const ids: TargetItemId[] = [];
      const writer = async () => {
        for (let n = waiting.shift(); n; n = waiting.shift())
          ids.push(await mailbox.write(folder, outgoing(n)));
      };
      await Promise.all(Array.from({ length: mailbox.writeConcurrency }, writer));
      expect(new Set(ids).size).toBe(numbers.length);
      expect((await subjectsIn(folder)).sort()).toEqual(numbers.map((n) => `number ${n}`).sort());
    });

    test("opens a stream once, whatever size was announced", async () => {
      const folder = await fresh();
      const parts = [headerOf(1), "0123456789abcdef\r\n".repeat(30_000), "end\r\n"].map((part) =>
        Buffer.from(part),
      );
      let streams = 0;
      const content = async () => {
        streams++;
        return Readable.from(parts);
      };
      await mailbox.write(folder, outgoing(1, { size: 1, content }));
      expect(streams).toBe(1);
      expect(await subjectsIn(folder)).toEqual(["number 1"]);
    });

    test("whose answer is lost is in doubt, and found", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      await target.interrupt("answerLost");
      expect(await failure(mailbox.write(folder, outgoing(1)))).toMatchObject({
        kind: "transient",
        inDoubt: true,
      });
      mailbox = await session();
      const found = (await find(folder, mark, candidate(1), candidate(2))).get(candidate(1).stamp);
      expect(found).toEqual([{ id: expect.any(String), untouched: true }]);
      expect(await subjectsIn(folder)).toEqual(["number 1"]);
    });

    test("that is cut off is not there, and can be done again", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      await target.interrupt("cutBefore");
      const content = Buffer.from(`${headerOf(1)}${"0123456789abcdef\r\n".repeat(30_000)}`);
      const message = outgoing(1, { content, size: content.length });
      expect((await failure(mailbox.write(folder, message))).kind).toBe("transient");
      await target.settle();
      mailbox = await session();
      expect(await find(folder, mark, candidate(1, { size: content.length }))).toEqual(new Map());
      await mailbox.write(folder, message);
      expect(await subjectsIn(folder)).toEqual(["number 1"]);
    });

    test("that lands late is in doubt, and found once it is there", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      await target.interrupt("landsLate");
      expect(await failure(mailbox.write(folder, outgoing(1, { timeoutMs: 1_500 })))).toMatchObject({
        kind: "transient",
        inDoubt: true,
      });
      await target.settle();
      mailbox = await session();
      expect((await find(folder, mark, candidate(1))).get(candidate(1).stamp)).toHaveLength(1);
      expect(await subjectsIn(folder)).toEqual(["number 1"]);
    });

    test("that lands after it was done again leaves two copies, of which the later one can go", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      await target.interrupt("landsLate");
      await failure(mailbox.write(folder, outgoing(1, { timeoutMs: 1_500 })));
      await target.settle();
      mailbox = await session();
      const second = await mailbox.write(folder, outgoing(1));
      const copies = (await find(folder, mark, candidate(1))).get(candidate(1).stamp);
      expect(copies?.map(({ untouched }) => untouched)).toEqual([true, true]);
      expect(copies?.map(({ id }) => id)).toContain(second);
      const later = copies?.[1]?.id;
      if (later === undefined) throw new Error("no second copy was found");
      await mailbox.purgeItem(folder, later);
      await mailbox.purgeItem(folder, later);
      expect(await subjectsIn(folder)).toEqual(["number 1"]);
      expect((await find(folder, mark, candidate(1))).get(candidate(1).stamp)).toHaveLength(1);
    });

    test("fails alone: the next one finds a way", async () => {
      const folder = await fresh();
      await target.interrupt("answerLost");
      await failure(mailbox.write(folder, outgoing(1)));
      if (!mailbox.usable) mailbox = await session();
      await mailbox.write(folder, outgoing(2));
      expect(await subjectsIn(folder)).toEqual(["number 1", "number 2"]);
    });
  });

  describe("what was written", () => {
    test("is marked in no more than a kilobyte", async () => {
      expect(Buffer.byteLength(await mailbox.markFolder(await fresh()))).toBeLessThanOrEqual(1024);
    });

    test("is found in its own chunk, as a multiset, without what is known or the user's", async () => {
      const folder = await fresh();
      await mailbox.write(folder, outgoing(1, { chunkToken: "chunk-0" }));
      const mark = await mailbox.markFolder(folder);
      const twin = candidate(1, { stamp: "twin" as Stamp });
      const first = await mailbox.write(folder, outgoing(1));
      const second = await mailbox.write(folder, outgoing(1, { stamp: twin.stamp }));
      const other = await mailbox.write(folder, outgoing(2));
      await user.add(folder, "their own");
      const found = await mailbox.findWritten(
        folder,
        { token, mark },
        [candidate(1), twin, candidate(2), candidate(3)],
        new Set([other]),
      );
      expect(found).toEqual(
        new Map([
          [candidate(1).stamp, [{ id: first, untouched: true }]],
          [twin.stamp, [{ id: second, untouched: true }]],
        ]),
      );
    });

    test("is told from what the user has changed since", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      const id = await mailbox.write(folder, outgoing(1));
      await user.flag(folder, id);
      expect(await find(folder, mark, candidate(1))).toEqual(
        new Map([[candidate(1).stamp, [{ id, untouched: false }]]]),
      );
    });

    test("and deleted by the user since is not found", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      const id = await mailbox.write(folder, outgoing(1));
      await user.delete(folder, id);
      expect(await find(folder, mark, candidate(1))).toEqual(new Map());
      await mailbox.purgeItem(folder, id);
    });

    test("is not looked for in a folder that is gone", async () => {
      const folder = await fresh();
      const mark = await mailbox.markFolder(folder);
      await mailbox.write(folder, outgoing(1));
      await user.deleteFolder(folder);
      const outcome = await find(folder, mark, candidate(1)).catch((error: unknown) => error);
      if (isMigrationError(outcome)) expect(outcome).toMatchObject({ code: "TargetFolderGone" });
      else expect(outcome).toEqual(new Map());
    });
  });

  describe("a listing", () => {
    test("shows all folders, and what lies in the deleted items", async () => {
      const { id: folder, path } = await mailbox.ensureFolder([`Listed ${++folders}`]);
      await mailbox.write(folder, outgoing(1));
      const trash = await mailbox.ensureFolder(["Trash"], "trash");
      const places = await mailbox.listPlaces();
      const of = (id: TargetFolderId) => places.find((place) => place.id === id);
      expect(of(folder)).toEqual({ id: folder, path, items: 1, deleted: false });
      expect(of(trash.id)?.deleted).toBe(true);
    });

    test("shows messages as their header says, ours and the user's", async () => {
      const folder = await fresh();
      const id = await mailbox.write(folder, outgoing(1, { flags: ["\\Flagged", "\\Seen"] }));
      await user.add(folder, "their own");
      const entries = await mailbox.listEntries(folder);
      const ours = entries.find((entry) => entry.id === id);
      const look = await mailbox.lookOf(Buffer.from(headerOf(1)));
      expect(look).toMatchObject({ messageId: "<1@example.com>", sentAt: Date.UTC(2001, 0, 1) });
      expect(ours).toMatchObject({ receivedAt: dateOf(1).getTime(), look });
      expect([...(ours?.flags ?? [])].sort()).toEqual(["\\Flagged", "\\Seen"]);
      expect([undefined, "stamp-1"]).toContain(ours?.stamp);
      const theirs = entries.filter((entry) => entry.id !== id);
      expect(theirs.map(({ look: { subject }, stamp }) => [subject, stamp])).toEqual([
        ["their own", undefined],
      ]);
    });

    test("of a folder that is gone fails", async () => {
      const folder = await fresh();
      await user.deleteFolder(folder);
      expect(await failure(mailbox.listEntries(folder))).toMatchObject({ code: "TargetFolderGone" });
    });
  });

  test("a copy is equal to its message, and to no other one", async () => {
    const [folder, other] = [await fresh(), await fresh()];
    const id = await mailbox.write(folder, outgoing(1));
    expect(await mailbox.differencesOf(folder, id, outgoing(1).content)).toEqual([]);
    const longer = Buffer.from(`${headerOf(1)}Body 1, and more of it\r\n`);
    expect(await mailbox.differencesOf(folder, id, longer)).not.toEqual([]);
    expect(await mailbox.differencesOf(other, id, outgoing(1).content)).toBeUndefined();
  });

  describe("an item", () => {
    test("is read while it is in the folder", async () => {
      const folder = await fresh();
      const [kept, gone] = [
        await mailbox.write(folder, outgoing(1)),
        await mailbox.write(folder, outgoing(2)),
      ];
      await user.delete(folder, gone);
      expect([...(await mailbox.readItems(folder, [gone, kept])).keys()]).toEqual([kept]);
    });

    test("changes in the flags it is told to, and no others", async () => {
      const folder = await fresh();
      const id = await mailbox.write(folder, outgoing(1, { flags: ["\\Seen", "Project", "Private"] }));
      await user.flag(folder, id);
      const change = { add: ["\\Answered", "Later"], remove: ["\\Seen", "Project"] };
      const outcome = await mailbox.changeFlags(folder, id, change);
      expect(await mailbox.changeFlags(folder, id, change)).toEqual(outcome);
      // Graph gives no message the mark of an answer once it is there, and says so.
      const answered = outcome === "done" ? ["\\Answered"] : [];
      if (outcome !== "done") expect(outcome).toEqual({ unkept: ["\\Answered"] });
      const expected = target.connector.representableFlags([...answered, "\\Flagged", "Later", "Private"]);
      expect(await flagsOf(folder, id)).toEqual([...expected].sort());
      await user.delete(folder, id);
      expect(await mailbox.changeFlags(folder, id, change)).toBe("gone");
    });

    test("moves once, with its flags, and is found again", async () => {
      const [from, to] = [await fresh(), await fresh()];
      await mailbox.write(to, outgoing(9));
      const id = await mailbox.write(from, outgoing(1));
      const mark = await mailbox.markFolder(to);
      expect(await mailbox.finishMove(from, id, to, mark, candidate(1), noneKnown)).toBeUndefined();
      const moved = await mailbox.moveItem(from, id, to);
      if (moved === undefined) throw new Error("the item did not move");
      expect(await flagsOf(to, moved)).toEqual(["\\Seen"]);
      expect(await subjectsIn(from)).toEqual([]);
      expect((await subjectsIn(to)).sort()).toEqual(["number 1", "number 9"]);
      expect(await mailbox.finishMove(from, id, to, mark, candidate(1), noneKnown)).toBe(moved);
      expect(await mailbox.moveItem(from, id, await fresh())).toBeUndefined();
    });

    test("goes to the deleted items, once", async () => {
      const folder = await fresh();
      const trash = (await mailbox.ensureFolder(["Trash"], "trash")).id;
      const [id, kept] = [await mailbox.write(folder, outgoing(1)), await mailbox.write(folder, outgoing(2))];
      const before = (await subjectsIn(trash)).length;
      const mark = await mailbox.markFolder(trash);
      expect(await mailbox.deleteItem(folder, id)).toBe("done");
      expect(await mailbox.deleteItem(folder, id)).toBe("gone");
      expect((await subjectsIn(trash)).length).toBe(before + 1);
      expect(await subjectsIn(folder)).toEqual(["number 2"]);
      expect((await mailbox.readItems(folder, [kept])).size).toBe(1);
      const deleted = await mailbox.finishMove(folder, id, trash, mark, candidate(1), noneKnown);
      if (deleted === undefined) throw new Error("the item is not among the deleted ones");
      expect(await mailbox.deleteItem(trash, deleted)).toBe("done");
      expect((await subjectsIn(trash)).length).toBe(before + 1);
    });
  });

  test("another session sees what this one did", async () => {
    const folder = await fresh();
    const id = await mailbox.write(folder, outgoing(1));
    const other = await session();
    expect((await other.readItems(folder, [id])).size).toBe(1);
    expect(await other.changeFlags(folder, id, { add: ["\\Flagged"], remove: [] })).toBe("done");
    expect(await flagsOf(folder, id)).toEqual(["\\Flagged", "\\Seen"]);
  });
}
