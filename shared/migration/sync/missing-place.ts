import { MigrationError } from "../../domain/errors.ts";
import { hour, minute } from "../runtime.ts";
import { type PlacedFolder, placeMissing } from "./folder-record.ts";
import type { SyncRun } from "./run.ts";

/*
 * A target folder that is answered as if it were not there. One such answer proves nothing: Exchange gives it for folders
 * that were just made, and for seconds for others. So the folder is looked for again after pauses, by other calls, before
 * it counts as removed by its user.
 */

/** A folder that is not found by any call for so long was removed; in milliseconds. */
const removedMs = 5 * minute;
/** One that is listed and takes nothing for so long needs an operator. */
const lastingMs = 24 * hour;
const firstPauseMs = 20_000;
const longestPauseMs = 30 * minute;

/** When to look for the folder again. Pure. @param now milliseconds since 1970. */
export function nextLookForPlace(missingSince: number, now: number): number {
  const pause = Math.min(Math.max(now - missingSince, firstPauseMs), longestPauseMs);
  // The look that decides is not put off.
  return now - missingSince < removedMs
    ? Math.min(now + pause, Math.max(missingSince + removedMs, now))
    : now + pause;
}

/** Something said that the folder is not there: it is looked for later. */
export async function suspectPlace(run: SyncRun, folder: PlacedFolder): Promise<PlacedFolder> {
  const suspected = placeMissing(folder, run.clock());
  await run.lease.commit({ folders: [suspected] });
  run.progressed(suspected);
  run.log("folder.missing", { mailbox: run.mailboxId, folder: folder.folderId });
  return suspected;
}

/**
 * Looks for a folder that was missing before.
 * @returns the folder to go on with; one that counts as removed; or when to look again.
 * @throws MigrationError `mailbox`/`TargetFolderUnusable` for one that is there, and has taken nothing for a day.
 */
export async function lookForPlace(
  run: SyncRun,
  folder: PlacedFolder,
): Promise<{ readonly folder: PlacedFolder } | { readonly removed: true } | { readonly at: number }> {
  const { missingSince } = folder;
  if (missingSince === undefined || folder.state === "targetGone") return { folder };
  const state = await run.target.folderState(folder.place.id);
  const now = run.clock();
  const missingMs = now - missingSince;
  if (state === "there") {
    if (missingMs < lastingMs) return { folder };
    throw new MigrationError(
      "mailbox",
      "TargetFolderUnusable",
      `The target lists a folder, and has answered for a day as if it were not there. Rename or remove the folder there, then retry the mailbox.`,
    );
  }
  if (state === "deleted" || missingMs >= removedMs) return { removed: true };
  return { at: nextLookForPlace(missingSince, now) };
}
