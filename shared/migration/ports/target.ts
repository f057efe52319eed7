import type { Readable } from "node:stream";
import type { SpecialUse } from "../../domain/folders.ts";
import type { Stamp, TargetFolderId, TargetItemId, Uid } from "../../domain/names.ts";
import type { GuessCode } from "../../domain/warnings.ts";

/** The mailbox in Microsoft 365 (or on an IMAP target), resolved once and then addressed by id. */
export interface TargetIdentity {
  /** Entra object id; on an IMAP target the lower-case login. */
  readonly id: string;
  readonly emailAddress: string;
}

export interface TargetFolder {
  readonly id: TargetFolderId;
  /** For reports. */
  readonly path: string;
}

/** A folder by its path segments; a special use stands for the target's own folder of that use. */
export interface WantedFolder {
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
}

export interface OutgoingMessage {
  readonly uid: Uid;
  readonly stamp: Stamp;
  /** Token of the chunk this write belongs to; already stored as open. */
  readonly chunkToken: string;
  readonly internalDate: Date;
  readonly flags: readonly string[];
  /** Bytes of content. For a streamed message the announced size, which may be wrong. */
  readonly size: number;
  /** The bytes, or a way to stream them for messages too large to hold. The stream may be opened once. */
  readonly content: Buffer | (() => Promise<Readable>);
  /** Milliseconds the write may take in all; afterwards it must not start another request. */
  readonly timeoutMs: number;
  /** Told of every guess by which the message was read, once each, before the write is over. */
  readonly guessed?: (guess: GuessCode) => void;
}

/** What a message of an interrupted chunk looks like at the source. */
export interface WriteCandidate {
  readonly uid: Uid;
  readonly stamp: Stamp;
  readonly internalDate: Date;
  readonly size: number;
  readonly flags: readonly string[];
  /** The header section at the source. */
  readonly header: Buffer;
}

/** Writes whose outcome is not known. */
export interface InterruptedChunk {
  readonly token: string;
  /** What `markFolder` told before the chunk's first write. */
  readonly mark: string;
  /**
   * Stamps of messages that are no longer at the source as they were written. Their copies are found where the target
   * keeps the stamp; elsewhere they cannot be told from the user's own.
   */
  readonly retired?: readonly Stamp[];
}

export interface FoundItem {
  readonly id: TargetItemId;
  /** False if the item no longer looks as written (flags, folder): then it is the user's and stays. */
  readonly untouched: boolean;
}

export interface ItemState {
  readonly id: TargetItemId;
  readonly flags: readonly string[];
}

/**
 * What a message is known by in a listing, in the form in which this target shows it: what a header at the source makes
 * of it is equal to what the listing shows of its copy.
 */
export interface MessageLook {
  readonly messageId?: string | undefined;
  /** By the Date field, milliseconds since 1970, whole seconds. */
  readonly sentAt?: number | undefined;
  /** Address of the first author in lower case. */
  readonly from?: string | undefined;
  readonly subject?: string | undefined;
}

/** A message as a listing of its folder shows it. */
export interface TargetEntry {
  readonly id: TargetItemId;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  /** Bytes, as this target counts them; undefined where it does not tell. */
  readonly size?: number | undefined;
  readonly flags: readonly string[];
  /** Of a message that this product wrote; undefined where the target keeps no stamps. */
  readonly stamp?: Stamp | undefined;
  readonly look: MessageLook;
}

/** A folder as the target lists it. */
export interface TargetPlace extends TargetFolder {
  /** Messages in it. */
  readonly items: number;
  /** True for the deleted items and whatever lies below them. */
  readonly deleted: boolean;
}

/** What a quota leaves room for. What it does not bound is left out. */
export interface TargetRoom {
  readonly bytes?: number;
  /** Messages. */
  readonly items?: number;
}

export type FolderState = "there" | "deleted" | "missing";

export type ChangeOutcome = "done" | "gone";

/** With `unkept` the item is there, and lacks the change of these flags (as they were given): the target refuses to make it. */
export type FlagOutcome = ChangeOutcome | { readonly unkept: readonly string[] };

/** How folder names have to be shaped for a target. Pure. */
export interface FolderNaming {
  /** The name the target will accept for one path segment; idempotent. */
  sanitize(segment: string): string;
  /** True if `Foo` and `foo` are two folders. */
  readonly caseSensitive: boolean;
}

/**
 * A session with one target mailbox. Methods throw MigrationError only.
 * An error with `inDoubt` means the effect may have happened: look it up with `findWritten`, never repeat.
 */
export interface TargetMailbox {
  /** How many `write` calls may run at once. */
  readonly writeConcurrency: number;
  /** Inbox-to-newest order that suits the target: newest first (Graph) or oldest first (IMAP). */
  readonly order: "ascending" | "descending";
  readonly naming: FolderNaming;
  /** True if an item keeps its id when it is moved. Where it does not, two items of two folders may have the same id. */
  readonly keepsIds: boolean;
  readonly usable: boolean;
  /** No message that the source announces to be larger, in bytes, is ever taken. */
  readonly maxItemBytes: number;

