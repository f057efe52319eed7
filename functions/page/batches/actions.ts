import type { BatchView, CutoverView } from "../api/types.ts";
import { retryQuestionOf } from "../batch/acts.ts";
import { verdictOf } from "../batch/verdict.ts";
import { count, counted, dateTime } from "../parts/format.ts";
import type { Question } from "../parts/question.ts";

export type BatchAction = "start" | "startForReal" | "stop" | "sync" | "retry" | "complete" | "delete";

export interface Offer {
  readonly action: BatchAction;
  readonly label: string;
  /** Why it cannot be done now; undefined if it can. */
  readonly refused?: string | undefined;
}

/** Why an action is refused while a batch is in a status; what is not named here may be done. */
const refusals: Readonly<Partial<Record<BatchAction, Readonly<Record<string, string>>>>> = {
  stop: {
    Completed: "Nothing runs.",
    CompletedWithErrors: "Nothing runs.",
    Failed: "Nothing runs.",
  },
  sync: {
    Created: "Only a running batch can do that.",
    Waiting: "Only a running batch can do that.",
    Failed: "Every mailbox failed: retry them.",
    Stopping: "Only a running batch can do that.",
    Stopped: "Only a running batch can do that.",
    Completing: "The last sync runs.",
    Completed: "The batch is completed.",
    CompletedWithErrors: "The batch is completed.",
  },
  retry: {
    Created: "The batch was not started yet.",
    Waiting: "The batch was not started yet.",
  },
  complete: {
    Created: "The batch was not started yet.",
    Waiting: "The batch was not started yet.",
    Syncing: "Mailboxes are being copied for the first time.",
    Failed: "Every mailbox failed: retry them.",
    Stopping: "Start it first, so that its last sync can run.",
    Stopped: "Start it first, so that its last sync can run.",
    Completing: "The last sync runs.",
    Completed: "The batch is completed.",
  },
};

/** What can be done with a batch, and why the rest cannot. The API has the last word. Pure. */
export function offersOf(batch: BatchView, mayOperate: boolean): readonly Offer[] {
  const { status, failedCount, skippedItemCount, unapprovedItemCount, rehearsal } = batch;
  const rests = ["Created", "Waiting", "Stopped", "Stopping"].includes(status);
  const begins = status === "Created" || status === "Waiting";
  const offer = (action: BatchAction, label: string, more?: string | false): Offer => {
    const refused =
      (!mayOperate && "Needs Migration.Operate") ||
      (status === "Removing" && "The batch is being removed.") ||
      refusals[action]?.[status] ||
      more ||
      undefined;
    return { action, label, refused };
  };
  return [
    ...(rehearsal ? [offer("startForReal", "Start for real")] : []),
    rests ? offer("start", begins ? "Start" : "Go on") : offer("stop", "Stop"),
    ...(rehearsal ? [] : [offer("sync", "Sync now")]),
    offer(
      "retry",
      failedCount > 0 ? `Retry ${count(failedCount)} failed` : "Retry skipped",
      failedCount + skippedItemCount === 0 && "Nothing failed and nothing was skipped.",
    ),
    ...(rehearsal
      ? []
      : [
          offer(
            "complete",
            "Complete",
            unapprovedItemCount > 0 && "Messages were skipped: retry, or accept them first.",
          ),
        ]),
    offer("delete", "Delete"),
  ];
}

/**
 * What is asked before an action; undefined where nothing is: its undo is another action. Pure.
 * @param cutover where that is known: whoever completes a batch is told what its checklist says.
 */
export function questionOf(
  action: BatchAction,
  batch: BatchView,
  cutover?: CutoverView,
): Question | undefined {
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
      return failedCount === 0 ? undefined : retryQuestionOf(failedCount, undefined, batch.skippedItemCount);
    case "complete":
      return {
        title: `Complete ${name}?`,
        text: `One last sync, then daily syncs end. Do this after the MX record points to Microsoft 365.${cutover ? ` The cut-over checklist says: ${verdictOf(cutover, dateTime).title}.` : ""}`,
        reasons: cutover?.reasons ?? [],
        verb: "Complete",
        ...(failedCount === 0
          ? {}
          : { ticked: `Leave ${counted(failedCount, "failed mailbox", "failed mailboxes")} behind` }),
      };
    case "delete":
      return {
        title: `Delete ${name}?`,
        text: "Passwords, states and reports are removed; copied mail stays. Mail that still arrives at the old server will not be copied.",
        also: "Forget what was copied as well: nothing of these mailboxes stays recorded, and the same rows would be copied anew",
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

/** What is sent with an action: only failed mailboxes need a word, and that was asked for. Pure. */
export function bodyOf(action: BatchAction, { failedCount }: BatchView): object | undefined {
  return action === "complete" && failedCount > 0 ? { leaveFailed: true } : undefined;
}
