import type { MigrationError } from "../../domain/errors.ts";
import { emptyUidSet, type UidSet, uidSetOf, unionOf } from "../../domain/uid-set.ts";
import type { FolderRecord, Generation, OpenChunk, SetAside, SkippedItem } from "../ports/ledger-store.ts";
import type { MessageSummary } from "../ports/source.ts";
import { minute } from "../runtime.ts";
import { skipOf } from "./item-records.ts";
import { asideOf, isHopeless, madeHopeless, nextTryAt, setAside } from "./set-aside.ts";

/** A message that source or target could not give or take in one try, for a reason that may pass. */
export interface FailedMessage {
  readonly message: MessageSummary;
  readonly side: "source" | "target";
  readonly error: MigrationError;
  /** True if other messages could be given or taken, so that the failure is about this one. */
  readonly telling: boolean;
  /** Set if the write may have happened: what it was made under. */
  readonly chunk?: SetAside["chunk"];
}

/** The code of a message that the source did not give. */
export const sourceGivenUp = "SourceMessageUnreadable";

/** A write in doubt may still arrive: it is not looked for earlier than after so many milliseconds. */
const inDoubtMs = 35_000;
/** So long after its first doubt another one of the same message is chance, and looked for no later. */
const chanceMs = 2 * inDoubtMs;

/** Codes and words for what is given up. */
const givenUp = {
  source: { code: sourceGivenUp, what: "The source server did not deliver this message" },
  target: { code: "TargetRefusesMessage", what: "The target did not take this message" },
} as const;

/** What became of messages that were tried in vain. */
export interface AfterTries<Folder extends FolderRecord> {
  readonly record: Folder;
  /** The records of those that are given up, to be settled in the same commit. */
  readonly skipped: readonly SkippedItem[];
  /** The error of a message for which there was no room: the failure is about more than single messages. */
  readonly failure?: MigrationError | undefined;
}

/** Sets messages aside that were tried in vain, and gives up what has been tried often enough. Pure. */
export function afterTries<Folder extends FolderRecord>(
  folder: Folder,
  failed: readonly FailedMessage[],
  now: number,
): AfterTries<Folder> {
  let record = folder;
  let failure: MigrationError | undefined;
  const skipped: SkippedItem[] = [];
  for (const one of failed) {
    const { message, error, telling, chunk } = one;
    const uids = uidSetOf([message.uid]);
    const { since = now } = asideOf(record, message.uid) ?? {};
    const later = chunk && { lookAgainAt: nextLookAt(since, now) };
    const next = setAside(record, { uids, code: error.code, telling, chunk, ...later }, now);
    if (next === undefined) {
      failure ??= error;
      continue;
    }
    const entry = asideOf(next, message.uid);
    const hopeless = entry !== undefined && isHopeless(entry, now);
    if (hopeless && chunk === undefined)
      skipped.push(
        givenUpOf(folder, message, one.side, `${error.message} (${error.code})`, now - entry.since),
      );
    record = hopeless && chunk ? madeHopeless(next, uids, now + inDoubtMs) : next;
  }
  return { record, skipped, failure };
}

/**
 * Sets the creates in doubt of a chunk aside that failed as a whole: each is looked for in its own time, and what failed is
 * not held against them. Pure.
 * @returns the folder, and those for which there is no room: they stay in doubt with their chunk.
 */
export function withDoubtsAside<Folder extends FolderRecord>(
  folder: Folder,
  inDoubt: readonly Pick<FailedMessage, "message" | "error">[],
  { token, mark }: Pick<OpenChunk, "token" | "mark">,
  now: number,
): { readonly record: Folder; readonly left: UidSet } {
  let record = folder;
  let left = emptyUidSet;
  for (const { message, error } of inDoubt) {
    const uids = uidSetOf([message.uid]);
    const { since = now } = asideOf(record, message.uid) ?? {};
    const lookAgainAt = nextLookAt(since, now);
    const failed = { uids, code: error.code, telling: false, chunk: { token, mark }, lookAgainAt };
    const next = setAside(record, { ...failed, blameless: true }, now);
    if (next === undefined) left = unionOf(left, uids);
    else record = next;
  }
  return { record, left };
}

/** When a create in doubt is looked for. @param since its message failed first. @param now when it came into doubt. */
function nextLookAt(since: number, now: number): number {
  return now - since < chanceMs ? now + inDoubtMs : Math.max(nextTryAt(since, now), now + inDoubtMs);
}

/**
 * The record of a message whose last write was in doubt, and has been looked for in vain. Pure.
 * @returns undefined if it is to be tried again.
 */
export function givenUpAfterLook(
  folder: Generation & Pick<FolderRecord, "setAside">,
  message: MessageSummary,
): SkippedItem | undefined {
  const entry = asideOf(folder, message.uid);
  if (!entry?.hopeless || entry.chunk !== undefined) return undefined;
  return givenUpOf(folder, message, "target", entry.code, entry.lookAgainAt - entry.since);
}

/** @param answer the last one. @param ms over which it was tried. */
function givenUpOf(
  folder: Generation,
  message: MessageSummary,
  side: FailedMessage["side"],
  answer: string,
  ms: number,
): SkippedItem {
  const { code, what } = givenUp[side];
  return skipOf(
    folder,
    message,
    code,
    `${what} in any try of ${Math.round(ms / minute)} minutes, while it went on with others. The last answer was: ${answer}`,
  );
}
