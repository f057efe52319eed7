import type { TargetFolderId } from "../../domain/names.ts";
import type {
  FolderPlace,
  FolderRecord,
  Generation,
  ItemKey,
  ItemRecord,
  SkippedItem,
} from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";

/*
 * The records of a folder's messages: items that were copied and messages that were skipped. All functions are pure.
 */

/** Record of a message that is not copied. */
export function skipOf(
  folder: Generation,
  message: MessageSummary,
  code: string,
  reason: string,
): SkippedItem {
  return {
    ...keyOf({ ...folder, uid: message.uid }),
    internalDate: message.internalDate.getTime(),
    size: message.size,
    code,
    message: reason,
  };
}

/** The key of a record, without anything else of it. */
export function keyOf({ folderId, uidValidity, uid }: ItemKey): ItemKey {
  return { folderId, uidValidity, uid };
}

export function isSameKey(a: ItemKey, b: ItemKey): boolean {
  return a.folderId === b.folderId && a.uidValidity === b.uidValidity && a.uid === b.uid;
}

/** What a message is recognised by under another UID: equal for the same message. @param internalDate milliseconds since 1970. */
export function lookOf(digest: string, internalDate: number): string {
  return `${digest} ${internalDate}`;
}

/** True for sizes of one message that its server writes anew at each read: boundaries and fields of its own differ. */
export function isSizeOfSame(a: number, b: number): boolean {
  return Math.abs(a - b) <= Math.max(2048, Math.max(a, b) / 10);
}

/** The item of a message that has another identity by now, its copy with it. */
export function movedTo(item: ItemRecord, key: ItemKey, size: number): ItemRecord {
  return { ...item, ...keyOf(key), size };
}

/** The record of an item that the user removed from the target: it is not created again. */
export function tombstoneOf(item: ItemRecord): ItemRecord {
  const { targetId: _, ...tombstone } = item;
  return tombstone;
}

/** The target folder a copy was put into; undefined if there is none, or if the user deleted it with its folder. */
export function placeOf(
  folder: Pick<FolderRecord, "state"> & { readonly place: FolderPlace },
  item: Pick<ItemRecord, "targetId" | "targetFolderId">,
): TargetFolderId | undefined {
  if (item.targetId === undefined) return undefined;
  return item.targetFolderId ?? (folder.state === "targetGone" ? undefined : folder.place.id);
}
