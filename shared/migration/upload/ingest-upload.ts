import type { Readable } from "node:stream";
import { sourceServer } from "../../domain/credentials.ts";
import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { BatchName } from "../../domain/names.ts";
import { changeBatch } from "../batch/change.ts";
import { uploadStopped } from "../batch/life.ts";
import type { EndpointStore, ReportStore, UploadStore } from "../ports/blobs.ts";
import type { MailboxStore } from "../ports/registry.ts";
import type { Vault } from "../ports/vault.ts";
import { logCrash } from "../runtime.ts";
import { fileIssue, type Rejected, type UploadIssue } from "./issues.ts";
import type { MigrationFile } from "./migration-file.ts";
import { createUploadReader } from "./read-upload.ts";
import { createUploadBatch, type UploadBatchParts } from "./upload-batch.ts";
import { kindOfUpload, kindUnknown, parseUploadName, type UploadName } from "./upload-name.ts";
import { createUploadUsers } from "./upload-users.ts";
import { validationReport } from "./validation-report.ts";

/** What became of an uploaded file. */
export type IngestOutcome =
  /** The file was read and removed before, or holds options. */
  | { readonly kind: "nothing" }
  /** Nothing of the file was used; the report says why. The batch is undefined where the file belongs to none. */
  | { readonly kind: "rejected"; readonly batch: BatchName | undefined; readonly codes: readonly string[] }
  | {
      readonly kind: "ingested";
      readonly batch: BatchName;
      readonly validRowCount: number;
      readonly invalidRowCount: number;
      /** Number of the operation that starts the mailboxes; undefined if they are not to start yet. */
      readonly operation: number | undefined;
    };

export interface UploadIngestion {
  /**
   * Turns `uploads/{endpoint}/{batch}.csv` into a batch with its mailboxes, reports what is wrong with it, begins
   * the operation that starts them, and removes the file last. Any other file but options is reported and removed as well: it may
   * hold passwords. May be repeated after a crash at any point and ends in the same state.
   * @throws MigrationError of a store that may do better later; the file is still there then.
   */
  ingest(blobName: string): Promise<IngestOutcome>;
}

export interface UploadIngestionParts extends UploadBatchParts {
  readonly uploads: UploadStore;
  readonly endpoints: EndpointStore;
  readonly reports: ReportStore;
  readonly mailboxes: MailboxStore;
  readonly vault: Vault;
}

export function createUploadIngestion(parts: UploadIngestionParts): UploadIngestion {
  const { uploads, reports, batches } = parts;
  const readUpload = createUploadReader(parts);
  const uploadBatch = createUploadBatch(parts);
  const uploadUsers = createUploadUsers(parts);

  async function noteStopped(batch: BatchName, error: Pick<UploadIssue, "code" | "message">): Promise<void> {
    await changeBatch(batches, batch, (stored) => uploadStopped(stored, error, parts.clock()));
  }

  /** The operator sees why a file waits, as far as what stops it lets anything be told. */
  async function tellWhy(name: UploadName, { code, message }: MigrationError): Promise<void> {
    const issue = fileIssue(code, `${message} The file is kept, and read again every few minutes.`);
    try {
      const batch = (await batches.get(name.batch))?.value;
      if (batch && (batch.endpoint !== name.endpoint || batch.displayName !== name.displayName)) return;
      await reports.write(name.batch, "validation", validationReport([issue]));
      await noteStopped(name.batch, issue);
    } catch (error) {
      if (!isMigrationError(error)) throw error;
    }
  }

  /** The report of a batch is not overwritten for a file that is not the batch's. */
  async function reject(
    blobName: string,
    name: UploadName | undefined,
    { issues }: Rejected,
  ): Promise<IngestOutcome> {
    const batch = name && (await batches.get(name.batch))?.value;
    const isOfBatch =
      batch === undefined || (batch.endpoint === name?.endpoint && batch.displayName === name.displayName);
    if (name !== undefined && isOfBatch) {
      await reports.write(name.batch, "validation", validationReport(issues));
      const [first] = issues;
      if (first) await noteStopped(name.batch, first);
    } else await reports.writeRejected(blobName, validationReport(issues));
    return { kind: "rejected", batch: name?.batch, codes: [...new Set(issues.map(({ code }) => code))] };
  }

  /** Whatever goes wrong with the file itself refuses it. @throws MigrationError of a store that may do better later. */
  async function ingestContent(blobName: string, content: Readable): Promise<IngestOutcome> {
    const name = parseUploadName(blobName);
    if ("issues" in name) return reject(blobName, undefined, name);
    try {
      const outcome = await ingestFile(name, blobName, content);
      return "issues" in outcome ? await reject(blobName, name, outcome) : outcome;
    } catch (error) {
      if (isMigrationError(error) && isOfStores(error)) {
        await tellWhy(name, error);
        throw error;
      }
      if (!isMigrationError(error)) logCrash(parts.log, "upload.crashed", { batch: name.batch }, error);
      return reject(blobName, name, { issues: [notProcessed(error)] });
    }
  }

  async function ingestFile(
    name: UploadName,
    blobName: string,
    content: Readable,
  ): Promise<IngestOutcome | Rejected> {
    const read = await readUpload(name, blobName, content);
    if ("issues" in read) return read;
    const { file, endpoint, options } = read;

    const prepared = await uploadBatch.prepare(name, options);
    if ("issues" in prepared) return prepared;
    const place = { name, server: sourceServer(endpoint), batchIsNew: prepared.created };
    const counts = await uploadUsers.add(place, file.rows());
    await reports.write(name.batch, "validation", validationReport(issuesOf(file, counts.refused)));

    const settled = await uploadBatch.settle(name, counts);
    if ("issues" in settled) return settled;
    return {
      kind: "ingested",
      batch: name.batch,
      validRowCount: counts.valid,
      invalidRowCount: counts.invalid,
      operation: settled.operation,
    };
  }

  return {
    async ingest(blobName) {
      const opened = await uploads.open(blobName);
      if (opened === undefined) return { kind: "nothing" };
      const { file, content } = opened;
      try {
        const kind = kindOfUpload(blobName, file.size);
        if (kind === "options" || kind === "nothing") return { kind: "nothing" };
        const outcome =
          kind === "csv"
            ? await ingestContent(blobName, content)
            : await reject(blobName, undefined, { issues: [kindUnknown(blobName)] });
        await uploads.remove(blobName, file.version);
        return outcome;
      } finally {
        content.destroy();
      }
    },
  };
}

/** True for what is not the file's fault: the same file may be read later. */
function isOfStores({ kind }: MigrationError): boolean {
  return kind === "transient" || kind === "throttled" || kind === "fatal";
}

function notProcessed(error: unknown): UploadIssue {
  return isMigrationError(error)
    ? fileIssue(error.code, error.message)
    : fileIssue(
        "FileNotProcessed",
        "The file led to an error that was not foreseen, and was removed. Rows before it may have been taken. Upload it again; if that fails too, report it with the event upload.crashed of the log.",
      );
}

async function* issuesOf(
  file: MigrationFile,
  refused: ReadonlyMap<number, UploadIssue>,
): AsyncGenerator<UploadIssue> {
  yield* file.warnings;
  for await (const checked of file.rows()) {
    if ("issues" in checked) {
      yield* checked.issues;
      continue;
    }
    const issue = refused.get(checked.user.line);
    if (issue) yield issue;
  }
}
