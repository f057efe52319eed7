import { MigrationError } from "../../domain/errors.ts";
import { intersectionOf, type UidSet, unionOf } from "../../domain/uid-set.ts";
import type { SearchFilter } from "../../migration/ports/source.ts";
import { searchAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { searchDay } from "./dates.ts";
import { UidCollector } from "./uid-collector.ts";
import { type Argument, atom, atoms, lowestProcessed, textOf } from "./wire.ts";

/**
 * Ranges that the UIDs of one folder may have. A folder of a million messages, every other one of them deleted at
 * random, has so many.
 */
const MAX_RANGES = 250_000;

/**
 * UID SEARCH in the open folder; as ranges (ESEARCH, RFC 4731) where the server can, and again for the rest where it looks
 * at only so many messages at once.
 */
export async function searchUids(connection: ImapConnection, filter: SearchFilter): Promise<UidSet> {
  const { among } = filter;
  if (among?.length === 0) return [];
  const parameters: Argument[] = connection.has("ESEARCH") ? [atom("RETURN"), atoms("ALL")] : [];
  parameters.push(...criteriaOf(filter));
  const uids = new UidCollector();
  const reply = await connection.run("UID SEARCH", parameters, {
    budget: searchAnswer,
    untagged: {
      SEARCH: async ({ numbers, attributes = [] }) => {
        for (const uid of numbers ?? attributes.map((token) => Number(textOf(token)) || 0))
          if (uid > 0 && uids.length <= MAX_RANGES) uids.add(uid);
      },
      ESEARCH: async ({ attributes = [] }) => {
        const all = attributes.findIndex((token) => textOf(token).toUpperCase() === "ALL");
        if (all >= 0) addRanges(uids, textOf(attributes[all + 1]));
      },
    },
  });
  if (uids.length > MAX_RANGES) throw tooManyRanges();
  let found = uids.uids;
  const first = among?.[0]?.[0] ?? 1;
  const last = among?.at(-1)?.[1] ?? Number.POSITIVE_INFINITY;
  const stoppedAt = lowestProcessed(reply);
  if (stoppedAt !== undefined && first < stoppedAt && stoppedAt <= last)
    found = unionOf(found, await searchUids(connection, { ...filter, among: [[first, stoppedAt - 1]] }));
  return among === undefined ? found : intersectionOf(found, among);
}

function criteriaOf({ since, before, maxSize, among }: SearchFilter): Argument[] {
  const criteria: string[] = [];
  // One range around all of them: a set could outgrow the command line.
  if (among !== undefined) criteria.push("UID", `${among[0]?.[0]}:${among.at(-1)?.[1]}`);
  if (since !== undefined) criteria.push("SINCE", searchDay(since, -1));
  if (before !== undefined) criteria.push("BEFORE", searchDay(before, 2));
  if (maxSize !== undefined) criteria.push("SMALLER", String(maxSize + 1));
  return criteria.length === 0 ? [atom("ALL")] : atoms(...criteria);
}

/** Takes in a sequence-set of the server; unlike ours it may be unsorted and name a range backwards. */
function addRanges(uids: UidCollector, text: string): void {
  for (let at = 0; at < text.length && uids.length <= MAX_RANGES; ) {
    const comma = text.indexOf(",", at);
    const end = comma < 0 ? text.length : comma;
    const [a = 0, b = a] = text.slice(at, end).split(":").map(Number);
    if (Number.isInteger(a) && Number.isInteger(b) && Math.min(a, b) > 0)
      uids.add(Math.min(a, b), Math.max(a, b));
    at = end + 1;
  }
}

function tooManyRanges(): MigrationError {
  return new MigrationError(
    "item",
    "SourceFolderTooScattered",
    `The numbers of the messages in this folder have more than ${MAX_RANGES} gaps, which are too many to be kept. Copy its messages into a new folder at the source, so that they are numbered anew.`,
  );
}
