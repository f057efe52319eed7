import type { SpecialUse } from "../../domain/folders.ts";
import type {
  FolderId,
  LedgerId,
  MailboxId,
  TargetFolderId,
  TargetItemId,
  Uid,
  UidValidity,
} from "../../domain/names.ts";
import type { UidSet } from "../../domain/uid-set.ts";
import type { GuessCode } from "../../domain/warnings.ts";

/** Where the chain of one mailbox stands; an older message than this is stale. */
export interface ChainPosition {
  readonly round: number;
  readonly step: number;
}

/** Right to write to one target mailbox, valid until `until` (milliseconds since 1970). */
export interface Lease {
  readonly ledgerId: LedgerId;
  /** Random id of the holder. */
  readonly owner: string;
  /** Raised by each new owner. */
  readonly epoch: number;
  readonly until: number;
  readonly chains: Readonly<Record<MailboxId, ChainPosition>>;
  /** Opaque version of the stored row. */
  readonly version: string;
}

/** A chunk whose writes may have happened although nobody saw the answers. */
export interface OpenChunk {
  readonly token: string;
  readonly mark: string;
  readonly uids: UidSet;
  /** Messages of the chunk that are no longer at the source under the identities they were written with. */
  readonly retired?: readonly RetiredMessages[] | undefined;
  /** Set if the chunk moves items that are in the target already instead of writing new ones. */
  readonly moves?: readonly PlannedMove[] | undefined;
}

/** The time in which a UID of a folder names one message. */
export interface FolderLife {
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
}

/** Messages by the identity they had in a folder's life. */
export interface RetiredMessages extends FolderLife {
  readonly uids: UidSet;
}

/** A message that left one source folder and appeared in another: its target item follows it. */
export interface PlannedMove {
  readonly from: ItemKey;
  readonly uid: Uid;
}

/** A chunk found in doubt and recovered, to be looked at again for writes that arrived late. */
export interface ChunkInDoubt extends OpenChunk {
  /** Milliseconds since 1970. */
  readonly lookAgainAfter: number;
}

export interface FolderRecord {
  readonly folderId: FolderId;
  readonly path: string;
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
  readonly mailboxId?: string | undefined;
  readonly targetFolderId?: TargetFolderId | undefined;
  readonly targetPath?: string | undefined;
  /** "gone": no longer at the source. "targetGone": the user deleted it in the target; it is not written into. */
  readonly state: "active" | "gone" | "targetGone";
  readonly uidValidity: UidValidity;
  /** Earlier lives of this folder (UIDVALIDITY changed, or UIDNEXT went down) with items still to be matched. */
  readonly rematchFrom?: readonly FolderLife[] | undefined;
  /** As of the last completed pass over the folder. */
  readonly uidNext: number;
  /** UIDNEXT as the pass that is not completed yet has seen it. */
  readonly uidNextSeen?: number | undefined;
  readonly messages: number;
  readonly unseen?: number | undefined;
  readonly highestModseq?: string | undefined;
  /** Digest over UIDs and flags of the last scan, for servers without CONDSTORE. */
  readonly flagsDigest?: string | undefined;
  /** When all flags were last compared, in milliseconds since 1970; only for servers without CONDSTORE. */
  readonly flagsScannedAt?: number | undefined;
  /** The batch's date filter of the last completed pass; another one makes the folder worth a visit. */
  readonly filter?: string | undefined;
  /** The source's partition for which the checkpoint holds. */
  readonly partition?: string | undefined;
  /** UIDs copied, skipped with a reason, or proven expunged. */
  readonly settled: UidSet;
  /** UIDs whose messages were gone when this round was planned and had not appeared anywhere else. */
  readonly lost?: UidSet | undefined;
  /** True while the plan of the current round wants this folder visited. */
  readonly pending: boolean;
  readonly openChunk?: OpenChunk | undefined;
  readonly inDoubt: readonly ChunkInDoubt[];
  /** A large message being written, with the number of times it was begun: after five deaths it is skipped. */
  readonly attempting?: { readonly uid: Uid; readonly attempts: number } | undefined;
  readonly totalItemCount: number;
  /** Messages the source shows in all, where the folder is only a part of what it shows under this name. */
  readonly shownItemCount?: number | undefined;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  /** Those of the skipped items that were left out on purpose. */
  readonly leftOutItemCount?: number | undefined;
  /** By flag, UIDs of messages whose copy lacks a change of this flag, since the target refused it. */
  readonly unkeptFlags?: Readonly<Record<string, UidSet>> | undefined;
  /** How many of the copied messages were read by each kind of guess. */
  readonly guesses?: Readonly<Partial<Record<GuessCode, number>>> | undefined;
  readonly bytesTransferred: number;
  readonly estimatedBytes: number;
}

