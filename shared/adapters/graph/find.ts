import { isMigrationError } from "../../domain/errors.ts";
import type { Stamp, TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type { FoundItem, InterruptedChunk, WriteCandidate } from "../../migration/ports/target.ts";
import { folderGone } from "./classify.ts";
import { flagsOf, representableFlags, stateFields, stateProperties } from "./flags.ts";
import type { LocatedMessage } from "./items.ts";
import { expandProperties, propertyIds, propertyValue, whereProperty } from "./properties.ts";
import { listAll, type MailboxSession } from "./session.ts";

interface StampedMessage extends LocatedMessage {
  readonly createdDateTime: string;
}

/**
 * What a chunk left in a folder, by the chunk token each message carries: one query however many candidates there are.
 * @see TargetMailbox.findWritten
 */
export async function findWritten(
  session: MailboxSession,
  folder: TargetFolderId,
  { token, retired = [] }: InterruptedChunk,
  candidates: readonly WriteCandidate[],
  known: ReadonlySet<TargetItemId>,
): Promise<ReadonlyMap<Stamp, readonly FoundItem[]>> {
  const messages = await listAll<StampedMessage>(
    session,
    `/mailFolders/${encodeURIComponent(folder)}/messages`,
    {
      $filter: whereProperty(propertyIds.chunkToken, token),
      $select: `id,parentFolderId,createdDateTime,${stateFields}`,
      $expand: expandProperties(propertyIds.stamp, ...stateProperties),
      $top: "100",
    },
  ).catch((error: unknown) => {
    throw isMigrationError(error) && error.code === "TargetItemGone" ? folderGone() : error;
  });
  return matchStamps(messages, candidates, known, retired);
}

/**
 * Pure part of {@link findWritten}: oldest first, and untouched as long as the state is the one we wrote. The state of a
 * message that is no longer at the source is not known.
 */
export function matchStamps(
  messages: readonly StampedMessage[],
  candidates: readonly WriteCandidate[],
  known: ReadonlySet<TargetItemId>,
  retired: readonly Stamp[] = [],
): ReadonlyMap<Stamp, readonly FoundItem[]> {
  const gone = new Set(retired);
  const wanted = new Map(candidates.map((candidate) => [candidate.stamp, candidate]));
  const found = new Map<Stamp, FoundItem[]>();
  const oldestFirst = messages.toSorted((a, b) => a.createdDateTime.localeCompare(b.createdDateTime));
  for (const message of oldestFirst) {
    const stamp = propertyValue(message.singleValueExtendedProperties, propertyIds.stamp) as
      | Stamp
      | undefined;
    const candidate = stamp === undefined ? undefined : wanted.get(stamp);
    const id = message.id as TargetItemId;
    if (stamp === undefined || known.has(id) || (candidate === undefined && !gone.has(stamp))) continue;
    const untouched =
      candidate === undefined || sameFlags(flagsOf(message), representableFlags(candidate.flags));
    const items = found.get(stamp) ?? [];
    items.push({ id, untouched });
    found.set(stamp, items);
  }
  return found;
}

function sameFlags(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((flag, index) => flag === b[index]);
}
