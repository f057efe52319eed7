import type { BatchName, EndpointName, MailboxId } from "../../domain/names.ts";
import type { SyncKind } from "../../domain/states.ts";

/** A mailbox's right to be worked on, one of the endpoint's limited number. */
export interface Permit {
  readonly mailboxId: MailboxId;
  readonly batch: BatchName;
  readonly kind: SyncKind;
  readonly round: number;
  /** Milliseconds since 1970. */
  readonly until: number;
}

export interface WaitEntry {
  readonly mailboxId: MailboxId;
  readonly batch: BatchName;
  readonly kind: SyncKind;
  readonly round: number;
  /** Milliseconds since 1970; orders the list. */
  readonly since: number;
}

export interface AdmissionState {
  readonly permits: readonly Permit[];
  /** The first of the waiting of each kind, oldest first. */
  readonly waiting: readonly WaitEntry[];
  /** Version of the partition's gate row. */
  readonly version: string;
}

export interface AdmissionChange {
  /** Added or replaced. */
  readonly permits?: readonly Permit[];
  readonly releasedPermits?: readonly MailboxId[];
  readonly waiting?: readonly WaitEntry[];
  readonly served?: readonly MailboxId[];
}

/** Permits and wait list of each endpoint: one partition an endpoint, changed only as a whole. */
export interface AdmissionStore {
  /** @param waitingLimit how many waiting entries of each kind to read. */
  read(endpoint: EndpointName, waitingLimit: number): Promise<AdmissionState>;
  /** The permit and the wait entry of one mailbox. */
  find(
    endpoint: EndpointName,
    mailboxId: MailboxId,
  ): Promise<{ readonly permit?: Permit; readonly wait?: WaitEntry }>;
  /** Atomic; at most 99 rows. @returns false if the partition changed since `version`. */
  apply(endpoint: EndpointName, version: string, change: AdmissionChange): Promise<boolean>;
  /** Joins the wait list without a version (nothing is decided by it). Replaces an entry of the same mailbox. Repeatable. */
  join(endpoint: EndpointName, entry: WaitEntry): Promise<void>;
  /** Moves the end of a permit if it exists. @returns false if the mailbox has none. */
  extend(endpoint: EndpointName, mailboxId: MailboxId, until: number): Promise<boolean>;
  /** Endpoints that have permits or wait entries. */
  endpoints(): Promise<readonly EndpointName[]>;
}
