import type { OperationKind } from "../../domain/states.ts";
import type { BatchRecord, OperationCursor, OperationRecord } from "../ports/registry.ts";
import { iso, isoOrNull } from "./batch-totals.ts";

/** An operation as the HTTP API shows it; instants as ISO 8601 text. */
export interface OperationView {
  readonly id: number;
  readonly batch: string;
  readonly kind: OperationKind;
  /** Waiting for those before it, at work, through, or ended by a later one. */
  readonly status: "Waiting" | "Running" | "Finished" | "Superseded";
  /** Object id of the caller in Entra; `app` for what the application began by itself. */
  readonly by: string;
  readonly beganAt: string;
  readonly endedAt: string | null;
  /** Mailboxes it has looked at, of how many, and how many of them it has changed. */
  readonly passedCount: number;
  readonly totalCount: number | null;
  readonly changedCount: number;
}

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
