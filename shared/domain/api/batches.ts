import { z } from "zod";
import { batchOptionsSchema } from "../batch-options.ts";
import { batchStatusSchema, operationKindSchema } from "../states.ts";
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

/** How much of what the source holds arrived. */
export const consistencyScoreSchema = z
  .enum(["Perfect", "Good", "Investigate", "Poor"])
  .meta({ id: "DataConsistencyScore" });
export type DataConsistencyScore = z.infer<typeof consistencyScoreSchema>;

/** Options as they hold for a batch, with defaults. */
export const optionsAnswerSchema = z
  .strictObject({
    ...batchOptionsSchema.shape,
    startAfter: instant.optional(),
    completeAfter: instant.optional(),
    receivedSince: instant.optional(),
    receivedBefore: instant.optional(),
  })
  .meta({ id: "BatchOptionsInForce" });
export type OptionsView = Shown<typeof optionsAnswerSchema>;

export const batchSchema = z
  .strictObject({
    name: z.string().meta({ description: "As the operator wrote it." }),
    endpoint: z.string(),
    status: batchStatusSchema.meta({ id: "BatchStatus" }),
    createdAt: instant,
    startedAt: instant.nullable(),
    lastSyncedAt: instant.nullable().meta({
      description: "The earliest last sync of any of its mailboxes; null until each had one.",
    }),
    idleStopAt: instant.nullable().meta({
      description: "When the batch stops by itself, unless somebody does something with it.",
    }),
    options: optionsAnswerSchema,
    optionsETag: z.string().meta({ description: "For the If-Match of a PATCH." }),
    totalCount: count.meta({ description: "Mailboxes." }),
    activeCount: count,
    syncedCount: count,
    failedCount: count,
    stoppedCount: count,
    invalidRowCount: count.meta({ description: "Rows of the last file that were refused." }),
    uploadError: recordedErrorSchema
      .nullable()
      .meta({ description: "What stopped the last upload; more of it stands in validation.csv." }),
    noticeError: recordedErrorSchema
      .nullable()
      .meta({ description: "Why the last mail to the operators was not sent, or may not have been." }),
    syncedItemCount: count,
    skippedItemCount: count,
    unapprovedItemCount: count.meta({
      description: "Skipped items that were not left out on purpose, and that nobody approved.",
    }),
    totalItemsInSourceMailboxCount: count,
    bytesTransferred: bytes,
    estimatedTotalTransferSize: bytes,
    percentageComplete: percentage,
    itemsPerMinute: count.meta({ description: "Over the last ten minutes; 0 while nothing is at work." }),
    bytesPerMinute: count,
    estimatedCompletion: instant
      .nullable()
      .meta({ description: "When the first copy may be through; with the basis `partial` at the earliest." }),
    estimateBasis: z
      .enum(["none", "partial", "all"])
      .meta({ description: "Of how many mailboxes it is known what they hold." }),
    noEstimate: noEstimateSchema.nullable(),
    isStalled: z
      .boolean()
      .meta({ description: "Whether nothing has got on for a quarter of an hour without a known reason." }),
    dataConsistencyScore: consistencyScoreSchema.nullable().meta({
      description: "Of the worst mailbox; null until each was synced once, unless something was lost before.",
    }),
    outage: z
      .strictObject({ mailboxCount: count, since: instant, code: z.string(), message: z.string() })
      .nullable()
      .meta({
        description:
          "Mailboxes that wait since something they need was away when they last tried; they go on by themselves.",
      }),
    pause: z
      .strictObject({ mailboxCount: count, code: z.string(), message: z.string(), until: instant })
      .nullable()
      .meta({
        description:
          "Mailboxes that pause without a failure, such as outside the endpoint's reading hours, and until when.",
      }),
    rehearsal: z.boolean().meta({ description: "Nothing is copied until it is started for real." }),
    asOf: instant.meta({ description: "When the figures were taken." }),
    operations: z
      .array(z.strictObject({ id: count, kind: operationKindSchema }))
      .meta({ description: "Those that are not through yet, oldest first." }),
    confirmedServer: z
      .strictObject({ host: z.string(), port: count, by: z.string(), at: instant })
      .nullable()
      .meta({ description: "Who last confirmed the server of the endpoint, after it had changed." }),
  })
  .meta({ id: "Batch" });
/** A batch as the HTTP API shows it. */
export type BatchView = Shown<typeof batchSchema>;

export const sampleListSchema = listOf(
  z
    .strictObject({
      at: instant,
      itemCount: count.meta({ description: "Copied or skipped until then." }),
      bytesTransferred: bytes,
    })
    .meta({ id: "Sample" }),
).meta({ id: "SampleList", description: "One a minute, oldest first, of the last hour." });
export type SampleListAnswer = Shown<typeof sampleListSchema>;

export const errorListSchema = listOf(
  z
    .strictObject({
      code: z.string(),
      mailboxCount: count,
      failedCount: count.meta({
        description: "Those that wait for a retry; the others go on by themselves.",
      }),
      message: z.string().meta({ description: "Of the mailbox that had it last." }),
      lastSeenAt: instant,
    })
    .meta({ id: "ErrorGroup" }),
).meta({ id: "ErrorList", description: "Errors of mailboxes by code, the most frequent first." });
export type ErrorListAnswer = Shown<typeof errorListSchema>;

export const operationBegunSchema = z
  .strictObject({ operation: z.strictObject({ id: count, kind: operationKindSchema }) })
  .meta({ id: "OperationBegun", description: "Its progress can be read at the address in Location." });

export const operationSchema = z
  .strictObject({
    id: count,
    batch: z.string(),
    kind: operationKindSchema.meta({ id: "OperationKind" }),
    status: z
      .enum(["Waiting", "Running", "Finished", "Superseded"])
      .meta({ description: "Waiting for those before it, at work, through, or ended by a later one." }),
    by: z
      .string()
      .meta({ description: "Object id of the caller in Entra; `app` for what the app began by itself." }),
    beganAt: instant,
    endedAt: instant.nullable(),
    passedCount: count.meta({ description: "Mailboxes it has looked at." }),
    totalCount: count.nullable().meta({ description: "Mailboxes it has to look at, where that is known." }),
    changedCount: count.meta({ description: "Mailboxes it has changed." }),
  })
  .meta({ id: "Operation" });
/** An operation as the HTTP API shows it. */
export type OperationView = Shown<typeof operationSchema>;

export const historySchema = listOf(
  z
    .strictObject({
      at: instant,
      by: z
        .string()
        .meta({ description: "Object id of the caller in Entra; `app` for what the app did by itself." }),
      act: z.enum([...operationKindSchema.options, "changeOptions"]),
      operation: count.nullable().meta({ description: "The operation that it began." }),
      mailboxes: count
        .nullable()
        .meta({ description: "How many were named; null for the whole batch, or a filter." }),
      filter: z.strictObject({ status: z.string().optional(), errorCode: z.string().optional() }).nullable(),
      changes: z
        .array(z.strictObject({ option: z.string(), before: z.string(), after: z.string() }))
        .meta({ description: "Options that were changed, in JSON." }),
    })
    .meta({ id: "HistoryEntry" }),
).meta({ id: "History" });
export type HistoryAnswer = Shown<typeof historySchema>;
export type HistoryEntryView = HistoryAnswer["value"][number];
