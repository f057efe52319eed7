import { describe, expect, it } from "vitest";
import type { FolderId, UidValidity } from "../../../../shared/domain/names.ts";
import * as generation from "../../../../shared/migration/sync/folder-generation.ts";
import type { PlacedFolder } from "../../../../shared/migration/sync/folder-record.ts";
import { folder, uid, uids } from "./sample-folder.ts";

const newId = () => "new" as FolderId;
const other = "8" as UidValidity;
const chunk = { token: "c", mark: "m", uids: uids(6, 7) };
const recovered = { ...chunk, token: "r", uids: uids(5, 6), lookAgainAfter: 500 };
const aside = { uids: uids(8), code: "SourceBusy", tries: 1, since: 1, lookAgainAt: 300 };
const retiredAs = (...numbers: number[]) => [{ folderId: "f", uidValidity: "7", uids: uids(...numbers) }];
const unseen = { checkpoint: { settled: [], uidNext: 0, messages: 0 } };

describe("a new generation", () => {
  it.each([
    ["the same UIDVALIDITY and higher UIDs", folder(), 6, false],
    ["a UID given out again, as the last visit saw", folder(), 5, true],
    ["as this visit saw", folder({ checkpoint: { ...folder().checkpoint, uidNextSeen: 9 } }), 8, true],
    ["as is settled", folder({ checkpoint: { ...folder().checkpoint, uidNext: 1 } }), 5, true],
    ["as is being written", folder({ doubt: { openChunk: chunk, recovered: [] } }), 7, true],
    ["as is set aside", folder({ setAside: [aside] }), 8, true],
    ["nothing known yet", folder(unseen), 1, false],
    [
      "nothing known but what is being written",
      folder({ ...unseen, doubt: { openChunk: chunk, recovered: [] } }),
      7,
      true,
    ],
    ["nothing known but what is set aside", folder({ ...unseen, setAside: [aside] }), 8, true],
  ])("%s, UIDNEXT %i: %s", (_, before, uidNext, isNew) => {
    const status = { uidValidity: before.uidValidity, uidNext };
    const after = generation.newGeneration(before, status, newId);
    expect(after !== undefined).toBe(isNew);
    // Under the same UIDVALIDITY only another id tells old from new.
    if (isNew)
      expect([after?.folderId, after?.former]).toEqual(["new", [{ folderId: "f", uidValidity: "7" }]]);
  });

  const before = folder({
    former: [{ folderId: "e" as FolderId, uidValidity: "6" as UidValidity }],
    checkpoint: {
      ...folder().checkpoint,
      uidNextSeen: 9,
      flagsDigest: "d",
      flagsScannedAt: 3,
      filter: "5-",
      vanished: uids(2),
    },
    doubt: { openChunk: chunk, recovered: [recovered], attempting: { uid: uid(6), attempts: 2 } },
    setAside: [aside, { ...aside, uids: uids(9), chunk: { token: "a", mark: "m" } }],
    unkeptFlags: { "\\Answered": uids(2) },
  });
  const after = generation.newGeneration(before, { uidValidity: other, uidNext: 1 }, newId) as PlacedFolder;

  it("keeps the folder and forgets what was known by UID", () => {
    expect(after).toMatchObject({
      folderId: "f",
      uidValidity: "8",
      place: before.place,
      counts: before.counts,
    });
    expect(after.checkpoint).toEqual({
      settled: [],
      uidNext: 0,
      messages: 5,
      unseen: 2,
      flagsScannedAt: 3,
      filter: "5-",
    });
    expect(after.former).toEqual([...(before.former ?? []), { folderId: "f", uidValidity: "7" }]);
  });

  it("still looks for all that may have been written, under its old identities", () => {
    expect(after.doubt).toEqual({
      openChunk: { ...chunk, retired: retiredAs(6, 7) },
      // What has a record by now has it of another write.
      recovered: [
        { ...recovered, uids: [], retired: retiredAs(5, 6) },
        { token: "a", mark: "m", uids: [], retired: retiredAs(9), lookAgainAfter: 45_300 },
      ],
    });
    expect([after.setAside, after.unkeptFlags]).toEqual([[], undefined]);
  });

  it("gives up moves, which are planned anew", () => {
    const moving = folder({ doubt: { openChunk: { ...chunk, moves: [] }, recovered: [] } });
    const next = generation.newGeneration(moving, { uidValidity: other, uidNext: 1 }, newId);
    expect(next?.doubt.openChunk).toBeUndefined();
  });

  it("of a folder nothing is known of has nothing to match", () => {
    const next = generation.newGeneration(folder(unseen), { uidValidity: other, uidNext: 1 }, newId);
    expect([next?.folderId, next?.uidValidity, next?.former]).toEqual(["f", "8", undefined]);
  });

  it("is matched with the former ones message by message, and counts what matched", () => {
    const matched = generation.itemsMatched(after, uids(1, 3), uids(1, 3, 4));
    expect(matched.checkpoint.settled).toEqual([[1, 3]]);
    expect(generation.generationMatched(matched, 2)).toEqual({
      ...matched,
      former: undefined,
      counts: { ...before.counts, synced: 2, skipped: 0, leftOut: 0 },
    });
  });
});

