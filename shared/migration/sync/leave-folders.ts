import { emptyUidSet, everyUid } from "../../domain/uid-set.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import { forgotten, gone, type PlacedFolder } from "./folder-record.ts";
import { followRemovals } from "./follow-removals.ts";
import { forgetFormer } from "./rematch-folder.ts";
import type { SyncRun } from "./run.ts";

/**
 * Copies of a folder that was removed at the source follow the rule for deletions; otherwise its records wait for the
 * folder to come back. Where the user deleted the folder in the target nothing waits. Repeatable.
 */
export async function forgetFolder(run: SyncRun, folder: PlacedFolder): Promise<void> {
  if (!run.options.propagateDeletes && folder.state === "active") return leaveFolder(run, folder);
  const { record } = await followRemovals(run, folder, emptyUidSet, everyUid);
  await forgetFormer(run, folder);
  await leaveFolder(run, forgotten(folder, record.counts));
}

/** Notes that a folder left the source, or no longer takes part. Repeatable. */
export async function leaveFolder(run: SyncRun, folder: FolderRecord): Promise<void> {
  const left = gone(folder);
  await run.lease.commit({ folders: [left] });
  run.progressed(left);
}
