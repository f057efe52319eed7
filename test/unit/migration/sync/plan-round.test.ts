import { describe, expect, it } from "vitest";
import type { UidValidity } from "../../../../shared/domain/names.ts";
import type { FolderRecord } from "../../../../shared/migration/ports/ledger-store.ts";
import { type FolderStatus, ListingUnfinished } from "../../../../shared/migration/ports/source.ts";
import { isFlagScanDue, planRound } from "../../../../shared/migration/sync/plan-round.ts";
import type { SyncRun } from "../../../../shared/migration/sync/run.ts";

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

describe("the target is told that writes are coming", () => {
  it.each([
    ["while the first listing is under way", [], ["listFolders", "expectWrites"]],
    ["not in a later round, in which nothing may have changed", [{} as FolderRecord], ["listFolders"]],
  ])("%s", async (_title, records, expected) => {
    const calls: string[] = [];
    const run = {
      ledger: { listFolders: async () => records },
      target: { expectWrites: () => calls.push("expectWrites") },
      source: {
        listFolders: async () => {
          calls.push("listFolders");
          throw new ListingUnfinished();
        },
      },
      unfinished: {},
    } as unknown as SyncRun;
    expect(await planRound(run)).toBeUndefined();
    expect(calls).toEqual(expected);
  });
});
