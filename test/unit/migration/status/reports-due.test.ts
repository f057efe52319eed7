import { describe, expect, it } from "vitest";
import { defaultBatchOptions } from "../../../../shared/domain/batch-options.ts";
import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import type { BatchRecord, MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import { foldState } from "../../../../shared/migration/status/batch-states.ts";
import { areReportsDue } from "../../../../shared/migration/status/reports.ts";

const hour = 3_600_000;
const batch: BatchRecord = {
  name: "spring" as BatchName,
  displayName: "spring",
  endpoint: "old" as EndpointName,
  intent: "running",
  options: defaultBatchOptions,
  createdAt: 0,
  startedAt: 0,
  invalidRowCount: 0,
  lastOperation: 0,
  operations: [],
  admitsFrom: 0,
};
const mailbox: MailboxRecord = {
  id: "0123456789abcdef0123456789abcdef" as MailboxId,
  batch: batch.name,
  endpoint: batch.endpoint,
  emailAddress: "ann@contoso.example",
  userName: "ann",
  sealedPassword: "",
  status: "Synced",
  kind: "incremental",
  round: 7,
  attempts: 0,
  totalItemCount: 0,
  syncedItemCount: 0,
  skippedItemCount: 0,
  bytesTransferred: 0,
  estimatedBytes: 0,
  createdAt: 0,
};

function stateOf(changes: Partial<MailboxRecord>, resyncAt?: number) {
  return foldState({ ...batch, resyncAt }, [{ ...mailbox, ...changes, changedAt: 0 }], 0);
}

const shown = { digest: stateOf({}).digest, at: 100 * hour };

describe("reports are written", () => {
  it.each([
    ["when a first round is over", undefined, {}, 1, true],
    ["when another round is over", shown, { round: 8 }, 101, true],
    ["when a mailbox failed since", shown, { status: "Failed" }, 101, true],
    ["not again while nothing happens", shown, {}, 200, false],
    ["not in the middle of a round", shown, { round: 8, status: "IncrementalSyncing" }, 101, false],
    ["not before anything was started", undefined, { status: "Created" }, 1, false],
    ["once a day where a round takes longer", shown, { round: 8, status: "Syncing" }, 124, true],
    [
      "again a day later, though only counters have changed",
      { ...shown, digest: stateOf({ status: "Syncing" }).digest },
      { status: "Syncing" },
      124,
      true,
    ],
  ] as const)("%s", (_, reported, changes, hours, due) => {
    expect(areReportsDue({ ...batch, reported }, stateOf(changes), hours * hour)).toBe(due);
  });

  it("not while a mailbox is due", () => {
    expect(areReportsDue({ ...batch, reported: shown }, stateOf({ round: 8 }, 1), 101 * hour)).toBe(false);
  });
});
