import { emptyUidSet, everyUid } from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import { forgotten, gone, type PlacedFolder } from "./folder-record.ts";
import { followRemovals } from "./follow-removals.ts";
import { forgetFormer } from "./rematch-folder.ts";
import type { SyncRun } from "./run.ts";

/**
 * Copies of a folder that was removed at the source follow the rule for deletions; otherwise its records wait for the
 * folder to come back. Where the user deleted the folder in the target nothing waits. Repeatable.
 * @returns false if the step's time was over before all of it was done.
 */
export async function forgetFolder(run: SyncRun, folder: PlacedFolder): Promise<boolean> {
  if (!run.options.propagateDeletes && folder.state === "active") await leaveFolder(run, folder);
  else {
    const { record, complete } = await followRemovals(run, folder, emptyUidSet, everyUid);
    if (!complete || !(await forgetFormer(run, folder))) return false;
    await leaveFolder(run, forgotten(folder, record.counts));
  }
  return true;
}

/** Notes that a folder left the source, or no longer takes part. Repeatable. */
export async function leaveFolder(run: SyncRun, folder: FolderRecord): Promise<void> {
  const left = gone(folder);
  await run.lease.commit({ folders: [left] });
  run.progressed(left);
}
