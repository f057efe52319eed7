import type { BatchName } from "../../domain/names.ts";
import type { PageMessage } from "../../domain/queue-messages.ts";
import type { OperationKind } from "../../domain/states.ts";
import type { VerificationRequest } from "../../domain/verification.ts";
import { operated, supersedes } from "../batch/life.ts";
import {
  type BatchRecord,
  type BatchStore,
  type OperationRecord,
  type Selection,
  type Slot,
  slotCount,
  type UndoRequest,
} from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";

/**
 * Mailboxes that one message after another carries an operation to, in some ten seconds: slots of a few hundred would take
 * more requests to be handed around than for their mailboxes.
 */
const oneSlotUpTo = 5_000;
/** Operations that may wait for their turn. */
const maxPending = 20;

export interface OperationRequest {
  readonly kind: OperationKind;
  /** Object id of the caller in Entra, or `app`. */
  readonly by: string;
  readonly selection?: Selection | undefined;
  /** Of the kind `verify`. */
  readonly verification?: VerificationRequest | undefined;
  /** Of the kind `undo`. */
  readonly undo?: UndoRequest | undefined;
  /** Of the kind `remove`. */
  readonly forgets?: boolean | undefined;
}

export type Begun =
  | { readonly outcome: "begun"; readonly operation: OperationRecord; readonly batch: BatchRecord }
  | { readonly outcome: "notFound" }
  | { readonly outcome: "refused"; readonly code: string; readonly reasons: readonly string[] };

export interface BeginOperationParts {
  readonly batches: BatchStore;
  readonly queue: WorkQueue;
  /** Mailboxes of a batch, as far as that is known. */
  readonly sizeOf: (batch: BatchName) => Promise<number | undefined>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Begins an operation on the mailboxes of a batch: one write of the batch with what is intended from now on, which is in
 * force at once, and the messages by which the mailboxes follow, page by page. An operation whose messages were lost is
 * resumed by the next look at the batch.
 * @param change the batch as it is from now on, or why the operation is refused. Pure.
 */
export async function beginOperation(
  parts: BeginOperationParts,
  name: BatchName,
  request: OperationRequest,
  change: (
    batch: BatchRecord,
  ) => BatchRecord | { readonly code: string; readonly reasons: readonly string[] },
): Promise<Begun> {
  const { batches, clock, log } = parts;
  const counted = await parts.sizeOf(name);
  for (;;) {
    const stored = await batches.get(name);
    if (stored === undefined) return { outcome: "notFound" };
    const intended = change(stored.value);
    if ("reasons" in intended) return { outcome: "refused", ...intended };
    const { selection = {} } = request;
    const size = Math.max(counted ?? 0, intended.largestFile ?? 0) || undefined;
    const pending = {
      seq: intended.lastOperation + 1,
      kind: request.kind,
      whole: Object.values(selection).every((value) => value === undefined),
    };
    const batch = operated(intended, pending);
    if (batch.operations.length > maxPending)
      return {
        outcome: "refused",
        code: "TooManyOperations",
        reasons: [
          `${maxPending} operations of the batch wait for their turn. Try again when some are through.`,
        ],
      };
    const ended = intended.operations.filter((earlier) => supersedes(pending, earlier));
    const found = await Promise.all(ended.map(({ seq }) => supersededBy(parts, name, seq)));
    const superseded = found.filter((one) => one !== undefined);
    const operation: OperationRecord = {
      ...pending,
      batch: name,
      selection,
      by: request.by,
      verification: request.verification,
      undo: request.undo,
      forgets: request.forgets,
      at: clock(),
      slots: size !== undefined && size <= oneSlotUpTo ? 1 : slotCount,
      total: selection.mailboxes?.length ?? size,
      // Those that they had ended may have workers left as well.
      supersedes: [...new Set(superseded.flatMap((one) => [one.seq, ...one.supersedes]))],
    };
    if (!(await batches.replace({ ...stored, value: batch }, [operation, ...superseded]))) continue;
    log("operation.begun", { batch: name, operation: operation.seq, kind: operation.kind });
    if (batch.operations.length === 1) await sendPages(parts.queue, operation, slotsOf(operation), 0);
    return { outcome: "begun", operation, batch };
  }
}

/** Sends the messages that carry an operation out. @param attempt raised whenever they are sent again. Repeatable. */
export function sendPages(
  queue: WorkQueue,
  { batch, seq }: OperationRecord,
  slots: readonly Slot[],
  attempt: number,
  notBefore?: number,
): Promise<void> {
  const messages = slots.map(
    ({ slot }): PageMessage => ({ kind: "page", batch, operation: seq, slot, attempt }),
  );
  return queue.sendOperations(messages, notBefore);
}

/** The slots an operation has to pass through. Pure. */
export function slotsOf({ slots, selection: { mailboxes } }: OperationRecord): readonly Slot[] {
  const all = Array.from({ length: slots }, (_, slot) => ({ slot, of: slots }));
  if (mailboxes === undefined || slots === 1) return all;
  const digits = new Set(mailboxes.map((id) => Number.parseInt(id.slice(0, 1), 16)));
  return all.filter(({ slot }) => digits.has(slot));
}

async function supersededBy(
  { batches, clock }: BeginOperationParts,
  name: BatchName,
  seq: number,
): Promise<OperationRecord | undefined> {
  const [operation, cursors] = await Promise.all([batches.operation(name, seq), batches.cursors(name, seq)]);
  // The last thing a removal does is to forget its own.
  if (operation === undefined) return undefined;
  const sum = (of: "passed" | "changed") => cursors.reduce((total, { value }) => total + value[of], 0);
  const outcome = {
    state: "superseded",
    at: clock(),
    passed: sum("passed"),
    changed: sum("changed"),
  } as const;
  return { ...operation, outcome };
}