export interface ItemRecord {
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
  readonly uid: Uid;
  /** Undefined once the target item is known to be gone: a tombstone, never recreated. */
  readonly targetId?: TargetItemId | undefined;
  /** Where the target item lies if a move put it elsewhere than the folder's own target folder. */
  readonly targetFolderId?: TargetFolderId | undefined;
  /** SHA-256 of the header section, base64url, first 22 characters. */
  readonly digest: string;
  /** Milliseconds since 1970. */
  readonly internalDate: number;
  readonly size: number;
  /** Source flags last written to the target, sorted. */
  readonly flags: readonly string[];
}

export interface SkippedItem {
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
  readonly uid: Uid;
  readonly internalDate: number;
  readonly size: number;
  readonly code: string;
  readonly message: string;
}

export type ItemKey = Pick<ItemRecord, "folderId" | "uidValidity" | "uid">;

/** Rows that change together. At most {@link maxRowsPerCommit} rows in all; the lease row comes on top. */
export interface LedgerChange {
  readonly folders?: readonly FolderRecord[];
  readonly items?: readonly ItemRecord[];
  readonly removedItems?: readonly ItemKey[];
  readonly skipped?: readonly SkippedItem[];
  readonly removedSkips?: readonly ItemKey[];
  readonly removedFolders?: readonly FolderId[];
  /** Sets the position of one mailbox's chain. */
  readonly chain?: { readonly mailboxId: MailboxId; readonly position: ChainPosition };
  /** Moves the end of the lease. */
  readonly until?: number;
}

export const maxRowsPerCommit = 99;

/**
 * Folder checkpoints, item records and the lease of each ledger. One partition a ledger, so that a commit is atomic.
 */
export interface LedgerStore {
  /**
   * Takes the lease if it is free, expired, or already held by `owner`. Creates the ledger if there is none.
   * @returns the lease, or the instant (milliseconds since 1970) until which another owner holds it.
   */
  acquireLease(
    ledgerId: LedgerId,
    owner: string,
    durationMs: number,
  ): Promise<Lease | { readonly heldUntil: number }>;
  /** The lease row as stored, without taking it. */
  readChains(ledgerId: LedgerId): Promise<Readonly<Record<MailboxId, ChainPosition>>>;
  /**
   * Applies all changes, or none, if the lease is still as given. Safe when the storage repeats a request whose answer was lost.
   * @returns the lease with its new version.
   * @throws MigrationError `transient`/`LeaseLost` if another owner took it.
   */
  commit(lease: Lease, change: LedgerChange): Promise<Lease>;
  listFolders(ledgerId: LedgerId): Promise<readonly FolderRecord[]>;
  /** Items of a folder and uidValidity in ascending UID order, optionally only those in a UID range. */
  listItems(
    ledgerId: LedgerId,
    folderId: FolderId,
    uidValidity: UidValidity,
    range?: readonly [low: number, high: number],
  ): AsyncIterable<ItemRecord>;
  /** Skipped items of a ledger, or of one of its folders. */
  listSkipped(ledgerId: LedgerId, folderId?: FolderId): AsyncIterable<SkippedItem>;
  /** Removes everything of a ledger. Only by explicit order: without it a later batch would copy again. Repeatable. */
  purge(ledgerId: LedgerId): Promise<void>;
}
