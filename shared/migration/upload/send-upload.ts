import { Readable } from "node:stream";
import type { UploadCheck } from "../../domain/api/files.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { EndpointStore, UploadStore } from "../ports/blobs.ts";
import type { BatchStore } from "../ports/registry.ts";
import { parseBatchOptionsFile } from "./batch-options-file.ts";
import type { Rejected, UploadIssue } from "./issues.ts";
import { type MigrationFile, openMigrationFile } from "./migration-file.ts";
import { createUploadReader, optionIssues } from "./read-upload.ts";
import type { UploadName } from "./upload-name.ts";

/** Issues that are told, as many as in `validation.csv`. */
const maxIssues = 1_000;

export type Sent =
  | { readonly outcome: "stored" }
  | { readonly outcome: "endpointNotFound" }
  | { readonly outcome: "invalid"; readonly issues: readonly UploadIssue[] };

/** Files of operators who have no access to the containers. */
export interface UploadSending {
  /** Puts a CSV where the trigger finds it, whatever is in it: `validation.csv` tells. Repeatable. */
  sendCsv(name: UploadName, content: Uint8Array): Promise<Sent>;
  /** Puts the options of a batch beside its CSV, if they are valid. They hold from the batch's next upload on. Repeatable. */
  sendOptions(name: UploadName, text: string): Promise<Sent>;
  /**
   * Checks a CSV as an upload of it would, and stores nothing of it. Repeatable.
   * @param authentication how the endpoint will log in, if there is none of this name yet: a CSV may be checked before its
   * endpoint is made.
   */
  check(
    name: UploadName,
    content: Uint8Array,
    authentication?: Endpoint["authentication"],
  ): Promise<UploadCheck>;
}

export function createUploadSending(parts: {
  readonly uploads: UploadStore;
  readonly endpoints: EndpointStore;
  readonly batches: BatchStore;
}): UploadSending {
  const { uploads, endpoints } = parts;
  const readUpload = createUploadReader(parts);

  async function stored({ endpoint }: UploadName, blobName: string, content: Uint8Array): Promise<Sent> {
    if ((await endpoints.read(endpoint)) === undefined) return { outcome: "endpointNotFound" };
    await uploads.write(blobName, content);
    return { outcome: "stored" };
  }

  return {
    sendCsv: (name, content) => stored(name, blobNameOf(name, "csv"), content),
    async sendOptions(name, text) {
      const parsed = parseBatchOptionsFile(text);
      if ("issues" in parsed) return { outcome: "invalid", issues: optionIssues(parsed.issues) };
      return stored(name, blobNameOf(name, "json"), Buffer.from(text));
    },
    async check(name, content, authentication) {
      const readable = Readable.from([Buffer.from(content)]);
      const isEarly = authentication !== undefined && (await endpoints.read(name.endpoint)) === undefined;
      const read = isEarly
        ? asRead(await openMigrationFile(readable, { allowUnknownColumns: false, authentication }))
        : await readUpload(name, blobNameOf(name, "csv"), readable);
      if ("issues" in read) {
        const { issues } = read;
        return { accepted: false, validRowCount: 0, invalidRowCount: 0, issues, issueCount: issues.length };
      }
      const found = [...read.file.warnings];
      let [valid, invalid, issueCount] = [0, 0, found.length];
      for await (const row of read.file.rows()) {
        if (!("issues" in row)) {
          valid++;
          continue;
        }
        invalid++;
        issueCount += row.issues.length;
        found.push(...row.issues.slice(0, maxIssues - found.length));
      }
      return {
        accepted: true,
        validRowCount: valid,
        invalidRowCount: invalid,
        issues: found,
        issueCount,
      };
    },
  };
}

function asRead(file: MigrationFile | Rejected): Rejected | { readonly file: MigrationFile } {
  return "issues" in file ? file : { file };
}

function blobNameOf({ endpoint, displayName }: UploadName, extension: "csv" | "json"): string {
  return `${endpoint}/${displayName}.${extension}`;
}
