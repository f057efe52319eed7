import {
  differenceOf,
  formatUidSet,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidRangesOf,
  unionOf,
} from "../../domain/uid-set.ts";
import { shortAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { uidOf } from "./fetch-rows.ts";
import { searchUids } from "./search.ts";
import { UidCollector } from "./uid-collector.ts";
import { atoms, sequence } from "./wire.ts";

/** The messages of a folder, held against the number that the server gives for them. */
export interface Census {
  readonly uids: UidSet;
  /** Messages that the server counts and shows in no way. */
  readonly unshown: number;
  /** The connection's count of expunged messages, under which the order of the UIDs is that of sequence numbers. */
  readonly expunged: number;
}

/** Messages of one command. */
const PART_SIZE = 20_000;
/** Messages that are asked for by sequence numbers, or found without being counted; no folder holds more. */
const MAX_MESSAGES = 10_000_000;
/** UIDs that are asked for one by one, in one command. */
const MAX_ASKED = 500;

/**
 * Every UID of the open folder. What SEARCH finds is held against EXISTS, since servers are known to cut its answer or to
 * leave one out; where it is short, or refused, the UIDs are asked for by sequence numbers as well.
 */
export async function takeCensus(connection: ImapConnection): Promise<Census> {
  const found = await searchUids(connection, { criteria: [] });
  if (found !== undefined && sizeOf(found) === connection.exists)
    return { uids: found, unshown: 0, expunged: connection.expunged };
  // Brings the count up to date.
  await connection.attempt("NOOP");
  const numbered = await uidsByNumber(connection, Math.min(connection.exists, MAX_MESSAGES));
  const { exists, expunged } = connection;
  const isAbsurd = found !== undefined && sizeOf(found) - exists > MAX_MESSAGES;
  const uids = unionOf(isAbsurd ? [] : (found ?? []), numbered);
  return { uids, unshown: Math.max(0, exists - sizeOf(uids)), expunged };
}

/** Those of some UIDs that are in the folder: what SEARCH does not find is looked for by FETCH before it counts as gone. */
export async function stillThere(connection: ImapConnection, uids: UidSet): Promise<UidSet> {
  const found = (await searchUids(connection, { criteria: [], among: uids })) ?? [];
  const unsure = differenceOf(uids, found);
  return sizeOf(unsure) === 0 ? found : unionOf(found, await answering(connection, unsure));
}

/**
 * The sequence numbers of UIDs, as long as nothing was expunged since the census. Pure.
 * @returns nothing for UIDs that were not counted, and for all where the count is not whole.
 */
export function numbersOf(
  { uids: all, unshown, expunged }: Census,
  uids: UidSet,
  expungedNow: number,
): UidSet {
  if (unshown > 0 || expunged !== expungedNow) return [];
  const numbers: [number, number][] = [];
  const wanted = intersectionOf(all, uids);
  let at = 0;
  let before = 0;
  for (const [low, high] of all) {
    for (let range = wanted[at]; range !== undefined && range[0] <= high; range = wanted[++at])
      numbers.push([before + range[0] - low + 1, before + range[1] - low + 1]);
    before += high - low + 1;
  }
  return uidRangesOf(numbers);
}

async function uidsByNumber(connection: ImapConnection, messages: number): Promise<UidSet> {
  const uids = new UidCollector();
  for (let from = 1; from <= messages; from += PART_SIZE) {
    const before = uids.length;
    await fetchUids(connection, "FETCH", `${from}:${Math.min(messages, from + PART_SIZE - 1)}`, uids);
    // A server that counts messages and shows none of them would be asked for ever.
    if (uids.length === before && from > 1) break;
  }
  return uids.uids();
}

async function answering(connection: ImapConnection, uids: UidSet): Promise<UidSet> {
  const found = new UidCollector();
  for (let at = 0; at < uids.length; at += MAX_ASKED) {
    const part = uids.slice(at, at + MAX_ASKED);
    await fetchUids(connection, "UID FETCH", formatUidSet(part), found);
  }
  return intersectionOf(await found.uids(), uids);
}

/** A refusal is an answer without a row. */
async function fetchUids(
  connection: ImapConnection,
  command: "FETCH" | "UID FETCH",
  set: string,
  uids: UidCollector,
): Promise<void> {
  const reply = await connection.attempt(command, [sequence(set), atoms("UID")], {
    budget: { ...shortAnswer, lines: shortAnswer.lines + 2 * PART_SIZE },
    untagged: {
      FETCH: async (response) => {
        const uid = uidOf(response);
        if (uid !== undefined) uids.add(uid);
      },
    },
  });
  if (reply.status === "OK") return;
  const error = connection.refusal(reply);
  if (error.code !== "CommandRefused") throw error;
}
