import type { MailboxRecord, Phase, Times } from "../ports/registry.ts";
import type { MailboxFacts } from "./life.ts";

/*
 * For how long a mailbox was queued, in progress, paused and synced. All functions are pure; instants and times are
 * milliseconds.
 */

/** Undefined for one that waits for an operator. */
function phaseOf({ status, notBefore }: Pick<MailboxFacts, "status" | "notBefore">): Phase | undefined {
  switch (status) {
    case "Queued":
      return notBefore === undefined ? "queued" : "paused";
    case "Syncing":
    case "IncrementalSyncing":
    case "Verifying":
    case "Undoing":
      return notBefore === undefined ? "inProgress" : "paused";
    case "Synced":
    case "Completed":
      return "synced";
    default:
      return undefined;
  }
}

/** The mailbox with its time so far, to be stored; the same object where it is in the phase that it was in. */
export function timed(mailbox: MailboxRecord, now: number): MailboxRecord {
  const phase = phaseOf(mailbox);
  if (phase === mailbox.times?.phase) return mailbox;
  return { ...mailbox, times: { phase, since: now, spent: timesSpent(mailbox.times, now) } };
}

/** The time spent in each phase until now. */
export function timesSpent(times: Times | undefined, now: number): Readonly<Partial<Record<Phase, number>>> {
  if (times === undefined) return {};
  const { phase, since, spent } = times;
  return phase === undefined ? spent : { ...spent, [phase]: (spent[phase] ?? 0) + Math.max(0, now - since) };
}
