import { z } from "zod";

/** What a mailbox is at; migration/mailbox/life.ts says how one follows another. */
export const mailboxStatusSchema = z.enum([
  "Created",
  "Queued",
  "Syncing",
  "IncrementalSyncing",
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
 * @returns never "Created" once any mailbox has been worked on.
 */
export function batchStatus(intent: BatchIntent, counts: MailboxCounts): BatchStatus {
  if (intent === "removing") return "Removing";
  if (intent === "created") return "Created";
  if (intent === "stopped") return "Stopped";
  if (counts.active > 0 || counts.created > 0) return "Syncing";
  if (counts.total > 0 && counts.failed === counts.total) return "Failed";
  if (counts.failed > 0) return "SyncedWithErrors";
  if (intent === "completed" && counts.completed === counts.total) return "Completed";
  return "Synced";
}
