import type { BatchStatus, OperationKind } from "../../domain/states.ts";
import type { BatchRecord } from "../ports/registry.ts";
import { intended, isRemoving } from "./life.ts";

/** What an operator may do with a batch and its mailboxes. */
export type BatchAction = "start" | "startForReal" | "stop" | "sync" | "retry" | "complete";

/** What an operator says beside the action. */
export interface Consent {
  /** Mailboxes that failed may stay as they are. */
  readonly leaveFailed?: boolean | undefined;
}

export interface Refused {
  readonly code: string;
  readonly reasons: readonly string[];
}

export function refusal(code: string, reason: string): Refused {
  return { code, reasons: [reason] };
}

/** Where the batch stands when somebody acts. */
export interface Standing {
  readonly status: BatchStatus;
  readonly failed: number;
  /** Messages that were skipped and not left out on purpose, and that nobody approved. */
  readonly unapproved: number;
}

/** False while new mailboxes are refused: in the middle of the last sync, and of the removal. Pure. */
export function takesMailboxes(status: BatchStatus): boolean {
  return status !== "Completing" && status !== "Removing";
}

/** What becomes of the batch, and what is done with its mailboxes. */
export interface Decision {
  readonly batch: BatchRecord;
  readonly kind: Extract<OperationKind, BatchAction>;
}

/**
 * What an action on a whole batch comes to, or why it is refused: one decision from where the batch stands. Pure.
 * @param now milliseconds since 1970.
 */
export function decided(
  batch: BatchRecord,
  action: BatchAction,
  standing: Standing,
  consent: Consent,
  now: number,
): Decision | Refused {
  if (isRemoving(batch)) return refusal("BatchRemoving", "The batch is being removed.");
  const running = intended(batch, "running", now) ?? batch;
  const { status } = standing;
  switch (action) {
    case "start":
      if (status === "Completing")
        return refusal(
          "BatchCompleting",
          "The batch is being completed. Stop it first, or wait for its end.",
        );
      if (status === "CompletedWithErrors") return { batch, kind: "retry" };
      if (status === "SyncedWithErrors" || status === "Failed") return { batch: running, kind: "retry" };
      return { batch: running, kind: "start" };
    case "startForReal": {
      if (!batch.options.dryRun)
        return refusal("BatchIsNoRehearsal", "The batch is no rehearsal: start is what starts it.");
      return { batch: { ...running, options: { ...batch.options, dryRun: false } }, kind: "start" };
    }
    case "stop":
      if (status === "Completed" || status === "CompletedWithErrors") return { batch, kind: "stop" };
      return { batch: intended(batch, "stopped", now) ?? batch, kind: "stop" };
    case "retry":
      if (status === "Created" || status === "Waiting") return { batch: running, kind: "start" };
      if (batch.intent === "completed") return { batch, kind: "retry" };
      return { batch: running, kind: "retry" };
    case "sync":
      return syncDecided(batch, standing);
    case "complete":
      if (batch.options.dryRun)
        return refusal(
          "BatchIsRehearsal",
          "The batch is a rehearsal. Start it for real first (startForReal).",
        );
      return completionDecided(batch, standing, consent, now);
  }
}

function syncDecided(batch: BatchRecord, { status }: Standing): Decision | Refused {
  switch (status) {
    case "Syncing":
    case "IncrementalSyncing":
    case "Synced":
    case "SyncedWithErrors":
      return { batch, kind: "sync" };
    case "Failed":
      return refusal("NothingSynced", "Every mailbox failed. Retry them.");
    default:
      return refusal("BatchNotRunning", "Only a running batch can do that. Start it first.");
  }
}

function completionDecided(
  batch: BatchRecord,
  { status, failed, unapproved }: Standing,
  { leaveFailed }: Consent,
  now: number,
): Decision | Refused {
  switch (status) {
    case "Created":
    case "Waiting":
      return refusal("BatchNotStarted", "The batch was never started. Start it first.");
    case "Syncing":
      return refusal(
        "BatchSyncing",
        "Mailboxes are being copied for the first time. Wait until they are synced.",
      );
    case "Failed":
      return refusal("NothingSynced", "Every mailbox failed. Retry them.");
    case "Stopping":
    case "Stopped":
      return refusal("BatchStopped", "The batch is stopped. Start it first, so that its last sync can run.");
    case "Completing":
    case "Completed":
      return { batch, kind: "complete" };
    case "CompletedWithErrors":
      return { batch: { ...batch, failedLeft: true }, kind: "complete" };
    default:
      break;
  }
  if (status === "SyncedWithErrors" && !leaveFailed) {
    const mailboxes = failed === 1 ? "1 mailbox" : `${failed} mailboxes`;
    return refusal("BatchIncomplete", `${mailboxes} failed. Retry, or leave them behind (leaveFailed).`);
  }
  if (unapproved > 0) {
    const were = unapproved === 1 ? "1 message was" : `${unapproved} messages were`;
    return refusal(
      "ItemsNotApproved",
      `${were} skipped, and nobody has accepted that. Retry the batch, or approve them: skipped-items.csv names each.`,
    );
  }
  const completed = intended(batch, "completed", now) ?? batch;
  return { batch: { ...completed, failedLeft: leaveFailed === true }, kind: "complete" };
}
