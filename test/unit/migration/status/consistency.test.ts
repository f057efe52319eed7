import { expect, it } from "vitest";
import type { BatchView } from "../../../../shared/domain/api/batches.ts";
import type { BatchName, EndpointName } from "../../../../shared/domain/names.ts";
import { newBatch } from "../../../../shared/migration/batch/life.ts";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { batchView, consistency, totalsOf } from "../../../../shared/migration/status/batch-totals.ts";
import { mailbox } from "../sample-mailbox.ts";

it.each([
  ["nothing was skipped", 0, 0, 0, "Perfect"],
  ["the user or the operator left items out", 50, 0, 0, "Good"],
  ["a few items were lost", 60, 10, 0, "Investigate"],
  ["a mailbox failed", 0, 0, 1, "Investigate"],
  ["more than one item in a hundred was lost", 11, 11, 0, "Poor"],
])("says of a batch in which %s: %s skipped, %s lost, %s failed: %s", (_, skipped, lost, failed, score) => {
  const counts = { total: 3, created: 0, active: 0, synced: 3 - failed, failed, stopped: 0, completed: 0 };
  const totals = {
    syncedItemCount: 1000 - skipped,
    skippedItemCount: skipped,
    lostItemCount: lost,
    totalItemsInSourceMailboxCount: 1000,
  };
  expect(consistency({ counts, ...totals })).toBe(score);
});

function viewOf(...mailboxes: readonly MailboxRecord[]): BatchView {
  const place = { batch: "b" as BatchName, displayName: "b", endpoint: "e" as EndpointName };
  return batchView(newBatch(place, undefined, 0), totalsOf(mailboxes), 1, 1);
}

const copied = mailbox("Synced", { totalItemCount: 10, syncedItemCount: 10, lastSyncedAt: 1 });
const half = mailbox("Syncing", { totalItemCount: 10, syncedItemCount: 5 });
const empty = mailbox("Synced", { lastSyncedAt: 1 });

it.each([
  ["was never started", [mailbox("Created"), mailbox("Created")], 0, null],
  ["has no mailbox", [], 0, null],
  ["waits with its first mailbox", [mailbox("Queued")], 0, null],
  ["has copied one of four mailboxes", [copied, mailbox("Queued"), mailbox("Created"), half], 37, "Perfect"],
  [
    "has copied all of what it knows of",
    [copied, mailbox("Queued", { totalItemCount: 3, syncedItemCount: 3 })],
    99,
    "Perfect",
  ],
  ["found only empty mailboxes", [empty, empty], 100, "Perfect"],
  ["failed before anything was copied", [mailbox("Failed")], 0, "Investigate"],
  ["got more mail since", [{ ...copied, totalItemCount: 20, percentageComplete: 100 }], 100, "Perfect"],
])("says of a batch that %s: %s", async (_, mailboxes, percentageComplete, dataConsistencyScore) => {
  expect(await viewOf(...mailboxes)).toMatchObject({ percentageComplete, dataConsistencyScore });
});
