import { MigrationError } from "../../domain/errors.ts";
import type { TargetFolderId, TargetItemId } from "../../domain/names.ts";
import { folderGone } from "./append.ts";
import type { ImapConnection } from "./connection.ts";
import { fetchItems, fetchRows } from "./fetch.ts";
import { statusOf } from "./listing.ts";
import type { PooledConnection } from "./pool.ts";
import type { OpenedMailbox } from "./select.ts";
import { type Argument, atom, sequence } from "./wire.ts";

export const MAX_UID = 4_294_967_295;

export interface Mark {
  readonly uidValidity: string;
  readonly uidNext: number;
}

export async function markOf(pooled: PooledConnection, folder: TargetFolderId): Promise<Mark> {
  const { connection } = pooled;
  // Courier answers STATUS of the open folder from what it knew when it last looked.
  if (pooled.selected === folder) await connection.run("NOOP");
  const row = await statusOf(connection, folder);
  if ("refused" in row || row.status === undefined) throw folderGone();
  return { uidValidity: row.status.uidValidity, uidNext: row.status.uidNext };
}

export function formatMark({ uidValidity, uidNext }: Mark): string {
  return JSON.stringify({ uidValidity, uidNext });
}

export function parseMark(mark: string): Mark {
  const { uidValidity, uidNext } = JSON.parse(mark) as Partial<Mark>;
  return { uidValidity: uidValidity ?? "", uidNext: uidNext ?? 1 };
}

export function formatItemId(uidValidity: string, uid: number): TargetItemId {
  return `${uidValidity}:${uid}` as TargetItemId;
}

export function parseItemId(id: TargetItemId): { readonly uidValidity: string; readonly uid: number } {
  const [uidValidity = "", uid = ""] = id.split(":");
  return { uidValidity, uid: Number(uid) };
}

/** Opens the folder for writing. @returns the item's UID, or undefined if it is no longer there. */
export async function presentUid(
  pooled: PooledConnection,
  folder: TargetFolderId,
  item: TargetItemId,
): Promise<number | undefined> {
  const wasOpen = pooled.selected === folder;
  const opened = await pooled.select(folder);
  const present = opened && (await uidIn(pooled.connection, opened, item));
  if (present !== undefined || !wasOpen) return present;
  const reopened = await pooled.reselect(folder);
  return reopened && uidIn(pooled.connection, reopened, item);
}

async function uidIn(
  connection: ImapConnection,
  opened: OpenedMailbox,
  item: TargetItemId,
): Promise<number | undefined> {
  const { uidValidity, uid } = parseItemId(item);
  if (opened.uidValidity !== uidValidity) return undefined;
  for await (const row of fetchRows(connection, [[uid, uid]], { items: fetchItems.flags })) return row.uid;
  return undefined;
}

export async function store(
  connection: ImapConnection,
  uid: number,
  operation: string,
  flags: readonly string[],
): Promise<void> {
  const list: Argument[] = flags.map(atom);
  await connection.run("UID STORE", [sequence(String(uid)), atom(operation), list]);
}

export async function expunge(connection: ImapConnection, uid: number): Promise<void> {
  await store(connection, uid, "+FLAGS.SILENT", ["\\Deleted"]);
  if (connection.has("UIDPLUS")) await connection.run("UID EXPUNGE", [sequence(String(uid))]);
}

/**
 * The UID of the message just stored, on a server that does not tell it: the only one since the mark, with the
 * INTERNALDATE it was given.
 * @throws MigrationError `transient`, in doubt, if it cannot be told apart from others.
 */
export async function findNext(
  pooled: PooledConnection,
  folder: TargetFolderId,
  before: Mark | undefined,
  internalDate: Date | undefined,
): Promise<TargetItemId> {
  const found: TargetItemId[] = [];
  const uidValidity = (await pooled.examine(folder))?.uidValidity;
  if (uidValidity !== undefined && before?.uidValidity === uidValidity) {
    const rows = fetchRows(pooled.connection, [[before.uidNext, MAX_UID]], { items: fetchItems.summary });
    for await (const row of rows)
      if (internalDate === undefined || sameSecond(row.internalDate, internalDate))
        found.push(formatItemId(uidValidity, row.uid));
  }
  const [only, ...others] = found;
  if (only !== undefined && others.length === 0) return only;
  throw new MigrationError(
    "transient",
    "TargetItemUnknown",
    "The target server stored a message without telling its number, and it cannot be told apart from others.",
    { inDoubt: true },
  );
}

function sameSecond(a: Date | undefined, b: Date): boolean {
  return a !== undefined && Math.floor(a.getTime() / 1_000) === Math.floor(b.getTime() / 1_000);
}
