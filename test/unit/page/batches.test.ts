import { describe, expect, it } from "vitest";
import type { BatchView, CutoverView } from "../../../functions/page/api/types.ts";
import { bannerOf, headlineOf } from "../../../functions/page/batch/headline.ts";
import { queryOf } from "../../../functions/page/batch/mailbox-query.ts";
import { reasonOf } from "../../../functions/page/batch/reason.ts";
import { piecesOf, remediesIn } from "../../../functions/page/batch/remedies.ts";
import { bodyOf, offersOf, questionOf } from "../../../functions/page/batches/actions.ts";
import {
  copiedOf,
  progressOf,
  rateOf,
  readyOf,
  summaryOf,
  totalsOf,
} from "../../../functions/page/batches/figures.ts";
import { defaultBatchOptions } from "../../../shared/domain/batch-options.ts";
import { optionsView } from "../../../shared/migration/status/options-view.ts";

const now = Date.parse("2026-11-30T12:00:00Z");

function batch(change: Partial<BatchView> = {}): BatchView {
  return {
    name: "pilot",
    endpoint: "contoso",
    status: "Synced",
    createdAt: "2026-11-30T08:00:00.000Z",
    startedAt: "2026-11-30T08:00:00.000Z",
    lastSyncedAt: "2026-11-30T09:00:00.000Z",
    idleStopAt: null,
    options: optionsView(defaultBatchOptions),
    optionsETag: "1",
    totalCount: 4,
    activeCount: 0,
    syncedCount: 4,
    failedCount: 0,
    stoppedCount: 0,
    invalidRowCount: 0,
    uploadError: null,
    noticeError: null,
    syncedItemCount: 1_000,
    skippedItemCount: 0,
    unapprovedItemCount: 0,
    totalItemsInSourceMailboxCount: 1_000,
    bytesTransferred: 5_000_000,
    estimatedTotalTransferSize: 5_000_000,
    percentageComplete: 100,
    itemsPerMinute: 0,
    bytesPerMinute: 0,
    estimatedCompletion: null,
    estimateBasis: "all",
    noEstimate: "done",
    isStalled: false,
    dataConsistencyScore: "Perfect",
    outage: null,
    pause: null,
    rehearsal: false,
    asOf: "2026-11-30T12:00:00.000Z",
    operations: [],
    confirmedServer: null,
    ...change,
  };
}

const open = (view: BatchView, mayOperate = true) =>
  offersOf(view, mayOperate)
    .filter(({ refused }) => refused === undefined)
    .map(({ action }) => action);

