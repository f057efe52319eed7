import { type BatchOptions, defaultBatchOptions } from "../../domain/batch-options.ts";
import type { BatchName, EndpointName } from "../../domain/names.ts";
import type { BatchRecord, BatchStore, MailboxStore } from "../ports/registry.ts";
import type { Clock } from "../runtime.ts";
import { fileIssue, type Rejected, type UploadIssue } from "./issues.ts";
import type { UploadName } from "./upload-name.ts";

/** Rows of a file that were used, and rows that were not. */
export interface RowCounts {
  readonly valid: number;
  readonly invalid: number;
}

export interface UploadBatch {
  /**
   * Creates the batch of an upload, or gives an existing one its new options.
   * @param options undefined if no options file was uploaded: an existing batch keeps its own then.
   */
  prepare(
    name: UploadName,
    options: BatchOptions | undefined,
  ): Promise<{ readonly created: boolean } | Rejected>;
  /**
   * Starts the batch if its options say so and nobody decided otherwise.
   * @returns the batch as it is from now on; a refusal if it was removed while its users were added.
   */
  settle(name: UploadName, counts: RowCounts): Promise<BatchRecord | Rejected>;
}

/** What an upload does to the record of its batch. Everything may be repeated. */
export function createUploadBatch(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly clock: Clock;
}): UploadBatch {
  const { batches, mailboxes, clock } = parts;
  return {
    async prepare(name, options) {
      for (;;) {
        const stored = await batches.get(name.batch);
        if (stored === undefined) {
          if (await batches.create(newBatch(name, options, clock()))) return { created: true };
          continue;
        }
        const refusal = refusalOf(stored.value, name.endpoint);
        if (refusal !== undefined) return { issues: [refusal] };
        if (options === undefined) return { created: false };
        if (await batches.replace({ ...stored, value: { ...stored.value, options } }))
          return { created: false };
      }
    },

    async settle(name, counts) {
      for (;;) {
        const stored = await batches.get(name.batch);
        if (stored === undefined || stored.value.intent === "removing") {
          // The mailboxes just added may be younger than the removal's own pass over them.
          await mailboxes.deleteAll(name.batch);
          return { issues: [beingRemoved(name.batch)] };
        }
        const value = settled(stored.value, counts, clock());
        if (await batches.replace({ ...stored, value })) return value;
      }
    },
  };
}

function newBatch(name: UploadName, options: BatchOptions | undefined, now: number): BatchRecord {
  return {
    name: name.batch,
    displayName: name.displayName,
    endpoint: name.endpoint,
    intent: "created",
    options: options ?? defaultBatchOptions,
    createdAt: now,
    invalidRowCount: 0,
  };
}

function settled(batch: BatchRecord, counts: RowCounts, now: number): BatchRecord {
  const { autoStart, startAfter } = batch.options;
  const due = autoStart && (startAfter === undefined || startAfter <= now);
  const starts = batch.intent === "created" && due && counts.valid > 0;
  return {
    ...batch,
    invalidRowCount: counts.invalid,
    ...(starts ? { intent: "running", startedAt: batch.startedAt ?? now } : {}),
  };
}

function refusalOf(batch: BatchRecord, endpoint: EndpointName): UploadIssue | undefined {
  if (batch.intent === "removing") return beingRemoved(batch.name);
  if (batch.endpoint === endpoint) return undefined;
  return fileIssue(
    "BatchOfAnotherEndpoint",
    `The batch "${batch.name}" exists under the endpoint "${batch.endpoint}". Upload the file under another name.`,
  );
}

function beingRemoved(batch: BatchName): UploadIssue {
  return fileIssue(
    "BatchBeingRemoved",
    `The batch "${batch}" is being removed. Upload the file again once it is gone.`,
  );
}