describe("a new generation is judged", () => {
  const former = [{ folderId: "f" as FolderId, uidValidity: "6" as UidValidity }];
  const renewed = folder({ former });
  const waiting = folder({ former, replaced: { items: 20, confirmed: false } });
  it.each([
    ["everything was found again", renewed, 300, 0, "believed"],
    ["nothing was copied before", renewed, 0, 0, "believed"],
    ["19 items, none found again", renewed, 0, 19, "kept"],
    ["20 items, none found again", renewed, 0, 20, "replaced"],
    ["79 of 100 found again", renewed, 79, 21, "replaced"],
    ["80 of 100 found again", renewed, 80, 20, "kept"],
    ["it waits, and is as it was before", waiting, 3, 17, "replaced"],
    ["it waits, and most of it came back", waiting, 18, 2, "kept"],
    [
      "an operator confirmed it",
      folder({ former, replaced: { items: 20, confirmed: true } }),
      0,
      20,
      "believed",
    ],
    ["it was the same for a day", folder({ former, keptSince: 1 }), 0, 20, "believed"],
  ] as const)("%s: %s", (_, record, matched, unmatched, judgement) => {
    expect(generation.judged(record, matched, unmatched, true)).toBe(judgement);
  });

  it("while messages cannot be read that may be the missing ones, they are kept on", () => {
    const kept = generation.generationKept(folder({ former }), 3, 1);
    expect(generation.judged(kept, 3, 1, false)).toBe("kept");
    expect(generation.judged(kept, 4, 0, false)).toBe("believed");
    const counted = { ...kept, counts: { ...kept.counts, synced: 9 } };
    expect(generation.generationKept(counted, 3, 50)).toEqual({ ...counted, keptSince: 50 });
  });

  it("when it is new, and after most of a day", () => {
    const hour = 3_600_000;
    const kept = generation.generationKept(renewed, 7, 5);
    expect(kept).toMatchObject({ former, keptSince: 5, counts: { synced: 7, skipped: 0, leftOut: 0 } });
    expect(generation.isJudgementDue(folder(), 0)).toBe(false);
    expect(generation.isJudgementDue(renewed, 0)).toBe(true);
    expect(generation.isJudgementDue(kept, 5 + 20 * hour - 1)).toBe(false);
    expect(generation.isJudgementDue(kept, 5 + 20 * hour)).toBe(true);
    const settled = generation.generationMatched({ ...kept, counts: { ...kept.counts, synced: 9 } }, 9);
    expect([settled.former, settled.keptSince, settled.counts.synced]).toEqual([undefined, undefined, 9]);
  });

  it("under a UIDVALIDITY that the folder had before, its items are told from those of that time", () => {
    const before = folder({ former });
    const back = generation.newGeneration(before, { uidValidity: "6" as UidValidity, uidNext: 3 }, newId);
    expect([back?.folderId, back?.uidValidity]).toEqual(["new", "6"]);
    expect(back?.former).toEqual([...former, { folderId: "f", uidValidity: "7" }]);
  });

  it("and waits only until an operator confirms it", () => {
    const asked = generation.generationReplaced(renewed, 20);
    expect([asked.pending, asked.replaced]).toEqual([false, { items: 20, confirmed: false }]);
    expect(generation.replacementConfirmed(asked)).toMatchObject({
      pending: true,
      replaced: { confirmed: true },
    });
    expect(generation.replacementConfirmed(renewed)).toBe(renewed);
  });
});

describe("a folder whose messages can no longer be read", () => {
  it("keeps what its chunks may have written, to be looked for without its messages", () => {
    const open = folder({
      doubt: { openChunk: chunk, recovered: [recovered], attempting: { uid: uid(6), attempts: 2 } },
      setAside: [aside, { ...aside, uids: uids(9), chunk: { token: "a", mark: "m" } }],
    });
    const after = generation.abandoned(open, 1_000);
    expect(after.setAside).toEqual([]);
    expect(after.doubt).toEqual({
      recovered: [
        { ...recovered, uids: [], retired: retiredAs(5, 6) },
        { ...chunk, uids: [], retired: retiredAs(6, 7), lookAgainAfter: 46_000 },
        { token: "a", mark: "m", uids: [], retired: retiredAs(9), lookAgainAfter: 45_300 },
      ],
    });
  });

  it("forgets moves, of which nothing can be missing", () => {
    const moving = folder({ doubt: { openChunk: { ...chunk, moves: [] }, recovered: [] } });
    expect(generation.abandoned(moving, 1_000).doubt).toEqual({ recovered: [] });
  });
});
