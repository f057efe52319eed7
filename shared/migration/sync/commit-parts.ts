import { type ItemRecord, isShared, rowStart, type SkippedItem } from "../ports/ledger-store.ts";
import { maxCommitRows } from "./limits.ts";

/** Records that can be committed together. */
export interface CommitPart {
  readonly items: readonly ItemRecord[];
  readonly skipped: readonly SkippedItem[];
}

/** Cuts the records of one folder into parts that each fit into a commit with the folder; one at least. Pure. */
export function commitParts(
  items: readonly ItemRecord[],
  skipped: readonly SkippedItem[] = [],
): readonly CommitPart[] {
  let part: { items: ItemRecord[]; skipped: SkippedItem[] } = { items: [], skipped: [] };
  const parts = [part];
  let rows = 0;
  let shared: number | undefined;
  const makeRoom = () => {
    if (++rows <= maxCommitRows) return;
    part = { items: [], skipped: [] };
    parts.push(part);
    rows = 1;
  };
  for (const item of items.toSorted((a, b) => a.uid - b.uid)) {
    const row = rowStart(item.uid);
    if (!isShared(item)) makeRoom();
    else if (row !== shared) {
      makeRoom();
      shared = row;
    }
    part.items.push(item);
  }
  for (const skip of skipped) {
    makeRoom();
    part.skipped.push(skip);
  }
  return parts;
}
