import { describe, expect, it } from "vitest";
import type { FolderId, Uid, UidValidity } from "../../../../shared/domain/names.ts";
import { chunksOf, readableAhead } from "../../../../shared/migration/sync/chunks.ts";
import { inOrder } from "../../../../shared/migration/sync/message-order.ts";
import { uids } from "./sample-folder.ts";

describe("chunks", () => {
  const owner = {
    folderId: "f" as FolderId,
    uidValidity: "1" as UidValidity,
    doubt: { recovered: [] },
    setAside: [],
  };
  const any = { bytes: Infinity, messages: Infinity };
  const unlimited = { batch: undefined, target: 220_000_000, portion: any };
  const message = (uid: number, size: number, flags: string[] = []) => ({
    uid: uid as Uid,
    size,
    internalDate: new Date(0),
    flags,
  });

  it("have so many messages at most, and a large message is one of its own", () => {
    const messages = [
      ...Array.from({ length: 620 }, (_, n) => message(n + 1, 1000)),
      message(621, 5_000_000),
      message(622, 10),
    ];
    const chunks = chunksOf(owner, messages, unlimited);
    expect(chunks.map(({ writable }) => writable.length)).toEqual([500, 120, 1, 1]);
  });

  it("hold no more than is read at once of an endpoint with rates, but for a larger message", () => {
    const messages = [400, 500, 200, 3_000, 10, 10, 10].map((size, n) => message(n + 1, size));
    const sizes = { ...unlimited, portion: { bytes: 1_000, messages: 2 } };
    expect(chunksOf(owner, messages, sizes).map(({ writable }) => writable.map(({ uid }) => uid))).toEqual([
      [1, 2],
      [3],
      [4],
      [5, 6],
      [7],
    ]);
  });

  it("leave out what is deleted, too large, or has ended the worker five times", () => {
    const chunks = chunksOf(
      { ...owner, doubt: { recovered: [], attempting: { uid: 3 as Uid, attempts: 5 } } },
      [message(1, 10, ["\\Deleted"]), message(2, 200), message(3, 10), message(4, 10)],
      { ...unlimited, batch: 100 },
    );
    expect(chunks.flatMap(({ skipped }) => skipped.map(({ uid, code }) => [uid, code]))).toEqual([
      [1, "MarkedDeleted"],
      [2, "LargerThanMaxItemSize"],
      [3, "WorkerCrashed"],
    ]);
    expect(chunks.flatMap(({ writable }) => writable.map(({ uid }) => uid))).toEqual([4]);
  });

  it("leave out unread what no target takes, by its announced size", () => {
    const [chunk] = chunksOf(owner, [message(1, 1_400_000_000), message(2, 220_000_000)], unlimited);
    expect(chunk?.skipped).toMatchObject([{ uid: 1, code: "MessageTooLarge", size: 1_400_000_000 }]);
  });

  it("leave out what was given up once its last write was looked for", () => {
    const entry = { uids: uids(1), code: "GraphUnavailable", tries: 5, since: 0, lookAgainAt: 840_000 };
    const skipsOf = (change: object) =>
      chunksOf({ ...owner, setAside: [{ ...entry, ...change }] }, [message(1, 10)], unlimited).flatMap(
        ({ skipped }) => skipped,
      );
    expect(skipsOf({})).toEqual([]);
    expect(skipsOf({ hopeless: true, chunk: { token: "t", mark: "m" } })).toEqual([]);
    expect(skipsOf({ hopeless: true })).toMatchObject([
      { code: "TargetRefusesMessage", message: expect.stringMatching(/14 minutes.*GraphUnavailable/) },
    ]);
  });

  it("are read ahead up to 4 MB, and not into a second one or a large message", () => {
    const mega = 1024 * 1024;
    const ahead = (...messages: ReturnType<typeof message>[]) => readableAhead(owner, messages, unlimited);
    expect(ahead(...[1, 2, 3].map((uid) => message(uid, 2 * mega)))).toEqual([[1, 2]]);
    expect(ahead(message(1, 10), message(2, 5 * mega), message(3, 10))).toEqual([[1, 1]]);
    expect(ahead(message(1, 5 * mega), message(2, 10))).toEqual([]);
    expect(ahead(message(1, 10, ["\\Deleted"]), message(2, 10))).toEqual([[2, 2]]);
    expect(ahead()).toEqual([]);
  });

  it("take messages in the target's order", () => {
    const messages = [message(2, 1), message(9, 1), message(3, 1)];
    expect(inOrder(messages, "ascending").map(({ uid }) => uid)).toEqual([2, 3, 9]);
    expect(inOrder(messages, "descending").map(({ uid }) => uid)).toEqual([9, 3, 2]);
  });
});
