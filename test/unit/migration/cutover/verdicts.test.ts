import { describe, expect, it } from "vitest";
import { newDomain, observed, routeConfirmed } from "../../../../shared/migration/cutover/domain-history.ts";
import { factsOf, type MailboxFacts, sumOf } from "../../../../shared/migration/cutover/mailbox-facts.ts";
import {
  batchChecks,
  type Check,
  domainChecks,
  readyAt,
  reasonsOf,
  verdictOf,
} from "../../../../shared/migration/cutover/verdicts.ts";
import type { DomainRecord } from "../../../../shared/migration/ports/domain-store.ts";
import type { MailHost } from "../../../../shared/migration/ports/mail-routing.ts";
import { mailbox as sampleMailbox } from "../sample-mailbox.ts";

const hour = 3_600_000;
const noon = Date.UTC(2026, 0, 10, 12);
const host = (name: string, preference = 10, ttl = 3_600): MailHost => ({ host: name, preference, ttl });
const old = host("mx.contoso.com");
const microsoft = host("contoso-com.mail.protection.outlook.com");
const filter = host("eu-smtp-inbound-1.mimecast.com");

const facts: MailboxFacts = { ...sumOf([]), mailboxes: 3, syncsBeganAt: undefined };

function seen(...answers: readonly (readonly [number, readonly MailHost[]])[]): DomainRecord {
  return answers.reduce<DomainRecord>(
    (record, [hours, hosts]) =>
      observed(record, { known: true, hosts, authoritative: true }, noon + hours * hour),
    newDomain("contoso.com"),
  );
}

/** A domain whose record lived an hour, and which moved at noon. */
const moved = seen([-1, [old]], [0, [microsoft]]);

function find(checks: readonly Check[], name: Check["check"]): Check | undefined {
  return checks.find(({ check }) => check === name);
}

function checksAt(hours: number, record: DomainRecord, known: Partial<MailboxFacts> = {}): readonly Check[] {
  return domainChecks(record, { ...facts, ...known }, noon + hours * hour);
}

describe("the MX of a domain", () => {
  const confirmed = routeConfirmed(seen([0, [filter]]), "operator", noon) as DomainRecord;
  it.each([
    [
      "all Microsoft's",
      seen([0, [microsoft]]),
      "ok",
      "The MX of contoso.com is contoso-com.mail.protection.outlook.com.",
    ],
    [
      "Microsoft's first, others remain",
      seen([0, [microsoft, host("mx.contoso.com", 20)]]),
      "warning",
      "The MX of contoso.com leads to Microsoft 365 first, but mx.contoso.com remains.",
    ],
    [
      "a filter in front",
      seen([0, [filter]]),
      "fails",
      "Mimecast stands in front of contoso.com (eu-smtp-inbound-1.mimecast.com): where it hands mail to cannot be seen from outside.",
    ],
    [
      "a filter confirmed by hand",
      confirmed,
      "warning",
      "Mimecast stands in front of contoso.com; it was confirmed by hand that it hands mail to Microsoft 365 (2026-01-10T12:00:00.000Z).",
    ],
    ["the old server", seen([0, [old]]), "fails", "The MX of contoso.com is mx.contoso.com."],
    [
      "the old server first",
      seen([0, [old, host(microsoft.host, 20)]]),
      "fails",
      "The MX of contoso.com is mx.contoso.com, contoso-com.mail.protection.outlook.com: senders turn to the old server first.",
    ],
    ["no MX", seen([0, []]), "fails", "contoso.com has no MX record."],
    ["not asked yet", newDomain("contoso.com"), "unknown", "DNS was not asked for contoso.com yet."],
    [
      "no answer",
      observed(newDomain("contoso.com"), { known: false }, noon),
      "unknown",
      "DNS gave no answer for contoso.com.",
    ],
  ])("%s", (_, record, verdict, value) => {
    expect(find(checksAt(0, record), "mx")).toMatchObject({ verdict, value });
  });
});

describe("the time to live before the switch", () => {
  it.each([
    ["an hour", 3_600, "ok", null],
    ["longer", 86_400, "warning", "Lower it to 3600 s, and wait 24 h before you switch."],
  ])("%s", (_, ttl, verdict, advice) => {
    expect(find(checksAt(0, seen([0, [host("mx.contoso.com", 10, ttl)]])), "ttl")).toMatchObject({
      verdict,
      advice,
    });
  });

  it("is at least what a resolver has left of it", () => {
    const record = observed(
      newDomain("contoso.com"),
      { known: true, hosts: [old], authoritative: false },
      noon,
    );
    expect(find(checksAt(0, record), "ttl")?.value).toBe("The MX of contoso.com lives at least 3600 s.");
  });

  it("does not matter after the switch", () => {
    expect(find(checksAt(1, moved), "ttl")).toBeUndefined();
  });
});

describe("the time since the move", () => {
  it.each([
    [
      0.5,
      "wait",
      "0 of 72 h have passed since the MX change of contoso.com; by its time to live senders may use the old one for 30 min.",
    ],
    [31, "wait", "31 of 72 h have passed since the MX change of contoso.com."],
    [72, "ok", "The MX of contoso.com changed 3 days ago."],
  ])("after %s h", (hours, verdict, value) => {
    expect(find(checksAt(hours, moved), "moved")).toMatchObject({ verdict, value });
  });

  it("says until when to wait", () => {
    expect(find(checksAt(31, moved), "moved")?.until).toBe(noon + 72 * hour);
  });
});

