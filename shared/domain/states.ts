import { z } from "zod";

/** What a mailbox is at; migration/mailbox/life.ts says how one follows another. */
export const mailboxStatusSchema = z.enum([
  "Created",
  "Queued",
  "Syncing",
  "IncrementalSyncing",
  "Verifying",
  "Synced",
  "Stopped",
  "Failed",
  "Completed",
]);
export type MailboxStatus = z.infer<typeof mailboxStatusSchema>;

export const batchStatusSchema = z.enum([
  "Created",
  "Syncing",
  "Synced",
  "SyncedWithErrors",
  "Stopped",
  "Failed",
  "Completed",
  "Removing",
]);
export type BatchStatus = z.infer<typeof batchStatusSchema>;

/** What the operator wants of a batch; its status follows from this and from the mailboxes. */
export type BatchIntent = "created" | "running" | "stopped" | "completed" | "removing";

/**
 * What the application does with the mailboxes of a batch, one page of them after another. An operator begins all but
 * `upload` (an uploaded file added mailboxes) and `release` (every login was tested).
 */
export const operationKindSchema = z.enum([
  "upload",
  "start",
  "stop",
  "sync",
  "retry",
  "complete",
  "verify",
  "approve",
  "confirm",
  "release",
  "remove",
]);
export type OperationKind = z.infer<typeof operationKindSchema>;

/** An initial sync copies a mailbox for the first time; an incremental sync brings a synced one up to date. */
export type SyncKind = "initial" | "incremental";

export interface MailboxCounts {
  readonly total: number;
  readonly created: number;
  readonly active: number;
  readonly synced: number;
  readonly failed: number;
  readonly stopped: number;
  readonly completed: number;
}

/**
 * Status of a batch from the operator's intent and its mailboxes.
 * @param pending true while an operation has not reached all of them yet.
 * @returns never "Created" once any mailbox has been worked on.
 */
export function batchStatus(intent: BatchIntent, counts: MailboxCounts, pending = false): BatchStatus {
  if (intent === "removing") return "Removing";
  if (intent === "created") return "Created";
  if (intent === "stopped") return "Stopped";
  if (pending || counts.active > 0 || counts.created > 0) return "Syncing";
  if (counts.total > 0 && counts.failed === counts.total) return "Failed";
  if (counts.failed > 0) return "SyncedWithErrors";
  // Of a batch that runs only a rehearsal leaves all of them so.
  const allCompleted = counts.completed === counts.total;
  if (allCompleted && (intent === "completed" || counts.total > 0)) return "Completed";
  return "Synced";
}
