import { describe, expect, it } from "vitest";
import { batchOptionsSchema, defaultBatchOptions } from "../../../shared/domain/batch-options.ts";
import type {
  BatchName,
  EndpointName,
  FolderId,
  MailboxId,
  Uid,
  UidValidity,
} from "../../../shared/domain/names.ts";
import { batchStatus, type MailboxStatus } from "../../../shared/domain/states.ts";
import { tended } from "../../../shared/migration/control/janitor.ts";
import { dueAt } from "../../../shared/migration/control/resync.ts";
import type { MailboxRecord } from "../../../shared/migration/ports/registry.ts";
import { groupsOf } from "../../../shared/migration/sync/copy-folder.ts";
import { headerDigest, headerSection } from "../../../shared/migration/sync/digest.ts";
import { copiedFlags, flagChange, sameFlags } from "../../../shared/migration/sync/flags.ts";
import { mapFolders, matchesFolder } from "../../../shared/migration/sync/folder-mapping.ts";
import { receivedDate } from "../../../shared/migration/sync/received-date.ts";
import { afterFailure, maxAttempts } from "../../../shared/migration/sync/retry-delay.ts";
import { isBeingTested, needsLoginTest } from "../../../shared/migration/sync/test-login.ts";

const mailboxId = "0".repeat(32) as MailboxId;
const counts = { total: 4, created: 0, active: 0, synced: 4, failed: 0, stopped: 0, completed: 0 };

const mailbox = (status: MailboxStatus, change: Partial<MailboxRecord> = {}): MailboxRecord => ({
  id: mailboxId,
  batch: "b" as BatchName,
  endpoint: "e" as EndpointName,
  emailAddress: "a@contoso.com",
  userName: "a",
  sealedPassword: "sealed",
  status,
  kind: "initial",
  round: 7,
  attempts: 0,
  totalItemCount: 0,
  syncedItemCount: 0,
  skippedItemCount: 0,
  bytesTransferred: 0,
  estimatedBytes: 0,
  createdAt: 0,
  ...change,
});

describe("the status of a batch", () => {
  it.each([
    ["running", {}, "Synced"],
    ["running", { synced: 3, active: 1 }, "Syncing"],
    ["running", { synced: 3, failed: 1 }, "SyncedWithErrors"],
    ["running", { synced: 0, failed: 4 }, "Failed"],
    ["completed", { synced: 0, completed: 4 }, "Completed"],
    ["completed", { synced: 1, completed: 3 }, "Synced"],
    ["stopped", { synced: 1, stopped: 3 }, "Stopped"],
    ["created", { synced: 0, created: 4 }, "Created"],
    ["removing", {}, "Removing"],
  ] as const)("%s with %o is %s", (intent, change, expected) => {
    expect(batchStatus(intent, { ...counts, ...change })).toBe(expected);
  });
});

describe("what follows a failed step", () => {
  const failure = (kind: "transient" | "throttled" | "mailbox" | "fatal" | "item", extra = {}) => ({
    kind,
    inDoubt: false,
    ...extra,
  });

  it.each(["mailbox", "fatal", "item"] as const)("a %s error stops the mailbox", (kind) => {
    expect(afterFailure(failure(kind), 0, 0.5)).toEqual({ move: "fail" });
  });

  it("a transient one is tried again, ever later, and in the end stops the mailbox", () => {
    const delays = [0, 1, 2, 12].map((attempts) => afterFailure(failure("transient"), attempts, 0.5));
    expect(delays).toEqual([
      { move: "retry", delayMs: 10_000, attempts: 1 },
      { move: "retry", delayMs: 20_000, attempts: 2 },
      { move: "retry", delayMs: 40_000, attempts: 3 },
      { move: "retry", delayMs: 1_800_000, attempts: 13 },
    ]);
    expect(afterFailure(failure("transient"), maxAttempts - 1, 0.5)).toEqual({ move: "fail" });
  });

  it("a pause that was asked for is kept and does not count", () => {
    expect(afterFailure(failure("throttled", { retryAfterMs: 90_000 }), 3, 0.5)).toEqual({
      move: "retry",
      delayMs: 90_000,
      attempts: 3,
    });
  });

  it("a write in doubt is not looked for before it can have arrived", () => {
    expect(afterFailure(failure("transient", { inDoubt: true }), 0, 0)).toMatchObject({ delayMs: 35_000 });
  });
});

