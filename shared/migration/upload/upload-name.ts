import {
  type BatchName,
  batchNameSchema,
  type EndpointName,
  endpointNameSchema,
} from "../../domain/names.ts";
import { fileIssue, type Rejected, type UploadIssue } from "./issues.ts";

export interface UploadName {
  readonly endpoint: EndpointName;
  readonly batch: BatchName;
  /** The batch's name as the operator wrote it. */
  readonly displayName: string;
}

/** What a file in `uploads` is, as its name tells. A name without a file behind it, as folders have, is nothing. Pure. */
export function kindOfUpload(blobName: string, size: number): "csv" | "options" | "nothing" | "other" {
  if (/\.csv$/i.test(blobName)) return "csv";
  if (/\.json$/i.test(blobName)) return "options";
  return size === 0 && !/\.[^/]*$/.test(blobName) ? "nothing" : "other";
}

/** What is wrong with the kind of a file that is neither a CSV nor options. Pure. */
export function kindUnknown(blobName: string): UploadIssue {
  const what = /\.(xlsx?|xlsm|xlsb|ods|numbers)$/i.test(blobName)
    ? "The file is a workbook: save it as CSV UTF-8."
    : "The file is no CSV by its name: save it as CSV UTF-8.";
  return fileIssue(
    "FileKindUnknown",
    `${what} Upload that as {endpoint}/{batch}.csv. This one was not read, and was removed since it may hold passwords.`,
  );
}

/**
 * What the name `{endpoint}/{batch}.csv` of an uploaded file says. Pure.
 * @returns for a bad name what is wrong with it.
 */
export function parseUploadName(blobName: string): UploadName | Rejected {
  const parts = blobName.replace(/\.csv$/i, "").split("/");
  const displayName = parts.at(-1) ?? "";
  const batch = batchNameSchema.safeParse(displayName);
  const endpoint = endpointNameSchema.safeParse(parts[0]);
  if (parts.length === 2 && batch.success && endpoint.success)
    return { endpoint: endpoint.data, batch: batch.data, displayName };
  return {
    issues: [
      fileIssue(
        "FileNameInvalid",
        "The file has to be uploaded as {endpoint}/{batch}.csv. Each of the two names has up to 64 letters, digits, '-' and '_', and begins with a letter or digit.",
      ),
    ],
  };
}
