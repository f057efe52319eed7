import { expect, it } from "vitest";
import { consistency } from "../../../../shared/migration/status/batch-totals.ts";

it.each([
  ["nothing was skipped", 0, 0, 0, "Perfect"],
  ["the user or the operator left items out", 50, 0, 0, "Good"],
  ["a few items were lost", 60, 10, 0, "Investigate"],
  ["a mailbox failed", 0, 0, 1, "Investigate"],
  ["more than one item in a hundred was lost", 11, 11, 0, "Poor"],
])("says of a batch in which %s: %s skipped, %s lost, %s failed: %s", (_, skipped, lost, failed, score) => {
  const counts = { total: 3, created: 0, active: 0, synced: 3 - failed, failed, stopped: 0, completed: 0 };
  const totals = { skippedItemCount: skipped, lostItemCount: lost, totalItemsInSourceMailboxCount: 1000 };
  expect(consistency({ counts, ...totals })).toBe(score);
});