describe("what can be done with a batch", () => {
  it.each<[BatchView["status"], readonly string[]]>([
    ["Created", ["start", "delete"]],
    ["Waiting", ["start", "delete"]],
    ["Syncing", ["stop", "sync", "retry", "delete"]],
    ["IncrementalSyncing", ["stop", "sync", "retry", "complete", "delete"]],
    ["Synced", ["stop", "sync", "retry", "complete", "delete"]],
    ["SyncedWithErrors", ["stop", "sync", "retry", "complete", "delete"]],
    ["Failed", ["retry", "delete"]],
    ["Stopping", ["start", "retry", "delete"]],
    ["Stopped", ["start", "retry", "delete"]],
    ["Completing", ["stop", "retry", "delete"]],
    ["Completed", ["retry", "delete"]],
    ["CompletedWithErrors", ["retry", "complete", "delete"]],
    ["Removing", []],
  ])("%s, with failed mailboxes", (status, expected) => {
    expect(open(batch({ status, failedCount: 1 }))).toEqual(expected);
  });

  it("nothing is retried where nothing failed or was skipped, and no batch is completed over lost messages", () => {
    expect(open(batch())).toEqual(["stop", "sync", "complete", "delete"]);
    expect(open(batch({ skippedItemCount: 2 }))).toContain("retry");
    expect(open(batch({ skippedItemCount: 2, unapprovedItemCount: 2 }))).not.toContain("complete");
  });

  it("a rehearsal that is through is started for real", () => {
    expect(open(batch({ status: "Completed", rehearsal: true }))).toEqual(["startForReal", "delete"]);
  });

  it("failed mailboxes are left behind only by a word", () => {
    const failed = batch({ failedCount: 3 });
    expect(questionOf("complete", failed)?.ticked).toBe("Leave 3 failed mailboxes behind");
    expect(bodyOf("complete", failed)).toEqual({ leaveFailed: true });
    expect(questionOf("complete", batch())?.ticked).toBeUndefined();
    expect(bodyOf("complete", batch())).toBeUndefined();
  });

  it("nothing without the role, and it says which one is missing", () => {
    expect(open(batch(), false)).toEqual([]);
    expect(offersOf(batch(), false)[0]?.refused).toBe("Needs Migration.Operate");
  });

  it("asks before what has no other way back", () => {
    expect(questionOf("start", batch())).toBeUndefined();
    expect(questionOf("sync", batch())).toBeUndefined();
    for (const action of ["stop", "complete", "delete"] as const)
      expect(questionOf(action, batch())).toMatchObject({ title: expect.stringMatching(/pilot\?$/) });
    const cutover = { verdict: "blocked", reasons: ["No MX."], readyAt: null } as unknown as CutoverView;
    expect(questionOf("complete", batch(), cutover)).toMatchObject({
      text: expect.stringMatching(/The cut-over checklist says: Not yet\.$/),
      reasons: ["No MX."],
    });
    expect(questionOf("delete", batch())?.also).toMatch(/^Forget what was copied as well/);
    expect(questionOf("retry", batch({ failedCount: 12 }))?.title).toBe("Try 12 failed mailboxes again?");
  });
});

describe("what a batch is at", () => {
  it("says it in one sentence", () => {
    expect(headlineOf(batch(), now)).toBe("All 4 mailboxes are synced, and kept in sync every day.");
    expect(headlineOf(batch({ status: "SyncedWithErrors", syncedCount: 3, failedCount: 1 }), now)).toBe(
      "3 of 4 mailboxes are synced and kept in sync every day; 1 failed.",
    );
    const outage = {
      mailboxCount: 2,
      since: "2026-11-30T11:48:00.000Z",
      code: "ServerUnreachable",
      message: "",
    };
    expect(headlineOf(batch({ status: "Syncing", activeCount: 2, outage }), now)).toBe(
      "Syncing: 2 mailboxes wait since 12 min for what they need. They go on by themselves.",
    );
    const pause = {
      mailboxCount: 2,
      code: "OutsideReadingHours",
      message: "The endpoint old is read at night alone.",
      until: "2026-11-30T19:00:00.000Z",
    };
    expect(headlineOf(batch({ status: "Syncing", activeCount: 2, pause }), now)).toBe(
      "Syncing: pauses, and goes on in 7 h. The endpoint old is read at night alone.",
    );
    expect(headlineOf(batch({ status: "Syncing", activeCount: 3, pause }), now)).toContain("3 mailboxes");
  });

  it("shows the most urgent thing alone", () => {
    const uploadError = {
      code: "EndpointNotFound",
      message: "There is none.",
      at: "2026-11-30T08:00:00.000Z",
    };
    const bad = batch({ uploadError, failedCount: 1, invalidRowCount: 3 });
    expect(bannerOf(bad)?.title).toBe("EndpointNotFound");
    expect(bannerOf({ ...bad, uploadError: null })?.title).toBe("1 mailbox failed");
    expect(bannerOf(batch({ status: "Syncing", invalidRowCount: 3 }))?.title).toBe(
      "3 rows of the CSV could not be used",
    );
    expect(bannerOf(batch())?.tab).toBe("cutover");
    expect(bannerOf(batch({ status: "Syncing" }))).toBeUndefined();
  });

  it("adds up batches and tells them", () => {
    const totals = totalsOf([batch(), batch({ totalCount: 6, syncedCount: 1, failedCount: 2 })]);
    expect(summaryOf(totals)).toBe("2 batches, 5 of 10 mailboxes synced, 2 failed");
    expect(totalsOf([batch({ rehearsal: true }), batch()]).synced).toBe(totalsOf([batch()]).synced);
    expect(rateOf(batch())).toBe("-");
  });
});

