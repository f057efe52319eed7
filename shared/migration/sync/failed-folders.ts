import { MigrationError } from "../../domain/errors.ts";
import { isPlaced, type PlacedFolder } from "./folder-record.ts";
import { troubled } from "./folder-trouble.ts";
import type { SyncRun } from "./run.ts";

/** A folder that could not be read in this step. */
export interface FailedVisit {
  readonly folder: PlacedFolder;
  readonly error: MigrationError;
}

/**
 * Notes with the folders that they could not be read, so that each waits by itself.
 * @returns when those are to be tried again that are not left alone for the rest of the round, in milliseconds since 1970.
 * @throws MigrationError `transient` if nothing tells that the source gives anything else: then the failure is the mailbox's.
 */
export async function leaveForLater(run: SyncRun, failed: readonly FailedVisit[]): Promise<number[]> {
  const looks: number[] = [];
  const judged = [];
  for (const { folder, error } of failed)
    judged.push({ folder, error, telling: await run.source.isTelling(error) });
  const [first] = judged;
  if (first !== undefined && !judged.some(({ telling }) => telling))
    throw new MigrationError("transient", first.error.code, first.error.message, { cause: first.error });
  for (const { folder, error, telling } of judged) {
    const record = troubled(await asStored(run, folder), error, telling, run.clock());
    await run.lease.commit({ folders: [record] });
    run.progressed(record);
    const { code, leftAt, lookAgainAt = 0 } = record.trouble ?? {};
    run.log("folder.failed", {
      mailbox: run.mailboxId,
      folder: record.folderId,
      code,
      left: leftAt !== undefined,
    });
    if (leftAt === undefined) looks.push(lookAgainAt);
  }
  return looks;
}

/** The folder as last committed: what failed may have changed it, and given it another id. */
export async function asStored(run: SyncRun, folder: PlacedFolder): Promise<PlacedFolder> {
  const folders = (await run.ledger.listFolders(run.ledgerId)).filter(isPlaced);
  return folders.find(({ source }) => source.path === folder.source.path) ?? folder;
}
