import { z } from "zod";
import { batchNameSchema, mailboxIdSchema } from "./names.ts";

/**
 * Format of the messages that this build sends. It reads them and those of the version before; a message that names no
 * version has version 1. One of a newer build is refused, so that the queue gives it to that build.
 */
export const messageFormat = 1;
const formatVersion = z.int().min(1).max(messageFormat, "sent by a newer build").optional();

/** Carries out the pages of one slot of an operation. Repeating it is harmless. */
const pageMessageSchema = z.object({
  kind: z.literal("page"),
  batch: batchNameSchema,
  /** Number of the operation; one that is over, or whose turn has not come, does nothing. */
  operation: z.int().nonnegative(),
  slot: z.int().nonnegative(),
  /** Raised whenever the message is sent again, since an id that was sent is dropped. */
  attempt: z.int().nonnegative(),
  formatVersion,
});
/** Brings the figures of a batch up to date, and what in it waits for a time. Repeating it is harmless. */
const tendMessageSchema = z.object({
  kind: z.literal("tend"),
  batch: batchNameSchema,
  /** When it is due, in ticks of {@link tickMs} since 1970. */
  tick: z.int().nonnegative(),
  formatVersion,
});
/** Writes reports of a batch, from where the last message stopped. Repeating it is harmless. */
const reportMessageSchema = z.object({
  kind: z.literal("report"),
  batch: batchNameSchema,
  attempt: z.int().nonnegative(),
  formatVersion,
});
/** Reads a file whose event was lost. Repeating it is harmless. */
const uploadMessageSchema = z.object({
  kind: z.literal("upload"),
  file: z.string().min(1),
  version: z.string().min(1),
  attempt: z.int().nonnegative(),
  formatVersion,
});
/** What the application does with a whole batch. Queue `operations`. */
export const operationMessageSchema = z.discriminatedUnion("kind", [
  pageMessageSchema,
  tendMessageSchema,
  reportMessageSchema,
  uploadMessageSchema,
]);
export type OperationMessage = z.infer<typeof operationMessageSchema>;
export type PageMessage = z.infer<typeof pageMessageSchema>;
export type TendMessage = z.infer<typeof tendMessageSchema>;

/** The shortest time between two looks at a batch, in milliseconds. */
export const tickMs = 10_000;

/** Continues the chain of one mailbox. Queue `folder-sync`, session id = mailbox id. */
export const folderSyncMessageSchema = z.object({
  batch: batchNameSchema,
  mailboxId: mailboxIdSchema,
  round: z.int().nonnegative(),
  /** Position in the chain of this round; an older step than the ledger's is stale. */
  step: z.int().nonnegative(),
  formatVersion,
});
/** What is asked of a message of a mailbox that the queue gave up on, whichever build sent it. */
export const stepLetterSchema = folderSyncMessageSchema.omit({ step: true, formatVersion: true });
export type FolderSyncMessage = z.infer<typeof folderSyncMessageSchema>;

/** Wakes the janitor at the beginning of a minute, counted from 1970. Queue `janitor`. Repeating it is harmless. */
export const sweepMessageSchema = z.object({ minute: z.int().nonnegative(), formatVersion });
export type SweepMessage = z.infer<typeof sweepMessageSchema>;

/** Has a test of a target mailbox done. Queue `janitor`. Repeating it is harmless. */
export const targetTestMessageSchema = z.object({
  targetTest: z.uuid(),
  /** Tells messages of one test apart; the first has none. */
  attempt: z.int().nonnegative().optional(),
  formatVersion,
});
export type TargetTestMessage = z.infer<typeof targetTestMessageSchema>;

/** Everything that the queue `janitor` holds. */
export const janitorMessageSchema = z.union([targetTestMessageSchema, sweepMessageSchema]);

export const operationsQueue = "operations";
export const folderSyncQueue = "folder-sync";
export const janitorQueue = "janitor";
/** Steps of mailboxes in which workers died again and again: one session for all of them, so that they come one by one. */
export const isolatedSyncQueue = "isolated-sync";
export const isolatedSession = "isolated";

/** Deterministic Service Bus message ids: duplicate detection drops a second send of the same step. */
export function operationMessageId(message: OperationMessage): string {
  switch (message.kind) {
    case "page":
      return `page-${message.batch}-${message.operation}-${message.slot}-${message.attempt}`;
    case "tend":
      return `tend-${message.batch}-${message.tick}`;
    case "report":
      return `report-${message.batch}-${message.attempt}`;
    case "upload":
      return `upload-${message.version.slice(0, 64)}-${message.attempt}`;
  }
}
export function folderSyncMessageId(message: FolderSyncMessage): string {
  return `${message.mailboxId}-${message.round}-${message.step}`;
}
export function sweepMessageId(message: SweepMessage): string {
  return `sweep-${message.minute}`;
}
export function targetTestMessageId({ targetTest, attempt }: TargetTestMessage): string {
  return attempt === undefined ? `target-test-${targetTest}` : `target-test-${targetTest}-${attempt}`;
}