describe("why a mailbox is where it is", () => {
  const error = {
    code: "ServerThrottled",
    message: "The server asks for a pause.",
    at: "2026-11-30T11:00:00.000Z",
  };
  it("an error is a failure only where the mailbox failed", () => {
    const mailbox = { error, nextAttemptAt: "2026-11-30T12:10:00.000Z", warnings: [] };
    expect(reasonOf({ ...mailbox, status: "Failed" }, now)).toBe(
      "ServerThrottled: The server asks for a pause.",
    );
    expect(reasonOf({ ...mailbox, status: "Queued" }, now)).toBe(
      "Waits, because ServerThrottled: The server asks for a pause. Next attempt in 10 min.",
    );
    expect(
      reasonOf({ status: "Synced", error: null, nextAttemptAt: null, warnings: [] }, now),
    ).toBeUndefined();
  });
});

it("the query of a list holds what was chosen and no more", () => {
  const none = { search: " ", status: "", errorCode: "", orderBy: "emailAddress", descending: false };
  expect(queryOf(none, 0)).toBe("%24top=100&%24orderby=emailAddress");
  expect(queryOf({ ...none, search: "anna", status: "Failed", descending: true }, 2)).toBe(
    "%24top=100&%24skip=200&%24search=anna&status=Failed&%24orderby=emailAddress+desc",
  );
});

describe("remedies", () => {
  it("come from the documentation, the first table that names a code", () => {
    const found = remediesIn(
      "| code | what to do |\n| --- | --- |\n| Aaa, Bbb | mend `it`, see [there](x.md) |\n\n| Aaa | at once | other |\n| Aaa | again |",
    );
    expect([...found.keys()]).toEqual(["Aaa", "Bbb"]);
    expect(piecesOf(found.get("Bbb") ?? "")).toEqual([
      { text: "mend ", isCode: false },
      { text: "it", isCode: true },
      { text: ", see there", isCode: false },
    ]);
  });
});

it("says of how much something was copied only where every mailbox is counted", () => {
  const rehearsal = batch({ rehearsal: true, percentageComplete: 0, syncedCount: 3 });
  expect([progressOf(rehearsal), copiedOf(rehearsal)]).toEqual([75, "Nothing is copied"]);
  expect(progressOf(batch({ percentageComplete: 62 }))).toBe(62);
  expect(copiedOf(batch())).toBe("1,000 of 1,000 messages, 5 MB of 5 MB");
  expect(copiedOf(batch({ estimateBasis: "partial" }))).toBe(
    "1,000 messages, 5 MB; not every mailbox is counted",
  );
});

it("an estimate whose time has come is no past", () => {
  const readyAt = (estimatedCompletion: string, estimateBasis: BatchView["estimateBasis"] = "all") =>
    readyOf(batch({ estimatedCompletion, estimateBasis, noEstimate: null }), now);
  expect(readyAt("2026-11-30T14:00:00.000Z")).toBe("in 2 h");
  expect(readyAt("2026-11-30T14:00:00.000Z", "partial")).toBe("in 2 h at least");
  expect(readyAt("2026-11-30T11:50:00.000Z")).toBe("any minute");
});

it("while the CSV is read nothing is said to be synced, and numbers of thousands are set apart", () => {
  const empty = { totalCount: 0, syncedCount: 0, status: "Created" } as const;
  expect(headlineOf(batch(empty), now)).toBe("The CSV is being read.");
  const uploadError = {
    code: "HeaderInvalid",
    message: "no column Password",
    at: "2026-11-30T08:00:00.000Z",
  };
  expect(headlineOf(batch({ ...empty, uploadError }), now)).toBe("No mailbox was taken in.");
  expect(headlineOf(batch({ totalCount: 5_000, syncedCount: 5_000 }), now)).toMatch(/^All 5.000 mailboxes/);
  expect(headlineOf(batch({ totalCount: 1, syncedCount: 1 }), now)).toMatch(/^The mailbox is synced/);
});
