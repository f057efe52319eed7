import type { BatchName, MailboxId } from "../../domain/names.ts";
import type { VerificationRequest } from "../../domain/verification.ts";
import type { Admission } from "../admission/admission.ts";
import {
  type BatchAction,
  type Consent,
  decided,
  type Refused,
  refusal,
  type Standing,
} from "../batch/acts.ts";
import { intended, isAtWork, isRemoving, isSyncedDaily, touched } from "../batch/life.ts";
import {
  type BeginOperationParts,
  type Begun,
  beginOperation,
  type OperationRequest,
} from "../operations/begin-operation.ts";
import type { BatchRecord, Selection, UndoRequest } from "../ports/registry.ts";
import { wakeTending } from "./sweeps.ts";

export interface BatchControlParts extends BeginOperationParts {
  readonly admission: Pick<Admission, "fence">;
  readonly standing: (batch: BatchRecord) => Promise<Standing>;
  /** What keeps a batch from being deleted safely, as sentences. */
  readonly reasonsAgainstRemoval: (batch: BatchRecord) => Promise<readonly string[]>;
}

/** What an operator does with a batch: one write, then the operation goes on by itself. Every action can be repeated. */
export interface BatchControl {
  /**
   * `start`: begins a batch, or goes on with a stopped one. `stop`: after the messages in flight; what was copied stays.
   * `sync`: an incremental sync of every synced mailbox now. `retry`: every failed mailbox again, and every synced one of
   * which messages were skipped, or changes of flags refused; those are tried again, too; after `TooManyDeletions` it
   * confirms the deletions. `complete`: a last sync, after which mailboxes are Completed and no longer synced daily. What
   * each comes to in each status is said by `batch/acts.ts`.
   * @param by object id of the caller in Entra.
   * @param request.selection some of the mailboxes only: what is intended with the batch stays as it is then.
   */
  act(name: BatchName, action: BatchAction, by: string, request?: ActRequest): Promise<Begun>;
  /** Takes mailboxes out of their batch, once nobody works on them. Copied mail and the ledger stay. Repeatable. */
  removeMailboxes(name: BatchName, mailboxes: readonly MailboxId[], by: string): Promise<Begun>;
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
  approve(name: BatchName, by: string, selection?: Selection): Promise<Begun>;
  /**
   * Takes out of the target what was written there for some mailboxes and nobody has touched since; whatever they were at,
   * they end Stopped. Refused while the batch is not at work, and for a rehearsal.
   */
  undo(name: BatchName, mailboxes: readonly MailboxId[], request: UndoRequest, by: string): Promise<Begun>;
  /**
   * Removes what is recorded of the copies of some mailboxes, which end Stopped, and as if they had never been copied: the
   * next start copies every message, beside what is still in the target. Refused unless that was accepted.
   */
  forget(name: BatchName, selection: Selection, acceptDoubles: boolean, by: string): Promise<Begun>;
  /**
   * Refused with reasons until it is safe, unless forced. Copied mail stays, and so do its records unless the removal
   * forgets them: without them an upload of the same rows copies every message again.
   */
  remove(name: BatchName, force: boolean, by: string, forgets?: boolean): Promise<Begun>;
  /** Lets every mailbox be copied whose login was tested. */
  releaseTested(name: BatchName): Promise<Begun>;
}

/** What is said beside an action. */
export interface ActRequest extends Consent {
  readonly selection?: Selection | undefined;
}

