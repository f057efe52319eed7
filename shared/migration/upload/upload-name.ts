import {
  type BatchName,
  batchNameSchema,
  type EndpointName,
  endpointNameSchema,
} from "../../domain/names.ts";
import type { UploadIssue } from "./issues.ts";

export interface UploadName {
  readonly endpoint: EndpointName;
  readonly batch: BatchName;
  /** The batch's name as the operator wrote it. */
  readonly displayName: string;
}

/**
 * What the name `{endpoint}/{batch}.csv` of an uploaded file says. Pure.
 * @returns for a bad name what is wrong with it, and a batch name near it, under which it can be reported.
 */
export function parseUploadName(
  blobName: string,
): UploadName | { readonly issues: readonly UploadIssue[]; readonly reportTo: BatchName } {
  const parts = blobName.replace(/\.csv$/i, "").split("/");
  const displayName = parts.at(-1) ?? "";
  const batch = batchNameSchema.safeParse(displayName);
  const endpoint = endpointNameSchema.safeParse(parts[0]);
  if (parts.length === 2 && batch.success && endpoint.success)
    return { endpoint: endpoint.data, batch: batch.data, displayName };
  return {
    issues: [
      {
        line: 0,
        code: "FileNameInvalid",
        message:
          "The file has to be uploaded as {endpoint}/{batch}.csv. Each of the two names has up to 64 letters, digits, '-' and '_', and begins with a letter or digit.",
      },
    ],
    reportTo: batchNameSchema.parse(nameNear(displayName)),
  };
}

function nameNear(text: string): string {
  const usable = text
    .replace(/[^A-Za-z0-9_-]+/g, "-")
    .replace(/^[^A-Za-z0-9]+/, "")
    .slice(0, 64);
  return usable === "" ? "unnamed" : usable;
}
