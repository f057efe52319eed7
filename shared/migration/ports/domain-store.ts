import type { MailHost } from "./mail-routing.ts";
import type { Versioned } from "./registry.ts";

/** A domain of mailboxes, and what became of its mail route. Instants are milliseconds since 1970. */
export interface DomainRecord {
  /** In ASCII, lower case. */
  readonly domain: string;
  /** The last answer; undefined until there was one. */
  readonly hosts?: readonly MailHost[] | undefined;
  readonly authoritative?: boolean | undefined;
  /** When that answer came. */
  readonly answeredAt?: number | undefined;
  /** When DNS was last asked. */
  readonly checkedAt?: number | undefined;
  /** Since when mail has gone to Microsoft 365, as far as it was seen; undefined while it does not. */
  readonly movedAt?: number | undefined;
  /** Until when senders may go by another route that was seen, by its time to live. Undefined if none was seen. */
  readonly oldRouteUntil?: number | undefined;
  /** Somebody said that the filter in front of the domain hands its mail to Microsoft 365. */
  readonly confirmed?: { readonly by: string; readonly at: number; readonly hosts: string } | undefined;
}

/** Domains of all batches: DNS knows nothing of batches. All writes are conditional. */
export interface DomainStore {
  get(domain: string): Promise<Versioned<DomainRecord> | undefined>;
  list(): Promise<readonly Versioned<DomainRecord>[]>;
  /** @returns false if it exists already. */
  create(domain: DomainRecord): Promise<boolean>;
  /** @returns false if it changed since it was read. */
  replace(domain: Versioned<DomainRecord>): Promise<boolean>;
  /** Repeatable. */
  delete(domain: string): Promise<void>;
}
