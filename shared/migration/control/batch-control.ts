import type { BatchName, MailboxId } from "../../domain/names.ts";
import type { BatchIntent } from "../../domain/states.ts";
import type { Admission } from "../admission/admission.ts";
import { changeBatch } from "../batch/change.ts";
import { intended, isRemoving, isSyncedDaily, wasStarted } from "../batch/life.ts";
import { changeMailbox } from "../mailbox/change.ts";
import { released, retried, started, stopped, syncedAgain } from "../mailbox/life.ts";
import type { ReportStore } from "../ports/blobs.ts";
import type { BatchRecord, BatchStore, MailboxRecord, MailboxStore } from "../ports/registry.ts";
import type { Vault } from "../ports/vault.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";
import { dispatch } from "./dispatch.ts";
import { wakeJanitor } from "./sweeps.ts";

export interface BatchControlParts {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly admission: Admission;
  readonly queue: WorkQueue;
  readonly reports: ReportStore;
  readonly vault: Vault;
  /** What keeps a batch from being deleted safely, as sentences. */
  readonly reasonsAgainstRemoval: (batch: BatchRecord) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Log;
}

export type ControlResult =
  | { readonly outcome: "done"; readonly mailboxes: number }
  | { readonly outcome: "notFound" }
  | { readonly outcome: "refused"; readonly code: string; readonly reasons: readonly string[] };

/** What an operator does with a batch. Every action can be repeated. */
export interface BatchControl {
  /** Starts a batch, or goes on with a stopped one. */
  start(name: BatchName): Promise<ControlResult>;
  /** Stops after the messages in flight; what was copied stays. */
  stop(name: BatchName): Promise<ControlResult>;
  /** Starts an incremental sync of every synced mailbox now, or of one. */
  sync(name: BatchName, mailboxId?: MailboxId): Promise<ControlResult>;
  /**
   * Starts every failed mailbox again, and every synced one of which messages were skipped, or changes of flags refused;
   * those are tried again, too.
   * A retry after `TooManyDeletions` confirms the deletions. Refused while the batch was never started.
   */
  retry(name: BatchName): Promise<ControlResult>;
  /** A last sync, after which mailboxes are Completed and no longer synced daily. Refused while it was never started. */
  complete(name: BatchName): Promise<ControlResult>;
  /** Refused with reasons until it is safe, unless forced. Copied mail and the ledger stay. */
  remove(name: BatchName, force: boolean): Promise<ControlResult>;
  /** Lets every mailbox be copied whose login was tested. @returns how many. */
  releaseTested(name: BatchName): Promise<number>;
  /** Goes on with a removal. @returns false while mailboxes are still being worked on. */
  finishRemoval(name: BatchName): Promise<boolean>;
}

/** Creates the use cases behind the batch actions of the HTTP API and the janitor. */
export function createBatchControl(parts: BatchControlParts): BatchControl {
  const { batches, mailboxes, admission, clock, log } = parts;

  /** @returns undefined after the change, else why it was not made. */
  async function setIntent(name: BatchName, intent: BatchIntent): Promise<ControlResult | undefined> {
    if (await changeBatch(batches, name, (batch) => intended(batch, intent, clock()))) return undefined;
    const exists = (await batches.get(name)) !== undefined;
    return exists ? refusal("BatchRemoving", "The batch is being removed.") : { outcome: "notFound" };
  }

  async function act(
    name: BatchName,
    intent: BatchIntent,
    next: (mailbox: MailboxRecord) => MailboxRecord | undefined,
  ): Promise<ControlResult> {
    const refused = await setIntent(name, intent);
    return refused ?? { outcome: "done", mailboxes: await dispatch(parts, name, next) };
  }

  /** A batch that waits for its start is started by start alone. @returns undefined for one that was started. */
  async function refusedUnstarted(name: BatchName): Promise<ControlResult | undefined> {
    const batch = await batches.get(name);
    if (batch === undefined || wasStarted(batch.value)) return undefined;
    return refusal("BatchNotStarted", "The batch was never started. Start it first.");
  }

  /** Takes every mailbox of a batch out of work. */
  async function halt(name: BatchName): Promise<number> {
    let count = 0;
    for await (const stored of mailboxes.scan(name)) {
      if (await changeMailbox(mailboxes, stored, stopped)) count++;
    }
    return count;
  }

  async function finishRemoval(name: BatchName): Promise<boolean> {
    const stored = await batches.get(name);
    if (stored === undefined) return true;
    await halt(name);
    for await (const { value } of mailboxes.scan(name)) {
      const permit = await admission.permit(value.endpoint, value.id);
      // A live worker notices the stop at its next heartbeat and hands its permit back.
      if (permit && permit.until > clock()) return false;
      if (permit) await admission.release(value.endpoint, value.id, value.round);
    }
    await mailboxes.deleteAll(name);
    await parts.reports.deleteAll(name);
    await parts.vault.forget(name);
    await batches.delete(name);
    log("batch.removed", { batch: name });
    return true;
  }

  return {
    start: (name) => act(name, "running", started),
    async stop(name) {
      const refused = await setIntent(name, "stopped");
      return refused ?? { outcome: "done", mailboxes: await halt(name) };
    },
    async sync(name, mailboxId) {
      const batch = await batches.get(name);
      if (batch === undefined) return { outcome: "notFound" };
      if (!isSyncedDaily(batch.value))
        return refusal("BatchNotRunning", "Only a running batch can be synced. Start it first.");
      const count = await dispatch(parts, name, (mailbox) =>
        mailboxId === undefined || mailbox.id === mailboxId ? syncedAgain(mailbox) : undefined,
      );
      return { outcome: "done", mailboxes: count };
    },
    retry: async (name) => (await refusedUnstarted(name)) ?? act(name, "running", retried),
    complete: async (name) => (await refusedUnstarted(name)) ?? act(name, "completed", syncedAgain),
    async remove(name, force) {
      const stored = await batches.get(name);
      if (stored === undefined) return { outcome: "notFound" };
      if (!force && !isRemoving(stored.value)) {
        const reasons = await parts.reasonsAgainstRemoval(stored.value);
        if (reasons.length > 0) return { outcome: "refused", code: "BatchNotSafeToDelete", reasons };
      }
      const refused = await setIntent(name, "removing");
      if (refused) return refused;
      const count = await halt(name);
      if (!(await finishRemoval(name))) await wakeJanitor(parts.queue, clock());
      return { outcome: "done", mailboxes: count };
    },
    async releaseTested(name) {
      const count = await dispatch(parts, name, released);
      log("batch.released", { batch: name, mailboxes: count });
      return count;
    },
    finishRemoval,
  };
}

export function refusal(code: string, reason: string): ControlResult {
  return { outcome: "refused", code, reasons: [reason] };
}
