import { words } from "./format.ts";

/** How a status looks: never by colour alone, so each look has an icon of its own as well. */
export type Look = "moving" | "waiting" | "good" | "warning" | "bad" | "still";

const looks: Readonly<Record<string, Look>> = {
  Completed: "good",
  CompletedWithErrors: "warning",
  Created: "still",
  Failed: "bad",
  IncrementalSyncing: "moving",
  Queued: "waiting",
  Removing: "moving",
  Stopped: "still",
  Stopping: "moving",
  Synced: "good",
  SyncedWithErrors: "warning",
  Syncing: "moving",
  Completing: "moving",
  Undoing: "moving",
  Waiting: "waiting",
  RemovedAtSource: "still",
  RemovedInTarget: "warning",
  WaitsForConfirmation: "warning",
  Running: "moving",
  Finished: "good",
  Superseded: "still",
  Perfect: "good",
  Good: "good",
  Investigate: "warning",
  Poor: "bad",
  ok: "good",
  failed: "bad",
  untried: "still",
  warning: "warning",
  fails: "bad",
  wait: "waiting",
  unknown: "still",
  ready: "good",
  readyWithWarnings: "warning",
  notYet: "waiting",
  blocked: "bad",
};

const terms: Readonly<Record<string, string>> = {
  IncrementalSyncing: "Syncing changes",
  Created: "Not started",
  Undoing: "Being taken back",
  undo: "Taking copies back",
  ok: "OK",
  fails: "Not done",
  wait: "Wait",
};

/** A status of a later version of the API is shown by its name. Pure. */
export function lookOf(status: string): Look {
  return looks[status] ?? "still";
}

export function wordsFor(status: string): string {
  return terms[status] ?? words(status.charAt(0).toUpperCase() + status.slice(1));
}

/** True while something is done for a mailbox of this status, or soon will be. Pure. */
export function isMailboxMoving(status: string): boolean {
  return ["Queued", "Syncing", "IncrementalSyncing", "Stopping", "Undoing"].includes(status);
}
