import type { BatchName } from "../../domain/names.ts";
import type { BatchIntent, OperationKind } from "../../domain/states.ts";
import type { VerificationRequest } from "../../domain/verification.ts";
import type { Admission } from "../admission/admission.ts";
import { intended, isAtWork, isRemoving, isSyncedDaily, wasStarted } from "../batch/life.ts";
import {
  type BeginOperationParts,
  type Begun,
  beginOperation,
  type OperationRequest,
} from "../operations/begin-operation.ts";
import type { BatchRecord, Selection } from "../ports/registry.ts";
import { wakeTending } from "./sweeps.ts";

/** What an operator may do with the mailboxes of a batch. */
export type BatchAction = "start" | "startForReal" | "stop" | "sync" | "retry" | "complete";

export interface BatchControlParts extends BeginOperationParts {
  readonly admission: Pick<Admission, "fence">;
  /** What keeps a batch from being deleted safely, as sentences. */
  readonly reasonsAgainstRemoval: (batch: BatchRecord) => Promise<readonly string[]>;
  /** Messages that were skipped and not left out on purpose, and that nobody approved. */
  readonly unapprovedItems: (batch: BatchRecord) => Promise<number>;
}

/** What an operator does with a batch: one write, then the operation goes on by itself. Every action can be repeated. */
export interface BatchControl {
  /**
   * `start`: begins a batch, or goes on with a stopped one. `stop`: after the messages in flight; what was copied stays.
   * `sync`: an incremental sync of every synced mailbox now. `retry`: every failed mailbox again, and every synced one of
   * which messages were skipped, or changes of flags refused; those are tried again, too; after `TooManyDeletions` it
   * confirms the deletions. `complete`: a last sync, after which mailboxes are Completed and no longer synced daily. Both
   * are refused while the batch was never started.
   * @param selection some of the mailboxes only: what is intended with the batch stays as it is then.
   * @param by object id of the caller in Entra.
   */
  act(name: BatchName, action: BatchAction, by: string, selection?: Selection): Promise<Begun>;
  /**
   * Compares synced mailboxes with what was copied, in rounds of their own that change nothing on either side. Refused
   * while the batch is not at work.
   * @param selection some of the mailboxes only.
   */
  verify(name: BatchName, request: VerificationRequest, by: string, selection?: Selection): Promise<Begun>;
  /**
   * Accepts that what was skipped until now stays at the old server, in the name of the caller: it counts no longer against
   * a completion. What is skipped later is not covered.
   */
  approve(name: BatchName, by: string, selection?: Pick<Selection, "mailboxes" | "codes">): Promise<Begun>;
  /** Refused with reasons until it is safe, unless forced. Copied mail and the ledger stay. */
  remove(name: BatchName, force: boolean, by: string): Promise<Begun>;
  /** Lets every mailbox be copied whose login was tested. */
  releaseTested(name: BatchName): Promise<Begun>;
}

const intents: Readonly<Record<Exclude<BatchAction, "sync">, BatchIntent>> = {
  start: "running",
  startForReal: "running",
  stop: "stopped",
  retry: "running",
  complete: "completed",
};

/** Creates the use cases behind the batch actions of the HTTP API and the janitor. */
export function createBatchControl(parts: BatchControlParts): BatchControl {
  const { batches, clock, queue, log } = parts;

  async function begin(
    name: BatchName,
    request: OperationRequest,
    change: (batch: BatchRecord) => BatchRecord | Refused,
  ): Promise<Begun> {
    const begun = await beginOperation(parts, name, request, (batch) =>
      isRemoving(batch) && request.kind !== "remove"
        ? refusal("BatchRemoving", "The batch is being removed.")
        : change(batch),
    );
    if (begun.outcome !== "begun") return begun;
    if (!isAtWork(begun.batch)) await parts.admission.fence(begun.batch.endpoint);
    await wakeTending(queue, name, clock());
    return begun;
  }

  return {
    async act(name, action, by, selection) {
      if (action === "complete") {
        const stored = await batches.get(name);
        const count = stored && wasStarted(stored.value) ? await parts.unapprovedItems(stored.value) : 0;
        if (count > 0) return { outcome: "refused", ...unapproved(count) };
      }
      const kind: OperationKind = action === "startForReal" ? "start" : action;
      const request = { kind, by, selection };
      return begin(name, request, (batch) => {
        const isWhole = selection === undefined;
        if (action === "startForReal") {
          if (!batch.options.dryRun)
            return refusal("BatchIsNoRehearsal", "The batch is no rehearsal: start is what starts it.");
          const real = { ...batch, options: { ...batch.options, dryRun: false } };
          return intended(real, "running", clock()) ?? batch;
        }
        if (action === "complete" && batch.options.dryRun)
          return refusal(
            "BatchIsRehearsal",
            "The batch is a rehearsal. Start it for real first (startForReal).",
          );
        if (action === "sync" ? !isSyncedDaily(batch) : !isWhole && !isAtWork(batch))
          return refusal("BatchNotRunning", "Only a running batch can do that. Start it first.");
        if ((action === "retry" || action === "complete") && !wasStarted(batch))
          return refusal("BatchNotStarted", "The batch was never started. Start it first.");
        if (action === "sync" || !isWhole) return batch;
        return intended(batch, intents[action], clock()) ?? batch;
      });
    },

    verify(name, verification, by, selection) {
      return begin(name, { kind: "verify", by, selection, verification }, (batch) =>
        isAtWork(batch) && !batch.options.dryRun
          ? batch
          : refusal("BatchNotRunning", "Only a running or completed batch can be verified. Start it first."),
      );
    },

    approve(name, by, selection) {
      return begin(name, { kind: "approve", by, selection }, (batch) => batch);
    },

    async remove(name, force, by) {
      const stored = await batches.get(name);
      if (stored === undefined) return { outcome: "notFound" };
      if (!force && !isRemoving(stored.value)) {
        const reasons = await parts.reasonsAgainstRemoval(stored.value);
        if (reasons.length > 0) return { outcome: "refused", code: "BatchNotSafeToDelete", reasons };
      }
      return begin(name, { kind: "remove", by }, (batch) => intended(batch, "removing", clock()) ?? batch);
    },

    async releaseTested(name) {
      const begun = await begin(name, { kind: "release", by: "app" }, (batch) => batch);
      if (begun.outcome === "begun") log("batch.released", { batch: name });
      return begun;
    },
  };
}

function unapproved(count: number): Refused {
  const were = count === 1 ? "1 message was" : `${count} messages were`;
  return refusal(
    "ItemsNotApproved",
    `${were} skipped, and nobody has accepted that. Retry the batch, or approve them: skipped-items.csv names each.`,
  );
}

export interface Refused {
  readonly code: string;
  readonly reasons: readonly string[];
}

export function refusal(code: string, reason: string): Refused {
  return { code, reasons: [reason] };
}
