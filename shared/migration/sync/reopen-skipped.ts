import type { SkippedItem } from "../ports/ledger-store.ts";
import { flagsReopened, skipsReopened } from "./folder-record.ts";
import { troubleForgotten } from "./folder-trouble.ts";
import { keyOf } from "./item-records.ts";
import type { SyncRun } from "./run.ts";

/** Records of one commit, with room for the folder's row. */
const maxReopened = 90;

/**
 * Takes every skipped message out of its folder's checkpoint, so that the visits of this round try it again: the reason
 * may be gone, such as a limit that the operator has raised. The same for changes of flags that the target refused, and for
 * folders that could not be read.
 * Repeatable.
 */
export async function reopenSkipped(run: SyncRun): Promise<void> {
  for (const folder of await run.ledger.listFolders(run.ledgerId)) {
    let record = troubleForgotten(flagsReopened(folder));
    if (record !== folder) await run.lease.commit({ folders: [record] });
    const skips: SkippedItem[] = [];
    for await (const skip of run.ledger.listSkipped(run.ledgerId, folder.folderId))
      if (skip.uidValidity === folder.uidValidity) skips.push(skip);
    for (let start = 0; start < skips.length; start += maxReopened) {
      run.checkpoint();
      const part = skips.slice(start, start + maxReopened);
      record = skipsReopened(record, part);
      await run.lease.commit({
        folders: [record],
        removedSkips: part.map(keyOf),
      });
    }
  }
}
