import { z } from "zod";
import { mailboxStatusSchema } from "../states.ts";
import { warningCodes } from "../warnings.ts";
import {
  bytes,
  count,
  instant,
  listOf,
  noEstimateSchema,
  percentage,
  recordedErrorSchema,
  type Shown,
} from "./common.ts";
import { mailboxVerificationSchema } from "./verification.ts";

export const warningSchema = z
  .strictObject({
    code: z.enum(warningCodes),
    count,
    message: z.string(),
    remedy: z.string().meta({ description: "A sentence: what to do." }),
  })
  .meta({ id: "Warning", description: "Something an operator should know although nothing failed." });
/** A warning as it is shown. */
export type Warning = Shown<typeof warningSchema>;

const undoSchema = z
  .strictObject({
    at: instant,
    forGood: z.boolean(),
    removedCount: count,
    leftCount: count.meta({
      description: "Copies that were left, since they are the user's by now: undo.csv names them.",
    }),
    left: z.partialRecord(z.enum(["changed", "movedOrDeleted", "adopted", "other"]), count),
    inDoubtCount: count.meta({
      description:
        "Messages that may have been written although nobody saw the answer; on IMAP targets only.",
    }),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  })
  .meta({ id: "MailboxUndo" });
const rehearsalSchema = z
  .strictObject({
    at: instant,
    folderCount: count,
    foldersLeftOutCount: count,
    itemCount: count,
    bytes,
    itemsLeftOutCount: count.meta({ description: "By dates, by maxItemSize, or marked as deleted." }),
    over35MBCount: count.meta({ description: "A tenant takes no more where nobody raised it." }),
    tooLargeCount: count.meta({ description: "No target takes them." }),
    fits: z.boolean().nullable().meta({
      description: "Whether the target's quota has room for it; null where the target does not tell.",
    }),
    targetFreeBytes: bytes
      .nullable()
      .meta({ description: "null without a limit, or where it is not known." }),
    targetFreeItemCount: count.nullable(),
    adoptableCount: count.meta({ description: "In the target already, with adoptExisting." }),
    ambiguousCount: count,
    foldersEstimatedCount: count.meta({ description: "There was no time to look at each message." }),
    secondsAtBest: count,
    secondsAtWorst: count,
    days: count.nullable().meta({ description: "Where the endpoint has a daily cap." }),
  })
  .meta({ id: "Rehearsal" });

export const mailboxSchema = z
  .strictObject({
    id: z.string(),
    emailAddress: z.string(),
    userName: z.string(),
    status: z.enum([...mailboxStatusSchema.options, "Stopping"]).meta({
      id: "MailboxStatus",
      description: "Stopping: the batch was stopped, and this is yet to follow.",
    }),
    startedAt: instant.nullable(),
    lastSyncedAt: instant.nullable(),
    nextAttemptAt: instant.nullable(),
    syncedItemCount: count,
    skippedItemCount: count,
    unapprovedItemCount: count,
    unapprovedItems: z
      .record(z.string(), count)
      .meta({ description: "The same by code: what an approval may name." }),
    totalItemsInSourceMailboxCount: count,
    bytesTransferred: bytes,
    estimatedTotalTransferSize: bytes,
    percentageComplete: percentage,
    itemsPerMinute: count.meta({ description: "Of the last minutes; 0 while nothing is being copied." }),
    bytesPerMinute: count,
    estimatedCompletion: instant.nullable().meta({ description: "When its first copy may be through." }),
    estimateBasis: z
      .enum(["none", "all"])
      .meta({ description: "Whether it is known what the mailbox holds." }),
    noEstimate: noEstimateSchema.nullable(),
    error: recordedErrorSchema.nullable(),
    warnings: z.array(warningSchema),
    verification: mailboxVerificationSchema
      .nullable()
      .meta({ description: "What the last verification found; null if there was none." }),
    rehearsal: rehearsalSchema.nullable().meta({ description: "What a rehearsal found." }),
    undo: undoSchema
      .nullable()
      .meta({ description: "What was taken out of the target again; null if that was never asked for." }),
  })
  .meta({ id: "Mailbox" });
/** A mailbox as the HTTP API shows it. */
export type MailboxView = Shown<typeof mailboxSchema>;

export const folderSchema = z
  .strictObject({
    id: z.string().meta({ description: "Names the folder in actions." }),
    path: z.string(),
    targetPath: z.string().nullable(),
    status: z.enum([
      "Waiting",
      "Syncing",
      "Synced",
      "RemovedAtSource",
      "RemovedInTarget",
      "WaitsForConfirmation",
    ]),
    sameAs: z.string().nullable().meta({
      description:
        "Path at the source of the folder that this one is a second name of, and that is copied in its stead.",
    }),
    syncedItemCount: count,
    skippedItemCount: count,
    totalItemCount: count,
    bytesTransferred: bytes,
    error: z
      .strictObject({ code: z.string(), message: z.string(), since: instant })
      .nullable()
      .meta({ description: "Why the folder could not be read when it was last tried." }),
    warnings: z.array(warningSchema),
  })
  .meta({ id: "Folder" });
export type FolderView = Shown<typeof folderSchema>;

export const skippedItemSchema = z
  .strictObject({
    folder: z.string(),
    uid: count,
    receivedAt: instant,
    size: bytes,
    code: z.string(),
    message: z.string(),
    skippedAt: instant,
    approvedBy: z
      .string()
      .nullable()
      .meta({ description: "Who accepted that it stays at the old server; null if nobody did." }),
    approvedAt: instant.nullable(),
  })
  .meta({ id: "SkippedItem" });
export type SkippedItemView = Shown<typeof skippedItemSchema>;

const seconds = count.meta({ description: "Seconds." });

export const mailboxDetailsSchema = mailboxSchema
  .extend({
    userRoot: z
      .string()
      .nullable()
      .meta({ description: "As the CSV has it; a row that mends the password has to have it as well." }),
    durations: z
      .strictObject({ queued: seconds, inProgress: seconds, paused: seconds, synced: seconds })
      .meta({ description: "For how long it has been so, since it was first started." }),
    folders: z.array(folderSchema),
    skippedItems: z
      .array(skippedItemSchema)
      .meta({ description: "The first hundred; all of them are in skipped-items.csv." }),
  })
  .meta({ id: "MailboxDetails" });
export type MailboxDetails = Shown<typeof mailboxDetailsSchema>;

export const facetsSchema = z
  .strictObject({
    status: z.record(z.string(), count),
    errorCode: z.record(z.string(), count),
  })
  .meta({
    id: "Facets",
    description: "Mailboxes of the whole batch by status, and by the code of their error.",
  });
/** How many mailboxes there are of each status, and of each error. */
export type Facets = Shown<typeof facetsSchema>;

export const mailboxListSchema = listOf(mailboxSchema)
  .extend({
    count: count.meta({ description: "Mailboxes that the query finds, on all pages." }),
    facets: facetsSchema,
    asOf: instant.meta({ description: "When the list was taken." }),
  })
  .meta({ id: "MailboxList" });
export type MailboxListAnswer = Shown<typeof mailboxListSchema>;

export const folderActedSchema = z
  .strictObject({ mailboxes: count.meta({ description: "Mailboxes that begin a round for it." }) })
  .meta({ id: "FolderActed" });