describe("what the janitor does with a mailbox", () => {
  const nobody = { permits: [], waiting: [], version: "1" };
  const wait = {
    mailboxId: "f".repeat(32) as MailboxId,
    batch: "b" as BatchName,
    kind: "initial" as const,
    round: 1,
    since: 1,
  };

  it.each([
    ["a synced one that is due", mailbox("Synced", { dueAt: 5 }), nobody, true],
    ["a synced one that is not due yet", mailbox("Synced", { dueAt: 15 }), nobody, false],
    ["a synced one without a date", mailbox("Synced"), nobody, false],
    ["a queued one that nobody waits for", mailbox("Queued"), nobody, true],
    ["a queued one while others wait", mailbox("Queued"), { ...nobody, waiting: [wait] }, false],
    [
      "a syncing one with a permit",
      mailbox("Syncing"),
      { ...nobody, permits: [{ ...wait, mailboxId, until: 99 }] },
      false,
    ],
    ["a syncing one without", mailbox("Syncing"), nobody, true],
    ["a pause that is over", mailbox("Queued", { notBefore: 5 }), nobody, true],
    ["a pause that is not", mailbox("Queued", { notBefore: 15 }), nobody, false],
    ["one that waits for the logins of others", mailbox("Queued", { loginTest: "passed" }), nobody, false],
    ["one that no longer does", mailbox("Queued", { loginTest: "released" }), nobody, true],
    ["a failed one", mailbox("Failed"), nobody, false],
    ["a stopped one", mailbox("Stopped"), nobody, false],
  ] as const)("%s", (_, before, state, queued) => {
    const after = tended(before, state, 10);
    if (queued)
      expect(after).toMatchObject({ status: "Queued", round: 8, notBefore: undefined, dueAt: undefined });
    else expect(after).toBeUndefined();
  });
});

describe("the test of a login before anything is copied", () => {
  const options = batchOptionsSchema.parse({ testLogins: true });
  const started = { startedAt: 1 };

  it.each([
    ["one that has not been tested", mailbox("Queued"), true],
    ["one that has not been asked for", mailbox("Created"), true],
    ["one that passed", mailbox("Queued", { loginTest: "passed" }), false],
    ["one that may be copied", mailbox("Queued", { loginTest: "released" }), false],
    ["one that is being copied", mailbox("Syncing", started), false],
    ["one that failed", mailbox("Failed"), false],
    ["one that was stopped", mailbox("Stopped"), false],
  ])("keeps others waiting: %s", (_, untested, expected) => {
    expect(isBeingTested(options, untested)).toBe(expected);
    expect(isBeingTested(defaultBatchOptions, untested)).toBe(false);
  });

  it.each(["Queued", "Failed", "Stopped"] as const)("is due for a %s mailbox until it passed", (status) => {
    expect(needsLoginTest(options, mailbox(status))).toBe(true);
    expect(needsLoginTest(options, mailbox(status, { loginTest: "passed" }))).toBe(false);
    expect(needsLoginTest(options, mailbox(status, started))).toBe(false);
    expect(needsLoginTest(defaultBatchOptions, mailbox(status))).toBe(false);
  });
});

describe("the place of a mailbox in a daily round", () => {
  it("is the same every day, and spreads a batch over its window", () => {
    const ids = Array.from({ length: 1000 }, (_, n) => n.toString(16).padStart(32, "0") as MailboxId);
    const places = ids.map((id) => dueAt(0, id, 1000));
    expect(ids.map((id) => dueAt(0, id, 1000))).toEqual(places);
    expect(Math.max(...places)).toBeLessThan(5_000_000);
    expect(places.filter((place) => place < 2_500_000).length).toBeGreaterThan(400);
    expect(places.filter((place) => place < 2_500_000).length).toBeLessThan(600);
  });
});

describe("flags", () => {
  it("leave out what belongs to the source alone", () => {
    expect(copiedFlags(["\\Seen", "\\Recent", "work", "\\deleted", "\\seen"])).toEqual(["\\seen", "work"]);
  });

  it.each([
    ["a flag set at the source", [], ["\\Seen"], [], { add: ["\\Seen"], remove: [] }],
    ["one the user has set already", [], ["\\Seen"], ["\\Seen"], { add: [], remove: [] }],
    ["one cleared at the source", ["\\Flagged"], [], ["\\Flagged"], { add: [], remove: ["\\Flagged"] }],
    ["one the user has cleared already", ["\\Flagged"], [], [], { add: [], remove: [] }],
    [
      "one the user has set, untouched at the source",
      ["\\Seen"],
      ["\\Seen"],
      ["\\Seen", "mine"],
      { add: [], remove: [] },
    ],
  ])("follow %s", (_, before, after, current, change) => {
    expect(flagChange(before, after, current)).toEqual(change);
  });

  it("are the same in any order and case", () => {
    expect(sameFlags(["\\Seen", "A"], ["a", "\\seen"])).toBe(true);
    expect(sameFlags(["\\Seen"], ["\\Seen", "a"])).toBe(false);
  });
});

