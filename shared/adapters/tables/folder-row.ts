import type { SpecialUse } from "../../domain/folders.ts";
import type { FolderId, LedgerId, TargetFolderId, UidValidity } from "../../domain/names.ts";
import type { UidSet } from "../../domain/uid-set.ts";
import type {
  ChunkInDoubt,
  Doubt,
  FolderRecord,
  Generation,
  OpenChunk,
  SetAside,
} from "../../migration/ports/ledger-store.ts";
import {
  flag,
  formatOf,
  fromRow,
  integer,
  json,
  optional,
  type Row,
  type StoredRow,
  text,
  toRow,
  uids,
  withRenamed,
} from "./row.ts";

/** A folder as it is stored: one property a field. */
interface StoredFolder {
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
  readonly path: string;
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
  readonly mailboxId?: string | undefined;
  readonly targetFolderId?: TargetFolderId | undefined;
  readonly targetPath?: string | undefined;
  readonly state: FolderRecord["state"];
  readonly pending: boolean;
  readonly former?: readonly Generation[] | undefined;
  readonly keptSince?: number | undefined;
  readonly missingSince?: number | undefined;
  readonly replaced?: FolderRecord["replaced"];
  readonly sameAs?: string | undefined;
  readonly settled: UidSet;
  readonly uidNext: number;
  readonly uidNextSeen?: number | undefined;
  readonly messages: number;
  readonly unseen?: number | undefined;
  readonly highestModseq?: string | undefined;
  readonly flagsDigest?: string | undefined;
  readonly flagsScannedAt?: number | undefined;
  readonly filter?: string | undefined;
  readonly partition?: string | undefined;
  readonly vanished?: UidSet | undefined;
  readonly openChunk?: OpenChunk | undefined;
  readonly recovered: readonly ChunkInDoubt[];
  readonly attempting?: Doubt["attempting"];
  readonly setAside?: readonly SetAside[] | undefined;
  readonly lastLooks?: readonly ChunkInDoubt[] | undefined;
  readonly trouble?: FolderRecord["trouble"];
  readonly totalItemCount: number;
  readonly shownItemCount?: number | undefined;
  readonly unshownItemCount?: number | undefined;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  readonly leftOutItemCount?: number | undefined;
  readonly lostByCode?: FolderRecord["counts"]["lost"];
  readonly unkeptFlags?: FolderRecord["unkeptFlags"];
  readonly bytesTransferred: number;
  readonly guesses?: FolderRecord["counts"]["guesses"];
  readonly adopted?: boolean | undefined;
  readonly adoptedItemCount?: number | undefined;
  readonly ambiguousItemCount?: number | undefined;
  readonly planning?: FolderRecord["planning"];
}

const format = formatOf<StoredFolder>(
  {
    folderId: text(),
    uidValidity: text(),
    path: text(),
    segments: json(),
    specialUse: optional(text()),
    mailboxId: optional(text()),
    targetFolderId: optional(text()),
    targetPath: optional(text()),
    state: text(),
    pending: flag,
    former: optional(json()),
    keptSince: optional(integer()),
    missingSince: optional(integer()),
    replaced: optional(json()),
    sameAs: optional(text()),
    settled: uids,
    uidNext: integer(),
    uidNextSeen: optional(integer()),
    messages: integer(),
    unseen: optional(integer()),
    highestModseq: optional(text()),
    flagsDigest: optional(text()),
    flagsScannedAt: optional(integer()),
    filter: optional(text()),
    partition: optional(text()),
    vanished: optional(uids),
    openChunk: optional(json()),
    recovered: json(),
    attempting: optional(json()),
    setAside: optional(json()),
    lastLooks: optional(json()),
    trouble: optional(json()),
    totalItemCount: integer(),
    shownItemCount: optional(integer()),
    unshownItemCount: optional(integer()),
    syncedItemCount: integer(),
    skippedItemCount: integer(),
    leftOutItemCount: optional(integer()),
    lostByCode: optional(json()),
    unkeptFlags: optional(json()),
    bytesTransferred: integer(),
    guesses: optional(json()),
    adopted: optional(flag),
    adoptedItemCount: optional(integer()),
    ambiguousItemCount: optional(integer()),
    planning: optional(json()),
  },
  // Version 2 brought what is set aside, and names that say one thing each.
  (row) =>
    withRenamed(
      withRenamed(withRenamed(row, "rematchFrom", "former"), "lost", "vanished"),
      "inDoubt",
      "recovered",
    ),
);

