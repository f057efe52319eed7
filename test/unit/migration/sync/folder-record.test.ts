import { describe, expect, it } from "vitest";
import type { FolderId, TargetFolderId, UidValidity } from "../../../../shared/domain/names.ts";
import * as record from "../../../../shared/migration/sync/folder-record.ts";
import { folder, item, skip, uid, uids } from "./sample-folder.ts";

const now = 1_000;
const chunk = { token: "c", mark: "m", uids: uids(6, 7) };
const recovered = { ...chunk, token: "r", lookAgainAfter: 500 };
const aside = { uids: uids(8), code: "SourceBusy", tries: 1, since: 1, lookAgainAt: 300 };
const known = folder();

describe("a folder", () => {
  it("is new until something of it was seen", () => {
    const source = { path: "A/B", segments: ["A", "B"], mailboxId: "F1" };
    const status = { uidValidity: "9" as UidValidity, uidNext: 12, messages: 3, unseen: 1, partition: "p" };
    const fresh = record.newFolder("n" as FolderId, source, status, 3);
    expect(fresh).toEqual({
      folderId: "n",
      uidValidity: "9",
      source,
      state: "active",
      pending: true,
      checkpoint: { settled: [], uidNext: 0, messages: 0, unseen: 1, partition: "p" },
      doubt: { recovered: [] },
      setAside: [],
      counts: { total: 3, synced: 0, skipped: 0, leftOut: 0, bytes: 0 },
    });
    expect(record.newFolder("n" as FolderId, source, undefined, 0).uidValidity).toBe("0");
    expect([record.isRemembered(fresh), record.isPlaced(fresh)]).toEqual([false, false]);
    expect([record.isRemembered(known), record.isPlaced(known)]).toEqual([true, true]);
    const empty = { ...known.checkpoint, settled: [] };
    expect(record.isRemembered({ ...known, checkpoint: empty })).toBe(true);
    expect(record.isRemembered({ ...known, checkpoint: { ...known.checkpoint, uidNext: 0 } })).toBe(true);
  });

  it.each([
    ["nothing", known, false, undefined],
    ["an open chunk", folder({ doubt: { recovered: [], openChunk: chunk } }), true, undefined],
    ["a chunk looked for once", folder({ doubt: { recovered: [recovered] } }), true, 500],
    [
      "two of them",
      folder({ doubt: { recovered: [recovered, { ...recovered, lookAgainAfter: 700 }] } }),
      true,
      700,
    ],
    ["a message that waits", folder({ setAside: [aside] }), false, 300],
    ["a create that waits", folder({ setAside: [{ ...aside, chunk }] }), true, 300],
    ["both", folder({ doubt: { recovered: [recovered] }, setAside: [aside] }), true, 300],
  ])("with %s is in doubt: %3$s", (_, one, inDoubt, at) => {
    expect(record.isInDoubt(one)).toBe(inDoubt);
    expect(record.lookAgainAt(one)).toBe(at);
    expect(record.visitEnded({ ...one, pending: true }).pending).toBe(at !== undefined);
  });
});

describe("a plan", () => {
  const status = { uidValidity: "7" as UidValidity, uidNext: 9, messages: 8, unseen: 6 };

  it("leaves alone what did not change", () => {
    expect(record.planned(known, known.source, { ...status, messages: 5 }, false)).toBe(known);
    expect(record.planned(known, known.source, undefined, false)).toBe(known);
  });

  it("notes the folder's new name, its size, and what a visit will not be told", () => {
    const moved = record.planned(known, { path: "New", segments: ["New"] }, status, true);
    expect(moved).toEqual({
      ...known,
      source: { path: "New", segments: ["New"] },
      pending: true,
      checkpoint: { ...known.checkpoint, unseen: 6 },
      counts: { ...known.counts, total: 8 },
    });
    expect(record.planned(known, known.source, status, false).checkpoint.unseen).toBe(2);
    expect(
      record.planned(known, known.source, { ...status, unseen: undefined }, true).checkpoint.unseen,
    ).toBe(2);
  });

  it("finds a folder that came back, and one without a place", () => {
    const back = record.planned(folder({ state: "gone" }), known.source, status, true);
    expect(back.state).toBe("active");
    expect(record.planned(folder({ state: "targetGone" }), known.source, status, true).state).toBe(
      "targetGone",
    );
    const place = { id: "t2" as TargetFolderId, path: "Work (2)" };
    expect(record.placed(known, place)).toEqual({ ...known, place });
  });
});

