import { domainToASCII } from "node:url";
import { unapprovedCount } from "../mailbox/approval.ts";
import { countOf } from "../mailbox/life.ts";
import type { MailboxSummary } from "../ports/registry.ts";

/** What the cut-over asks of the mailboxes of one domain. */
export interface MailboxFacts {
  readonly mailboxes: number;
  readonly active: number;
  readonly failed: number;
  readonly stopped: number;
  readonly neverSynced: number;
  /** Messages that were skipped and not left out on purpose. */
  readonly lostItems: number;
  /** Mailboxes whose last verification is older than their last sync, compared counts alone, or could not be made. */
  readonly notVerified: number;
  /** Messages that the last verifications found nowhere in the target. */
  readonly missingItems: number;
  /** Those of them that nobody approved. */
  readonly unapprovedItems: number;
  /** When the last whole sync of each mailbox began, the earliest of them, milliseconds since 1970; undefined if any has none. */
  readonly syncsBeganAt?: number | undefined;
  /** Messages that the last sync of each found new, and how many mailboxes had any. */
  readonly newItems: number;
  readonly mailboxesWithNewItems: number;
}

const nothing: MailboxFacts = {
  mailboxes: 0,
  active: 0,
  failed: 0,
  stopped: 0,
  neverSynced: 0,
  lostItems: 0,
  notVerified: 0,
  missingItems: 0,
  unapprovedItems: 0,
  syncsBeganAt: Number.POSITIVE_INFINITY,
  newItems: 0,
  mailboxesWithNewItems: 0,
};

/** Domains that Microsoft gives a tenant: their mail never went elsewhere. */
const ofTenants = /\.onmicrosoft\.(com|us|de|cn)$|\.partner\.onmschina\.cn$/;

/** The domain of a mail address in ASCII, lower case. Pure. */
export function domainOf(emailAddress: string): string {
  return domainToASCII(emailAddress.slice(emailAddress.lastIndexOf("@") + 1)).toLowerCase();
}

/** True for a domain whose mail may go elsewhere than to Microsoft 365. Pure. */
export function isOwnDomain(domain: string): boolean {
  return domain !== "" && !ofTenants.test(domain);
}

/**
 * Adds up the mailboxes of a batch by domain. Pure.
 * @param failedLeft true to leave out those that failed: they are left behind.
 */
export function factsOf(
  mailboxes: Iterable<MailboxSummary>,
  failedLeft = false,
): ReadonlyMap<string, MailboxFacts> {
  const byDomain = new Map<string, MailboxFacts>();
  for (const mailbox of mailboxes) {
    if (failedLeft && countOf(mailbox) === "failed") continue;
    const domain = domainOf(mailbox.emailAddress);
    byDomain.set(domain, withMailbox(byDomain.get(domain) ?? nothing, mailbox));
  }
  return byDomain;
}

/** The facts of several domains as one. Pure. */
export function sumOf(all: Iterable<MailboxFacts>): MailboxFacts {
  return [...all].reduce(
    (sum, facts) => ({
      mailboxes: sum.mailboxes + facts.mailboxes,
      active: sum.active + facts.active,
      failed: sum.failed + facts.failed,
      stopped: sum.stopped + facts.stopped,
      neverSynced: sum.neverSynced + facts.neverSynced,
      lostItems: sum.lostItems + facts.lostItems,
      notVerified: sum.notVerified + facts.notVerified,
      missingItems: sum.missingItems + facts.missingItems,
      unapprovedItems: sum.unapprovedItems + facts.unapprovedItems,
      syncsBeganAt: earliest(sum.syncsBeganAt, facts.syncsBeganAt),
      newItems: sum.newItems + facts.newItems,
      mailboxesWithNewItems: sum.mailboxesWithNewItems + facts.mailboxesWithNewItems,
    }),
    nothing,
  );
}

function withMailbox(facts: MailboxFacts, mailbox: MailboxSummary): MailboxFacts {
  const count = countOf(mailbox);
  const { lastSync, lastSyncedAt } = mailbox;
  const newItems = lastSync?.newItems ?? 0;
  return {
    mailboxes: facts.mailboxes + 1,
    active: facts.active + Number(count === "active" || count === "created"),
    failed: facts.failed + Number(count === "failed"),
    stopped: facts.stopped + Number(count === "stopped"),
    neverSynced: facts.neverSynced + Number(lastSyncedAt === undefined),
    lostItems: facts.lostItems + mailbox.skippedItemCount - (mailbox.leftOutItemCount ?? 0),
    notVerified: facts.notVerified + Number(!isVerified(mailbox)),
    missingItems: facts.missingItems + (mailbox.verification?.counts.Missing ?? 0),
    unapprovedItems: facts.unapprovedItems + unapprovedCount(mailbox),
    syncsBeganAt: earliest(facts.syncsBeganAt, lastSync?.beganAt),
    newItems: facts.newItems + newItems,
    mailboxesWithNewItems: facts.mailboxesWithNewItems + Number(newItems > 0),
  };
}

/** True if every message was compared since the last sync. */
function isVerified({ verification, lastSyncedAt = 0 }: MailboxSummary): boolean {
  return (
    verification !== undefined &&
    verification.error === undefined &&
    verification.level !== "counts" &&
    verification.at >= lastSyncedAt
  );
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.min(a, b);
}
