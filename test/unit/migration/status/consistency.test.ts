import { expect, it } from "vitest";
import type { BatchView } from "../../../../shared/domain/api/batches.ts";
import type { BatchName, EndpointName } from "../../../../shared/domain/names.ts";
import { newBatch } from "../../../../shared/migration/batch/life.ts";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { batchView, scoreOf, totalsOf } from "../../../../shared/migration/status/batch-totals.ts";
import { mailbox } from "../sample-mailbox.ts";

it.each([
  ["nothing was skipped", { skippedItemCount: 0 }, "Perfect"],
  ["the user or the operator left items out", { skippedItemCount: 50, leftOutItemCount: 50 }, "Good"],
  ["a few items were lost", { skippedItemCount: 60, leftOutItemCount: 50 }, "Investigate"],
  ["it failed", { status: "Failed" }, "Investigate"],
  ["more than one item in a hundred was lost", { skippedItemCount: 11 }, "Poor"],
  ["a hundred items were lost", { skippedItemCount: 100, totalItemCount: 50_000 }, "Poor"],
] as const)("says of a mailbox of which %s: %o: %s", (_, change, score) => {
  const known = { totalItemCount: 1000, syncedItemCount: 900, lastSyncedAt: 1 };
  expect(scoreOf(mailbox("Synced", { ...known, ...change }))).toBe(score);
});

it("gives a batch the score of its worst mailbox, however many there are", () => {
  const good = mailbox("Synced", { totalItemCount: 100_000, syncedItemCount: 100_000, lastSyncedAt: 1 });
  const bad = mailbox("Synced", {
    totalItemCount: 10,
    syncedItemCount: 9,
    skippedItemCount: 1,
    lastSyncedAt: 1,
  });
  expect(viewOf(good, bad, good).dataConsistencyScore).toBe("Poor");
});

function viewOf(...mailboxes: readonly MailboxRecord[]): BatchView {
  const place = { batch: "b" as BatchName, displayName: "b", endpoint: "e" as EndpointName };
  return batchView(newBatch(place, undefined, 0), { totals: totalsOf(mailboxes), asOf: 1 }, 1);
}

const copied = mailbox("Synced", { totalItemCount: 10, syncedItemCount: 10, lastSyncedAt: 1 });
const half = mailbox("Syncing", { totalItemCount: 10, syncedItemCount: 5 });
const empty = mailbox("Synced", { lastSyncedAt: 1 });

it.each([
  ["was never started", [mailbox("Created"), mailbox("Created")], 0, null],
  ["has no mailbox", [], 0, null],
  ["waits with its first mailbox", [mailbox("Queued")], 0, null],
  ["has copied one of four mailboxes", [copied, mailbox("Queued"), mailbox("Created"), half], 37, null],
  [
    "has copied all of what it knows of",
    [copied, mailbox("Queued", { totalItemCount: 3, syncedItemCount: 3 })],
    99,
    null,
  ],
  ["found only empty mailboxes", [empty, empty], 100, "Perfect"],
  ["failed before anything was copied", [mailbox("Failed")], 0, "Investigate"],
  ["got more mail since", [{ ...copied, totalItemCount: 20, percentageComplete: 100 }], 100, "Perfect"],
])("says of a batch that %s: %s", async (_, mailboxes, percentageComplete, dataConsistencyScore) => {
  expect(await viewOf(...mailboxes)).toMatchObject({ percentageComplete, dataConsistencyScore });
});
