import { describe, expect, it } from "vitest";
import type { FolderId, TargetFolderId, TargetItemId } from "../../../../shared/domain/names.ts";
import { itemOf } from "../../../../shared/migration/sync/copied-item.ts";
import * as records from "../../../../shared/migration/sync/item-records.ts";
import { folder, item, uid } from "./sample-folder.ts";

const message = { uid: uid(6), size: 90, internalDate: new Date(5), flags: ["\\Seen", "\\Recent", "work"] };

describe("the record of a message", () => {
  it("that was copied holds what it is recognised and followed by", () => {
    const header = Buffer.from("A: 1\r\n");
    expect(itemOf(folder(), message, 100, header, "t6" as TargetItemId)).toEqual({
      folderId: "f",
      uidValidity: "7",
      uid: 6,
      targetId: "t6",
      digest: expect.stringMatching(/^[\w-]{22}$/),
      internalDate: 5,
      size: 100,
      flags: ["\\Seen", "work"],
    });
  });

  it("that was skipped says why", () => {
    expect(records.skipOf(folder(), message, "TooLarge", "Too large.")).toEqual({
      folderId: "f",
      uidValidity: "7",
      uid: 6,
      internalDate: 5,
      size: 90,
      code: "TooLarge",
      message: "Too large.",
    });
  });

  it("is found by folder, generation and UID", () => {
    expect(records.keyOf(item(6))).toEqual({ folderId: "f", uidValidity: "7", uid: 6 });
    expect(records.isSameKey(item(6), records.keyOf(item(6)))).toBe(true);
    for (const change of [
      { uid: uid(7) },
      { folderId: "g" as FolderId },
      { uidValidity: item(6, {}).digest as never },
    ])
      expect(records.isSameKey(item(6), item(6, change))).toBe(false);
    expect(records.lookOf("a", 1)).not.toBe(records.lookOf("a", 2));
    expect(records.lookOf("a", 1)).not.toBe(records.lookOf("b", 1));
  });

  it("keeps its copy under another identity", () => {
    const key = { folderId: "g" as FolderId, uidValidity: folder().uidValidity, uid: uid(1) };
    expect(records.movedTo(item(6), key, 77)).toEqual({ ...item(6), ...key, size: 77 });
  });

  it("whose copy the user removed is a tombstone without a place", () => {
    expect(records.tombstoneOf(item(6))).not.toHaveProperty("targetId");
    expect(records.placeOf(folder(), records.tombstoneOf(item(6)))).toBeUndefined();
  });

  it("lies in its folder's place, unless a move put it elsewhere or the user deleted that", () => {
    const elsewhere = item(6, { targetFolderId: "e" as TargetFolderId });
    expect(records.placeOf(folder(), item(6))).toBe("t");
    expect(records.placeOf(folder(), elsewhere)).toBe("e");
    expect(records.placeOf(folder({ state: "targetGone" }), item(6))).toBeUndefined();
    expect(records.placeOf(folder({ state: "targetGone" }), elsewhere)).toBe("e");
  });
});
