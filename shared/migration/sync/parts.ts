import type { Admission } from "../admission/admission.ts";
import type { SourceBudget } from "../admission/source-budget.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import type { MailboxState } from "../mailbox/change.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { BatchRecord, BatchStore, MailboxRecord, MailboxStore } from "../ports/registry.ts";
import type { SourceConnector } from "../ports/source.ts";
import type { TargetConnector } from "../ports/target.ts";
import type { Vault } from "../ports/vault.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log, Trace } from "../runtime.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import type { StepLimits } from "./limits.ts";

/**
 * One step of a verification or a rehearsal of a mailbox, which change nothing at the source or in the target, or of an
 * undoing, which takes copies out of the target.
 * @param step id of the step, as the mailbox's row has it.
 * @returns `ended` once the outcome is stored with the mailbox, else that the next step goes on at once.
 * @throws as a step of a sync.
 */
export type LookStep = (
  batch: BatchRecord,
  state: MailboxState,
  lease: LeaseHolder,
  step: string,
  stoodStill: () => boolean,
) => Promise<"ended" | { readonly next: number | undefined }>;

/** What a mailbox's steps are made with. */
export interface FolderSyncParts {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly ledger: LedgerStore;
  readonly admission: Admission;
  readonly budget: SourceBudget;
  readonly endpoints: Endpoints;
  readonly source: SourceConnector;
  readonly target: TargetConnector;
  readonly vault: Vault;
  readonly queue: WorkQueue;
  readonly sourceAccount: (
    mailbox: Pick<MailboxRecord, "endpoint" | "userName" | "userRoot">,
  ) => Promise<string>;
  readonly verify: LookStep;
  readonly rehearse: LookStep;
  readonly undo: LookStep;
  readonly limits: StepLimits;
  /** Aborted when the process is about to end: steps hand back what they have not done. */
  readonly ending: AbortSignal;
  /** How often the process has stood still for so long that it might as well have died. */
  readonly standstills: () => number;
  readonly clock: Clock;
  readonly log: Log;
  readonly trace: Trace;
}

/** What such steps are made with themselves. */
export type LookParts = Omit<FolderSyncParts, "verify" | "rehearse" | "undo">;