/** The row of a folder. */
export function folderRow(ledgerId: LedgerId, rowKey: string, folder: FolderRecord): Row {
  const { folderId, uidValidity, source, place, state, pending, former, keptSince, replaced, missingSince } =
    folder;
  const { sameAs, checkpoint, doubt, setAside, trouble, counts, unkeptFlags, planning, adopted } = folder;
  return toRow(format, ledgerId, rowKey, {
    folderId,
    uidValidity,
    path: source.path,
    segments: source.segments,
    specialUse: source.specialUse,
    mailboxId: source.mailboxId,
    targetFolderId: place?.id,
    targetPath: place?.path,
    state,
    pending,
    former,
    keptSince,
    missingSince,
    replaced,
    sameAs,
    ...checkpoint,
    ...doubt,
    setAside: setAside.length === 0 ? undefined : setAside,
    lastLooks: folder.lastLooks,
    trouble,
    totalItemCount: counts.total,
    shownItemCount: counts.shown,
    unshownItemCount: counts.unshown,
    syncedItemCount: counts.synced,
    skippedItemCount: counts.skipped,
    leftOutItemCount: counts.leftOut,
    lostByCode: counts.lost,
    unkeptFlags,
    bytesTransferred: counts.bytes,
    guesses: counts.guesses,
    adopted,
    adoptedItemCount: counts.adopted,
    ambiguousItemCount: counts.ambiguous,
    planning,
  });
}

/** The folder a row was made of. @throws MigrationError as `fromRow`. */
export function readFolder(row: StoredRow): FolderRecord {
  const stored = fromRow(format, row);
  const { folderId, uidValidity, path, segments, specialUse, mailboxId } = stored;
  const { targetFolderId: id, targetPath = "", state, pending, former } = stored;
  const { settled, uidNext, uidNextSeen, messages, unseen, highestModseq, flagsDigest } = stored;
  const { flagsScannedAt, filter, partition, vanished, openChunk, recovered, attempting } = stored;
  return {
    folderId,
    uidValidity,
    source: { path, segments, specialUse, mailboxId },
    place: id === undefined ? undefined : { id, path: targetPath },
    state,
    pending,
    former,
    keptSince: stored.keptSince,
    missingSince: stored.missingSince,
    replaced: stored.replaced,
    sameAs: stored.sameAs,
    checkpoint: {
      settled,
      uidNext,
      uidNextSeen,
      messages,
      unseen,
      highestModseq,
      flagsDigest,
      flagsScannedAt,
      filter,
      partition,
      vanished,
    },
    doubt: { openChunk, recovered, attempting },
    setAside: stored.setAside ?? [],
    lastLooks: stored.lastLooks,
    trouble: stored.trouble,
    unkeptFlags: stored.unkeptFlags,
    planning: stored.planning,
    adopted: stored.adopted,
    counts: {
      total: stored.totalItemCount,
      shown: stored.shownItemCount,
      unshown: stored.unshownItemCount,
      synced: stored.syncedItemCount,
      skipped: stored.skippedItemCount,
      leftOut: stored.leftOutItemCount ?? 0,
      lost: stored.lostByCode,
      bytes: stored.bytesTransferred,
      guesses: stored.guesses,
      adopted: stored.adoptedItemCount,
      ambiguous: stored.ambiguousItemCount,
    },
  };
}
