import { describe, expect, it } from "vitest";
import {
  confirmationWithdrawn,
  filterOf,
  leadsToMicrosoft365,
  newDomain,
  observed,
  routeConfirmed,
} from "../../../../shared/migration/cutover/domain-history.ts";
import type { DomainRecord } from "../../../../shared/migration/ports/domain-store.ts";
import type { MailHost } from "../../../../shared/migration/ports/mail-routing.ts";

const host = (name: string, preference = 10, ttl = 3_600): MailHost => ({ host: name, preference, ttl });
const old = host("mx.contoso.com");
const microsoft = host("contoso-com.mail.protection.outlook.com");
const filter = host("eu-smtp-inbound-1.mimecast.com");

const day = 86_400_000;
const noon = Date.UTC(2026, 0, 10, 12);

/** What becomes of a domain by answers that come one after the other, `[hours since noon, hosts]`. */
function history(...answers: readonly (readonly [number, readonly MailHost[] | undefined])[]): DomainRecord {
  return answers.reduce<DomainRecord>(
    (record, [hours, hosts]) =>
      observed(
        record,
        hosts ? { known: true, hosts, authoritative: true } : { known: false },
        noon + hours * 3_600_000,
      ),
    newDomain("contoso.com"),
  );
}

describe("the route of a domain", () => {
  it.each([
    ["one host of Microsoft", [microsoft], true],
    ["DNSSEC's hosts of Microsoft", [host("contoso-com.o-v1.mx.microsoft")], true],
    ["the United States' cloud", [host("contoso-com.mail.protection.office365.us")], true],
    ["China's cloud", [host("contoso-com.mail.protection.partner.outlook.cn")], true],
    ["Microsoft first and the old server behind it", [microsoft, host("mx.contoso.com", 20)], true],
    ["the old server first and Microsoft behind it", [old, host(microsoft.host, 20)], false],
    ["both at once", [old, microsoft], false],
    ["the old server", [old], false],
    ["a name that only looks like Microsoft's", [host("mail.protection.outlook.com.evil.net")], false],
    ["another one that does", [host("evilmx.microsoft")], false],
    ["a filter", [filter], false],
    ["no record", [], false],
    ["a domain that takes no mail", [host("")], false],
  ])("is moved or not: %s", (_, hosts, moved) => {
    expect(leadsToMicrosoft365({ domain: "contoso.com", hosts })).toBe(moved);
  });

  it("moved when that was first seen, and stays so while it is", () => {
    expect(history([0, [old]]).movedAt).toBeUndefined();
    expect(history([0, [old]], [1, [microsoft]]).movedAt).toBe(noon + 3_600_000);
    expect(history([0, [old]], [1, [microsoft]], [30, [microsoft]]).movedAt).toBe(noon + 3_600_000);
  });

  it("is not known any better by an answer that nobody gave", () => {
    const before = history([0, [old]], [1, [microsoft]]);
    expect(history([0, [old]], [1, [microsoft]], [2, undefined])).toEqual({
      ...before,
      checkedAt: noon + 2 * 3_600_000,
    });
  });

  it("counts anew when it moved back and again", () => {
    expect(history([0, [microsoft]], [1, [old]]).movedAt).toBeUndefined();
    expect(history([0, [microsoft]], [1, [old]], [50, [microsoft]]).movedAt).toBe(noon + 50 * 3_600_000);
  });

  it("before is kept for its time to live after the move", () => {
    const long = host("mx.contoso.com", 10, 7_200);
    expect(history([0, [long]], [10, [microsoft]]).oldRouteUntil).toBe(noon + 12 * 3_600_000);
  });

  it("before is kept longer by those who asked before its time to live was lowered", () => {
    const long = host("mx.contoso.com", 10, 172_800);
    const record = history([0, [long]], [1, [old]], [2, [microsoft]]);
    expect(record.oldRouteUntil).toBe(noon + 2 * day);
    const late = history([0, [long]], [72, [old]], [73, [microsoft]]);
    expect(late.oldRouteUntil).toBe(noon + 74 * 3_600_000);
  });

  it("before is not known where it had moved when it was first seen", () => {
    expect(history([0, [microsoft]])).toMatchObject({ movedAt: noon, oldRouteUntil: undefined });
  });
});

describe("a filter in front", () => {
  it("is known by its hosts", () => {
    expect(filterOf([filter])).toBe("Mimecast");
    expect(filterOf([host("mx1.hc1.iphmx.com")])).toBe("Cisco Secure Email");
    expect(filterOf([host("mimecast.com.evil.net")])).toBeUndefined();
    expect(filterOf([old, host(filter.host, 20)])).toBeUndefined();
  });

  it("leads to Microsoft 365 once somebody says so, until the route changes or that is taken back", () => {
    const seen = history([0, [filter]]);
    const confirmed = routeConfirmed(seen, "operator", noon + 5);
    expect(confirmed).toMatchObject({ movedAt: noon + 5, confirmed: { by: "operator", at: noon + 5 } });
    const record = confirmed as DomainRecord;
    expect(routeConfirmed(record, "another", noon + 9)).toBe(record);
    const again = observed(
      record,
      { known: true, hosts: [{ ...filter, ttl: 60 }], authoritative: true },
      noon + day,
    );
    expect(again.movedAt).toBe(noon + 5);
    const other = observed(record, { known: true, hosts: [old], authoritative: true }, noon + day);
    expect(other).toMatchObject({ movedAt: undefined, confirmed: undefined });
    expect(confirmationWithdrawn(record, noon + day)).toMatchObject({
      movedAt: undefined,
      confirmed: undefined,
    });
    expect(confirmationWithdrawn(seen, noon)).toBe(seen);
  });

  it("is the only thing that can be confirmed", () => {
    expect(routeConfirmed(history([0, [old]]), "operator", noon)).toBeUndefined();
    expect(routeConfirmed(newDomain("contoso.com"), "operator", noon)).toBeUndefined();
  });
});
