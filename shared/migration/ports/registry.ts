import type { BatchOptions } from "../../domain/batch-options.ts";
import type { SourceServer } from "../../domain/credentials.ts";
import type { BatchName, EndpointName, FolderId, LedgerId, MailboxId } from "../../domain/names.ts";
import type { BatchIntent, MailboxStatus, SyncKind } from "../../domain/states.ts";
import type { WarningCounts } from "../../domain/warnings.ts";

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
  /** How many rows the last validation rejected. */
  readonly invalidRowCount: number;
  /** What stopped its last upload; undefined once one was read. */
  readonly uploadError?: RecordedError | undefined;
  /** The server that an operator last confirmed after the endpoint had changed, and who did it. */
  readonly confirmedServer?: ConfirmedServer | undefined;
  /** What the reports show and when they were written; undefined before the first ones. */
  readonly reported?: { readonly digest: string; readonly at: number } | undefined;
}

/** What went wrong since the mailbox last got on. */
export interface Trouble {
  /** When the first of the transient failures in a row happened. */
  readonly failingSince?: number | undefined;
  /** Worker processes that ended in a step of the mailbox without being told to. */
  readonly deaths?: number | undefined;
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
  /** The last sync that ended well: when it began, and how many messages it found new. */
  readonly lastSync?: { readonly beganAt: number; readonly newItems: number } | undefined;
  /** When the next incremental sync is due. */
  readonly dueAt?: number | undefined;
  /**
   * Only where the batch tests logins first: `passed` waits until every mailbox of the batch has been tested,
   * `released` may be copied.
   */
  readonly loginTest?: "passed" | "released" | undefined;
  /** Set by a retry after `TooManyDeletions`, cleared by the sync that uses it. */
  readonly deletionsConfirmed?: boolean | undefined;
  /** Set by a retry: the next step tries skipped messages again, and clears it. */
  readonly retriesSkipped?: boolean | undefined;
  /** What an operator asked for with single folders: the next step does it, and clears it. */
  readonly folderActs?: Readonly<Record<FolderId, FolderAct>> | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Opaque; undefined on the last page. */
  readonly continuation?: string | undefined;
}

/** Batches: few, in one partition. All writes are conditional; a lost race gives `undefined`. */
export interface BatchStore {
  get(name: BatchName): Promise<Versioned<BatchRecord> | undefined>;
  list(): Promise<readonly BatchRecord[]>;
  /** @returns false if it exists already. */
  create(batch: BatchRecord): Promise<boolean>;
  /** @returns false if it changed since it was read. */
  replace(batch: Versioned<BatchRecord>): Promise<boolean>;
  /** Repeatable. */
  delete(name: BatchName): Promise<void>;
}

/** Mailboxes: one partition a batch, so that listing a batch is one range read. */
export interface MailboxStore {
  get(batch: BatchName, id: MailboxId): Promise<Versioned<MailboxRecord> | undefined>;
  /** @returns false if it changed since it was read. */
  replace(mailbox: Versioned<MailboxRecord>): Promise<boolean>;
  /** Inserts new mailboxes (existing ones are left as they are). Repeatable. */
  insertAll(batch: BatchName, mailboxes: readonly MailboxRecord[]): Promise<void>;
  list(
    batch: BatchName,
    query?: { readonly status?: MailboxStatus; readonly top?: number; readonly continuation?: string },
  ): Promise<Page<Versioned<MailboxRecord>>>;
  /** Every mailbox of a batch, page by page. */
  scan(batch: BatchName): AsyncIterable<Versioned<MailboxRecord>>;
  /** Removes all mailboxes of a batch. Repeatable. */
  deleteAll(batch: BatchName): Promise<void>;
}
