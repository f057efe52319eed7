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
  /** The batch's last operation when it began to wait; orders the list of a batch. */
  readonly operation: number;
  /** Milliseconds since 1970; orders those of one operation. */
  readonly since: number;
}

/** Permits that a batch has at an endpoint. */
export interface BatchShare extends Readonly<Record<SyncKind, number>> {
  /** When it was last given one, milliseconds since 1970. */
  readonly servedAt: number;
}

/** What the gate of an endpoint knows: how many permits each batch has. */
export interface Gate {
  readonly shares: Readonly<Record<BatchName, BatchShare>>;
  /** True if it does not say how many: the permits have to be counted first. */
  readonly uncounted: boolean;
  readonly version: string;
}

export interface AdmissionChange {
  /** What the gate says from then on. */
  readonly shares: Gate["shares"];
  /** Added or replaced. */
  readonly permits?: readonly Permit[];
  /** Added; none of their mailboxes may have one. */
  readonly newPermits?: readonly Permit[];
  /** They have to be there. */
  readonly releasedPermits?: readonly MailboxId[];
  /** As they were read; they have to be there. */
  readonly served?: readonly WaitEntry[];
}

/**
 * Permits and wait lists of each endpoint, in one partition an endpoint. Who gets a permit is decided under the version of
 * its gate; nothing is decided by joining a list.
 */
export interface AdmissionStore {
  gate(endpoint: EndpointName): Promise<Gate>;
  permits(endpoint: EndpointName): Promise<readonly Permit[]>;
  permit(endpoint: EndpointName, mailboxId: MailboxId): Promise<Permit | undefined>;
  /** The first of a batch's list, oldest first. @param from operation: what waits since an earlier one is left out. */
  waiting(
    endpoint: EndpointName,
    kind: SyncKind,
    batch: BatchName,
    from: number,
    limit: number,
  ): Promise<readonly WaitEntry[]>;
  /**
   * Atomic; at most 99 rows.
   * @returns false if the gate changed since `version`, a row to be removed is gone, or one to be added is there.
   */
  apply(endpoint: EndpointName, version: string, change: AdmissionChange): Promise<boolean>;
  /** Changes the version of the gate and nothing else: whatever was decided before is not applied. Repeatable. */
  fence(endpoint: EndpointName): Promise<void>;
  /** Joins the wait list, by transactions of 100. Entries that are there already are written again. Repeatable. */
  join(endpoint: EndpointName, entries: readonly WaitEntry[]): Promise<void>;
  /** Removes entries of a batch that wait since an operation before `before`. @param limit 1 to 1,000. @returns how many. Repeatable. */
  forget(endpoint: EndpointName, batch: BatchName, before: number, limit: number): Promise<number>;
  /** Batches that have entries on the list of the endpoint, be they dead. */
  listed(endpoint: EndpointName): Promise<readonly BatchName[]>;
  /** Removes lists that a build with another format left. Repeatable. */
  forgetEarlierFormat(endpoint: EndpointName): Promise<void>;
  /** Moves the end of a permit if it exists. @returns false if the mailbox has none. */
  extend(endpoint: EndpointName, mailboxId: MailboxId, until: number): Promise<boolean>;
  /** Endpoints that have permits or wait entries. */
  endpoints(): Promise<readonly EndpointName[]>;
}
