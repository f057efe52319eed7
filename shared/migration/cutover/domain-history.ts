import type { DomainRecord } from "../ports/domain-store.ts";
import type { MailHost, MailRoute } from "../ports/mail-routing.ts";
import { filterServiceOf, isMicrosoft365, preferredHosts } from "./mail-hosts.ts";

/*
 * What becomes of a domain's mail route: when it moved to Microsoft 365, and how long senders may go on by the old one.
 * All functions are pure; instants are milliseconds since 1970.
 */

/** A domain that was not seen before. */
export function newDomain(domain: string): DomainRecord {
  return { domain };
}

/** DNS was asked. An answer that nobody gave says nothing: what was known before stands. */
export function observed(record: DomainRecord, route: MailRoute, now: number): DomainRecord {
  if (!route.known) return { ...record, checkedAt: now };
  const { hosts, authoritative } = route;
  const confirmed = record.confirmed?.hosts === hostNames(hosts) ? record.confirmed : undefined;
  return moved(
    { ...record, hosts, authoritative, confirmed, answeredAt: now, checkedAt: now },
    record.hosts,
    now,
  );
}

/** Somebody says that the filter in front hands the domain's mail to Microsoft 365. It holds for this route alone. */
export function routeConfirmed(record: DomainRecord, by: string, now: number): DomainRecord | undefined {
  if (filterOf(record.hosts ?? []) === undefined) return undefined;
  if (record.confirmed) return record;
  return moved(
    { ...record, confirmed: { by, at: now, hosts: hostNames(record.hosts ?? []) } },
    record.hosts,
    now,
  );
}

/** What was said of the filter is taken back. */
export function confirmationWithdrawn(record: DomainRecord, now: number): DomainRecord {
  return record.confirmed ? moved({ ...record, confirmed: undefined }, record.hosts, now) : record;
}

/** True where senders hand mail to Microsoft 365 first, or to a filter that is said to do so. */
export function leadsToMicrosoft365({ hosts = [], confirmed }: DomainRecord): boolean {
  const preferred = preferredHosts(hosts);
  if (preferred.length === 0) return false;
  return (
    preferred.every(({ host }) => isMicrosoft365(host)) ||
    (confirmed !== undefined && filterOf(hosts) !== undefined)
  );
}

/** The service that stands in front of the mailboxes, if senders hand mail to a well-known one first. */
export function filterOf(hosts: readonly MailHost[]): string | undefined {
  const [first] = preferredHosts(hosts).map(({ host }) => filterServiceOf(host));
  return first;
}

/** Seconds that the route may be kept by others; undefined without a record. */
export function longestTtl(hosts: readonly MailHost[]): number | undefined {
  return hosts.length === 0 ? undefined : Math.max(...hosts.map(({ ttl }) => ttl));
}

/**
 * The times of a move. Whoever asked just before it keeps the old route for its time to live, and who asked before that
 * was lowered keeps it longer.
 * @param before the hosts of the answer before.
 */
function moved(next: DomainRecord, before: readonly MailHost[] | undefined, now: number): DomainRecord {
  const leads = leadsToMicrosoft365(next);
  if (leads && next.movedAt !== undefined) return next;
  const ttl = longestTtl((leads ? before : next.hosts) ?? []);
  const oldRouteUntil =
    ttl === undefined ? next.oldRouteUntil : Math.max(next.oldRouteUntil ?? 0, now + ttl * 1000);
  return { ...next, movedAt: leads ? now : undefined, oldRouteUntil };
}

function hostNames(hosts: readonly MailHost[]): string {
  return [...new Set(hosts.map(({ host }) => host))].sort().join(" ");
}
