import { describe, expect, it } from "vitest";
import {
  approvalOf,
  approved,
  unapprovedByCode,
  unapprovedCount,
} from "../../../../shared/migration/mailbox/approval.ts";
import type { LostCounts } from "../../../../shared/migration/ports/ledger-store.ts";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { noneLost, sumOfLost, withLost, withoutLost } from "../../../../shared/migration/sync/left-out.ts";
import { skip } from "../../../contract/tables/samples.ts";
import { mailbox } from "../sample-mailbox.ts";

/** A mailbox with so many lost items now, and ever. */
const losing = (lost: LostCounts, change: Partial<MailboxRecord> = {}) =>
  mailbox("Synced", {
    skippedItemCount: Object.values(lost).reduce((sum, { now }) => sum + now, 0),
    lost,
    ...change,
  });
const approve = (given: MailboxRecord, codes?: readonly string[]) =>
  approved(given, { codes, by: "ann", at: 100 }) ?? given;

describe("an approval", () => {
  it("covers all that was skipped until then", () => {
    const before = losing({ TooLarge: { now: 3, ever: 3 }, Odd: { now: 1, ever: 4 } });
    expect(unapprovedCount(before)).toBe(4);
    const after = approve(before);
    expect(unapprovedCount(after)).toBe(0);
    expect(after.approved).toEqual({
      TooLarge: { ever: 3, at: 100, by: "ann" },
      Odd: { ever: 4, at: 100, by: "ann" },
    });
  });

  it("covers some codes only where it names them", () => {
    const after = approve(losing({ TooLarge: { now: 3, ever: 3 }, Odd: { now: 1, ever: 1 } }), ["Odd"]);
    expect(unapprovedCount(after)).toBe(3);
    expect(unapprovedByCode(after)).toEqual({ TooLarge: 3 });
    expect(approvalOf(after, { code: "Odd", at: 99 })).toMatchObject({ by: "ann", at: 100 });
    expect(approvalOf(after, { code: "TooLarge", at: 99 })).toBeUndefined();
  });

  it.each<[string, LostCounts[string], number]>([
    ["one more", { now: 4, ever: 4 }, 1],
    ["the same again after a retry", { now: 3, ever: 6 }, 3],
    ["one of them again, while two were copied", { now: 1, ever: 4 }, 1],
    ["none, since all were copied", { now: 0, ever: 3 }, 0],
    ["none, since one left the source", { now: 2, ever: 3 }, 0],
  ])("does not cover what is skipped later: %s", (_, lost, count) => {
    const { approved: before } = approve(losing({ TooLarge: { now: 3, ever: 3 } }));
    expect(unapprovedCount(losing({ TooLarge: lost }, { approved: before }))).toBe(count);
  });

  it("shows with each item that was skipped before it", () => {
    const after = approve(losing({ TooLarge: { now: 1, ever: 1 } }));
    expect(approvalOf(after, { code: "TooLarge", at: 100 })?.by).toBe("ann");
    expect(approvalOf(after, { code: "TooLarge", at: 101 })).toBeUndefined();
  });

  it("covers what a build skipped that did not count by code", () => {
    const before = mailbox("Synced", { skippedItemCount: 5, leftOutItemCount: 2 });
    expect(unapprovedCount(before)).toBe(3);
    expect(unapprovedCount(approve(before))).toBe(0);
  });

  it("leaves a mailbox alone in which nothing was lost", () => {
    const left = mailbox("Synced", { skippedItemCount: 2, leftOutItemCount: 2 });
    expect(approved(left, { by: "ann", at: 1 })).toBeUndefined();
  });
});

describe("the counts by code", () => {
  const large = skip(1);
  const deleted = { ...skip(2), code: "MarkedDeleted" };

  it("tell what there is from what there ever was", () => {
    const twice = withLost(withLost(undefined, [large, deleted]), [large]);
    expect(twice).toEqual({ MessageTooLarge: { now: 2, ever: 2 } });
    expect(withoutLost(twice, [large, deleted])).toEqual({ MessageTooLarge: { now: 1, ever: 2 } });
    expect(noneLost(twice)).toEqual({ MessageTooLarge: { now: 0, ever: 2 } });
    expect(sumOfLost([twice, undefined, twice])).toEqual({ MessageTooLarge: { now: 4, ever: 4 } });
  });

  it("are none where nothing was lost, or not counted by code", () => {
    expect(withLost(undefined, [deleted])).toBeUndefined();
    expect(withoutLost(undefined, [large])).toBeUndefined();
    expect(sumOfLost([undefined])).toBeUndefined();
  });
});
