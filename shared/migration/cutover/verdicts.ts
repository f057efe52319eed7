import type { CheckView, CutoverView } from "../../domain/api/cutover.ts";
import type { DomainRecord } from "../ports/domain-store.ts";
import { hour } from "../runtime.ts";
import { filterOf, leadsToMicrosoft365, longestTtl } from "./domain-history.ts";
import { isMicrosoft365 } from "./mail-hosts.ts";
import type { MailboxFacts } from "./mailbox-facts.ts";

/*
 * Whether a batch may be given up: one pure decision from what DNS says and what the mailboxes are at. Instants are
 * milliseconds since 1970.
 */

/** Senders that keep a record longer than it says stop after so long: what the seed's step 5 waits for. */
export const settlingMs = 72 * hour;
/** Seconds that a record should live at most before a move, so that the old route is forgotten within the hour. */
export const wantedTtl = 3_600;

type CheckName = CheckView["check"];
type CheckVerdict = CheckView["verdict"];

export interface Check extends CheckView {
  /** When waiting ends, if that is known. */
  readonly until?: number;
}

export type CutoverVerdict = CutoverView["verdict"];

/** The checks of one domain. @param record what is known of it. */
export function domainChecks(record: DomainRecord, facts: MailboxFacts, now: number): readonly Check[] {
  const checks: Check[] = [mxCheck(record)];
  if (record.hosts === undefined) return checks;
  if (!leadsToMicrosoft365(record)) return [...checks, ...ttlCheck(record)];
  const { movedAt = now } = record;
  return [
    ...checks,
    movedCheck(record, movedAt, now),
    lastRoundCheck(record, movedAt, facts, now),
    lateMailCheck(movedAt, facts),
  ];
}

/** The checks of a batch as a whole. */
export function batchChecks(facts: MailboxFacts): readonly Check[] {
  return [...mailboxesCheck(facts), verificationCheck(facts)];
}

function verificationCheck({ mailboxes, notVerified, missingItems }: MailboxFacts): Check {
  if (missingItems > 0)
    return check(
      "verification",
      "fails",
      `The last verification found ${plural(missingItems, "message", "messages")} nowhere in the target.`,
      "See verification.csv. What users deleted for good themselves looks like that, too: then delete by force.",
    );
  if (notVerified === 0)
    return check("verification", "ok", "Every message was compared since the last sync.");
  return check(
    "verification",
    "warning",
    notVerified === mailboxes
      ? "No mailbox was verified since its last sync."
      : `${plural(notVerified, "mailbox was", "mailboxes were")} not verified since the last sync.`,
    "Verify the batch (level items) before it is given up.",
  );
}

function mailboxesCheck(facts: MailboxFacts): readonly Check[] {
  const { mailboxes, active, failed, neverSynced, lostItems, unapprovedItems } = facts;
  const faults = [
    count(active, "mailbox is being synced", "mailboxes are being synced"),
    count(neverSynced, "mailbox was never synced completely", "mailboxes were never synced completely"),
    count(failed, "mailbox failed", "mailboxes failed"),
  ].filter((text) => text !== undefined);
  if (faults.length > 0)
    return [
      check(
        "mailboxes",
        "fails",
        `${faults.join(", ")}.`,
        "Wait for what is being synced, and retry what failed.",
      ),
    ];
  const allSynced = mailboxes === 1 ? "The mailbox is synced" : `All ${mailboxes} mailboxes are synced`;
  if (unapprovedItems > 0)
    return [
      check(
        "mailboxes",
        "fails",
        `${allSynced}; ${plural(unapprovedItems, "message was", "messages were")} skipped, and nobody has accepted that.`,
        "See skipped-items.csv: they stay at the old server only. Retry the batch, or approve them.",
      ),
    ];
  if (lostItems > 0)
    return [
      check(
        "mailboxes",
        "warning",
        `${allSynced}; ${plural(lostItems, "message was", "messages were")} skipped, which was approved.`,
        "See skipped-items.csv: they stay at the old server only.",
      ),
    ];
  return [check("mailboxes", "ok", `${allSynced}.`)];
}

/**
 * Where DNS does not tell since when mail goes to Microsoft 365, the batch itself has to have run for as long as senders
 * may use an old route.
 */
export function settlingCheck(startedAt: number | undefined, now: number): Check {
  const passed = startedAt === undefined ? 0 : now - startedAt;
  if (passed >= settlingMs) return check("settling", "ok", `The batch has run for ${duration(passed)}.`);
  return {
    ...check(
      "settling",
      "wait",
      "DNS does not tell since when mail goes to Microsoft 365, and the batch has run for less than 72 hours.",
      "Wait, unless you know that senders no longer use the old MX record.",
    ),
    until: (startedAt ?? now) + settlingMs,
  };
}

/** What the checks of all domains and of the batch come to. */
export function verdictOf(checks: readonly Check[]): CutoverVerdict {
  const found = new Set(checks.map(({ verdict }) => verdict));
  if (found.has("fails")) return "blocked";
  if (found.has("wait")) return "notYet";
  return found.has("warning") || found.has("unknown") ? "readyWithWarnings" : "ready";
}

/** When the last wait ends, if that is known and nothing else is missing. */
export function readyAt(checks: readonly Check[]): number | undefined {
  if (verdictOf(checks) !== "notYet") return undefined;
  return Math.max(...checks.map(({ until }) => until ?? 0));
}

/** What keeps the batch from being given up, as sentences. */
export function reasonsOf(checks: readonly Check[]): readonly string[] {
  return checks.filter(({ verdict }) => verdict === "fails" || verdict === "wait").map(({ value }) => value);
}

