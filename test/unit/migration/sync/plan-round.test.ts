import { describe, expect, it } from "vitest";
import type { UidValidity } from "../../../../shared/domain/names.ts";
import type { FolderStatus } from "../../../../shared/migration/ports/source.ts";
import { isFlagScanDue } from "../../../../shared/migration/sync/plan-round.ts";

const day = 24 * 60 * 60 * 1000;
const status: FolderStatus = { uidValidity: "1" as UidValidity, uidNext: 9, messages: 8, unseen: 0 };

describe("comparing all flags of a folder that shows no change", () => {
  it.each([
    ["six days after the last time", status, 6, false, false],
    ["on the seventh day", status, 7, false, true],
    ["in the last rounds of a batch", status, 0, true, true],
    ["never with mod-sequences, which show every change", { ...status, highestModseq: "5" }, 99, true, false],
    ["never in an empty folder", { ...status, messages: 0 }, 99, true, false],
    ["not where the status is unknown", undefined, 99, true, false],
  ] as const)("%s", (_title, current, days, final, due) => {
    const flagsScannedAt = 1_000;
    const clock = () => flagsScannedAt + days * day;
    expect(isFlagScanDue({ flagsScannedAt }, current, { clock, final })).toBe(due);
  });

  it("at once where it has never been done", () => {
    expect(isFlagScanDue({}, status, { clock: () => 100 * day, final: false })).toBe(true);
  });
});
