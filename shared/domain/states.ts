import { z } from "zod";

/** What a mailbox is at; migration/mailbox/life.ts says how one follows another. */
export const mailboxStatusSchema = z.enum([
  "Created",
  "Queued",
  "Syncing",
  "IncrementalSyncing",
  "Verifying",
  "Undoing",
  "Synced",
  "Stopped",
  "Failed",
  "Completed",
]);
export type MailboxStatus = z.infer<typeof mailboxStatusSchema>;

/** As Exchange names them. */
export const batchStatusSchema = z.enum([
  "Created",
  "Waiting",
  "Syncing",
  "IncrementalSyncing",
  "Synced",
  "SyncedWithErrors",
  "Failed",
  "Stopping",
  "Stopped",
  "Completing",
  "Completed",
  "CompletedWithErrors",
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
  "undo",
  "forget",
  "confirm",
  "release",
  "remove",
  "removeMailboxes",
]);
export type OperationKind = z.infer<typeof operationKindSchema>;

/** An initial sync copies a mailbox for the first time; an incremental sync brings a synced one up to date. */
export type SyncKind = "initial" | "incremental";

export interface MailboxCounts {
  readonly total: number;
  readonly created: number;
  /** Waiting or being worked on. */
  readonly active: number;
  /** Those of the active ones that were synced before; undefined in what an earlier build stored. */
  readonly incremental?: number;
  readonly synced: number;
  readonly failed: number;
  readonly stopped: number;
  readonly completed: number;
}

/** What the status of a batch follows from. */
export interface BatchStanding {
  readonly intent: BatchIntent;
  /** True if it waits for the time of its start. */
  readonly waits: boolean;
  /** True while an operation has not reached all mailboxes yet. */
  readonly pending: boolean;
  /** True if mailboxes that failed are left behind. */
  readonly failedLeft: boolean;
  readonly counts: MailboxCounts;
}

/**
 * Status of a batch from the operator's intent and its mailboxes. Pure.
 * @see https://learn.microsoft.com/previous-versions/office/developer/exchange-server-2010/ff330190(v=exchg.150)
 */
export function batchStatus({ intent, waits, pending, failedLeft, counts }: BatchStanding): BatchStatus {
  const { total, created, active, incremental = 0, synced, failed, stopped, completed } = counts;
  const atWork = pending || active > 0;
  switch (intent) {
    case "removing":
      return "Removing";
    case "created":
      return waits ? "Waiting" : "Created";
    case "stopped":
      return atWork ? "Stopping" : "Stopped";
    case "completed":
      if (atWork || created > 0 || synced > 0) return "Completing";
      return completed === total || failedLeft ? "Completed" : "CompletedWithErrors";
    case "running":
      if (created > 0 || active > incremental) return "Syncing";
      if (active > 0) return "IncrementalSyncing";
      if (pending) return synced + completed === total ? "IncrementalSyncing" : "Syncing";
      if (total > 0 && failed === total) return "Failed";
      if (failed > 0) return "SyncedWithErrors";
      // Of a batch that runs only a rehearsal leaves all of them so.
      if (total > 0 && completed === total) return "Completed";
      return total > 0 && stopped === total ? "Stopped" : "Synced";
  }
}
