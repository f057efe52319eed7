import { z } from "zod";
import { batchStatusSchema, operationKindSchema } from "../states.ts";
import { bytes, count, instant, percentage, recordedErrorSchema, type Shown } from "./common.ts";

/** How much of what the source holds arrived. */
export const consistencyScoreSchema = z
  .enum(["Perfect", "Good", "Investigate", "Poor"])
  .meta({ id: "DataConsistencyScore" });
export type DataConsistencyScore = z.infer<typeof consistencyScoreSchema>;

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
    itemsPerMinute: count,
    bytesPerMinute: count,
    estimatedCompletion: instant.nullable(),
    dataConsistencyScore: consistencyScoreSchema
      .nullable()
      .meta({ description: "null until anything was looked at." }),
    outage: z
      .strictObject({ mailboxCount: count, since: instant, code: z.string(), message: z.string() })
      .nullable()
      .meta({
        description:
          "Mailboxes that wait since something they need was away when they last tried; they go on by themselves.",
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
