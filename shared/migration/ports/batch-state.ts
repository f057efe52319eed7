import type { DataConsistencyScore } from "../../domain/api/batches.ts";
import type { Facets } from "../../domain/api/mailboxes.ts";
import type { BatchName } from "../../domain/names.ts";
import type { MailboxCounts } from "../../domain/states.ts";
import type { MailboxSummary, RecordedError, Recovery, Versioned } from "./registry.ts";

/** What the mailboxes of a batch add up to. */
export interface BatchTotals {
  readonly counts: MailboxCounts;
  readonly syncedItemCount: number;
  readonly skippedItemCount: number;
  /** Items skipped and not left out on purpose, or found missing by a verification. */
  readonly lostItemCount: number;
  /** Those of them that nobody approved. Undefined in states of an earlier build. */
  readonly unapprovedItemCount?: number | undefined;
  readonly totalItemsInSourceMailboxCount: number;
  readonly bytesTransferred: number;
  readonly estimatedTotalTransferSize: number;
  /** Mailboxes of which it is known what they hold, and how many bytes of that are done; undefined in older rows. */
  readonly plannedCount?: number;
  readonly doneBytes?: number;
  /** The score of the worst mailbox; undefined while none has been looked at. */
  readonly worstScore?: DataConsistencyScore | undefined;
  /** Mailboxes that were never synced completely. */
  readonly unsyncedCount: number;
  /** Milliseconds since 1970; undefined until every mailbox was synced once. */
  readonly lastSyncedAt?: number | undefined;
  /** Mailboxes that cannot go on since something they need is away; undefined if there is none. */
  readonly outage?: Outage | undefined;
  /** Mailboxes that pause for a while without a failure, such as until tomorrow for a daily cap; undefined if there is none. */
  readonly paused?: Paused | undefined;
}

/** Mailboxes that pause since the source asked for it, or protects itself. */
export interface Paused {
  readonly mailboxes: number;
  /** Milliseconds since 1970: when the first of them goes on. */
  readonly until: number;
  /** The latest reason of any of them. */
  readonly error: RecordedError;
}

/** What keeps mailboxes of a batch from going on, and passes by itself. */
export interface Outage {
  readonly mailboxes: number;
  /** Milliseconds since 1970: when the first of them could not go on. */
  readonly since: number;
  /** Of the last failure of any of them; undefined where none could be stored: then it was the store itself, or the queue. */
  readonly error: RecordedError | undefined;
}

/** What had been copied or skipped at an instant. */
export interface Sample {
  readonly at: number;
  readonly items: number;
  readonly bytes: number;
}

/** What is remembered of a batch from one look at it to the next. */
export interface Course {
  /** One a minute, oldest first, for the last hour. */
  readonly samples: readonly Sample[];
  /** The highest percentage that this set of mailboxes has had. */
  readonly percentage: number;
  /** When anything was last copied or skipped. */
  readonly progressAt: number;
}

/** Where a batch stood when its mailboxes were last looked at. Instants are milliseconds since 1970. */
export interface BatchState extends Partial<Course> {
  readonly batch: BatchName;
  readonly asOf: number;
  readonly totals: BatchTotals;
  readonly facets: Facets;
  /** True if none is being worked on, waits, or is due, and no operation is pending. */
  readonly atRest: boolean;
  /** When something in it needs another look; undefined at rest. */
  readonly nextAt?: number | undefined;
  /** Another one as soon as any mailbox began a round or ended it. */
  readonly digest: string;
  /** Outages that mailboxes got over in the last minutes. */
  readonly recoveries: readonly Recovery[];
  /** When every mailbox was last read, and not only those that had changed. */
  readonly rebuiltAt: number;
  /** Of the snapshot, and when it was taken; undefined for a small batch, which has none. */
  readonly snapshot?: { readonly version: string; readonly at: number } | undefined;
}

/** Writes are conditional; a lost race gives `false`. */
export interface BatchStateStore {
  get(batch: BatchName): Promise<Versioned<BatchState> | undefined>;
  list(): Promise<readonly BatchState[]>;
  /** @param state.version empty where there was none. */
  replace(state: Versioned<BatchState>): Promise<boolean>;
  /** Repeatable. */
  delete(batch: BatchName): Promise<void>;
}

/** Every mailbox of a large batch in one file, so that a list does not read a row for each. */
export interface SnapshotStore {
  /** @returns undefined if there is none. */
  read(
    batch: BatchName,
  ): Promise<{ readonly version: string; readonly mailboxes: readonly MailboxSummary[] } | undefined>;
  /**
   * @param replaces the version to replace; undefined where there was none.
   * @returns the new version; undefined if another one is there.
   */
  write(
    batch: BatchName,
    mailboxes: readonly MailboxSummary[],
    replaces: string | undefined,
  ): Promise<string | undefined>;
  /** Repeatable. */
  delete(batch: BatchName): Promise<void>;
}
