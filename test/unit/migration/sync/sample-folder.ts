import type {
  FolderId,
  TargetFolderId,
  TargetItemId,
  Uid,
  UidValidity,
} from "../../../../shared/domain/names.ts";
import { uidSetOf } from "../../../../shared/domain/uid-set.ts";
import type { ItemRecord, SkippedItem } from "../../../../shared/migration/ports/ledger-store.ts";
import type { PlacedFolder } from "../../../../shared/migration/sync/folder-record.ts";

const generation = { folderId: "f" as FolderId, uidValidity: "7" as UidValidity };

/** A folder after a visit that copied the messages 1 to 4 and skipped 5. */
export function folder(change: Partial<PlacedFolder> = {}): PlacedFolder {
  return {
    ...generation,
    source: { path: "Work", segments: ["Work"] },
    place: { id: "t" as TargetFolderId, path: "Work" },
    state: "active",
    pending: false,
    checkpoint: {
      settled: uidSetOf([1, 2, 3, 4, 5]),
      uidNext: 6,
      messages: 5,
      unseen: 2,
      highestModseq: "40",
    },
    doubt: { recovered: [] },
    setAside: [],
    counts: { total: 5, synced: 4, skipped: 1, leftOut: 1, bytes: 400 },
    ...change,
  };
}

export const uids = (...numbers: number[]) => uidSetOf(numbers);
export const uid = (number: number) => number as Uid;

export function item(number: number, change: Partial<ItemRecord> = {}): ItemRecord {
  return {
    ...generation,
    uid: uid(number),
    targetId: `item ${number}` as TargetItemId,
    digest: "digest",
    internalDate: 1,
    size: 100,
    flags: [],
    ...change,
  };
}

/** A message skipped, on purpose where its code is `MarkedDeleted`. */
export function skip(number: number, code = "MessageTooLarge"): SkippedItem {
  return { ...generation, uid: uid(number), internalDate: 1, size: 100, code, message: "Why." };
}
