import { describe, expect, it } from "vitest";
import type { BatchName, EndpointName } from "../../../../shared/domain/names.ts";
import { type BatchStatus, batchStatusSchema, type OperationKind } from "../../../../shared/domain/states.ts";
import { type BatchAction, decided, takesMailboxes } from "../../../../shared/migration/batch/acts.ts";
import {
  completionAt,
  idleStopAt,
  intended,
  isAtWork,
  isStartDue,
  newBatch,
  uploaded,
} from "../../../../shared/migration/batch/life.ts";
import { factsOf, sumOf } from "../../../../shared/migration/cutover/mailbox-facts.ts";
import { batchChecks, reasonsOf } from "../../../../shared/migration/cutover/verdicts.ts";
import { approved } from "../../../../shared/migration/mailbox/approval.ts";
import { operatedOn } from "../../../../shared/migration/operations/transitions.ts";
import type {
  BatchRecord,
  MailboxRecord,
  OperationRecord,
} from "../../../../shared/migration/ports/registry.ts";
import { day } from "../../../../shared/migration/runtime.ts";
import { standingOf, statusOf, totalsOf } from "../../../../shared/migration/status/batch-totals.ts";
import { mailbox } from "../sample-mailbox.ts";

const now = 1_000 * day;
const name = { batch: "b" as BatchName, displayName: "b", endpoint: "e" as EndpointName };
const created = newBatch(name, undefined, 0);
const running: BatchRecord = { ...created, intent: "running", startedAt: 1, runningSince: 1 };
const stoppedBatch: BatchRecord = { ...running, intent: "stopped" };
const completed: BatchRecord = { ...running, intent: "completed" };

const synced = mailbox("Synced", { kind: "incremental", lastSyncedAt: 5 });
const skipping = { ...synced, skippedItemCount: 1 };
const failed = mailbox("Failed", { lastSyncedAt: 5, error: { code: "LoginRejected", message: "", at: 5 } });
const stopped = mailbox("Stopped");
const done: MailboxRecord = { ...synced, status: "Completed" };
const again: MailboxRecord = { ...synced, status: "IncrementalSyncing" };

type Sample = readonly [BatchRecord, readonly MailboxRecord[]];

/** A batch in each status. */
const samples: Readonly<Record<BatchStatus, Sample>> = {
  Created: [created, [mailbox("Created")]],
  Waiting: [
    { ...created, options: { ...created.options, startAfter: now + 1 } },
    [mailbox("Created"), mailbox("Created")],
  ],
  Syncing: [running, [mailbox("Syncing"), synced, failed]],
  IncrementalSyncing: [running, [again, synced]],
  Synced: [running, [synced, synced]],
  SyncedWithErrors: [running, [synced, failed]],
  Failed: [running, [failed, failed]],
  Stopping: [stoppedBatch, [mailbox("Syncing"), stopped, synced]],
  Stopped: [stoppedBatch, [stopped, synced]],
  Completing: [completed, [again, done, failed]],
  Completed: [completed, [done, done]],
  CompletedWithErrors: [completed, [done, failed]],
  Removing: [{ ...running, intent: "removing" }, [stopped]],
};

function statusIn([batch, mailboxes]: Sample): BatchStatus {
  return statusOf(batch, totalsOf(mailboxes).counts, now);
}

/** What an operation of this kind makes of a batch, once it is through. */
function carriedOut(kind: OperationKind, [batch, mailboxes]: Sample): Sample {
  const operation = { seq: 10, kind, whole: true, batch: name.batch, selection: {} } as OperationRecord;
  return [batch, mailboxes.map((one) => operatedOn(operation, [], one) ?? one)];
}

function acted(action: BatchAction, sample: Sample, consent = {}): readonly [Sample, BatchStatus] | string {
  const [batch, mailboxes] = sample;
  const decision = decided(batch, action, standingOf(batch, totalsOf(mailboxes), now), consent, now);
  if ("reasons" in decision) return decision.code;
  const operations = [{ seq: 10, kind: decision.kind, whole: true }];
  return [
    carriedOut(decision.kind, [decision.batch, mailboxes]),
    statusIn([{ ...decision.batch, operations }, mailboxes]),
  ];
}

const statuses = batchStatusSchema.options;

it.each(statuses)("the sample of %s is one", (status) => {
  expect(statusIn(samples[status])).toBe(status);
});

