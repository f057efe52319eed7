import type { FolderId, LedgerId, UidValidity } from "../../domain/names.ts";
import {
  type ItemKey,
  type ItemRecord,
  isShared,
  rowStart,
  uidsPerRow,
} from "../../migration/ports/ledger-store.ts";
import { flag, formatOf, fromRow, integer, json, optional, type StoredRow, text, toRow } from "./row.ts";
import { type Change, keyPart, type RowRange, type Table } from "./table.ts";

/*
 * The rows of a ledger's items. Those of one folder whose UIDs are neighbours share a row, `item|folder|uidValidity|uid|`
 * with the first UID that may be in it; an item too large for that has a row of its own, `item|folder|uidValidity|uid`, as
 * all had in earlier builds. No item is in two rows. Numbers in keys have ten digits, so that the order of keys is the
 * order of UIDs.
 */

/** A row of one item. */
const itemFormat = formatOf<ItemRecord>({
  folderId: text(),
  uidValidity: text(),
  uid: integer(),
  targetId: optional(text()),
  targetFolderId: optional(text()),
  digest: text(),
  envelope: optional(text()),
  internalDate: integer(),
  size: integer(),
  flags: json(),
  adopted: optional(flag),
});

type SharedItem = Omit<ItemRecord, "folderId" | "uidValidity">;

/** A row of several. */
interface SharedRow {
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
  readonly items: readonly SharedItem[];
}

// Version 1 of an item's row, which earlier builds know, is a row of one.
const sharedFormat = formatOf<SharedRow>(
  { folderId: text(), uidValidity: text(), items: json() },
  (row) => row,
);

/** Rows between two blocks that are read for less than another request costs. */
const nearRows = 16;

interface UidRange {
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
  readonly low: number;
  readonly high: number;
}

/** Items of a folder and uidValidity in ascending UID order, only those of a UID range. */
export async function* readItems(
  table: Table,
  ledgerId: LedgerId,
  { low, high, ...folder }: UidRange,
): AsyncGenerator<ItemRecord> {
  const range = {
    from: itemKey({ ...folder, uid: rowStart(low) }),
    to: `${itemKey({ ...folder, uid: high })}|`,
  };
  let block = -1;
  let items: ItemRecord[] = [];
  for await (const row of table.scan(ledgerId, range)) {
    const read = itemsOf(row);
    const [first] = read;
    if (first === undefined) continue;
    if (rowStart(first.uid) !== block) {
      yield* sorted(items);
      items = [];
      block = rowStart(first.uid);
    }
    items.push(...read.filter(({ uid }) => uid >= low && uid <= high));
  }
  yield* sorted(items);
}

/**
 * What has to change in the table so that items are put and removed. Reads the rows that they share with others: to be
 * carried out only while nobody else may have written since.
 */
export async function itemChanges(
  table: Table,
  ledgerId: LedgerId,
  put: readonly ItemRecord[],
  removed: readonly ItemKey[],
): Promise<readonly Change[]> {
  const blocks = new Map<string, Block>();
  const blockOf = (key: ItemKey): Block => {
    const name = sharedKey(key);
    const block = blocks.get(name) ?? { key, shared: new Map(), alone: new Set(), put: [], removed: [] };
    blocks.set(name, block);
    return block;
  };
  for (const item of put) blockOf(item).put.push(item);
  for (const key of removed) blockOf(key).removed.push(key);
  const read = async (range: RowRange): Promise<void> => {
    for await (const row of table.scan(ledgerId, range))
      for (const item of itemsOf(row)) {
        const block = blocks.get(sharedKey(item));
        if (isSharedRow(row)) block?.shared.set(item.uid, item);
        else block?.alone.add(item.uid);
      }
  };
  await Promise.all(rangesOf([...blocks.values()]).map(read));
  return [...blocks.values()].flatMap((block) => changesOf(ledgerId, block));
}

/** Items whose UIDs begin at one multiple of `uidsPerRow`, as they are stored, and what happens to them. */
interface Block {
  /** Of one of them. */
  readonly key: ItemKey;
  readonly shared: Map<number, ItemRecord>;
  /** Those with a row of their own. */
  readonly alone: Set<number>;
  readonly put: ItemRecord[];
  readonly removed: ItemKey[];
}

/** Few ranges of rows that hold all the blocks: with what lies between blocks that are near to each other. */
function rangesOf(blocks: readonly Block[]): readonly RowRange[] {
  const ranges: { readonly first: ItemKey; last: ItemKey }[] = [];
  for (const { key } of blocks.toSorted((a, b) => (sharedKey(a.key) < sharedKey(b.key) ? -1 : 1))) {
    const { last } = ranges.at(-1) ?? {};
    const isNear =
      last?.folderId === key.folderId &&
      last.uidValidity === key.uidValidity &&
      key.uid - last.uid < nearRows * uidsPerRow;
    const current = ranges.at(-1);
    if (current && isNear) current.last = key;
    else ranges.push({ first: key, last: key });
  }
  return ranges.map(({ first, last }) => ({
    from: itemKey({ ...first, uid: rowStart(first.uid) }),
    to: itemKey({ ...last, uid: rowStart(last.uid) + uidsPerRow - 1 }),
  }));
}

function changesOf(ledgerId: LedgerId, { key, shared, alone, put, removed }: Block): readonly Change[] {
  const changes: Change[] = [];
  const after = new Map(shared);
  for (const item of put)
    if (alone.has(item.uid) || !isShared(item)) {
      after.delete(item.uid);
      changes.push({ put: toRow(itemFormat, ledgerId, itemKey(item), item) });
    } else after.set(item.uid, item);
  // A row that is not there is removed in vain, which the table tells.
  for (const item of removed) if (!after.delete(item.uid)) changes.push({ remove: itemKey(item) });
  if (isSame(shared, after)) return changes;
  if (after.size === 0) return [...changes, { remove: sharedKey(key) }];
  const { folderId, uidValidity } = key;
  const items = sorted([...after.values()]).map(({ folderId: _, uidValidity: __, ...item }) => item);
  const row = toRow(sharedFormat, ledgerId, sharedKey(key), { folderId, uidValidity, items });
  return [...changes, { put: row }];
}

function isSame(a: ReadonlyMap<number, ItemRecord>, b: ReadonlyMap<number, ItemRecord>): boolean {
  return a.size === b.size && [...a].every(([uid, item]) => b.get(uid) === item);
}

function itemsOf(row: StoredRow): readonly ItemRecord[] {
  if (!isSharedRow(row)) return [fromRow(itemFormat, row)];
  const { folderId, uidValidity, items } = fromRow(sharedFormat, row);
  return items.map((item) => ({ folderId, uidValidity, ...item }));
}

function sorted(items: readonly ItemRecord[]): readonly ItemRecord[] {
  return items.toSorted((a, b) => a.uid - b.uid);
}

function isSharedRow({ rowKey }: StoredRow): boolean {
  return rowKey.endsWith("|");
}

/** Key of a row that holds one item, or one skipped message. */
export function itemKey(
  key: Omit<ItemKey, "uid"> & { readonly uid: number },
  kind: "item" | "skip" = "item",
): string {
  return `${kind}|${keyPart(key.folderId)}|${tenDigits(key.uidValidity)}|${tenDigits(key.uid)}`;
}

/** Key of the row that an item may share: behind that of its first UID, and before that of the next. */
function sharedKey(key: Omit<ItemKey, "uid"> & { readonly uid: number }): string {
  return `${itemKey({ ...key, uid: rowStart(key.uid) })}|`;
}

function tenDigits(value: string | number): string {
  return String(value).padStart(10, "0");
}
