import { expect, test } from "vitest";
import type { FolderId, TargetItemId, Uid, UidValidity } from "../../../../shared/domain/names.ts";
import type { ItemRecord, SkippedItem } from "../../../../shared/migration/ports/ledger-store.ts";
import { commitParts } from "../../../../shared/migration/sync/commit-parts.ts";

const folder = { folderId: "inbox" as FolderId, uidValidity: "7" as UidValidity };

function item(uid: number, flags: readonly string[] = []): ItemRecord {
  const targetId = `7:${uid}` as TargetItemId;
  return { ...folder, uid: uid as Uid, targetId, digest: "d", internalDate: 0, size: 1, flags };
}

function skip(uid: number): SkippedItem {
  return { ...folder, uid: uid as Uid, internalDate: 0, size: 1, code: "X", message: "x" };
}

const items = (count: number, step: number, flags?: readonly string[]) =>
  Array.from({ length: count }, (_, index) => item((index + 1) * step, flags));

const sizes = (parts: ReturnType<typeof commitParts>) =>
  parts.map((part) => [part.items.length, part.skipped.length]);

test("neighbours are committed together, however many they are", () => {
  expect(sizes(commitParts(items(500, 1)))).toEqual([[500, 0]]);
  expect(sizes(commitParts([]))).toEqual([[0, 0]]);
});

test("items far from each other fill a transaction each 98", () => {
  expect(sizes(commitParts(items(200, 1_000)))).toEqual([
    [98, 0],
    [98, 0],
    [4, 0],
  ]);
});

test("an item with much text has a row of its own", () => {
  const flags = Array.from({ length: 100 }, (_, index) => `a-keyword-of-some-length-${index}`);
  expect(sizes(commitParts(items(100, 1, flags)))).toEqual([
    [98, 0],
    [2, 0],
  ]);
});

test("skipped messages have a row each, behind the items", () => {
  const skipped = Array.from({ length: 100 }, (_, index) => skip(index + 1));
  expect(sizes(commitParts(items(100, 1).reverse(), skipped))).toEqual([
    [100, 97],
    [0, 3],
  ]);
});
