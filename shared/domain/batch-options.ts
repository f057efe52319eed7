import { z } from "zod";

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text).getTime());

/** Names that are reserved. An option that did nothing would be worse than one that is refused. */
const notSupported = [
  "completeAfter",
  "dryRun",
  "maxItems",
  "notificationEmails",
  "reportIntervalHours",
] as const;

/**
 * The operator's `uploads/{endpoint}/{batch}.json`. Instants are stored as milliseconds since 1970.
 * Unknown keys are refused so that a misspelt option is never silently ignored.
 */
export const batchOptionsSchema = z
  .strictObject({
    autoStart: z.boolean().default(true),
    startAfter: instant.optional(),
    completeAfter: instant.optional(),
    excludeFolders: z.array(z.string().min(1)).default([]),
    includeFolders: z.array(z.string().min(1)).default([]),
    /** Source folder path (with `/`) to target folder path (with `/`). */
    renameFolders: z.record(z.string().min(1), z.string().min(1)).default({}),
    receivedSince: instant.optional(),
    receivedBefore: instant.optional(),
    receivedDateFrom: z.enum(["internalDate", "receivedHeader", "dateHeader"]).default("internalDate"),
    subscribedOnly: z.boolean().default(false),
    maxItemSize: z.int().positive().optional(),
    maxItems: z.int().positive().optional(),
    skippedItemLimit: z.int().nonnegative().optional(),
    propagateDeletes: z.boolean().default(false),
    /** Nothing is copied before the login of every mailbox has been tested. */
    testLogins: z.boolean().default(false),
    dryRun: z.boolean().default(false),
    allowUnknownColumns: z.boolean().default(false),
    notificationEmails: z.array(z.email()).optional(),
    reportIntervalHours: z.number().positive().optional(),
  })
  .superRefine((options, context) => {
    for (const name of notSupported)
      if (options[name] !== undefined && options[name] !== false)
        context.addIssue({ code: "custom", path: [name], message: "is not supported by this version" });
  });

export type BatchOptions = z.infer<typeof batchOptionsSchema>;
/** Options as stored: already parsed, so instants are numbers. */
export const defaultBatchOptions: BatchOptions = batchOptionsSchema.parse({});