/** In this order: start, stop, sync, retry, complete. What stands in capitals is a status, what else a refusal's code. */
const table: Readonly<Record<BatchStatus, readonly string[]>> = {
  Created: ["Syncing", "Stopped", "!BatchNotRunning", "Syncing", "!BatchNotStarted"],
  Waiting: ["Syncing", "Stopped", "!BatchNotRunning", "Syncing", "!BatchNotStarted"],
  Syncing: ["Syncing", "Stopped", "Syncing", "Syncing", "!BatchSyncing"],
  Synced: ["Synced", "Stopped", "IncrementalSyncing", "Synced", "Completing"],
  SyncedWithErrors: ["Syncing", "Stopped", "IncrementalSyncing", "Syncing", "!BatchIncomplete"],
  IncrementalSyncing: [
    "IncrementalSyncing",
    "Stopped",
    "IncrementalSyncing",
    "IncrementalSyncing",
    "Completing",
  ],
  Failed: ["Syncing", "Stopped", "!NothingSynced", "Syncing", "!NothingSynced"],
  Stopping: ["Syncing", "Stopped", "!BatchNotRunning", "Syncing", "!BatchStopped"],
  Stopped: ["Syncing", "Stopped", "!BatchNotRunning", "Synced", "!BatchStopped"],
  Completing: ["!BatchCompleting", "Stopped", "!BatchNotRunning", "Completing", "Completing"],
  Completed: ["IncrementalSyncing", "Completed", "!BatchNotRunning", "Completed", "Completed"],
  CompletedWithErrors: ["Completing", "CompletedWithErrors", "!BatchNotRunning", "Completing", "Completed"],
  Removing: ["!BatchRemoving", "!BatchRemoving", "!BatchRemoving", "!BatchRemoving", "!BatchRemoving"],
};
const actions = ["start", "stop", "sync", "retry", "complete"] as const;
const pairs = statuses.flatMap((status) =>
  actions.map((action, index) => [status, action, table[status][index] ?? ""] as const),
);

describe("an action on a whole batch", () => {
  it.each(pairs)("%s, %s: %s", (status, action, expected) => {
    const result = acted(action, samples[status]);
    if (typeof result === "string") return expect(`!${result}`).toBe(expected);
    expect(statusIn(result[0])).toBe(expected);
    // Repeated at once it changes nothing more.
    const repeated = acted(action, result[0]);
    if (typeof repeated !== "string") expect(statusIn(repeated[0])).toBe(expected);
  });

  it.each(["Syncing", "Synced", "SyncedWithErrors", "IncrementalSyncing", "Completing", "Stopping"] as const)(
    "%s shows Stopping until a stop has reached every mailbox",
    (status) => {
      expect(acted("stop", samples[status])[1]).toBe("Stopping");
    },
  );

  it("a retry reaches mailboxes of which messages were skipped, in the last sync of the batch as well", () => {
    const statusAfter = (sample: Sample) => {
      const result = acted("retry", sample);
      return typeof result === "string" ? result : statusIn(result[0]);
    };
    expect(statusAfter([running, [skipping, synced]])).toBe("IncrementalSyncing");
    expect(statusAfter([completed, [{ ...skipping, status: "Completed" }, done]])).toBe("Completing");
  });

  it("a completion leaves failed mailboxes and skipped messages behind only if somebody accepted that", () => {
    const complete = (sample: Sample, consent: object) => {
      const result = acted("complete", sample, consent);
      return typeof result === "string" ? result : statusIn(carriedThrough(result[0]));
    };
    const carriedThrough = ([batch, mailboxes]: Sample): Sample => [
      batch,
      mailboxes.map((one) => (one.status === "Queued" ? { ...one, status: "Completed" } : one)),
    ];
    expect(complete(samples.SyncedWithErrors, { leaveFailed: true })).toBe("Completed");
    expect(complete([running, [again, failed]], {})).toBe("Completing");
    expect(complete([running, [skipping]], {})).toBe("ItemsNotApproved");
    const accepted = approved(skipping, { by: "ann", at: now });
    expect(accepted && complete([running, [accepted]], {})).toBe("Completed");
    expect(complete([running, [{ ...skipping, leftOutItemCount: 1 }]], {})).toBe("Completed");
  });
});

