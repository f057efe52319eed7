import type { BatchOptions } from "../../domain/batch-options.ts";
import type { SourceServer } from "../../domain/credentials.ts";
import type { BatchName, EndpointName, FolderId, LedgerId, MailboxId } from "../../domain/names.ts";
import type { BatchIntent, MailboxStatus, OperationKind, SyncKind } from "../../domain/states.ts";
import type { DifferenceCounts, VerificationLevel, VerificationRequest } from "../../domain/verification.ts";
import type { WarningCounts } from "../../domain/warnings.ts";
import type { LostCounts } from "./ledger-store.ts";

/** A stored value with the version it was read at. */
export interface Versioned<T> {
  readonly value: T;
  readonly version: string;
}

export interface ConfirmedServer extends SourceServer {
  /** Object id of the caller in Entra. */
  readonly by: string;
  readonly at: number;
}

/** Which mailboxes of a batch an operation is about; all of them where nothing is said. */
export interface Selection {
  readonly mailboxes?: readonly MailboxId[] | undefined;
  readonly status?: MailboxStatus | undefined;
  /** Code of the mailbox's error. */
  readonly errorCode?: string | undefined;
  /** Codes of skipped items; only an approval looks at them. */
  readonly codes?: readonly string[] | undefined;
}

/** An operation that is not through yet. They are carried out in the order in which they began. */
export interface PendingOperation {
  readonly seq: number;
  readonly kind: OperationKind;
  /** False if it is about some mailboxes only. */
  readonly whole: boolean;
}

export interface OperationRecord extends PendingOperation {
  readonly batch: BatchName;
  readonly selection: Selection;
  /** Object id of the caller in Entra, or `app`. */
  readonly by: string;
  readonly at: number;
  /** Parts that are worked on at once; see {@link MailboxStore}. */
  readonly slots: number;
  /** Mailboxes it has to look at; undefined where nobody knows. */
  readonly total?: number | undefined;
  /** What an operation of the kind `verify` asks for. */
  readonly verification?: VerificationRequest | undefined;
  /** What an operation of the kind `undo` asks for. */
  readonly undo?: UndoRequest | undefined;
  /** True for an operation of the kind `remove` that takes with it what is recorded of the copies. */
  readonly forgets?: boolean | undefined;
  /** Operations that ended because of this one. */
  readonly supersedes: readonly number[];
  /** Undefined until it is over. */
  readonly outcome?:
    | {
        readonly state: "finished" | "superseded";
        readonly at: number;
        readonly passed: number;
        readonly changed: number;
      }
    | undefined;
}

/** How far an operation is in one of its slots. */
export interface OperationCursor {
  readonly slot: number;
  /** The last mailbox that was looked at; empty at first. */
  readonly after: string;
  readonly passed: number;
  readonly changed: number;
  readonly done: boolean;
  /** When it last moved. */
  readonly at: number;
}

export interface BatchRecord {
  readonly name: BatchName;
  /** The name as the operator wrote it. */
  readonly displayName: string;
  readonly endpoint: EndpointName;
  readonly intent: BatchIntent;
  readonly options: BatchOptions;
  /** Milliseconds since 1970, as all instants of the registry. */
  readonly createdAt: number;
  readonly startedAt?: number | undefined;
  /** When it last began to run: at its first start, or when it went on after a stop or after its completion. */
  readonly runningSince?: number | undefined;
  /** When an operator last did anything with it. */
  readonly touchedAt?: number | undefined;
  /** True if it is completed although mailboxes failed: they are left behind. */
  readonly failedLeft?: boolean | undefined;
  /** How many rows the last validation rejected. */
  readonly invalidRowCount: number;
  /** What stopped its last upload; undefined once one was read. */
  readonly uploadError?: RecordedError | undefined;
  /** Why the last mail to the operators was not sent; undefined once one was. */
  readonly noticeError?: RecordedError | undefined;
  /** The most rows that any file of the batch had; it may have more mailboxes. */
  readonly largestFile?: number | undefined;
  /** Number of the last operation. They begin at the second of creation, since message ids are made of them. */
  readonly lastOperation: number;
  /** Oldest first. */
  readonly operations: readonly PendingOperation[];
  /** Who waits for a permit since an operation before this one waits for nothing: the batch was stopped since. */
  readonly admitsFrom: number;
  /** When the last daily window began. */
  readonly resyncAt?: number | undefined;
  /** The server that an operator last confirmed after the endpoint had changed, and who did it. */
  readonly confirmedServer?: ConfirmedServer | undefined;
  /** What the reports show and when they were written; undefined before the first ones. */
  readonly reported?: { readonly digest: string; readonly at: number } | undefined;
}

