import { z } from "zod";

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text).getTime());

/**
 * The operator's `uploads/{endpoint}/{batch}.json`. Instants are stored as milliseconds since 1970.
 * Unknown keys are refused so that a misspelt option is never silently ignored.
 */
export const batchOptionsSchema = z.strictObject({
  autoStart: z
    .boolean()
    .default(true)
    .meta({
      description:
        "Whether the batch starts as soon as its CSV is read; otherwise it waits for `POST .../start`.",
      examples: [false],
    }),
  startAfter: instant.optional().meta({
    description: "The instant at which the batch starts by itself.",
    examples: ["2026-12-05T20:00:00+01:00"],
  }),
  completeAfter: instant.optional().meta({
    description:
      "The instant from which the batch is completed by itself, once every mailbox is synced and none has failed.",
    examples: ["2026-12-24T00:00:00Z"],
  }),
  excludeFolders: z
    .array(z.string().min(1))
    .default([])
    .meta({ description: "Patterns of folders that are left out.", examples: [["Spam/*", "#JunkEmail#"]] }),
  includeFolders: z
    .array(z.string().min(1))
    .default([])
    .meta({
      description: "Patterns of the folders that are copied; without any, all are.",
      examples: [["Projects/*"]],
    }),
  /** Source folder path (with `/`) to target folder path (with `/`). */
  renameFolders: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .meta({
      description: "Source folder path to target folder path, both with `/`.",
      examples: [{ Sent: "Sent Items" }],
    }),
  targetRootFolder: z
    .string()
    .min(1)
    .max(250)
    .refine(
      (path) => path.split("/").every((segment) => segment.trim() !== ""),
      "expected a path of folder names with / between them",
    )
    .optional()
    .meta({
      description:
        "Path of a target folder below which all of each mailbox goes, its inbox and sent mail included.",
      examples: ["Old mail"],
    }),
  receivedSince: instant.optional().meta({
    description: "Only messages received at this instant or later.",
    examples: ["2020-01-01T00:00:00Z"],
  }),
  receivedBefore: instant.optional().meta({
    description: "Only messages received before this instant.",
    examples: ["2026-01-01T00:00:00Z"],
  }),
  receivedDateFrom: z
    .enum(["internalDate", "receivedHeader", "dateHeader"])
    .default("internalDate")
    .meta({ description: "Which date tells when a message was received.", examples: ["receivedHeader"] }),
  subscribedOnly: z
    .boolean()
    .default(false)
    .meta({ description: "Whether only subscribed folders are copied.", examples: [true] }),
  maxItemSize: z
    .int()
    .positive()
    .optional()
    .meta({ description: "Bytes; larger messages are left out.", examples: [35000000] }),
  skippedItemLimit: z
    .int()
    .nonnegative()
    .optional()
    .meta({
      description: "With more lost messages a mailbox fails; without a limit none does.",
      examples: [50],
    }),
  propagateDeletes: z
    .boolean()
    .default(false)
    .meta({
      description: "Whether messages deleted at the source go to the deleted items of the target, too.",
      examples: [true],
    }),
  /** Nothing is copied before the login of every mailbox has been tested. */
  testLogins: z
    .boolean()
    .default(false)
    .meta({ description: "Whether every login is tested before anything is copied.", examples: [true] }),
  adoptExisting: z
    .enum(["off", "folder", "anywhere"])
    .default("off")
    .meta({
      description:
        "Whether messages that another program put into the target are recorded as copied instead of copied again: those in the folder they belong to, or anywhere.",
      examples: ["folder"],
    }),
  dryRun: z
    .boolean()
    .default(false)
    .meta({
      description:
        "Whether the batch is rehearsed: source and target are looked at, and nothing is changed on either side, until `POST .../startForReal`.",
      examples: [true],
    }),
  allowUnknownColumns: z
    .boolean()
    .default(false)
    .meta({
      description: "Whether the CSV may have further columns, which are passed over.",
      examples: [true],
    }),
  notificationEmails: z
    .array(z.email())
    .max(20)
    .optional()
    .meta({
      description:
        "Who gets mails about the batch: its start, failures, the end of the first sync, reports, the cut-over, its completion.",
      examples: [["it@contoso.com"]],
    }),
  reportIntervalHours: z
    .int()
    .min(0)
    .max(720)
    .optional()
    .meta({
      description: "Hours between two reports by mail, 24 where left out; with 0 there are none.",
      examples: [12],
    }),
});

export type BatchOptions = z.infer<typeof batchOptionsSchema>;
/** Options as stored: already parsed, so instants are numbers. */
export const defaultBatchOptions: BatchOptions = batchOptionsSchema.parse({});
