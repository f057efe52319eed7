import pMap from "p-map";
import type { DomainRecord, DomainStore } from "../ports/domain-store.ts";
import type { MailRouting } from "../ports/mail-routing.ts";
import type { BatchStore } from "../ports/registry.ts";
import { type Clock, hour, type Log, minute } from "../runtime.ts";
import type { BatchStates } from "../status/batch-states.ts";
import { changeDomain } from "./change.ts";
import { newDomain, observed } from "./domain-history.ts";
import { factsOf, isOwnDomain } from "./mailbox-facts.ts";

/** Domains whose DNS is asked at once. */
const concurrency = 10;
/** An answer is news for so long. */
export const answerMs = hour;
/** Somebody who asks again and again gets the last answer for so long. */
const refreshMs = 30_000;
/** One pass asks no more DNS after so long: the next one goes on with the domains that have waited longest. */
const passMs = 5 * minute;
/** A domain that no batch has had any more for so long is forgotten. */
const forgottenMs = 30 * 24 * hour;

export interface DomainWatchParts {
  readonly domains: DomainStore;
  readonly routing: MailRouting;
  readonly batches: BatchStore;
  readonly states: Pick<BatchStates, "snapshot">;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DomainWatch {
  /** Asks DNS for the domains of all batches whose answer is old, the oldest first. Repeatable, also by two at once. */
  pass(): Promise<void>;
  /**
   * What is known of some domains, after asking DNS for those whose answer is old.
   * @param now true to ask for those as well that were asked half a minute ago or longer.
   * @param limit how many are asked at most, those first that have waited longest.
   */
  records(domains: readonly string[], now: boolean, limit: number): Promise<readonly DomainRecord[]>;
}

/** Follows where the mail of all batches' domains goes. */
export function createDomainWatch(parts: DomainWatchParts): DomainWatch {
  const { domains, routing, batches, states, clock, log } = parts;

  /** @returns the domain as it is stored then. */
  async function ask(domain: string): Promise<DomainRecord> {
    const route = await routing(domain);
    const { before, after } = await changeDomain(domains, domain, (record) =>
      observed(record, route, clock()),
    );
    if (before.movedAt !== after.movedAt) log("domain.moved", { leads: after.movedAt !== undefined });
    return after;
  }

  /** @returns the domains whose answer is older than `ageMs`, the oldest first. */
  function stale(records: readonly DomainRecord[], ageMs: number): readonly DomainRecord[] {
    return records
      .filter(({ checkedAt }) => checkedAt === undefined || clock() - checkedAt >= ageMs)
      .sort((a, b) => (a.checkedAt ?? 0) - (b.checkedAt ?? 0));
  }

  async function known(wanted: readonly string[]): Promise<readonly DomainRecord[]> {
    const stored = new Map((await domains.list()).map(({ value }) => [value.domain, value]));
    return wanted.map((domain) => stored.get(domain) ?? newDomain(domain));
  }

  return {
    async pass() {
      const until = clock() + passMs;
      const wanted = new Set<string>();
      for (const batch of await batches.list())
        for (const domain of factsOf((await states.snapshot(batch)).mailboxes).keys())
          if (isOwnDomain(domain)) wanted.add(domain);
      const asked = await pMap(
        stale(await known([...wanted]), answerMs),
        async ({ domain }) => {
          if (clock() > until) return 0;
          await ask(domain);
          return 1;
        },
        { concurrency },
      );
      for (const { value } of await domains.list())
        if (!wanted.has(value.domain) && clock() - (value.checkedAt ?? 0) > forgottenMs)
          await domains.delete(value.domain);
      log("domains.watched", { domains: wanted.size, asked: asked.filter(Boolean).length });
    },
    async records(wanted, now, limit) {
      const before = await known(wanted);
      const due = stale(before, now ? refreshMs : answerMs).slice(0, limit);
      const fresh = new Map<string, DomainRecord>();
      await pMap(due, async ({ domain }) => fresh.set(domain, await ask(domain)), { concurrency });
      return before.map((record) => fresh.get(record.domain) ?? record);
    },
  };
}