/** Creates the use cases behind the batch actions of the HTTP API and the janitor. */
export function createBatchControl(parts: BatchControlParts): BatchControl {
  const { batches, clock, queue, log } = parts;

  async function begin(
    name: BatchName,
    request: OperationRequest,
    change: (batch: BatchRecord) => BatchRecord | Refused,
  ): Promise<Begun> {
    const now = clock();
    const begun = await beginOperation(parts, name, request, (batch) => {
      const next =
        isRemoving(batch) && request.kind !== "remove"
          ? refusal("BatchRemoving", "The batch is being removed.")
          : change(batch);
      return "reasons" in next || request.by === app ? next : touched(next, now);
    });
    if (begun.outcome !== "begun") return begun;
    if (!isAtWork(begun.batch)) await parts.admission.fence(begun.batch.endpoint);
    await wakeTending(queue, name, clock());
    return begun;
  }

  async function actOnAll(
    name: BatchName,
    action: BatchAction,
    by: string,
    consent: Consent,
  ): Promise<Begun> {
    for (;;) {
      const stored = await batches.get(name);
      if (stored === undefined) return { outcome: "notFound" };
      const standing = await parts.standing(stored.value);
      const decision = decided(stored.value, action, standing, consent, clock());
      if ("reasons" in decision) return { outcome: "refused", ...decision };
      const { kind } = decision;
      // Somebody else may have decided something meanwhile.
      const begun = await begin(name, { kind, by }, (batch) =>
        batch.intent === stored.value.intent
          ? withDecision(batch, decision.batch)
          : refusal(decidedMeanwhile, "The batch changed in the same moment. Try again."),
      );
      if (begun.outcome !== "refused" || begun.code !== decidedMeanwhile) return begun;
    }
  }

  return {
    act(name, action, by, { selection, ...consent } = {}) {
      if (selection === undefined) return actOnAll(name, action, by, consent);
      const kind = action === "startForReal" ? "start" : action;
      return begin(name, { kind, by, selection }, (batch) => {
        if (action === "sync" ? !isSyncedDaily(batch) : !isAtWork(batch))
          return refusal("BatchNotRunning", "Only a running batch can do that. Start it first.");
        if (action === "complete" || action === "startForReal")
          return refusal("BatchOnly", "Only a batch as a whole can do that.");
        return batch;
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

    undo(name, mailboxes, undo, by) {
      return begin(name, { kind: "undo", by, selection: { mailboxes }, undo }, (batch) =>
        isAtWork(batch) && !batch.options.dryRun
          ? batch
          : refusal("BatchNotRunning", "Only mailboxes of a running batch can be undone. Start it first."),
      );
    },

    async forget(name, selection, acceptDoubles, by) {
      return begin(name, { kind: "forget", by, selection }, (batch) =>
        acceptDoubles
          ? batch
          : refusal(
              "ForgetNotAccepted",
              "Once forgotten, the next start copies every message again: what is still in the target is there twice then. Empty it or undo the mailboxes first, and send acceptDoubles: true.",
            ),
      );
    },

    removeMailboxes: (name, mailboxes, by) =>
      begin(name, { kind: "removeMailboxes", by, selection: { mailboxes } }, (batch) => batch),

    async remove(name, force, by, forgets) {
      const stored = await batches.get(name);
      if (stored === undefined) return { outcome: "notFound" };
      if (!force && !isRemoving(stored.value)) {
        const reasons = await parts.reasonsAgainstRemoval(stored.value);
        if (reasons.length > 0) return { outcome: "refused", code: "BatchNotSafeToDelete", reasons };
      }
      return begin(
        name,
        { kind: "remove", by, forgets },
        (batch) => intended(batch, "removing", clock()) ?? batch,
      );
    },

    async releaseTested(name) {
      const begun = await begin(name, { kind: "release", by: app }, (batch) => batch);
      if (begun.outcome === "begun") log("batch.released", { batch: name });
      return begun;
    },
  };
}

/** What the application begins by itself is nobody's doing. */
const app = "app";
const decidedMeanwhile = "BatchChanged";

/** Only what the decision is about: the rest may have changed meanwhile. */
function withDecision(batch: BatchRecord, decided: BatchRecord): BatchRecord {
  const { intent, startedAt, runningSince, failedLeft } = decided;
  const options = { ...batch.options, dryRun: decided.options.dryRun };
  return { ...batch, options, intent, startedAt, runningSince, failedLeft };
}
