import type { BatchView } from "../api/types.ts";
import { StatusBadge } from "../parts/status-badge.tsx";

/** Where a batch stands; a rehearsal that is through has completed nothing. */
export function BatchStatus({ batch: { status, rehearsal } }: { batch: BatchView }) {
  return (
    <StatusBadge status={status}>{rehearsal && status === "Completed" ? "Rehearsed" : null}</StatusBadge>
  );
}
