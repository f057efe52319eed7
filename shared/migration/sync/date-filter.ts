import type { BatchOptions } from "../../domain/batch-options.ts";

/** The batch's date filter as kept with a folder; empty for none. */
export function dateFilter({ receivedSince, receivedBefore }: BatchOptions): string {
  return receivedSince === undefined && receivedBefore === undefined
    ? ""
    : `${receivedSince ?? ""}-${receivedBefore ?? ""}`;
}
