import { z } from "zod";
import { bytes, count, instant, listOf, type Shown } from "./common.ts";

/** Files that operators send and fetch. */

const issueSchema = z
  .strictObject({
    line: count.meta({ description: "From 1; 0 for the file as a whole." }),
    emailAddress: z.string().optional(),
    column: z.string().optional(),
    code: z.string(),
    message: z.string(),
  })
  .meta({ id: "UploadIssue" });

export const uploadCheckSchema = z
  .strictObject({
    accepted: z.boolean().meta({ description: "False if nothing of the file would be used." }),
    validRowCount: count,
    invalidRowCount: count,
    issues: z.array(issueSchema).meta({ description: "As in validation.csv, the first 1,000." }),
    issueCount: count,
  })
  .meta({ id: "UploadCheck" });
export type UploadCheck = Shown<typeof uploadCheckSchema>;

export const reportListSchema = listOf(
  z.strictObject({ name: z.string(), size: bytes, modifiedAt: instant }).meta({ id: "Report" }),
).meta({ id: "ReportList" });
export type ReportListAnswer = Shown<typeof reportListSchema>;
