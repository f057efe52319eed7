import type { BatchOptions } from "../../domain/batch-options.ts";
import type { BatchName, EndpointName } from "../../domain/names.ts";
import { changeBatch } from "../batch/change.ts";
import { isRemoving, newBatch, uploaded } from "../batch/life.ts";
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
      const batch = await changeBatch(batches, name.batch, (stored) =>
        isRemoving(stored) ? undefined : uploaded(stored, counts, clock()),
      );
      if (batch !== undefined) return batch;
      // The mailboxes just added may be younger than the removal's own pass over them.
      await mailboxes.deleteAll(name.batch);
      return { issues: [beingRemoved(name.batch)] };
    },
  };
}

function refusalOf(batch: BatchRecord, endpoint: EndpointName): UploadIssue | undefined {
  if (isRemoving(batch)) return beingRemoved(batch.name);
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
