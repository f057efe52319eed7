import { differenceOf, uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord, SkippedItem } from "../ports/ledger-store.ts";
import { leftOutCount } from "./left-out.ts";
import type { SyncRun } from "./run.ts";

/** Records of one commit, with room for the folder's row. */
const maxReopened = 90;

/**
 * Takes every skipped message out of its folder's checkpoint, so that the visits of this round try it again: the reason
 * may be gone, such as a limit that the operator has raised. The same for changes of flags that the target refused.
 * Repeatable.
 */
export async function reopenSkipped(run: SyncRun): Promise<void> {
  for (const folder of await run.ledger.listFolders(run.ledgerId)) {
    let record = withFlagsToCompare(folder);
    if (record !== folder) await run.lease.commit({ folders: [record] });
    const skips: SkippedItem[] = [];
    for await (const skip of run.ledger.listSkipped(run.ledgerId, folder.folderId))
      if (skip.uidValidity === folder.uidValidity) skips.push(skip);
    for (let start = 0; start < skips.length; start += maxReopened) {
      run.checkpoint();
      const part = skips.slice(start, start + maxReopened);
      record = {
        ...record,
        settled: differenceOf(record.settled, uidSetOf(part.map(({ uid }) => uid))),
        skippedItemCount: record.skippedItemCount - part.length,
        leftOutItemCount: (record.leftOutItemCount ?? 0) - leftOutCount(part),
        pending: true,
      };
      await run.lease.commit({
        folders: [record],
        removedSkips: part.map(({ folderId, uidValidity, uid }) => ({ folderId, uidValidity, uid })),
      });
    }
  }
}

/** A folder with flags that the target did not take on has all its flags compared in the next visit. Pure. */
function withFlagsToCompare(folder: FolderRecord): FolderRecord {
  if (folder.unkeptFlags === undefined || folder.state !== "active") return folder;
  const { highestModseq: _, flagsDigest: __, ...rest } = folder;
  return { ...rest, pending: true };
}
