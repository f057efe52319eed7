import { z } from "zod";
import { batchNameSchema, mailboxIdSchema } from "./names.ts";

/**
 * Format of the messages that this build sends. It reads them and those of the version before; a message that names no
 * version has version 1. One of a newer build is refused, so that the queue gives it to that build.
 */
export const messageFormat = 1;
const formatVersion = z.int().min(1).max(messageFormat, "sent by a newer build").optional();

/** Asks for admission of one mailbox. Queue `mailbox-sync`. Repeating it is harmless. */
export const mailboxSyncMessageSchema = z.object({
  batch: batchNameSchema,
  mailboxId: mailboxIdSchema,
  /** Raised by every start, retry and wake-up; an older message than the mailbox's round is stale. */
  round: z.int().nonnegative(),
  formatVersion,
});
export type MailboxSyncMessage = z.infer<typeof mailboxSyncMessageSchema>;

/** Continues the chain of one mailbox. Queue `folder-sync`, session id = mailbox id. */
export const folderSyncMessageSchema = z.object({
  batch: batchNameSchema,
  mailboxId: mailboxIdSchema,
  round: z.int().nonnegative(),
  /** Position in the chain of this round; an older step than the ledger's is stale. */
  step: z.int().nonnegative(),
  formatVersion,
});
export type FolderSyncMessage = z.infer<typeof folderSyncMessageSchema>;

/** Wakes the janitor at the beginning of a minute, counted from 1970. Queue `janitor`. Repeating it is harmless. */
export const sweepMessageSchema = z.object({ minute: z.int().nonnegative(), formatVersion });
export type SweepMessage = z.infer<typeof sweepMessageSchema>;

/** Has a test of a target mailbox done. Queue `janitor`. Repeating it is harmless. */
export const targetTestMessageSchema = z.object({ targetTest: z.uuid(), formatVersion });
export type TargetTestMessage = z.infer<typeof targetTestMessageSchema>;

/** Everything that the queue `janitor` holds. */
export const janitorMessageSchema = z.union([targetTestMessageSchema, sweepMessageSchema]);

export const mailboxSyncQueue = "mailbox-sync";
export const folderSyncQueue = "folder-sync";
export const janitorQueue = "janitor";
/** Steps of mailboxes in which workers died again and again: one session for all of them, so that they come one by one. */
export const isolatedSyncQueue = "isolated-sync";
export const isolatedSession = "isolated";

/** Deterministic Service Bus message ids: duplicate detection drops a second send of the same step. */
export function mailboxSyncMessageId(message: MailboxSyncMessage): string {
  return `${message.mailboxId}-${message.round}`;
}
export function folderSyncMessageId(message: FolderSyncMessage): string {
  return `${message.mailboxId}-${message.round}-${message.step}`;
}
export function sweepMessageId(message: SweepMessage): string {
  return `sweep-${message.minute}`;
}
export function targetTestMessageId(message: TargetTestMessage): string {
  return `target-test-${message.targetTest}`;
}