/** Something that was done with a batch and is no operation on its mailboxes. */
export interface HistoryEntry {
  readonly batch: BatchName;
  readonly at: number;
  /** Object id of the caller in Entra, or `app`. */
  readonly by: string;
  readonly act: "changeOptions";
  /** Options that were changed, in JSON. */
  readonly changes: readonly { readonly option: string; readonly before: string; readonly after: string }[];
}

/** What went wrong since the mailbox last got on. */
export interface Trouble {
  /** When the first of the transient failures in a row happened. */
  readonly failingSince?: number | undefined;
  /** Worker processes that ended in a step of the mailbox without being told to. */
  readonly deaths?: number | undefined;
  /** Set if something was copied since the last of them. */
  readonly copiedSince?: true | undefined;
  /** Messages that the queue gave up on. */
  readonly deadLetters?: number | undefined;
}

/** The end of a row of transient failures: others that failed meanwhile need wait no longer. */
export interface Recovery {
  readonly from: number;
  readonly at: number;
}

export interface RecordedError {
  readonly code: string;
  readonly message: string;
  readonly at: number;
}

/** What the last verification of a mailbox found. Instants are milliseconds since 1970. */
export interface VerificationOutcome {
  readonly operation: number;
  readonly level: VerificationLevel;
  readonly at: number;
  /** Messages whose copies were looked at. */
  readonly compared: number;
  readonly counts: DifferenceCounts;
  /** Messages that came, or changed, since the last sync. */
  readonly waiting: number;
  readonly deletedAtSource: number;
  /** Messages compared byte by byte. */
  readonly sampled: number;
  /** Why it could not be verified; then nothing else is said. */
  readonly error?: Omit<RecordedError, "at"> | undefined;
}

/** How copies are taken out of a target again. */
export interface UndoRequest {
  /** True to remove them; else they go to the deleted items. */
  readonly forGood: boolean;
}

/** What was taken out of the target again. Instants are milliseconds since 1970. */
export interface UndoOutcome extends UndoRequest {
  readonly operation: number;
  readonly at: number;
  readonly removed: number;
  /** Copies that were left where they are, by the reason. */
  readonly left: LeftCounts;
  /** Messages that may have been written although nobody saw the answers, and that this target cannot be searched for. */
  readonly inDoubt: number;
  /** Why it did not come to its end. */
  readonly error?: Omit<RecordedError, "at"> | undefined;
}

/** Why a copy was left in the target: `other` where the target refused to let go of it. */
export type LeftReason = "changed" | "movedOrDeleted" | "adopted" | "other";
export type LeftCounts = Readonly<Partial<Record<LeftReason, number>>>;

/** What a rehearsal found of a mailbox. */
export interface RehearsalOutcome {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Folders that would be copied, and that are left out. */
  readonly folders: number;
  readonly foldersLeftOut: number;
  /** Messages that would be copied, and their bytes at the source. */
  readonly items: number;
  readonly bytes: number;
  /** Left out by dates, by maxItemSize, or marked as deleted. */
  readonly itemsLeftOut: number;
  /** Larger than the 35 MB that a tenant takes where nobody raised it, and than anything the target takes. */
  readonly over35MB: number;
  readonly tooLarge: number;
  /** In the target already, and not to be told from others. */
  readonly adoptable: number;
  readonly ambiguous: number;
  /** Folders whose figures are of the server's counts alone, since there was no time to look at each message. */
  readonly foldersEstimated: number;
  /** Seconds that the first copy takes: at best, and at worst. */
  readonly seconds: readonly [low: number, high: number];
  /** Days, where the endpoint has a daily cap. */
  readonly days?: number | undefined;
  /** What the target's quota leaves room for, where it bounds that. */
  readonly freeBytes?: number | undefined;
  readonly freeItems?: number | undefined;
  /** Whether there is room in the target for what would be copied; undefined where that is not known. */
  readonly fits?: boolean | undefined;
}