describe("the last round", () => {
  it.each([
    ["began after the old route was forgotten", 2, 80, "ok", null],
    ["began after the move", 0.5, 80, "warning", "Sync now."],
    [
      "began after the move, and the old route is in use",
      0.5,
      0.8,
      "warning",
      "Sync again before you delete the batch.",
    ],
    ["is older, and waiting helps nothing", -1, 80, "fails", "Sync now."],
    ["is older, and the old route is in use", -1, 0.8, "wait", "Sync once the old route is forgotten."],
    ["never was", undefined, 80, "fails", "Sync now."],
  ])("%s", (_, began, now, verdict, advice) => {
    const syncsBeganAt = began === undefined ? undefined : noon + began * hour;
    expect(find(checksAt(now, moved, { syncsBeganAt }), "lastRound")).toMatchObject({ verdict, advice });
  });

  it("has to begin 72 hours after a move whose old time to live nobody saw", () => {
    const record = seen([0, [microsoft]]);
    const at = (hours: number) =>
      find(checksAt(100, record, { syncsBeganAt: noon + hours * hour }), "lastRound");
    expect(at(71)?.verdict).toBe("warning");
    expect(at(73)?.verdict).toBe("ok");
  });
});

describe("mail that still came to the old server", () => {
  it("is a warning after the move, and the way of things before", () => {
    const late = { syncsBeganAt: noon + 80 * hour, newItems: 12, mailboxesWithNewItems: 3 };
    expect(find(checksAt(90, moved, late), "lateMail")).toMatchObject({
      verdict: "warning",
      value: "12 messages came to 3 mailboxes of the old server in the last sync after the switch.",
    });
    expect(find(checksAt(90, moved, { ...late, syncsBeganAt: noon - 1 }), "lateMail")?.verdict).toBe("ok");
    expect(find(checksAt(90, moved, { ...late, newItems: 0 }), "lateMail")?.verdict).toBe("ok");
  });
});

describe("the mailboxes of a batch", () => {
  it.each([
    [{}, "ok", "All 3 mailboxes are synced."],
    [
      { lostItems: 1, unapprovedItems: 1 },
      "fails",
      "All 3 mailboxes are synced; 1 message was skipped, and nobody has accepted that.",
    ],
    [{ lostItems: 1 }, "warning", "All 3 mailboxes are synced; 1 message was skipped, which was approved."],
    [{ active: 1 }, "fails", "1 mailbox is being synced."],
    [
      { active: 2, neverSynced: 2, failed: 1 },
      "fails",
      "2 mailboxes are being synced, 2 mailboxes were never synced completely, 1 mailbox failed.",
    ],
  ])("%j", (known, verdict, value) => {
    expect(find(batchChecks({ ...facts, ...known }), "mailboxes")).toMatchObject({ verdict, value });
  });
});

describe("the verification of a batch", () => {
  it.each([
    [{}, "ok", "Every message was compared since the last sync."],
    [{ notVerified: 3 }, "warning", "No mailbox was verified since its last sync."],
    [{ notVerified: 1 }, "warning", "1 mailbox was not verified since the last sync."],
    [{ missingItems: 2 }, "fails", "The last verification found 2 messages nowhere in the target."],
    [
      { missingItems: 1, notVerified: 3 },
      "fails",
      "The last verification found 1 message nowhere in the target.",
    ],
  ])("%j", (known, verdict, value) => {
    expect(find(batchChecks({ ...facts, ...known }), "verification")).toMatchObject({ verdict, value });
  });

  it.each([
    ["by items, after the last sync", { level: "items", at: 20 }, 0],
    ["by content, after the last sync", { level: "content", at: 20 }, 0],
    ["before the last sync", { level: "items", at: 9 }, 1],
    ["by counts alone", { level: "counts", at: 20 }, 1],
    ["that could not be made", { level: "items", at: 20, error: { code: "X", message: "" } }, 1],
    ["that was not asked for", undefined, 1],
  ] as const)("%s", (_, verification, notVerified) => {
    const nothing = { operation: 1, compared: 0, counts: {}, waiting: 0, deletedAtSource: 0, sampled: 0 };
    const mailbox = sampleMailbox("Synced", {
      lastSyncedAt: 10,
      verification: verification && { ...nothing, ...verification },
    });
    const facts = factsOf([{ ...mailbox, changedAt: 10 }]);
    expect(sumOf(facts.values()).notVerified).toBe(notVerified);
  });
});

describe("the verdict", () => {
  const ready = { syncsBeganAt: noon + 75 * hour };
  it.each([
    ["all ok", moved, ready, 80, "ready"],
    ["a warning", moved, { syncsBeganAt: noon + 0.5 * hour }, 80, "readyWithWarnings"],
    ["only time is missing", moved, { syncsBeganAt: noon + 2 * hour }, 31, "notYet"],
    ["something is missing besides", moved, { syncsBeganAt: noon - hour }, 31, "blocked"],
    ["not moved", seen([0, [old]]), ready, 80, "blocked"],
    ["DNS is away, which blocks nothing", newDomain("contoso.com"), ready, 80, "readyWithWarnings"],
  ])("%s", (_, record, known, hours, verdict) => {
    const checks = checksAt(hours, record, known);
    expect(verdictOf(checks)).toBe(verdict);
    expect(reasonsOf(checks).length > 0).toBe(verdict === "blocked" || verdict === "notYet");
  });

  it("says when waiting ends, and nothing where that is not enough", () => {
    expect(readyAt(checksAt(31, moved, { syncsBeganAt: noon + 2 * hour }))).toBe(noon + 72 * hour);
    expect(readyAt(checksAt(31, moved, { syncsBeganAt: noon - hour }))).toBeUndefined();
    expect(readyAt(checksAt(80, moved, ready))).toBeUndefined();
  });
});
