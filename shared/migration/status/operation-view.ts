import type { OperationView } from "../../domain/api/batches.ts";
import type { BatchRecord, OperationCursor, OperationRecord } from "../ports/registry.ts";
import { iso, isoOrNull } from "./instants.ts";

/** An operation with its progress. Pure. */
export function operationView(
  { displayName, operations }: BatchRecord,
  { seq, kind, by, at, total, outcome }: OperationRecord,
  cursors: readonly OperationCursor[],
): OperationView {
  const sum = (of: "passed" | "changed") => cursors.reduce((count, cursor) => count + cursor[of], 0);
  const passed = outcome?.passed ?? sum("passed");
  return {
    id: seq,
    batch: displayName,
    kind,
    status: outcome
      ? outcome.state === "finished"
        ? "Finished"
        : "Superseded"
      : operations[0]?.seq === seq
        ? "Running"
        : "Waiting",
    by,
    beganAt: iso(at),
    endedAt: isoOrNull(outcome?.at),
    passedCount: passed,
    totalCount: outcome?.state === "finished" ? passed : (total ?? null),
    changedCount: outcome?.changed ?? sum("changed"),
  };
}
