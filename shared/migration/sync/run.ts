import type { BatchOptions } from "../../domain/batch-options.ts";
import type { FolderId, LedgerId, MailboxId } from "../../domain/names.ts";
import type { FolderRecord, LedgerStore } from "../ports/ledger-store.ts";
import type { SourceFolder } from "../ports/source.ts";
import type { TargetMailbox } from "../ports/target.ts";
import type { Clock, Log, Trace } from "../runtime.ts";
import type { LeaseHolder } from "./lease-holder.ts";
import type { StepLimits } from "./limits.ts";
import type { SourcePace } from "./source-pace.ts";
import type { SteadySource } from "./steady-source.ts";
import type { TargetMarks } from "./target-marks.ts";
import type { TargetPulse } from "./target-pulse.ts";

export interface UnfinishedPlan {
  goesOn?: boolean | undefined;
  listed?: readonly SourceFolder[] | undefined;
  /** Whether two folders, by their paths, are one under two names. */
  sameFolders?: Map<string, boolean> | undefined;
}

/** Everything a step needs while it works on one mailbox. */
export interface SyncRun {
  readonly mailboxId: MailboxId;
  readonly ledgerId: LedgerId;
  readonly options: BatchOptions;
  /** When the mailbox's last round ended, in milliseconds since 1970; 0 if none has. */
  readonly lastRound: number;
  /** True in the rounds of a batch that is being completed: nothing may be left for a later round. */
  readonly final: boolean;
  /** True if the operator confirmed that many messages may be deleted. */
  readonly deletionsConfirmed: boolean;
  /** True if a worker died in the last step: messages are copied one by one, so that the next death tells in which. */
  readonly oneByOne: boolean;
  readonly source: SteadySource;
  readonly pace: SourcePace;
  readonly target: TargetMailbox;
  readonly marks: TargetMarks;
  readonly pulse: TargetPulse;
  /** Flags in the form the target can hold. */
  readonly representable: (flags: readonly string[]) => readonly string[];
  readonly ledger: LedgerStore;
  readonly lease: LeaseHolder;
  readonly limits: StepLimits;
  readonly clock: Clock;
  /** True once the step's time is over: what can go on in the next step is left to it, after one thing at least was done. */
  readonly timeIsUp: () => boolean;
  /** True once even a chunk that was begun has to stop: with the write it is at the step still ends in its time. */
  readonly isLate: () => boolean;
  /** What a plan that is not finished keeps from step to step, as long as its session lasts. */
  readonly unfinished: UnfinishedPlan;
  readonly log: Log;
  readonly trace: Trace;
  /** Throws if the step has to end now: stopped by the operator, replaced by a newer round, or out of its lease. */
  readonly checkpoint: () => void;
  /** Told about every committed change of a folder, for counters and progress. @param before its id until now. */
  readonly progressed: (folder: FolderRecord, before?: FolderId) => void;
}
