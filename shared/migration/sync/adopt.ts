import type { TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import { differenceOf, firstOf, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { ItemRecord } from "../ports/ledger-store.ts";
import type { MessageHeader } from "../ports/source.ts";
import type { TargetEntry, TargetMailbox } from "../ports/target.ts";
import { itemOf } from "./copied-item.ts";
import { headerDigest } from "./digest.ts";
import { isMarkedDeleted } from "./flags.ts";
import { adoptionEnded, messagesAdopted, type PlacedFolder } from "./folder-record.ts";
import { maxChunkItems } from "./limits.ts";
import { lookKey } from "./look-key.ts";
import type { SyncRun } from "./run.ts";
import { toCopy } from "./set-aside.ts";
import type { SteadyFolder } from "./steady-source.ts";

/** Headers read at once. */
const windowSize = 1_000;

/** A message at the source that may be in the target already. */
export interface Adoptable {
  readonly uid: Uid;
  readonly size: number;
  readonly key: string;
  /** Of its header: equal for messages that are the same. */
  readonly digest: string;
}

/** A message in the target that no record knows. */
export interface Unclaimed extends Pick<TargetEntry, "id" | "size"> {
  readonly place: TargetFolderId;
  readonly key: string;
}

export interface Adoption {
  readonly adopted: ReadonlyMap<Uid, Unclaimed>;
  /** Messages that several of the target's may be, or of which several may be one: they are copied. */
  readonly ambiguous: readonly Uid[];
}

/**
 * Which messages are in the target already: by Message-ID and Date (without a Message-ID by date, author and subject) and a
 * band of sizes, since programs that copied them added headers, and Exchange writes messages anew. Messages that are the same
 * byte by byte in their headers take one each. Where different ones share what they are known by, none is adopted. Pure.
 */
export function adoptionOf(messages: readonly Adoptable[], unclaimed: readonly Unclaimed[]): Adoption {
  const adopted = new Map<Uid, Unclaimed>();
  const ambiguous: Uid[] = [];
  const wanted = grouped(messages);
  const there = grouped(unclaimed);
  for (const [key, group] of wanted) {
    const first = group[0];
    const fitting = (there.get(key) ?? []).filter((entry) =>
      group.some(({ size }) => fits(size, entry.size)),
    );
    if (first === undefined || fitting.length === 0) continue;
    if (group.some(({ digest }) => digest !== first.digest)) {
      ambiguous.push(...group.map(({ uid }) => uid));
      continue;
    }
    const nearest = fitting.toSorted((a, b) => distance(first.size, a.size) - distance(first.size, b.size));
    for (const [index, message] of group.entries()) {
      const entry = nearest[index];
      if (entry) adopted.set(message.uid, entry);
    }
  }
  return { adopted, ambiguous };
}

/**
 * True for the sizes of a message and of a copy of it. On the wire attachments take a third more than in the store, and
 * headers that were added a few kilobytes. Pure. @param stored undefined where the target does not tell.
 */
export function fits(size: number, stored: number | undefined): boolean {
  return stored === undefined || (stored >= size / 2 - 4_096 && stored <= size * 1.5 + 16_384);
}

function distance(size: number, stored: number | undefined): number {
  return stored === undefined ? 0 : Math.abs(stored - size);
}

function grouped<One extends { readonly key: string }>(all: readonly One[]): ReadonlyMap<string, One[]> {
  const groups = new Map<string, One[]>();
  for (const one of all) {
    const group = groups.get(one.key);
    if (group) group.push(one);
    else groups.set(one.key, [one]);
  }
  return groups;
}

/**
 * Records messages as copied that another program put into the target before, where the batch's options ask for it: once for
 * each folder, before anything of it is copied. Nothing is written to the target. Repeatable: what is recorded is known.
 * @returns the folder as last committed.
 */
export async function adopt(
  run: SyncRun,
  folder: PlacedFolder,
  opened: SteadyFolder,
  existing: UidSet,
  wanted: UidSet,
): Promise<PlacedFolder> {
  if (run.options.adoptExisting === "off" || folder.adopted === true) return folder;
  const todo = toCopy(folder, wanted, run.clock());
  const unclaimed = sizeOf(todo) === 0 ? [] : await unclaimedOf(run, folder);
  let record = folder;
  let ambiguous = 0;
  if (unclaimed.length > 0) {
    const found = adoptionOf(await adoptablesOf(run.target, opened, todo), unclaimed);
    ambiguous = found.ambiguous.length;
    const uids = uidSetOf(found.adopted.keys());
    for (let rest = uids; sizeOf(rest) > 0; ) {
      run.checkpoint();
      const part = firstOf(rest, maxChunkItems - 1);
      const items: ItemRecord[] = [];
      for await (const header of opened.fetchHeaders(part)) {
        const entry = found.adopted.get(header.uid);
        if (entry) items.push(adoptedItem(record, header, entry));
      }
      record = messagesAdopted(record, items, existing);
      await run.lease.commit({ folders: [record], items });
      run.progressed(record);
      rest = differenceOf(rest, part);
    }
    run.log("messages.adopted", {
      mailbox: run.mailboxId,
      folder: folder.folderId,
      items: record.counts.synced - folder.counts.synced,
      ambiguous,
    });
  }
  record = adoptionEnded(record, ambiguous);
  await run.lease.commit({ folders: [record] });
  run.progressed(record);
  return record;
}

/** Flags follow from then on: what the source has now counts as written. */
function adoptedItem(folder: PlacedFolder, header: MessageHeader, { id, place }: Unclaimed): ItemRecord {
  const item = { ...itemOf(folder, header, header.size, header.header, id), adopted: true };
  return place === folder.place.id ? item : { ...item, targetFolderId: place };
}

/** What may be adopted of the messages. Those that are marked as deleted are left out in any case. */
export async function adoptablesOf(
  target: Pick<TargetMailbox, "lookOf">,
  opened: SteadyFolder,
  uids: UidSet,
): Promise<readonly Adoptable[]> {
  const found: Adoptable[] = [];
  for (let rest = uids; sizeOf(rest) > 0; ) {
    const part = firstOf(rest, windowSize);
    for await (const { uid, size, flags, header } of opened.fetchHeaders(part)) {
      const key = lookKey(await target.lookOf(header));
      if (key !== undefined && !isMarkedDeleted(flags))
        found.push({ uid, size, key, digest: headerDigest(header) });
    }
    rest = differenceOf(rest, part);
  }
  return found;
}

/** Messages at the folder's place, or anywhere if the options say so, that nothing is known of. */
async function unclaimedOf(run: SyncRun, folder: PlacedFolder): Promise<readonly Unclaimed[]> {
  const { target } = run;
  const places =
    run.options.adoptExisting === "anywhere"
      ? [
          folder.place.id,
          ...(await target.listPlaces())
            .filter(({ id, deleted }) => id !== folder.place.id && !deleted)
            .map(({ id }) => id),
        ]
      : [folder.place.id];
  const known = await knownByPlace(run);
  const found: Unclaimed[] = [];
  for (const place of places)
    found.push(...unclaimedAmong(place, await target.listEntries(place), known.get(place) ?? new Set()));
  return found;
}

/** Entries that may be adopted: they bear no stamp, since what does is this product's own. Pure. */
export function unclaimedAmong(
  place: TargetFolderId,
  entries: readonly TargetEntry[],
  known: ReadonlySet<TargetItemId>,
): readonly Unclaimed[] {
  return entries.flatMap(({ id, size, stamp, look }) => {
    const key = lookKey(look);
    return stamp === undefined && key !== undefined && !known.has(id) ? [{ id, size, place, key }] : [];
  });
}

/** The copies that are recorded, by the place they lie in: two items of two places may have one id. */
async function knownByPlace({
  ledger,
  ledgerId,
}: SyncRun): Promise<ReadonlyMap<TargetFolderId, ReadonlySet<TargetItemId>>> {
  const known = new Map<TargetFolderId, Set<TargetItemId>>();
  for (const record of await ledger.listFolders(ledgerId))
    for (const { folderId, uidValidity } of [record, ...(record.former ?? [])])
      for await (const { targetId, targetFolderId } of ledger.listItems(ledgerId, folderId, uidValidity)) {
        const place = targetFolderId ?? record.place?.id;
        if (targetId === undefined || place === undefined) continue;
        known.set(place, (known.get(place) ?? new Set()).add(targetId));
      }
  return known;
}
