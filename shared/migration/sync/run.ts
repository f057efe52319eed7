import type { BatchOptions } from "../../domain/batch-options.ts";
import type { LedgerId, MailboxId } from "../../domain/names.ts";
import type { FolderRecord, LedgerStore } from "../ports/ledger-store.ts";
import type { SourceMailbox } from "../ports/source.ts";
import type { TargetMailbox } from "../ports/target.ts";
import type { Clock, Log, Trace } from "../runtime.ts";
import type { LeaseHolder } from "./lease-holder.ts";

/** Limits of one step. */
export interface ChunkLimits {
  readonly maxSeconds: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** Everything one invocation needs while it works on one mailbox. */
export interface SyncRun {
  readonly mailboxId: MailboxId;
  readonly ledgerId: LedgerId;
  readonly options: BatchOptions;
  /** True in the rounds of a batch that is being completed: nothing may be left for a later round. */
  readonly final: boolean;
  /** True if the operator confirmed that many messages may be deleted. */
  readonly deletionsConfirmed: boolean;
  readonly source: SourceMailbox;
  readonly target: TargetMailbox;
  /** Flags in the form the target can hold. */
  readonly representable: (flags: readonly string[]) => readonly string[];
  readonly ledger: LedgerStore;
  readonly lease: LeaseHolder;
  readonly limits: ChunkLimits;
  readonly clock: Clock;
  readonly log: Log;
  readonly trace: Trace;
  /** Throws if the step has to end now: stopped by the operator, replaced by a newer round, or out of its lease. */
  readonly checkpoint: () => void;
  /** Told about every committed change of a folder, for counters and progress. */
  readonly progressed: (folder: FolderRecord) => void;
}

/** What is left of a step's limits. */
export class Budget {
  readonly #deadline: number;
  readonly #clock: Clock;
  #messages: number;
  #bytes: number;

  constructor(limits: ChunkLimits, clock: Clock) {
    this.#deadline = clock() + limits.maxSeconds * 1000;
    this.#clock = clock;
    this.#messages = limits.maxMessages;
    this.#bytes = limits.maxBytes;
  }

  spend(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
  }

  get exhausted(): boolean {
    return this.#messages <= 0 || this.#bytes <= 0 || this.#clock() >= this.#deadline;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }
}
