import type { BatchName, FolderId, MailboxId } from "../../domain/names.ts";
import type { Admission } from "../admission/admission.ts";
import { type Refused, refusal } from "../batch/acts.ts";
import { isSyncedDaily } from "../batch/life.ts";
import { folderActAsked, isQueued } from "../mailbox/life.ts";
import { putToWork } from "../operations/put-to-work.ts";
import type { FolderRecord, LedgerStore } from "../ports/ledger-store.ts";
import type { BatchStore, FolderAct, MailboxStore } from "../ports/registry.ts";
import type { WorkQueue } from "../ports/work-queue.ts";
import type { Clock, Log } from "../runtime.ts";
import { wakeTending } from "./sweeps.ts";

export type FolderActResult =
  | { readonly outcome: "done"; readonly mailboxes: number }
  | { readonly outcome: "notFound" }
  | (Refused & { readonly outcome: "refused" });

/**
 * What an operator does with one folder of a mailbox: `recreate` has a folder made anew in the target that its user deleted,
 * with all of its mail; `confirm` lets one go on that the source shows without most of what was copied from it. The
 * mailbox begins a round for it if it is synced, else the round it is in, or its next one, does it. Can be repeated.
 * @returns the number of mailboxes that begin a round.
 */
export type ActOnFolder = (
  batch: BatchName,
  mailboxId: MailboxId,
  folderId: FolderId,
  act: FolderAct,
) => Promise<FolderActResult>;

/** Whether a folder is in the state that the act is for, and what is said if not. */
const needs: Readonly<
  Record<
    FolderAct,
    { readonly met: (folder: FolderRecord) => boolean; readonly code: string; readonly reason: string }
  >
> = {
  recreate: {
    met: ({ state }) => state === "targetGone",
    code: "FolderNotRemoved",
    reason: "Only a folder with the status RemovedInTarget can be made anew.",
  },
  confirm: {
    met: ({ replaced }) => replaced !== undefined,
    code: "FolderNotReplaced",
    reason: "Only a folder with the status WaitsForConfirmation can be confirmed.",
  },
};

/** Creates the use case behind the folder actions of the HTTP API. */
export function createFolderControl(parts: {
  readonly batches: BatchStore;
  readonly mailboxes: MailboxStore;
  readonly ledger: LedgerStore;
  readonly admission: Admission;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  readonly log: Log;
}): ActOnFolder {
  const { batches, mailboxes, ledger, admission, queue, clock, log } = parts;
  return async (name, mailboxId, folderId, act) => {
    const [batch, stored] = await Promise.all([batches.get(name), mailboxes.get(name, mailboxId)]);
    const ledgerId = stored?.value.ledgerId;
    const folders = ledgerId === undefined ? [] : await ledger.listFolders(ledgerId);
    const folder = folders.find((one) => one.folderId === folderId);
    if (batch === undefined || stored === undefined || folder === undefined) return { outcome: "notFound" };
    if (!isSyncedDaily(batch.value))
      return refused("BatchNotRunning", "The batch does not run. Start it first.");
    const { met, code, reason } = needs[act];
    if (!met(folder)) return refused(code, reason);
    const { endpoint, round } = stored.value;
    const place = { operation: batch.value.lastOperation, since: clock() };
    const [changed] = await putToWork(parts, endpoint, [stored], place, (mailbox) =>
      folderActAsked(mailbox, folderId, act),
    );
    if (changed === undefined) return { outcome: "notFound" };
    log("folder.acted", { batch: name, mailbox: mailboxId, folder: folderId, act });
    const begins = isQueued(changed) && changed.round > round;
    if (!begins) return { outcome: "done", mailboxes: 0 };
    await admission.admit(endpoint);
    await wakeTending(queue, name, clock());
    return { outcome: "done", mailboxes: 1 };
  };
}

function refused(code: string, reason: string): FolderActResult {
  return { outcome: "refused", ...refusal(code, reason) };
}
