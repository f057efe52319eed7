import type { BatchName } from "../../domain/names.ts";
import type { BatchRecord, BatchStore } from "../ports/registry.ts";

/**
 * Applies a change to a batch, deciding anew whenever somebody else changed it. A change that gives back the same object
 * writes nothing.
 * @param change pure; undefined to leave the batch alone.
 * @returns the batch as it is stored then; undefined if it was left alone or there is none.
 */
export async function changeBatch(
  batches: BatchStore,
  name: BatchName,
  change: (batch: BatchRecord) => BatchRecord | undefined,
): Promise<BatchRecord | undefined> {
  for (;;) {
    const stored = await batches.get(name);
    if (stored === undefined) return undefined;
    const value = change(stored.value);
    if (value === undefined || value === stored.value) return value;
    if (await batches.replace({ ...stored, value })) return value;
  }
}
