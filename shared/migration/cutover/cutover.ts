import type { CheckView, CutoverView, DomainView } from "../../domain/api/cutover.ts";
import type { BatchName } from "../../domain/names.ts";
import type { DomainRecord, DomainStore } from "../ports/domain-store.ts";
import type { BatchRecord, BatchStore, MailboxSummary } from "../ports/registry.ts";
import type { Clock } from "../runtime.ts";
import type { BatchStates } from "../status/batch-states.ts";
import { iso, isoOrNull } from "../status/instants.ts";
import { changeDomain } from "./change.ts";
import { confirmationWithdrawn, filterOf, routeConfirmed } from "./domain-history.ts";
import { isMicrosoft365 } from "./mail-hosts.ts";
import { domainOf, factsOf, isOwnDomain, type MailboxFacts, sumOf } from "./mailbox-facts.ts";
import {
  batchChecks,
  type Check,
  type CutoverVerdict,
  domainChecks,
  readyAt,
  reasonsOf,
  settlingCheck,
  verdictOf,
} from "./verdicts.ts";
import type { DomainWatch } from "./watch-domains.ts";

/** Domains whose DNS is asked while somebody waits for the answer; the others keep their last one. */
const askedAtOnce = 20;
/** Domains shown; the worst come first. */
const maxDomains = 200;

export type Confirmation = "done" | "unknownBatch" | "unknownDomain" | "noFilter";

export interface Cutover {
  /** @param refresh asks DNS now, unless it was asked half a minute ago. @returns undefined if there is no such batch. */
  view(name: BatchName, refresh: boolean): Promise<CutoverView | undefined>;
  /** Why a batch should not be deleted yet: mail that was not copied would be lost to its users. Empty if nothing is. */
  reasonsAgainstRemoval(batch: BatchRecord): Promise<readonly string[]>;
  /**
   * Notes that the filter in front of a domain hands its mail to Microsoft 365, or takes that back. Repeatable.
   * @param by object id of the caller in Entra.
   */
  confirm(name: BatchName, domain: string, holds: boolean, by: string): Promise<Confirmation>;
}

/** Creates the use cases of the cut-over. */
export function createCutover(parts: {
  readonly batches: BatchStore;
  readonly states: Pick<BatchStates, "refresh" | "snapshot">;
  readonly domains: DomainStore;
  readonly watch: DomainWatch;
  readonly clock: Clock;
}): Cutover {
  const { batches, states, domains, watch, clock } = parts;

  async function look(
    { startedAt, failedLeft }: BatchRecord,
    mailboxes: readonly MailboxSummary[],
    refresh: boolean,
  ): Promise<Findings> {
    const facts = factsOf(mailboxes, failedLeft);
    const own = [...facts].filter(([domain]) => isOwnDomain(domain));
    const records = await watch.records(
      own.map(([domain]) => domain),
      refresh,
      askedAtOnce,
    );
    const now = clock();
    const found = records.map((record, index) => {
      const ofDomain = own[index]?.[1] ?? sumOf([]);
      return { record, facts: ofDomain, checks: domainChecks(record, ofDomain, now) };
    });
    const unknown = records.some(({ hosts }) => hosts === undefined);
    const checks = batchChecks(sumOf(facts.values()));
    return { domains: found, checks: unknown ? [...checks, settlingCheck(startedAt, now)] : checks };
  }

  return {
    async view(name, refresh) {
      const batch = (await batches.get(name))?.value;
      if (batch === undefined) return undefined;
      const { mailboxes } = await states.snapshot(batch);
      return cutoverView(await look(batch, mailboxes, refresh), clock());
    },
    async reasonsAgainstRemoval(batch) {
      const { mailboxes } = await states.refresh(batch);
      return reasonsOf(allChecks(await look(batch, mailboxes, true)));
    },
    async confirm(name, domain, holds, by) {
      const batch = await batches.get(name);
      if (batch === undefined) return "unknownBatch";
      const wanted = domainOf(domain);
      const facts = factsOf((await states.snapshot(batch.value)).mailboxes);
      if (!facts.has(wanted)) return "unknownDomain";
      await watch.records([wanted], true, 1);
      const { after } = await changeDomain(domains, wanted, (record) =>
        holds ? (routeConfirmed(record, by, clock()) ?? record) : confirmationWithdrawn(record, clock()),
      );
      return holds && after.confirmed === undefined ? "noFilter" : "done";
    },
  };
}

interface Findings {
  readonly domains: readonly {
    readonly record: DomainRecord;
    readonly facts: MailboxFacts;
    readonly checks: readonly Check[];
  }[];
  readonly checks: readonly Check[];
}

function allChecks({ domains, checks }: Findings): readonly Check[] {
  return [...domains.flatMap((domain) => domain.checks), ...checks];
}

function cutoverView(findings: Findings, now: number): CutoverView {
  const checks = allChecks(findings);
  const worstFirst = [...findings.domains].sort(
    (a, b) => severity(b.checks) - severity(a.checks) || a.record.domain.localeCompare(b.record.domain),
  );
  return {
    verdict: verdictOf(checks),
    reasons: reasonsOf(checks),
    readyAt: isoOrNull(readyAt(checks)),
    asOf: iso(now),
    domainCount: findings.domains.length,
    domains: worstFirst
      .slice(0, maxDomains)
      .map(({ record, facts, checks }) => domainView(record, facts, checks)),
    checks: findings.checks.map(checkView),
  };
}

const verdicts: readonly CutoverVerdict[] = ["ready", "readyWithWarnings", "notYet", "blocked"];

function severity(checks: readonly Check[]): number {
  return verdicts.indexOf(verdictOf(checks));
}

function domainView(record: DomainRecord, facts: MailboxFacts, checks: readonly Check[]): DomainView {
  const { hosts, confirmed } = record;
  return {
    domain: record.domain,
    mailboxes: facts.mailboxes,
    mx:
      hosts?.map(({ host, preference, ttl }) => ({
        host,
        preference,
        ttlSeconds: ttl,
        isMicrosoft365: isMicrosoft365(host),
      })) ?? null,
    authoritative: record.authoritative ?? false,
    filter: filterOf(hosts ?? []) ?? null,
    confirmed: confirmed ? { by: confirmed.by, at: iso(confirmed.at) } : null,
    checkedAt: isoOrNull(record.checkedAt),
    movedAt: isoOrNull(record.movedAt),
    oldRouteUntil: isoOrNull(record.oldRouteUntil),
    checks: checks.map(checkView),
  };
}

function checkView({ check, verdict, value, advice }: Check): CheckView {
  return { check, verdict, value, advice };
}
