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

/** A folder in the time in which each of its UIDs names one message: until its UIDVALIDITY changes. */
export interface Generation {
  /** Our own; another one where UIDs were handed out again under the same UIDVALIDITY. */
  readonly folderId: FolderId;
  readonly uidValidity: UidValidity;
}

/** Messages by the identity they had in a generation of their folder. */
export interface RetiredMessages extends Generation {
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

/** Where a folder is at the source. */
export interface FolderAtSource {
  readonly path: string;
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
  /** Of a server with OBJECTID (RFC 8474). */
  readonly mailboxId?: string | undefined;
}

/** Where the copies of a folder are put. */
export interface FolderPlace {
  readonly id: TargetFolderId;
  readonly path: string;
}

/** What is known of a folder's messages, as of its last completed visit where nothing else is said. */
export interface Checkpoint {
  /** UIDs copied, skipped with a reason, or proven expunged. */
  readonly settled: UidSet;
  readonly uidNext: number;
  /** UIDNEXT as the visit that is not completed yet has seen it. */
  readonly uidNextSeen?: number | undefined;
  readonly messages: number;
  readonly unseen?: number | undefined;
  readonly highestModseq?: string | undefined;
  /** Digest over UIDs and flags of the last scan, for servers without CONDSTORE. */
  readonly flagsDigest?: string | undefined;
  /** When all flags were last compared, in milliseconds since 1970; only for servers without CONDSTORE. */
  readonly flagsScannedAt?: number | undefined;
  /** The batch's date filter; another one makes the folder worth a visit. */
  readonly filter?: string | undefined;
  /** The source's partition for which the checkpoint holds. */
  readonly partition?: string | undefined;
  /** UIDs whose messages were gone when this round was planned and had not appeared anywhere else. */
  readonly vanished?: UidSet | undefined;
}

/** Writes that may have happened although nobody saw the answers. */
export interface Doubt {
  readonly openChunk?: OpenChunk | undefined;
  /** Chunks that were looked for once. */
  readonly recovered: readonly ChunkInDoubt[];
  /** A large message being written, with the number of times it was begun: after five deaths it is skipped. */
  readonly attempting?: { readonly uid: Uid; readonly attempts: number } | undefined;
}

/**
 * Messages of the present generation that wait while the rest of their folder goes on: source or target cannot give or
 * take them yet, or a create is in doubt and its answer may still come. They are not settled.
 */
export interface SetAside {
  readonly uids: UidSet;
  /** Set for creates in doubt: what they were written under, to look for them. */
  readonly chunk?: Pick<OpenChunk, "token" | "mark"> | undefined;
  /** True for creates in doubt of a chunk that failed as a whole: not found, they are copied as if they had never been tried. */
  readonly blameless?: boolean | undefined;
  /** True if it is not tried again: what may have been written is looked for once more, then it is given up. */
  readonly hopeless?: boolean | undefined;
  /** Code of the last try's error. */
  readonly code: string;
  /** Those of its tries that tell something about it: others could be given or taken then. */
  readonly tries: number;
  /** When the first try failed, in milliseconds since 1970. */
  readonly since: number;
  /** Milliseconds since 1970. */
  readonly lookAgainAt: number;
}

/** How far a plan that goes on in the next step has come with a folder, whose place in the target it has seen. */
export interface Planning {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** New messages up to this UID have been compared with those of the former generations. */
  readonly matchedTo?: Uid | undefined;
  /** Those up to here also by less than their whole header. */
  readonly alikeTo?: Uid | undefined;
  /** True if `vanished` of the checkpoint is what this plan has found. */
  readonly scanned?: boolean | undefined;
  /** True if the plan could not see all there is. */
  readonly partly?: boolean | undefined;
  /** New messages up to this UID have been compared with those that vanished elsewhere. */
  readonly soughtTo?: Uid | undefined;
}

/** Items that were skipped and not left out on purpose, by code: how many there are, and how many there ever were. */
export type LostCounts = Readonly<Record<string, { readonly now: number; readonly ever: number }>>;

export interface FolderCounts {
  /** Messages at the source. */
  readonly total: number;
  /** Messages the source shows in all, where the folder is only a part of what it shows under this name. */
  readonly shown?: number | undefined;
  /** Messages that the source counts and shows in no way. */
  readonly unshown?: number | undefined;
  readonly synced: number;
  readonly skipped: number;
  /** Those of the skipped items that were left out on purpose. */
  readonly leftOut: number;
  /** The others by code; undefined where there was never one. */
  readonly lost?: LostCounts | undefined;
  readonly bytes: number;
  /** Messages that were in the target already, and are recorded as copied. */
  readonly adopted?: number | undefined;
  /** Messages that were copied although they may have been in the target already. */
  readonly ambiguous?: number | undefined;
  /** How many of the copied messages were read by each kind of guess. */
  readonly guesses?: Readonly<Partial<Record<GuessCode, number>>> | undefined;
}

/** Why a folder could not be read, and since when, as a message that is set aside. */
export interface FolderTrouble extends Pick<SetAside, "code" | "tries" | "since" | "lookAgainAt"> {
  /** A sentence. */
  readonly message: string;
  /** When it was left alone for the rest of its round, in milliseconds since 1970. */
  readonly leftAt?: number | undefined;
}

/** A folder of a ledger; its transitions are in sync/folder-record.ts. */
export interface FolderRecord extends Generation {
  readonly source: FolderAtSource;
  /** Undefined until a plan has given it one. */
  readonly place?: FolderPlace | undefined;
  /** Since when its place is answered as if it were not there, in milliseconds since 1970; it is not written into meanwhile. */
  readonly missingSince?: number | undefined;
  /** "gone": no longer at the source. "targetGone": the user deleted its place; it is not written into. */
  readonly state: "active" | "gone" | "targetGone";
  /** True while the plan of the current round wants this folder visited. */
  readonly pending: boolean;
  /** Earlier generations with items still to be matched, or kept for a while. */
  readonly former?: readonly Generation[] | undefined;
  /**
   * Since when, in milliseconds since 1970, the folder goes on in its new generation, and keeps the items that found no
   * match: it may come back as it was. Undefined until its generations were matched.
   */
  readonly keptSince?: number | undefined;
  /**
   * Set while the source shows the folder anew without most of what was copied from it: nothing of it is copied or
   * forgotten until it comes back, or an operator confirms that it is meant. `items` found no match.
   */
  readonly replaced?: { readonly items: number; readonly confirmed: boolean } | undefined;
  /** Path of the folder that this one is another name of: it is copied under that name. */
  readonly sameAs?: string | undefined;
  readonly checkpoint: Checkpoint;
  readonly doubt: Doubt;
  readonly setAside: readonly SetAside[];
  /**
   * Chunks once in doubt that a later round looks for once more: a server may take minutes over a write whose answer nobody
   * waits for any more. Only where the target keeps stamps.
   */
  readonly lastLooks?: readonly ChunkInDoubt[] | undefined;
  /** Set if the folder could not be read when it was last tried. */
  readonly trouble?: FolderTrouble | undefined;
  /** By flag, UIDs of messages whose copy lacks a change of this flag, since the target refused it. */
  readonly unkeptFlags?: Readonly<Record<string, UidSet>> | undefined;
  /** True once it was looked for messages that were in the target already. */
  readonly adopted?: boolean | undefined;
  readonly counts: FolderCounts;
  /** Undefined unless a plan of the mailbox is not finished yet. */
  readonly planning?: Planning | undefined;
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
  /** The same of what stays of a header that a server writes anew at each read; undefined where that tells too little. */
  readonly envelope?: string | undefined;
  /** Milliseconds since 1970. */
  readonly internalDate: number;
  readonly size: number;
  /** Source flags last written to the target, sorted. */
  readonly flags: readonly string[];
  /** True if the target item was there before: somebody else's, that was recorded as the copy. */
  readonly adopted?: boolean | undefined;
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

/** A skipped item as it is stored. */
export interface StoredSkip extends SkippedItem {
  /** When it was skipped, milliseconds since 1970 by the store's clock. */
  readonly at: number;
}

export type ItemKey = Pick<ItemRecord, "folderId" | "uidValidity" | "uid">;

/** Items of a folder whose UIDs begin at one multiple of this share a row. */
export const uidsPerRow = 128;
/** Characters of an item, as far as they may be many, above which it has a row of its own. */
const sharedLength = 1_500;

/** The UID from which on items may be in one row with that of `uid`. */
export function rowStart(uid: number): number {
  return uid - (uid % uidsPerRow);
}

/** True for an item small enough to share its row with its neighbours. */
export function isShared({ targetId, targetFolderId, flags }: ItemRecord): boolean {
  return [targetId ?? "", targetFolderId ?? "", ...flags].join(" ").length <= sharedLength;
}

/**
 * Rows that change together: at most 99, the lease row on top. Each entry is a row; only items may be fewer, since those
 * of neighbouring UIDs share one ({@link rowStart}, {@link isShared}).
 */
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
  listSkipped(ledgerId: LedgerId, folderId?: FolderId): AsyncIterable<StoredSkip>;
  /** Removes everything of a ledger. Only by explicit order: without it a later batch would copy again. Repeatable. */
  purge(ledgerId: LedgerId): Promise<void>;
}