/** An operator accepts that what was skipped until then stays at the old server. */
export interface Approval {
  /** How many items of the code had ever been skipped then. */
  readonly ever: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Object id of the caller in Entra. */
  readonly by: string;
}

/** What a mailbox spends its time with. */
export type Phase = "queued" | "inProgress" | "paused" | "synced";

/** Since when a mailbox has been in its phase, and how long it was in each before that, in milliseconds. */
export interface Times {
  readonly phase?: Phase | undefined;
  readonly since: number;
  readonly spent: Readonly<Partial<Record<Phase, number>>>;
}

/** What was copied of late, and in which time; see `mailbox/rate.ts`. */
export interface CopyRate {
  readonly items: number;
  readonly bytes: number;
  readonly minutes: number;
  readonly at: number;
}

/** What an operator may ask for with one folder. */
export type FolderAct = "confirm" | "recreate";

export interface MailboxRecord {
  readonly id: MailboxId;
  readonly batch: BatchName;
  readonly endpoint: EndpointName;
  readonly emailAddress: string;
  readonly userName: string;
  readonly userRoot?: string | undefined;
  /** Output of the vault; opens only for this mailbox and the server it is sealed for. */
  readonly sealedPassword: string;
  /** Undefined in rows of an earlier version, until their next step. */
  readonly sealedFor?: SourceServer | undefined;
  readonly status: MailboxStatus;
  readonly kind: SyncKind;
  /** Raised by every start, retry and wake-up. */
  readonly round: number;
  /** The last operation that changed it, or made sure that no earlier one can. */
  readonly operation?: number | undefined;
  /** Earliest instant of the next attempt. */
  readonly notBefore?: number | undefined;
  /** Attempts in a row that ended with a transient error. */
  readonly attempts: number;
  readonly error?: RecordedError | undefined;
  readonly trouble?: Trouble | undefined;
  readonly recovery?: Recovery | undefined;
  /** The step that runs: one that is found by the next step died with its worker. */
  readonly step?: { readonly id: string; readonly since: number } | undefined;
  readonly targetId?: string | undefined;
  readonly ledgerId?: LedgerId | undefined;
  readonly totalItemCount: number;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  /** Those of the skipped items that were left out on purpose. */
  readonly leftOutItemCount?: number | undefined;
  /** The others by code. */
  readonly lost?: LostCounts | undefined;
  /** By code, what an operator accepted to be left behind. */
  readonly approved?: Readonly<Record<string, Approval>> | undefined;
  readonly bytesTransferred: number;
  readonly estimatedBytes: number;
  /** The largest it has been; it never falls. */
  readonly percentageComplete?: number | undefined;
  /** Sums over the folders, as the counters. */
  readonly warnings?: WarningCounts | undefined;
  /** bytesTransferred at the beginning of a day (UTC, counted from 1970), where the endpoint limits bytes a day. */
  readonly dailyStart?: { readonly day: number; readonly bytesTransferred: number } | undefined;
  readonly createdAt: number;
  readonly startedAt?: number | undefined;
  readonly lastSyncedAt?: number | undefined;
  /** The sync that is under way: when it began, and what had been copied then. */
  readonly syncBegan?: { readonly at: number; readonly items: number; readonly bytes: number } | undefined;
  /** Undefined where nothing is being copied. */
  readonly rate?: CopyRate | undefined;
  /** Undefined in rows of an earlier build. */
  readonly times?: Times | undefined;
  /** The last sync that ended well: when it began, and how many messages it found new. */
  readonly lastSync?: { readonly beganAt: number; readonly newItems: number } | undefined;
  /**
   * Only where the batch tests logins first: `passed` waits until every mailbox of the batch has been tested,
   * `released` may be copied.
   */
  readonly loginTest?: "passed" | "released" | undefined;
  /** Set by a retry after `TooManyDeletions`, cleared by the sync that uses it. */
  readonly deletionsConfirmed?: boolean | undefined;
  /** Set by a retry: the next step tries skipped messages again, and clears it. */
  readonly retriesSkipped?: boolean | undefined;
  /** Set while it waits to be verified, or is: what was asked for, and what it was and will be again. */
  readonly verifying?:
    | (VerificationRequest & { readonly operation: number; readonly from: "Synced" | "Completed" })
    | undefined;
  readonly verification?: VerificationOutcome | undefined;
  readonly rehearsal?: RehearsalOutcome | undefined;
  /** Set while its copies wait to be taken out of the target, or are. */
  readonly undoing?: (UndoRequest & { readonly operation: number }) | undefined;
  readonly undo?: UndoOutcome | undefined;
  /** What an operator asked for with single folders: the next step does it, and clears it. */
  readonly folderActs?: Readonly<Record<FolderId, FolderAct>> | undefined;
}

