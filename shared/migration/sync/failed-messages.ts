import type { MigrationError } from "../../domain/errors.ts";
import { uidSetOf } from "../../domain/uid-set.ts";
import type { FolderRecord, Generation, SetAside, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";
import { minute } from "../runtime.ts";
import { skipOf } from "./item-records.ts";
import { isHopeless, setAside } from "./set-aside.ts";

/** A message that source or target could not give or take in one try, for a reason that may pass. */
export interface FailedMessage {
  readonly message: MessageSummary;
  readonly side: "source" | "target";
  readonly error: MigrationError;
  /** True if other messages could be given or taken, so that the failure is about this one. */
  readonly telling: boolean;
}

/** The code of a message that the source did not give. */
export const sourceGivenUp = "SourceMessageUnreadable";

/** Codes and words for what is given up. */
const givenUp = {
  source: { code: sourceGivenUp, what: "The source server did not deliver this message" },
  target: { code: "TargetRefusesMessage", what: "The target did not take this message" },
} as const;

/**
 * Sets messages aside that were tried in vain, and gives up what has been tried often enough. Pure.
 * @returns the folder, and the records of those that are given up, to be settled in the same commit.
 * @throws the error of a message for which there is no room, since the failure is about more than single messages.
 */
export function afterTries<Folder extends FolderRecord>(
  folder: Folder,
  failed: readonly FailedMessage[],
  now: number,
): { readonly record: Folder; readonly skipped: readonly SkippedItem[] } {
  let record = folder;
  const skipped: SkippedItem[] = [];
  for (const one of failed) {
    const { message, error, telling } = one;
    const next = setAside(record, { uids: uidSetOf([message.uid]), code: error.code, telling }, now);
    if (next === undefined) throw error;
    const entry = next.setAside.find(({ uids }) => uids[0]?.[0] === message.uid);
    if (entry && isHopeless(entry, now)) skipped.push(givenUpOf(folder, one, entry, now));
    record = next;
  }
  return { record, skipped };
}

function givenUpOf(
  folder: Generation,
  { message, side, error }: FailedMessage,
  { since }: SetAside,
  now: number,
): SkippedItem {
  const { code, what } = givenUp[side];
  const minutes = Math.round((now - since) / minute);
  return skipOf(
    folder,
    message,
    code,
    `${what} in any try of ${minutes} minutes, while it went on with others. The last answer was: ${error.message} (${error.code})`,
  );
}