describe("another upload", () => {
  it.each([
    ["Created", "Syncing"],
    ["Waiting", "Waiting"],
    ["Syncing", "Syncing"],
    ["Synced", "Syncing"],
    ["SyncedWithErrors", "Syncing"],
    ["IncrementalSyncing", "Syncing"],
    ["Failed", "Syncing"],
    ["Stopping", "Stopping"],
    ["Stopped", "Stopped"],
    ["Completing", "refused"],
    ["Completed", "Syncing"],
    ["CompletedWithErrors", "Syncing"],
    ["Removing", "refused"],
  ] as const)("%s: %s", (status, expected) => {
    if (!takesMailboxes(status)) return expect("refused").toBe(expected);
    const [batch, mailboxes] = samples[status];
    const next = uploaded(batch, { valid: 1, invalid: 0 }, now);
    const added: Sample = [next, [...mailboxes, mailbox("Created")]];
    expect(statusIn(isAtWork(next) ? carriedOut("upload", added) : added)).toBe(expected);
  });

  it("a batch that waits for somebody's start goes on waiting", () => {
    const batch = { ...created, options: { ...created.options, autoStart: false } };
    expect(statusIn([uploaded(batch, { valid: 1, invalid: 0 }, now), [mailbox("Created")]])).toBe("Created");
  });
});

function standsAgainst(mailboxes: readonly MailboxRecord[], failedLeft = false): boolean {
  const facts = factsOf(
    mailboxes.map((one) => ({ ...one, changedAt: 0 })),
    failedLeft,
  );
  return reasonsOf(batchChecks(sumOf(facts.values()))).length > 0;
}

describe("a deletion", () => {
  it.each([
    ["Created", true],
    ["Waiting", true],
    ["Syncing", true],
    ["Synced", false],
    ["SyncedWithErrors", true],
    ["IncrementalSyncing", true],
    ["Failed", true],
    ["Stopping", true],
    ["Completing", true],
    ["Completed", false],
    ["CompletedWithErrors", true],
  ] as const)("%s: needs force whatever the MX record says: %s", (status, needsForce) => {
    const [batch, mailboxes] = samples[status];
    expect(standsAgainst(mailboxes)).toBe(needsForce);
    expect(statusIn([intended(batch, "removing", now) ?? batch, mailboxes])).toBe("Removing");
  });

  it("takes no notice of mailboxes that were left behind", () => {
    expect(standsAgainst([done, failed], true)).toBe(false);
  });
});

describe("by itself", () => {
  it("Waiting: the time comes", () => {
    const [batch] = samples.Waiting;
    expect(isStartDue(batch, now)).toBe(false);
    expect(isStartDue(batch, now + 1)).toBe(true);
  });

  it("Syncing: all settled", () => {
    expect(statusIn([running, [synced, synced]])).toBe("Synced");
    expect(statusIn([running, [synced, failed]])).toBe("SyncedWithErrors");
    expect(statusIn([running, [failed]])).toBe("Failed");
  });

  it("Stopping: the last worker is through", () => {
    expect(statusIn([stoppedBatch, [stopped, synced]])).toBe("Stopped");
  });

  it("Completing: the last sync is through", () => {
    expect(statusIn([completed, [done, done]])).toBe("Completed");
    expect(statusIn([completed, [done, failed]])).toBe("CompletedWithErrors");
    expect(statusIn([{ ...completed, failedLeft: true }, [done, failed]])).toBe("Completed");
  });

  it("Synced: completeAfter comes, once", () => {
    const options = { ...created.options, completeAfter: now };
    const batch = { ...running, options };
    expect(completionAt(batch)).toBe(now);
    expect(completionAt({ ...batch, intent: "stopped" })).toBeUndefined();
    // The first start may be later than that.
    expect(completionAt({ ...batch, startedAt: now + 9, runningSince: now + 9 })).toBe(now);
    const restarted = intended({ ...batch, intent: "completed" }, "running", now + 5);
    expect(restarted && completionAt(restarted)).toBeUndefined();
  });

  it("Synced: nobody touches it for sixty days", () => {
    expect(idleStopAt({ ...running, touchedAt: now })).toBe(now + 60 * day);
    expect(idleStopAt({ ...stoppedBatch, touchedAt: now })).toBeUndefined();
  });
});
