import { MigrationError } from "../../domain/errors.ts";
import { intersectionOf, type UidSet } from "../../domain/uid-set.ts";
import { searchAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { searchDay } from "./dates.ts";
import { UidCollector } from "./uid-collector.ts";
import { atom, atoms, lowestProcessed, type Reply, refusesForm, textOf } from "./wire.ts";

/**
 * Ranges that the UIDs of one folder may have. A folder of a million messages, every other one of them deleted at
 * random, has so many.
 */
const MAX_RANGES = 250_000;
const RETURN_ALL = [atom("RETURN"), atoms("ALL")];

/** Commands for one search, where a server looks at only so many messages at once (RFC 9738: at least 1,000). */
const MAX_ROUNDS = 5_000;

/** What a search asks for, as its criteria (RFC 9051, 6.4.4). */
export interface Criteria {
  readonly criteria: readonly string[];
  /** Only these. */
  readonly among?: UidSet | undefined;
}

/** The criteria for an interval of received dates, with a day more on either side. Pure. */
export function within(since: number | undefined, before: number | undefined): readonly string[] {
  return [
    ...(since === undefined ? [] : ["SINCE", searchDay(since, -1)]),
    ...(before === undefined ? [] : ["BEFORE", searchDay(before, 2)]),
  ];
}

/** The criteria for all that {@link within} does not find. Pure. */
export function outside(since: number | undefined, before: number | undefined): readonly string[] {
  const earlier = since === undefined ? [] : ["BEFORE", searchDay(since, -1)];
  const later = before === undefined ? [] : ["SINCE", searchDay(before, 2)];
  return earlier.length > 0 && later.length > 0 ? ["OR", ...earlier, ...later] : [...earlier, ...later];
}

/**
 * UID SEARCH in the open folder; as ranges (ESEARCH, RFC 4731) where the server can, and again for the rest where it looks
 * at only so many messages at once.
 * @returns undefined if the server refuses the search.
 * @throws MigrationError `item`/`SourceFolderTooScattered` if there are too many UIDs to be kept.
 */
export async function searchUids(
  connection: ImapConnection,
  { criteria, among }: Criteria,
): Promise<UidSet | undefined> {
  if (among?.length === 0) return [];
  const found = new UidCollector();
  const first = among?.[0]?.[0] ?? 1;
  let last = among?.at(-1)?.[1];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    // One range around all of them: a set could outgrow the command line.
    const part = last === undefined ? [] : ["UID", `${first}:${last}`];
    const reply = await search(connection, [...part, ...criteria], found);
    if (found.length > MAX_RANGES) throw tooManyRanges();
    if (reply === undefined) return undefined;
    const stoppedAt = lowestProcessed(reply);
    const inside = stoppedAt !== undefined && first < stoppedAt && stoppedAt <= (last ?? stoppedAt);
    if (!inside) break;
    last = stoppedAt - 1;
  }
  const uids = await found.uids();
  return among === undefined ? uids : intersectionOf(uids, among);
}

/** One command, or a second one without ESEARCH. @returns undefined if it is refused. */
async function search(
  connection: ImapConnection,
  criteria: readonly string[],
  found: UidCollector,
): Promise<Reply | undefined> {
  const send = (extended: boolean) =>
    connection.attempt(
      "UID SEARCH",
      [...(extended ? RETURN_ALL : []), ...atoms(...(criteria.length === 0 ? ["ALL"] : criteria))],
      {
        budget: searchAnswer,
        untagged: {
          SEARCH: async ({ numbers, attributes = [] }) => {
            for (const uid of numbers ?? attributes.map((token) => Number(textOf(token)) || 0))
              if (uid > 0 && found.length <= MAX_RANGES) found.add(uid);
          },
          ESEARCH: async ({ attributes = [] }) => {
            const all = attributes.findIndex((token) => textOf(token).toUpperCase() === "ALL");
            if (all >= 0) addRanges(found, textOf(attributes[all + 1]));
          },
        },
      },
    );
  const extended = connection.has("ESEARCH");
  let reply = await send(extended);
  if (extended && refusesForm(reply)) {
    reply = await send(false);
    if (reply.status === "OK") connection.forgo("ESEARCH");
  }
  if (reply.status === "OK") return reply;
  const error = connection.refusal(reply);
  if (error.code !== "CommandRefused") throw error;
  return undefined;
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
