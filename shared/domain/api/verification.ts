import { z } from "zod";
import { differenceKinds, verificationLevelSchema, verificationRequestSchema } from "../verification.ts";
import { count, instant, type Shown } from "./common.ts";
import { someMailboxes } from "./requests.ts";

/** Which synced mailboxes are verified, and how; all of them where nothing is named. */
export const verificationBody = verificationRequestSchema.extend(someMailboxes);

const differenceCounts = z.partialRecord(z.enum(differenceKinds), count);

const findings = {
  comparedItemCount: count.meta({ description: "Messages whose copies were looked at." }),
  differences: differenceCounts.meta({ description: "By kind: what the migration has to answer for." }),
  byUsers: differenceCounts.meta({ description: "By kind: what users did themselves since." }),
  waitingItemCount: count.meta({
    description: "Messages that came, or changed, since the last sync: the next one brings them.",
  }),
  deletedAtSourceCount: count.meta({
    description: "Copies whose messages were deleted at the source since.",
  }),
  sampledItemCount: count.meta({ description: "Messages compared byte by byte." }),
};

export const mailboxVerificationSchema = z
  .strictObject({
    level: verificationLevelSchema.meta({ id: "VerificationLevel" }),
    at: instant,
    ...findings,
    error: z
      .strictObject({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: "Why the mailbox could not be verified." }),
  })
  .meta({ id: "MailboxVerification" });
/** What the last verification of one mailbox found. */
export type MailboxVerificationView = Shown<typeof mailboxVerificationSchema>;

export const batchVerificationSchema = z
  .strictObject({
    mailboxCount: count,
    verifiedCount: count,
    verifyingCount: count.meta({ description: "Waits to be verified, or is." }),
    failedCount: count.meta({ description: "Could not be verified." }),
    equalCount: count.meta({ description: "Nothing differs but what users did." }),
    ...findings,
    statement: z
      .string()
      .nullable()
      .meta({ description: "What the sample tells of all messages; null where none was taken." }),
    asOf: instant,
    mailboxes: z
      .array(mailboxVerificationSchema.extend({ id: z.string(), emailAddress: z.string() }))
      .meta({ description: "Those with differences, most of them first, 100 at most." }),
  })
  .meta({ id: "BatchVerification" });
/** What the last verifications of a batch found. */
export type BatchVerificationView = Shown<typeof batchVerificationSchema>;