describe("a folder that went away", () => {
  const busy = folder({
    pending: true,
    doubt: { openChunk: chunk, recovered: [recovered], attempting: { uid: uid(6), attempts: 2 } },
    setAside: [aside, { ...aside, uids: uids(9), chunk }],
  });

  it("in the target is not written into, and nothing of it waits", () => {
    expect(record.placeDeleted(busy)).toEqual({
      ...busy,
      state: "targetGone",
      doubt: { recovered: [] },
      setAside: [],
    });
  });

  it("at the source is visited again only for what is in doubt", () => {
    expect(record.gone(busy)).toEqual({
      ...busy,
      state: "gone",
      pending: true,
      setAside: [{ ...aside, uids: uids(9), chunk }],
      counts: { ...busy.counts, total: 0 },
    });
    expect(record.gone(folder({ pending: true, setAside: [aside] }))).toMatchObject({
      pending: false,
      setAside: [],
    });
    expect(record.gone(folder({ state: "targetGone" })).state).toBe("targetGone");
  });

  it("is new if it comes back after everything was forgotten", () => {
    const counts = { total: 9, synced: 2, skipped: 0, leftOut: 0, bytes: 7 };
    const after = record.forgotten(known, counts);
    expect(record.isRemembered(after)).toBe(false);
    expect(after.checkpoint.messages).toBe(0);
    expect(after.counts).toEqual({ total: 5, synced: 2, skipped: 0, leftOut: 0, bytes: 400 });
  });
});

