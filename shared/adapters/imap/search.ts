import { intersectionOf, type UidSet, uidSetOf, unionOf } from "../../domain/uid-set.ts";
import type { SearchFilter } from "../../migration/ports/source.ts";
import type { ImapConnection } from "./connection.ts";
import { searchDay } from "./dates.ts";
import { type Argument, atom, atoms, lowestProcessed, textOf } from "./wire.ts";

/**
 * UID SEARCH in the open folder; as ranges (ESEARCH, RFC 4731) where the server can, and again for the rest where it looks
 * at only so many messages at once.
 */
export async function searchUids(connection: ImapConnection, filter: SearchFilter): Promise<UidSet> {
  const { among } = filter;
  if (among?.length === 0) return [];
  const parameters: Argument[] = connection.has("ESEARCH") ? [atom("RETURN"), atoms("ALL")] : [];
  parameters.push(...criteriaOf(filter));
  let found: UidSet = [];
  const reply = await connection.run("UID SEARCH", parameters, {
    untagged: {
      SEARCH: async (response) => {
        const numbers =
          response.numbers ?? (response.attributes ?? []).map((token) => Number(textOf(token)) || 0);
        found = unionOf(found, uidSetOf(numbers.filter((uid) => uid > 0)));
      },
      ESEARCH: async (response) => {
        const tokens = (response.attributes ?? []).map((token) => textOf(token));
        const all = tokens.findIndex((token) => token.toUpperCase() === "ALL");
        if (all >= 0) found = unionOf(found, rangesIn(tokens[all + 1] ?? ""));
      },
    },
  });
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

/** A sequence-set of the server; unlike ours it may be unsorted and name a range backwards. */
function rangesIn(text: string): UidSet {
  const pairs: (readonly [number, number])[] = [];
  for (const part of text.split(",")) {
    const [a = 0, b = a] = part.split(":").map(Number);
    if (Number.isInteger(a) && Number.isInteger(b) && Math.min(a, b) > 0)
      pairs.push([Math.min(a, b), Math.max(a, b)]);
  }
  return unionOf(pairs.slice(0, 1), pairs.slice(1));
}
