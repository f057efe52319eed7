import type { BatchOptions } from "../../domain/batch-options.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { BatchName, EndpointName } from "../../domain/names.ts";
import { type Standing, takesMailboxes } from "../batch/acts.ts";
import { isAtWork, isFinal, isRemoving, newBatch, uploaded } from "../batch/life.ts";
import { wakeTending } from "../control/sweeps.ts";
import { type BeginOperationParts, beginOperation } from "../operations/begin-operation.ts";
import type { BatchRecord, MailboxStore } from "../ports/registry.ts";
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
   * Starts the batch if its options say so and nobody decided otherwise; in a batch that is at work, every mailbox that
   * was not started is from then on, those of earlier uploads included.
   * @returns the number of the operation that starts them, if they are to start; a refusal if the batch was removed while
   * its users were added.
   */
  settle(name: UploadName, counts: RowCounts): Promise<{ readonly operation: number | undefined } | Rejected>;
}

export interface UploadBatchParts extends BeginOperationParts {
  readonly mailboxes: Pick<MailboxStore, "deleteSlot">;
  readonly standing: (batch: BatchRecord) => Promise<Standing>;
}

/** What an upload does to the record of its batch. Everything may be repeated. */
export function createUploadBatch(parts: UploadBatchParts): UploadBatch {
  const { batches, mailboxes, queue, clock } = parts;
  return {
    async prepare(name, options) {
      for (;;) {
        const stored = await batches.get(name.batch);
        if (stored === undefined) {
          if (await batches.create(newBatch(name, options, clock()))) return { created: true };
          continue;
        }
        const refusal =
          refusalOf(stored.value, name.endpoint) ?? (await completionRefusal(parts, stored.value));
        if (refusal !== undefined) return { issues: [refusal] };
        if (options === undefined) return { created: false };
        if (await batches.replace({ ...stored, value: { ...stored.value, options } }))
          return { created: false };
      }
    },

    async settle(name, counts) {
      const settled = (batch: BatchRecord) => uploaded(batch, counts, clock());
      for (;;) {
        const stored = await batches.get(name.batch);
        if (stored === undefined || isRemoving(stored.value)) break;
        if (!isAtWork(settled(stored.value))) {
          if (await batches.replace({ ...stored, value: settled(stored.value) })) {
            await wakeTending(queue, name.batch, clock());
            return { operation: undefined };
          }
          continue;
        }
        const request = { kind: "upload", by: "app" } as const;
        const begun = await beginOperation(parts, name.batch, request, (batch) => {
          if (isRemoving(batch)) return { code: "BatchRemoving", reasons: [] };
          const next = settled(batch);
          return isAtWork(next) ? next : { code: stoppedMeanwhile, reasons: [] };
        });
        if (begun.outcome === "refused" && begun.code === stoppedMeanwhile) continue;
        if (begun.outcome !== "begun") {
          if (begun.outcome === "refused" && begun.code !== "BatchRemoving") throw tooManyOperations();
          break;
        }
        await wakeTending(queue, name.batch, clock());
        return { operation: begun.operation.seq };
      }
      // The mailboxes just added may be younger than the removal's own pass over them.
      await mailboxes.deleteSlot(name.batch, { slot: 0, of: 1 });
      return { issues: [beingRemoved(name.batch)] };
    },
  };
}

/** Somebody stopped the batch between two reads of it: its new mailboxes wait for its start. */
const stoppedMeanwhile = "BatchStopped";

function tooManyOperations(): MigrationError {
  return new MigrationError(
    "transient",
    "TooManyOperations",
    "Too many operations of the batch wait for their turn.",
  );
}

function refusalOf(batch: BatchRecord, endpoint: EndpointName): UploadIssue | undefined {
  if (isRemoving(batch)) return beingRemoved(batch.name);
  if (batch.endpoint === endpoint) return undefined;
  return fileIssue(
    "BatchOfAnotherEndpoint",
    `The batch "${batch.name}" exists under the endpoint "${batch.endpoint}". Upload the file under another name.`,
  );
}

/** The last sync of a batch is no time for new mailboxes. */
async function completionRefusal(
  { standing }: Pick<UploadBatchParts, "standing">,
  batch: BatchRecord,
): Promise<UploadIssue | undefined> {
  if (!isFinal(batch) || takesMailboxes((await standing(batch)).status)) return undefined;
  return fileIssue(
    "BatchBeingCompleted",
    `The batch "${batch.name}" is being completed. Upload the file again once it is, or stop it first.`,
  );
}

function beingRemoved(batch: BatchName): UploadIssue {
  return fileIssue(
    "BatchBeingRemoved",
    `The batch "${batch}" is being removed. Upload the file again once it is gone.`,
  );
}