describe("a chunk", () => {
  it("is noted before it is written, a large message with the number of its tries", () => {
    expect(record.chunkBegun(known, chunk).doubt).toEqual({ recovered: [], openChunk: chunk });
    const first = record.chunkBegun(known, chunk, uid(6));
    expect(first.doubt.attempting).toEqual({ uid: 6, attempts: 1 });
    const second = record.chunkBegun(first, { ...chunk, token: "d" }, uid(6));
    expect(second.doubt).toMatchObject({ openChunk: { token: "d" }, attempting: { uid: 6, attempts: 2 } });
    expect(record.chunkBegun(second, chunk, uid(7)).doubt.attempting).toEqual({ uid: 7, attempts: 1 });
  });

  it("settles what it copied, what it skipped and what was expunged, with the gaps between", () => {
    const open = record.chunkBegun(folder({ doubt: { recovered: [recovered] } }), chunk, uid(6));
    const copied = {
      items: [item(6), item(8)],
      skipped: [skip(9), skip(10, "MarkedDeleted")],
      expunged: uids(11),
      guesses: ["CharsetGuessed", "CharsetGuessed"] as const,
    };
    const after = record.chunkCopied(open, copied, uids(1, 2, 3, 4, 5, 6, 8, 9, 10, 12));
    expect(after.checkpoint.settled).toEqual([[1, 11]]);
    expect(after.doubt).toEqual({ recovered: [recovered], openChunk: undefined });
    expect(after.counts).toEqual({
      total: 5,
      synced: 6,
      skipped: 3,
      leftOut: 2,
      lost: { MessageTooLarge: { now: 1, ever: 1 } },
      bytes: 600,
      guesses: { CharsetGuessed: 2 },
    });
  });

  it("stays open for the messages whose write may have happened, which are not settled", () => {
    const inDoubt = { ...chunk, uids: uids(7) };
    const copied = { items: [item(6)], skipped: [], guesses: [], expunged: [], inDoubt };
    const after = record.chunkCopied(record.chunkBegun(known, chunk), copied, uids(6, 7));
    expect(after.doubt.openChunk).toEqual(inDoubt);
    expect(after.checkpoint.settled).toEqual([[1, 6]]);
  });

  it("settles messages that the server only announced", () => {
    const after = record.missingSettled(known, uids(6, 7), [skip(7)], uids(7));
    expect(after.checkpoint.settled).toEqual([[1, 7]]);
    expect(after.counts).toEqual({
      ...known.counts,
      skipped: 2,
      lost: { MessageTooLarge: { now: 1, ever: 1 } },
    });
  });

  it("is closed if it wrote nothing, which begins the tries of a large message anew; moves do not", () => {
    const doubt = { openChunk: chunk, recovered: [recovered], attempting: { uid: uid(6), attempts: 2 } };
    expect(record.chunkClosed(folder({ doubt })).doubt).toEqual({ recovered: [recovered] });
    expect(record.movesClosed(folder({ doubt })).doubt).toEqual({ ...doubt, openChunk: undefined });
  });

  it("that was interrupted is looked for again once its last write must have arrived", () => {
    const attempting = { uid: uid(6), attempts: 2 };
    const open = folder({ doubt: { openChunk: chunk, recovered: [recovered], attempting } });
    const after = record.chunkRecovered(open, { ...chunk, uids: uids(6, 7) }, uids(7), now);
    const retired = [{ folderId: "f", uidValidity: "7", uids: uids(7) }];
    const again = { ...chunk, uids: uids(6), retired, lookAgainAfter: now + 45_000 };
    expect(after.doubt).toEqual({ recovered: [recovered, again], attempting });
    const settled = record.chunkRecovered(open, { ...chunk, uids: uids() }, uids(), now);
    expect(settled.doubt).toEqual({ recovered: [recovered], attempting });
  });

  it("settles what was found of it; another create in doubt of the same message is looked for later", () => {
    const open = folder({
      doubt: { openChunk: chunk, recovered: [recovered] },
      setAside: [aside, { ...aside, uids: uids(6, 9), chunk: { token: "d", mark: "n" } }],
    });
    const after = record.copiesFound(open, [item(6)], uids(6));
    const other = { token: "d", mark: "n", uids: uids(6), lookAgainAfter: 45_300 };
    expect(after.doubt).toEqual({ openChunk: chunk, recovered: [recovered, other] });
    expect(after.setAside.map((entry) => entry.uids)).toEqual([uids(8), uids(9)]);
    expect(after.checkpoint.settled).toEqual([[1, 6]]);
    expect(after.counts).toEqual({ ...known.counts, synced: 5, bytes: 500 });
  });

  it("is settled for good by the second look, but for what cannot be read, and looked for once more in a later round", () => {
    const twice = { ...recovered, uids: uids(5, 6, 7, 8) };
    const other = { ...recovered, token: "o" };
    const doubtful = folder({ doubt: { recovered: [twice, other] } });
    const none = { unread: uids(), over: uids(), lastLook: false, now };
    expect(record.doubtSettled(doubtful, twice, none)).toEqual(folder({ doubt: { recovered: [other] } }));
    const again = { unread: uids(7), over: uids(6), lastLook: true, now };
    const { doubt, lastLooks = [], ...rest } = record.doubtSettled(doubtful, twice, again);
    const unread = { ...twice, uids: uids(7), lookAgainAfter: now + 300_000 };
    expect(doubt.recovered).toEqual([other, unread]);
    expect(lastLooks).toEqual([{ ...twice, uids: uids(5, 8), lookAgainAfter: now + 600_000 }]);
    const [last] = lastLooks;
    const end =
      last && record.doubtSettled({ ...rest, doubt, lastLooks }, last, { ...again, unread: uids() });
    expect(end?.lastLooks).toBeUndefined();
  });
});

