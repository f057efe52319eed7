import type { MigrationError } from "../../domain/errors.ts";
import type { FolderRecord, FolderTrouble } from "../ports/ledger-store.ts";
import { isHopeless, nextTryAt } from "./set-aside.ts";

/*
 * A folder that the source does not open, or from which it gives nothing: it holds up itself and no other one. It is
 * tried again after the same pauses as a message that is set aside, left alone for the rest of the round where that has
 * gone on for too long, and tried again in the next one. All functions are pure.
 */

/**
 * One more visit of the folder failed.
 * @param telling true if the source gave something of another folder, so that the failure is about this one.
 */
export function troubled<Folder extends FolderRecord>(
  folder: Folder,
  { code, message }: Pick<MigrationError, "code" | "message">,
  telling: boolean,
  now: number,
): Folder {
  const { since = now, tries: before = 0 } = folder.trouble ?? {};
  const tries = before + (telling ? 1 : 0);
  const isLeft = isHopeless({ tries, since }, now);
  const trouble: FolderTrouble = { code, message, tries, since, lookAgainAt: nextTryAt(since, now) };
  return { ...folder, pending: !isLeft, trouble: isLeft ? { ...trouble, leftAt: now } : trouble };
}

/** When the folder is to be tried again, if it has to wait until then. */
export function waitsUntil({ trouble }: FolderRecord, now: number): number | undefined {
  return trouble !== undefined && trouble.lookAgainAt > now ? trouble.lookAgainAt : undefined;
}

/** True if the folder was left alone for the rest of this round. @param lastRound when the last round ended. */
export function isLeftAlone({ trouble }: FolderRecord, lastRound: number): boolean {
  return trouble?.leftAt !== undefined && trouble.leftAt > lastRound;
}

/** The folder is tried as if nothing had been: another round has begun, or an operator retries. The same object otherwise. */
export function troubleForgotten<Folder extends FolderRecord>(folder: Folder): Folder {
  return folder.trouble === undefined ? folder : { ...folder, pending: true, trouble: undefined };
}
