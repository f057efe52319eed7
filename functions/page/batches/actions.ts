import type { BatchView } from "../api/types.ts";
import { count, counted } from "../parts/format.ts";
import type { Question } from "../parts/question.ts";

export type BatchAction = "start" | "startForReal" | "stop" | "sync" | "retry" | "complete" | "delete";

export interface Offer {
  readonly action: BatchAction;
  readonly label: string;
  /** Why it cannot be done now; undefined if it can. */
  readonly refused?: string | undefined;
}

/** What can be done with a batch, and why the rest cannot. The API has the last word. Pure. */
export function offersOf(batch: BatchView, mayOperate: boolean): readonly Offer[] {
  const { failedCount, skippedItemCount, startedAt } = batch;
  const status: string = batch.status;
  const removing = status === "Removing" ? "The batch is being removed." : undefined;
  const rests = ["Created", "Waiting", "Stopped", "Stopping"].includes(status);
  const completed = ["Completed", "CompletedWithErrors"].includes(status);
  const unstarted = startedAt === null ? "The batch was not started yet." : undefined;
  const offers: readonly (Offer | false)[] = [
    batch.rehearsal && { action: "startForReal", label: "Start for real", refused: removing },
    rests
      ? {
          action: "start",
          label: status === "Created" || status === "Waiting" ? "Start" : "Go on",
          refused: removing,
        }
      : {
          action: "stop",
          label: "Stop",
          refused: removing ?? (completed || status === "Failed" ? "Nothing runs." : undefined),
        },
    !batch.rehearsal && {
      action: "sync",
      label: "Sync now",
      refused: removing ?? (rests || completed ? "Only a running batch can do that." : undefined),
    },
    {
      action: "retry",
      label: failedCount > 0 ? `Retry ${count(failedCount)} failed` : "Retry skipped",
      refused:
        removing ??
        unstarted ??
        (failedCount + skippedItemCount === 0 ? "Nothing failed and nothing was skipped." : undefined),
    },
    !batch.rehearsal && {
      action: "complete",
      label: "Complete",
      refused: removing ?? unstarted ?? (completed ? "The batch is completed." : undefined),
    },
    { action: "delete", label: "Delete", refused: removing },
  ];
  const made = offers.filter((offer) => offer !== false);
  return mayOperate ? made : made.map((offer) => ({ ...offer, refused: "Needs Migration.Operate" }));
}

/** What is asked before an action; undefined where nothing is: its undo is another action. Pure. */
export function questionOf(action: BatchAction, batch: BatchView): Question | undefined {
  const { name, failedCount } = batch;
  switch (action) {
    case "startForReal":
      return {
        title: `Start ${name} for real?`,
        text: "The rehearsal ends here: from now on mail is copied to Microsoft 365. What it found stays in rehearsal.csv.",
        verb: "Start for real",
      };
    case "stop":
      return {
        title: `Stop ${name}?`,
        text: "Messages in flight are finished; what was copied stays. New mail at the old server is not fetched until you start it again.",
        verb: "Stop",
      };
    case "retry":
      return failedCount === 0
        ? undefined
        : {
            title: `Try ${counted(failedCount, "failed mailbox", "failed mailboxes")} again?`,
            text: "A mailbox that failed as TooManyDeletions lost over a fifth of a folder at the source: retrying it removes those messages from Microsoft 365 as well.",
            verb: "Retry",
          };
    case "complete":
      return {
        title: `Complete ${name}?`,
        text: "One last sync, then daily syncs end. Do this after the MX record points to Microsoft 365.",
        verb: "Complete",
      };
    case "delete":
      return {
        title: `Delete ${name}?`,
        text: "Passwords, states and reports are removed; copied mail stays. Mail that still arrives at the old server will not be copied.",
        verb: "Delete",
      };
    default:
      return undefined;
  }
}

/** What has begun, as a sentence. Pure. */
export function begunText(action: BatchAction, { name }: BatchView): string {
  return {
    start: `${name} is starting`,
    startForReal: `${name} is starting for real`,
    stop: `${name} is stopping`,
    sync: `${name} is syncing`,
    retry: `${name} tries again`,
    complete: `${name} is completing`,
    delete: `${name} is being removed`,
  }[action];
}

/** The status that a batch is shown with at once. Pure. */
export function statusAfter(action: BatchAction, status: string): string {
  return (
    {
      start: "Syncing",
      startForReal: "Syncing",
      stop: "Stopping",
      retry: "Syncing",
      delete: "Removing",
      complete: "Completing",
      sync: status,
    } as const
  )[action];
}