describe("a visit", () => {
  const status = { uidValidity: "7" as UidValidity, uidNext: 9, messages: 8, highestModseq: "50" };

  it("counts flag changes from where it first saw the folder, and from nowhere else", () => {
    const fresh = folder({ checkpoint: { settled: [], uidNext: 0, messages: 0 } });
    expect(record.visitBegun(fresh, status).checkpoint).toMatchObject({
      uidNextSeen: 9,
      highestModseq: "50",
    });
    expect(record.visitBegun(known, status).checkpoint).toMatchObject({
      uidNextSeen: 9,
      highestModseq: "40",
    });
    const again = record.visitBegun({ ...fresh, former: [known] }, status);
    expect(again.checkpoint.highestModseq).toBeUndefined();
    const { highestModseq: _, ...older } = known.checkpoint;
    expect(record.visitBegun(folder({ checkpoint: older }), status).checkpoint.highestModseq).toBeUndefined();
  });

  const seen = {
    status: { ...status, shownMessages: 20, partition: "p" },
    unshown: 3,
    flagsDigest: "d",
    filter: "5-",
    postponed: 2,
  };

  it("ends with the folder as it was seen, and with what vanished too late as a change", () => {
    const busy = folder({
      pending: true,
      checkpoint: { ...known.checkpoint, uidNextSeen: 9, flagsDigest: "old", vanished: uids(3) },
      doubt: { recovered: [recovered] },
    });
    expect(record.visited(busy, seen, now)).toEqual({
      ...busy,
      pending: false,
      checkpoint: {
        settled: known.checkpoint.settled,
        unseen: 2,
        uidNext: 9,
        messages: 10,
        filter: "5-",
        partition: "p",
        highestModseq: "50",
        flagsDigest: "d",
      },
      counts: { ...known.counts, total: 8, shown: 20, unshown: 3 },
    });
  });

  it("notes when flags were compared where the server has no mod-sequences", () => {
    const without = { ...seen, status: { uidNext: 9, messages: 8 } };
    const after = record.visited(folder({ counts: { ...known.counts, shown: 3 } }), without, now);
    expect(after.checkpoint).toMatchObject({ flagsScannedAt: now });
    expect(after.checkpoint.highestModseq).toBeUndefined();
    expect([after.checkpoint.partition, after.counts.shown]).toEqual([undefined, 3]);
  });
});

describe("what follows the source", () => {
  it("reopens the gaps that messages came into", () => {
    const after = record.gapsReopened(known, uids(2), "p", false);
    expect(after.checkpoint).toEqual({ ...known.checkpoint, settled: uids(1, 3, 4, 5), partition: "p" });
    expect(record.gapsReopened(known, [], "p", true).checkpoint.highestModseq).toBeUndefined();
  });

  it("tries skipped messages again", () => {
    const after = record.skipsReopened(known, [skip(5, "MarkedDeleted")]);
    expect(after.pending).toBe(true);
    expect(after.checkpoint.settled).toEqual(uids(1, 2, 3, 4));
    expect(after.counts).toEqual({ ...known.counts, skipped: 0, leftOut: 0 });
  });

  it("compares all flags again where the target refused some, unless the folder is gone", () => {
    const unkept = folder({
      checkpoint: { ...known.checkpoint, flagsDigest: "d" },
      unkeptFlags: { "\\Answered": uids(2) },
    });
    const after = record.flagsReopened(unkept);
    expect([after.pending, after.checkpoint.highestModseq, after.checkpoint.flagsDigest]).toEqual([
      true,
      undefined,
      undefined,
    ]);
    expect(record.flagsReopened(known)).toBe(known);
    expect(record.flagsReopened({ ...unkept, state: "gone" }).pending).toBe(false);
  });

  it("forgets what vanished, and notes what a plan saw of it", () => {
    const after = record.removalsFollowed(known, 3, [skip(5, "MarkedDeleted")]);
    expect(after.counts).toEqual({ ...known.counts, synced: 1, skipped: 0, leftOut: 0 });
    expect(record.vanishedNoted(known, uids(3)).checkpoint.vanished).toEqual(uids(3));
  });

  it("counts items that arrive from other folders, and those that depart", () => {
    const open = folder({ doubt: { openChunk: chunk, recovered: [recovered] } });
    const after = record.itemsArrived(open, uids(6, 7), uids(6, 7), false);
    expect(after.checkpoint).toEqual({ ...known.checkpoint, settled: [[1, 7]] });
    expect(after.doubt).toEqual({ openChunk: undefined, recovered: [recovered] });
    expect(after.counts.synced).toBe(6);
    expect(record.itemsArrived(open, uids(6), uids(6), true).checkpoint.highestModseq).toBeUndefined();
    expect(record.itemDeparted(known, known).counts).toEqual({ ...known.counts, synced: 3 });
  });

  it("counts no item that departs from what a new generation keeps of former ones", () => {
    const keeping = folder({ keptSince: 1 });
    const former = { folderId: keeping.folderId, uidValidity: "6" as UidValidity };
    expect(record.itemDeparted(keeping, former).counts.synced).toBe(4);
    expect(record.itemDeparted(keeping, keeping).counts.synced).toBe(3);
    // Until it is judged, both are counted.
    expect(record.itemDeparted(known, former).counts.synced).toBe(3);
  });
});