/** A mailbox without its secrets and with the moment of its last change. */
export type MailboxSummary = Omit<
  MailboxRecord,
  "sealedPassword" | "sealedFor" | "dailyStart" | "step" | "times"
> & {
  /** By the store's clock. */
  readonly changedAt: number;
};

/** Batches and their operations: few, in one partition. All writes are conditional; a lost race gives `undefined`. */
export interface BatchStore {
  get(name: BatchName): Promise<Versioned<BatchRecord> | undefined>;
  list(): Promise<readonly BatchRecord[]>;
  /** @returns false if it exists already. */
  create(batch: BatchRecord): Promise<boolean>;
  /**
   * @param operations written with it, over what is there: all or nothing.
   * @param history added with it.
   * @returns false if the batch changed since it was read.
   */
  replace(
    batch: Versioned<BatchRecord>,
    operations?: readonly OperationRecord[],
    history?: readonly HistoryEntry[],
  ): Promise<boolean>;
  /** Newest first; operations have their own records. */
  history(name: BatchName): Promise<readonly HistoryEntry[]>;
  /** Removes the batch and its operations. Repeatable. */
  delete(name: BatchName): Promise<void>;
  operation(name: BatchName, seq: number): Promise<OperationRecord | undefined>;
  /** Newest first. */
  operations(name: BatchName): Promise<readonly OperationRecord[]>;
  /** Where an operation is; slots that nobody has begun are left out. */
  cursors(name: BatchName, seq: number): Promise<readonly Versioned<OperationCursor>[]>;
  /** @param cursor.version empty for a slot that nobody has begun. @returns false if somebody else was faster. */
  advance(name: BatchName, seq: number, cursor: Versioned<OperationCursor>): Promise<boolean>;
  /** Forgets where an operation was. Repeatable. */
  forgetCursors(name: BatchName, seq: number): Promise<void>;
}

/** Slots of a batch: parts of about the same size, by the first digit of the mailbox's id. */
export const slotCount = 16;

/** One of `of` parts of a batch: 1 or {@link slotCount}. */
export interface Slot {
  readonly slot: number;
  readonly of: number;
}

/** Mailboxes: one partition a batch, whose slots are ranges of its keys. */
export interface MailboxStore {
  get(batch: BatchName, id: MailboxId): Promise<Versioned<MailboxRecord> | undefined>;
  /** @returns the new version; undefined if it changed since it was read. */
  replace(mailbox: Versioned<MailboxRecord>): Promise<string | undefined>;
  /** Replaces at most 100 mailboxes of a batch, all or none. @returns false if one of them changed since it was read. */
  replaceAll(mailboxes: readonly Versioned<MailboxRecord>[]): Promise<boolean>;
  /** Inserts new mailboxes (existing ones are left as they are). Repeatable. */
  insertAll(batch: BatchName, mailboxes: readonly MailboxRecord[]): Promise<void>;
  /** Mailboxes of a slot in the order of their ids, at most `limit` of them. @param after exclusive; empty for the first. */
  page(
    batch: BatchName,
    slot: Slot,
    after: string,
    limit: number,
  ): Promise<readonly Versioned<MailboxRecord>[]>;
  /** Every mailbox of a batch, page by page. */
  scan(batch: BatchName): AsyncIterable<Versioned<MailboxRecord>>;
  /** Summaries of a slot. @param changedSince by the store's clock, to leave out what was not changed since. */
  summaries(batch: BatchName, slot: Slot, changedSince?: number): Promise<readonly MailboxSummary[]>;
  /** Which mailboxes of a slot were changed since, by the store's clock: a fraction of what their summaries cost. */
  changes(
    batch: BatchName,
    slot: Slot,
    since: number,
  ): Promise<readonly Pick<MailboxSummary, "id" | "changedAt">[]>;
  /** Repeatable. */
  delete(batch: BatchName, id: MailboxId): Promise<void>;
  /** Removes the mailboxes of a slot. Repeatable. */
  deleteSlot(batch: BatchName, slot: Slot): Promise<void>;
}
