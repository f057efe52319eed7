import { describe, expect, it } from "vitest";
import type { FolderId, Uid, UidValidity } from "../../../../shared/domain/names.ts";
import { chunksOf } from "../../../../shared/migration/sync/chunks.ts";

describe("chunks", () => {
  const owner = { folderId: "f" as FolderId, uidValidity: "1" as UidValidity, doubt: { recovered: [] } };
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
    const chunks = chunksOf(owner, messages, undefined);
    expect(chunks.map(({ writable }) => writable.length)).toEqual([98, 22, 1, 1]);
  });

  it("leave out what is deleted, too large, or has ended the worker five times", () => {
    const chunks = chunksOf(
      { ...owner, doubt: { recovered: [], attempting: { uid: 3 as Uid, attempts: 5 } } },
      [message(1, 10, ["\\Deleted"]), message(2, 200), message(3, 10), message(4, 10)],
      100,
    );
    expect(chunks.flatMap(({ skipped }) => skipped.map(({ uid, code }) => [uid, code]))).toEqual([
      [1, "MarkedDeleted"],
      [2, "LargerThanMaxItemSize"],
      [3, "WorkerCrashed"],
    ]);
    expect(chunks.flatMap(({ writable }) => writable.map(({ uid }) => uid))).toEqual([4]);
  });
});
