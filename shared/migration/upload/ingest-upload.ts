import type { Readable } from "node:stream";
import { type BatchOptions, defaultBatchOptions } from "../../domain/batch-options.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { BatchName, EndpointName } from "../../domain/names.ts";
import type { MailboxSyncMessage } from "../../domain/queue-messages.ts";
import { isAtWork } from "../batch/life.ts";
import { parseEndpointFile } from "../endpoints/endpoint-file.ts";
import type { SettingIssue } from "../endpoints/json-file.ts";
import { isCreated } from "../mailbox/life.ts";
import type { EndpointStore, ReportStore, UploadStore } from "../ports/blobs.ts";
import type { BatchStore, MailboxStore } from "../ports/registry.ts";
import type { Vault } from "../ports/vault.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock } from "../runtime.ts";
import { parseBatchOptionsFile } from "./batch-options-file.ts";
import { fileIssue, type Rejected, type UploadIssue } from "./issues.ts";
import { type MigrationFile, openMigrationFile } from "./migration-file.ts";
import { createUploadBatch } from "./upload-batch.ts";
import { parseUploadName } from "./upload-name.ts";
import { createUploadUsers } from "./upload-users.ts";
import { validationReport } from "./validation-report.ts";

/** Mailboxes woken together. */
const wakeGroupSize = 500;

/** What became of an uploaded file. */
export type IngestOutcome =
  /** The file was read and removed before, or is no CSV file. */
  | { readonly kind: "nothing" }
  /** Nothing of the file was used; the report says why. */
  | { readonly kind: "rejected"; readonly batch: BatchName; readonly codes: readonly string[] }
  | {
      readonly kind: "ingested";
      readonly batch: BatchName;
      readonly validRowCount: number;
      readonly invalidRowCount: number;
      /** Mailboxes asked to start. */
      readonly startedCount: number;
    };

export interface UploadIngestion {
  /**
   * Turns `uploads/{endpoint}/{batch}.csv` into a batch with its mailboxes, reports what is wrong with it, wakes the
   * mailboxes to start, and removes the file last (other files are left alone). May be repeated after a crash at any point and ends in the same state.
   * @throws MigrationError of a store; the file is still there then.
   */
  ingest(blobName: string): Promise<IngestOutcome>;
}

export interface UploadIngestionParts {
  readonly uploads: UploadStore;
  readonly endpoints: EndpointStore;
  readonly reports: ReportStore;
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly vault: Vault;
  readonly queue: WorkQueue;
  readonly clock: Clock;
}

export function createUploadIngestion(parts: UploadIngestionParts): UploadIngestion {
  const { uploads, endpoints, reports, batches, mailboxes, queue } = parts;
  const uploadBatch = createUploadBatch(parts);
  const uploadUsers = createUploadUsers(parts);

  async function readOptions(blobName: string): Promise<{ readonly options?: BatchOptions } | Rejected> {
    const text = await uploads.readOptions(blobName);
    if (text === undefined) return {};
    const parsed = parseBatchOptionsFile(text);
    return "value" in parsed
      ? { options: parsed.value }
      : { issues: settingIssues("BatchOptionsInvalid", "The batch's options file", parsed.issues) };
  }

  async function readEndpoint(name: EndpointName): Promise<{ readonly endpoint: Endpoint } | Rejected> {
    const file = await endpoints.read(name);
    if (file === undefined)
      return {
        issues: [
          fileIssue(
            "EndpointNotFound",
            `There is no file endpoints/${name}.json. Upload it, then this file again.`,
          ),
        ],
      };
    const parsed = parseEndpointFile(file.text);
    return "value" in parsed
      ? { endpoint: parsed.value }
      : { issues: settingIssues("EndpointInvalid", `The file endpoints/${name}.json`, parsed.issues) };
  }

  /** Wakes every mailbox that has not been started, those of earlier uploads included. Waking one twice is harmless. */
  async function wakeMailboxes(batch: BatchName): Promise<number> {
    let count = 0;
    let group: MailboxSyncMessage[] = [];
    for await (const { value } of mailboxes.scan(batch)) {
      if (!isCreated(value)) continue;
      group.push({ batch, mailboxId: value.id, round: value.round });
      if (group.length < wakeGroupSize) continue;
      await queue.sendMailboxSync(group);
      count += group.length;
      group = [];
    }
    if (group.length > 0) await queue.sendMailboxSync(group);
    return count + group.length;
  }

  async function reject(batch: BatchName, { issues }: Rejected): Promise<IngestOutcome> {
    await reports.write(batch, "validation", validationReport(issues));
    return { kind: "rejected", batch, codes: [...new Set(issues.map(({ code }) => code))] };
  }

  async function ingestContent(blobName: string, content: Readable): Promise<IngestOutcome> {
    const name = parseUploadName(blobName);
    if ("issues" in name) return reject(name.reportTo, name);

    const source = await readEndpoint(name.endpoint);
    const settings = await readOptions(blobName);
    if ("issues" in source || "issues" in settings)
      return reject(name.batch, {
        issues: [source, settings].flatMap((read) => ("issues" in read ? read.issues : [])),
      });

    const prior = await batches.get(name.batch);
    const options = settings.options ?? prior?.value.options ?? defaultBatchOptions;
    const { allowUnknownColumns } = options;
    const { authentication } = source.endpoint;
    const file = await openMigrationFile(content, { allowUnknownColumns, authentication });
    if ("issues" in file) return reject(name.batch, file);

    const prepared = await uploadBatch.prepare(name, settings.options);
    if ("issues" in prepared) return reject(name.batch, prepared);
    const counts = await uploadUsers.add(name, file.rows(), prepared.created);
    await reports.write(name.batch, "validation", validationReport(issuesOf(file)));

    const batch = await uploadBatch.settle(name, counts);
    if ("issues" in batch) return reject(name.batch, batch);
    return {
      kind: "ingested",
      batch: name.batch,
      validRowCount: counts.valid,
      invalidRowCount: counts.invalid,
      startedCount: isAtWork(batch) ? await wakeMailboxes(name.batch) : 0,
    };
  }

  return {
    async ingest(blobName) {
      const opened = /\.csv$/i.test(blobName) ? await uploads.open(blobName) : undefined;
      if (opened === undefined) return { kind: "nothing" };
      try {
        const outcome = await ingestContent(blobName, opened.content);
        await uploads.remove(blobName, opened.file.version);
        return outcome;
      } finally {
        opened.content.destroy();
      }
    },
  };
}

function settingIssues(code: string, file: string, issues: readonly SettingIssue[]): UploadIssue[] {
  return issues.map(({ path, message }) =>
    fileIssue(code, path === "" ? `${file}: ${message}` : `${file}, setting "${path}": ${message}`),
  );
}

async function* issuesOf(file: MigrationFile): AsyncGenerator<UploadIssue> {
  yield* file.warnings;
  for await (const checked of file.rows()) if ("issues" in checked) yield* checked.issues;
}