describe("the place of a folder", () => {
  const folder = (path: string, extra = {}) => ({
    path,
    segments: path.split("/"),
    subscribed: true,
    selectable: true,
    ...extra,
  });
  const options = { excludeFolders: [], includeFolders: [], renameFolders: {}, subscribedOnly: false };
  const naming = { sanitize: (segment: string) => segment.replaceAll(":", "_"), caseSensitive: false };
  const placed = (folders: ReturnType<typeof folder>[], change = {}) =>
    Object.fromEntries(
      mapFolders(folders, { ...options, ...change }, naming).map(({ source, segments }) => [
        source.path,
        segments.join("/"),
      ]),
    );

  it("starts with what users miss first", () => {
    const order = mapFolders(
      [
        folder("Bin", { specialUse: "trash" }),
        folder("Work"),
        folder("Out", { specialUse: "sent" }),
        folder("INBOX", { specialUse: "inbox" }),
      ],
      options,
      naming,
    );
    expect(order.map(({ source }) => source.path)).toEqual(["INBOX", "Out", "Work", "Bin"]);
  });

  it("tells names apart that are one in the target, children included", () => {
    expect(placed([folder("Foo"), folder("foo"), folder("foo/x"), folder("a:b"), folder("a_b")])).toEqual({
      Foo: "Foo",
      foo: "foo (2)",
      "foo/x": "foo (2)/x",
      "a:b": "a_b",
      a_b: "a_b (2)",
    });
  });

  it("follows the longest rename rule, and lets rules bring folders together", () => {
    const renameFolders = { Old: "Archive/Old", "Old/2011": "2011", Older: "Archive/Old" };
    expect(
      placed([folder("Old"), folder("Old/2011"), folder("Old/2012"), folder("Older")], { renameFolders }),
    ).toEqual({
      Old: "Archive/Old",
      "Old/2011": "2011",
      "Old/2012": "Archive/Old/2012",
      Older: "Archive/Old",
    });
  });

  it.each([
    ["Work", "work", true],
    ["Work/Deep", "work", false],
    ["Work/Deep", "Work/*", true],
    ["Work", "Work/*", true],
    ["Workshop", "Work/*", false],
    ["Old mail 2011", "*2011", true],
    ["a.b", "a*b", true],
    ["axb", "a.b", false],
  ])("%s fits %s: %s", (path, pattern, fits) => {
    expect(matchesFolder(folder(path), pattern)).toBe(fits);
  });

  it("knows folders by their use", () => {
    expect(matchesFolder(folder("Papierkorb", { specialUse: "trash" }), "#DeletedItems#")).toBe(true);
    expect(matchesFolder(folder("Papierkorb", { specialUse: "trash" }), "#Inbox#")).toBe(false);
  });
});

describe("chunks", () => {
  const owner = { folderId: "f" as FolderId, uidValidity: "1" as UidValidity };
  const message = (uid: number, size: number, flags: string[] = []) => ({
    uid: uid as Uid,
    size,
    internalDate: new Date(0),
    flags,
  });

  it("fit one transaction, and a large message is one of its own", () => {
    const messages = [
      ...Array.from({ length: 120 }, (_, n) => message(n + 1, 1000)),
      message(121, 5_000_000),
      message(122, 10),
    ];
    const groups = groupsOf(owner, messages, undefined);
    expect(groups.map(({ writable }) => writable.length)).toEqual([98, 22, 1, 1]);
  });

  it("leave out what is deleted, too large, or has ended the worker five times", () => {
    const groups = groupsOf(
      { ...owner, attempting: { uid: 3 as Uid, attempts: 5 } },
      [message(1, 10, ["\\Deleted"]), message(2, 200), message(3, 10), message(4, 10)],
      100,
    );
    expect(groups.flatMap(({ skipped }) => skipped.map(({ uid, code }) => [uid, code]))).toEqual([
      [1, "MarkedDeleted"],
      [2, "LargerThanMaxItemSize"],
      [3, "WorkerCrashed"],
    ]);
    expect(groups.flatMap(({ writable }) => writable.map(({ uid }) => uid))).toEqual([4]);
  });
});

describe("headers", () => {
  it.each([
    ["A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore", "A: 1\r\nB: 2\r\n"],
    ["A: 1\nB: 2\n\nbody", "A: 1\nB: 2\n"],
    ["A: 1\r\nno body", "A: 1\r\nno body"],
    ["\r\nonly a body", ""],
  ])("of %j end before the blank line", (text, header) => {
    expect(headerSection(Buffer.from(text)).toString()).toBe(header);
  });

  it("have one digest, however the server ends them", () => {
    expect(headerDigest(Buffer.from("A: 1\r\n\r\n"))).toBe(headerDigest(Buffer.from("A: 1\r\n")));
    expect(headerDigest(Buffer.from("A: 1"))).not.toBe(headerDigest(Buffer.from("A: 2")));
  });

  it("give the received date where a batch asks for it", () => {
    const header = Buffer.from(
      "Received: from a by b; Tue, 1 Mar 2011\r\n 10:00:00 +0000\r\nDate: Mon, 28 Feb 2011 09:00:00 +0000 (x)\r\n",
    );
    const internal = new Date(5);
    expect(receivedDate(header, internal, "internalDate")).toBe(internal);
    expect(receivedDate(header, internal, "receivedHeader").toISOString()).toBe("2011-03-01T10:00:00.000Z");
    expect(receivedDate(header, internal, "dateHeader").toISOString()).toBe("2011-02-28T09:00:00.000Z");
    expect(receivedDate(Buffer.from("Date: never\r\n"), internal, "dateHeader")).toBe(internal);
  });
});