function mxCheck(record: DomainRecord): Check {
  const { domain, hosts, confirmed, checkedAt } = record;
  if (hosts === undefined)
    return check(
      "mx",
      "unknown",
      checkedAt === undefined ? `DNS was not asked for ${domain} yet.` : `DNS gave no answer for ${domain}.`,
      "Look at the MX record of the domain yourself.",
    );
  if (hosts.length === 0)
    return check("mx", "fails", `${domain} has no MX record.`, "Point the MX record to Microsoft 365.");
  const names = [...new Set(hosts.map(({ host }) => host || "(none)"))];
  const filter = filterOf(hosts);
  if (leadsToMicrosoft365(record)) {
    const others = hosts.filter(({ host }) => !isMicrosoft365(host)).map(({ host }) => host);
    if (others.length === 0) return check("mx", "ok", `The MX of ${domain} is ${names.join(", ")}.`);
    if (filter)
      return check(
        "mx",
        "warning",
        `${filter} stands in front of ${domain}; it was confirmed by hand that it hands mail to Microsoft 365${
          confirmed ? ` (${new Date(confirmed.at).toISOString()})` : ""
        }.`,
        null,
      );
    return check(
      "mx",
      "warning",
      `The MX of ${domain} leads to Microsoft 365 first, but ${others.join(", ")} remains.`,
      "Remove the other hosts: senders turn to them while the first does not answer.",
    );
  }
  if (filter)
    return check(
      "mx",
      "fails",
      `${filter} stands in front of ${domain} (${names.join(", ")}): where it hands mail to cannot be seen from outside.`,
      "Have it hand mail to Microsoft 365, then confirm that here.",
    );
  const some = hosts.some(({ host }) => isMicrosoft365(host));
  return check(
    "mx",
    "fails",
    `The MX of ${domain} is ${names.join(", ")}${some ? ": senders turn to the old server first" : ""}.`,
    "Point the MX record to Microsoft 365.",
  );
}

function ttlCheck({ domain, hosts = [], authoritative }: DomainRecord): readonly Check[] {
  const ttl = longestTtl(hosts);
  if (ttl === undefined) return [];
  const lives = `The MX of ${domain} lives ${authoritative ? "" : "at least "}${ttl} s`;
  return [
    ttl <= wantedTtl
      ? check("ttl", "ok", `${lives}.`)
      : check(
          "ttl",
          "warning",
          `${lives}.`,
          `Lower it to ${wantedTtl} s, and wait ${duration(ttl * 1000)} before you switch.`,
        ),
  ];
}

function movedCheck({ domain, oldRouteUntil }: DomainRecord, movedAt: number, now: number): Check {
  const passed = now - movedAt;
  if (passed >= settlingMs)
    return check("moved", "ok", `The MX of ${domain} changed ${duration(passed)} ago.`);
  const until = movedAt + settlingMs;
  const sentence = `${hours(passed)} of ${hours(settlingMs)} h have passed since the MX change of ${domain}`;
  const kept =
    oldRouteUntil !== undefined && oldRouteUntil > now
      ? `; by its time to live senders may use the old one for ${duration(oldRouteUntil - now)}`
      : "";
  return { ...check("moved", "wait", `${sentence}${kept}.`, "Wait; sync now and then."), until };
}

function lastRoundCheck(
  { domain, oldRouteUntil }: DomainRecord,
  movedAt: number,
  { syncsBeganAt }: MailboxFacts,
  now: number,
): Check {
  const forgotten = oldRouteUntil ?? movedAt + settlingMs;
  if (syncsBeganAt !== undefined && syncsBeganAt > forgotten)
    return check(
      "lastRound",
      "ok",
      `Every mailbox of ${domain} was synced after the old route was forgotten.`,
    );
  if (syncsBeganAt !== undefined && syncsBeganAt > movedAt)
    return check(
      "lastRound",
      "warning",
      `Every mailbox of ${domain} was synced after the MX change, but senders may have used the old route since.`,
      now > forgotten ? "Sync now." : "Sync again before you delete the batch.",
    );
  return now > forgotten
    ? check(
        "lastRound",
        "fails",
        `Not every mailbox of ${domain} was synced since the MX change.`,
        "Sync now.",
      )
    : {
        ...check(
          "lastRound",
          "wait",
          `Not every mailbox of ${domain} was synced since the MX change.`,
          "Sync once the old route is forgotten.",
        ),
        until: forgotten,
      };
}

function lateMailCheck(movedAt: number, facts: MailboxFacts): Check {
  const { syncsBeganAt, newItems, mailboxesWithNewItems } = facts;
  if (syncsBeganAt === undefined || syncsBeganAt <= movedAt || newItems === 0)
    return check("lateMail", "ok", "No mail came to the old server in the last sync.");
  return check(
    "lateMail",
    "warning",
    `${plural(newItems, "message", "messages")} came to ${plural(mailboxesWithNewItems, "mailbox", "mailboxes")} of the old server in the last sync after the switch.`,
    "Some senders still use it: sync again later.",
  );
}

function check(name: CheckName, verdict: CheckVerdict, value: string, advice: string | null = null): Check {
  return { check: name, verdict, value, advice };
}

function count(number: number, one: string, many: string): string | undefined {
  return number === 0 ? undefined : plural(number, one, many);
}

function plural(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

function hours(milliseconds: number): number {
  return Math.floor(milliseconds / hour);
}

/** In the largest unit that tells enough. */
function duration(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / 60_000);
  if (minutes < 120) return `${minutes} min`;
  return minutes < 72 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`;
}
