import type { Admission } from "../admission/admission.ts";
import type { Endpoints } from "../endpoints/endpoint-settings.ts";
import type { LedgerStore } from "../ports/ledger-store.ts";
import type { BatchStore, MailboxRecord, MailboxStore } from "../ports/registry.ts";
import type { SourceConnector } from "../ports/source.ts";
import type { TargetConnector } from "../ports/target.ts";
import type { Vault } from "../ports/vault.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log, Trace } from "../runtime.ts";
import type { StepLimits } from "./limits.ts";

/** What a mailbox's steps are made with. */
export interface FolderSyncParts {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly ledger: LedgerStore;
  readonly admission: Admission;
  readonly endpoints: Endpoints;
  readonly source: SourceConnector;
  readonly target: TargetConnector;
  readonly vault: Vault;
  readonly queue: WorkQueue;
  readonly sourceAccount: (
    mailbox: Pick<MailboxRecord, "endpoint" | "userName" | "userRoot">,
  ) => Promise<string>;
  readonly limits: StepLimits;
  /** Aborted when the process is about to end: steps hand back what they have not done. */
  readonly ending: AbortSignal;
  /** How often the process has stood still for so long that it might as well have died. */
  readonly standstills: () => number;
  readonly clock: Clock;
  readonly log: Log;
  readonly trace: Trace;
}