  /** Says that folders and messages are going to be written: whatever takes time can begin. Repeatable, never throws. */
  expectWrites(): void;
  /**
   * Says which folders are going to be ensured next, so that a target that can makes many of them at once. It need not
   * make any, tells of none that it could not make, and is no substitute for `ensureFolder`. Repeatable.
   */
  prepareFolders(wanted: readonly WantedFolder[]): Promise<void>;
  /**
   * The folder for these path segments, created with its parents where missing. A special use maps to the
   * target's own folder of that use. Repeatable: an existing folder is returned as it is.
   */
  ensureFolder(segments: readonly string[], specialUse?: SpecialUse): Promise<TargetFolder>;
  /**
   * `deleted` where the target shows that its user deleted the folder, such as by its place among the deleted items;
   * `missing` where nothing tells of it, by two kinds of call: it may be there all the same.
   */
  folderState(folder: TargetFolderId): Promise<FolderState>;
  /** Those of the items that are anywhere in the mailbox but among the deleted items, as far as that can be told by their ids. */
  itemsAnywhere(items: readonly TargetItemId[]): Promise<ReadonlySet<TargetItemId>>;

  /**
   * Called before a chunk's token is stored: whatever the target needs later to find its writes, as text of at most 1 KiB
   * (for IMAP UIDVALIDITY and UIDNEXT; empty for Graph).
   */
  markFolder(folder: TargetFolderId): Promise<string>;
  /**
   * Stores one message with its state and dates.
   * @throws MigrationError `item` to skip it, `transient`/`throttled` (perhaps `inDoubt`), `mailbox` (quota, gone),
   * `item` with code `TargetFolderGone` if the folder seems not to be there.
   */
  write(folder: TargetFolderId, message: OutgoingMessage): Promise<TargetItemId>;
  /**
   * True if the target takes a message now, for which one may be stored out of sight and removed again; undefined where it
   * cannot be told without leaving something.
   * @throws MigrationError if the target cannot be reached.
   */
  takesMessages(): Promise<boolean | undefined>;
  /**
   * Which of the candidates are in the target already. For each stamp the found items, oldest first.
   * Reads only. `known` are items that belong to other messages.
   * @throws MigrationError `item`/`TargetFolderGone` where the target tells that there is no such folder.
   */
  findWritten(
    folder: TargetFolderId,
    chunk: InterruptedChunk,
    candidates: readonly WriteCandidate[],
    known: ReadonlySet<TargetItemId>,
  ): Promise<ReadonlyMap<Stamp, readonly FoundItem[]>>;
  /** What the quota of the mailbox leaves room for; undefined where the target does not tell. Reads only. */
  roomLeft(): Promise<TargetRoom | undefined>;
  /** All folders of mail that the user can see. Reads only. */
  listPlaces(): Promise<readonly TargetPlace[]>;
  /**
   * All messages of a folder. Reads only.
   * @throws MigrationError `item`/`TargetFolderGone` if there is no such folder.
   */
  listEntries(folder: TargetFolderId): Promise<readonly TargetEntry[]>;
  /** What a message with this header section is known by in a listing of this target. Asks nobody. */
  lookOf(header: Buffer): Promise<MessageLook>;
  /**
   * Compares a copy with its message, part by part. Reads only.
   * @returns what differs, as sentences without any content of the message; undefined if the copy is not in the folder.
   */
  differencesOf(
    folder: TargetFolderId,
    item: TargetItemId,
    content: OutgoingMessage["content"],
  ): Promise<readonly string[] | undefined>;
  /** Removes a copy that we wrote for good: a second one, or one that is undone. Repeatable. */
  purgeItem(folder: TargetFolderId, item: TargetItemId): Promise<void>;

  /** Current flags of those of the items that are still in the folder. */
  readItems(
    folder: TargetFolderId,
    items: readonly TargetItemId[],
  ): Promise<ReadonlyMap<TargetItemId, ItemState>>;
  /** Sets and clears flags of one item; other flags stay. Repeatable. `gone` if it left the folder. */
  changeFlags(
    folder: TargetFolderId,
    item: TargetItemId,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<FlagOutcome>;
  /** Moves an item; the id may change. Undefined if it left `from`. */
  moveItem(from: TargetFolderId, item: TargetItemId, to: TargetFolderId): Promise<TargetItemId | undefined>;
  /**
   * Finishes an interrupted `moveItem` that put the item into `to`: what is left of it in `from` is removed. `mark` is of
   * `to`, taken before the move. Repeatable.
   * @returns the item's id in `to`, or undefined if it is not there: then nothing was changed.
   */
  finishMove(
    from: TargetFolderId,
    item: TargetItemId,
    to: TargetFolderId,
    mark: string,
    candidate: WriteCandidate,
    known: ReadonlySet<TargetItemId>,
  ): Promise<TargetItemId | undefined>;
  /** Moves an item to the deleted items. Repeatable. */
  deleteItem(folder: TargetFolderId, item: TargetItemId): Promise<ChangeOutcome>;

  /** Closes connections; never throws. */
  close(): Promise<void>;
}

export interface TargetConnector {
  /**
   * Resolves an address (UPN, mail or alias) to the mailbox it belongs to.
   * @throws MigrationError `mailbox`/`TargetMailboxNotFound` where there is none.
   */
  resolve(emailAddress: string): Promise<TargetIdentity>;
  open(target: TargetIdentity): Promise<TargetMailbox>;
  /** Flags in the form this target can hold; what it cannot hold is left out. Pure. */
  representableFlags(flags: readonly string[]): readonly string[];
}
