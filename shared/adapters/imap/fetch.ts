import type { ImapAttribute, ImapResponse } from "imapflow";
import type { Uid } from "../../domain/names.ts";
import { differenceOf, formatUidSet, hasUid, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import { type AnswerBudget, shortAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { parseDateTime } from "./dates.ts";
import { RowQueue } from "./row-queue.ts";
import { standsForRemoved } from "./software.ts";
import {
  type Argument,
  atom,
  atoms,
  lowestProcessed,
  numberOf,
  pairsOf,
  sequence,
  textOf,
  textsOf,
} from "./wire.ts";

/** One FETCH response; what the server left out is undefined. */
export interface FetchRow {
  readonly uid: Uid;
  readonly flags?: readonly string[] | undefined;
  readonly internalDate?: Date | undefined;
  readonly size?: number | undefined;
  /** Gmail's labels as they are on the wire: names in modified UTF-7, system labels with a backslash. */
  readonly labels?: readonly string[] | undefined;
  /** The one BODY[...] item that was asked for. */
  readonly body?: Buffer | undefined;
}

/** Data items of a FETCH. Bodies only by PEEK (RFC 9051, 6.4.5), so that nothing becomes \Seen. */
export const fetchItems = {
  flags: atoms("UID", "FLAGS"),
  summary: atoms("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"),
  header: [
    ...atoms("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    { type: "ATOM", value: "BODY.PEEK", section: [{ type: "ATOM", value: "HEADER" }] },
  ],
  message: [
    ...atoms("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    { type: "ATOM", value: "BODY.PEEK", section: [] },
  ],
} satisfies Record<string, Argument[]>;

export interface FetchOptions {
  readonly items: Argument[];
  /** Mod-sequence for CHANGEDSINCE (RFC 7162, 3.1.4.1); only where the folder has mod-sequences. */
  readonly changedSince?: string | undefined;
  /** Asks for Gmail's labels, too. */
  readonly withLabels?: boolean | undefined;
}

/** Servers must take command lines of 8,192 bytes at least (RFC 7162, 4); the rest of the line needs some of it. */
const MAX_SET_LENGTH = 7_000;
/** More than it takes to find the readable ones among a hundred messages; a server that refuses them all goes on forever. */
const MAX_REFUSALS = 256;
/** UIDs of one command, so that none takes longer than a command may; a range around few messages may span more. */
const MAX_UIDS = 20_000;
const SPARSE_UIDS = 10_000_000;
/** Of a row beside its body: flags and labels. */
const MAX_ROW_BYTES = 4_096;
/** Of a header section. Mail servers take no more than one megabyte. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;
/** Of a message that is announced as one that fits in memory, and is larger. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;
/** How long the rest of an abandoned answer is read before the connection is given up instead. */
const DRAIN_MS = 20_000;

/**
 * UID FETCH over the open folder, streamed: the server is read no faster than rows are taken. A UID the server
 * leaves out is absent. Rows that belong to no UID asked for, such as unsolicited flag changes, are dropped. With
 * `changedSince` one range spans all UIDs: few messages answer, and the command stays short however sparse they are.
 * @throws MigrationError if the connection fails; rows received before are delivered first.
 */
export async function* fetchRows(
  connection: ImapConnection,
  uids: UidSet,
  options: FetchOptions,
): AsyncGenerator<FetchRow> {
  const [first, last] = [uids[0], uids.at(-1)];
  if (first === undefined || last === undefined) return;
  const asked: UidSet = options.changedSince === undefined ? uids : [[first[0], last[1]]];
  const refusals: Refusals = { inRow: 0 };
  for (const part of splitForCommand(asked)) yield* fetchPart(connection, part, uids, options, refusals);
}

/** The highest UID in the open folder, which must not be empty; 0 if the server does not tell. */
export async function newestUid(connection: ImapConnection): Promise<number> {
  let newest = 0;
  await connection.run("UID FETCH", [sequence("*"), atoms("UID")], {
    untagged: {
      FETCH: async (response) => {
        newest = Math.max(newest, parseRow(response)?.uid ?? 0);
      },
    },
  });
  return newest;
}

/** FETCHes of one request that were refused one after another, without a row. */
interface Refusals {
  inRow: number;
}

async function* fetchPart(
  connection: ImapConnection,
  uids: UidSet,
  wanted: UidSet,
  options: FetchOptions,
  refusals: Refusals,
): AsyncGenerator<FetchRow> {
  const queue = new RowQueue<FetchRow>();
  const delivered = new Set<number>();
  const items = options.withLabels ? [...options.items, atom("X-GM-LABELS")] : options.items;
  const parameters: Argument[] = [sequence(formatUidSet(uids)), items];
  if (options.changedSince !== undefined)
    parameters.push([atom("CHANGEDSINCE"), { type: "ATOM", value: options.changedSince }]);
  const answered = connection
    .attempt("UID FETCH", parameters, {
      budget: budgetFor(sizeOf(uids), options),
      paced: true,
      untagged: {
        FETCH: async (response) => {
          const row = parseRow(response);
          if (!row || !hasUid(wanted, row.uid) || delivered.has(row.uid)) return;
          if (!isComplete(row, options)) return;
          if (row.body && standsForRemoved(connection.greeting, row.body)) return;
          delivered.add(row.uid);
          await queue.offer(row, row.body?.length ?? 0);
        },
      },
    })
    .finally(() => queue.end());
  // Observed here too, so that an iterator abandoned before the end leaves no unhandled rejection.
  answered.catch(() => undefined);
  let complete = false;
  try {
    for (let row = await queue.take(); row !== undefined; row = await queue.take()) yield row;
    complete = true;
  } finally {
    if (!complete) await drain(connection, queue, answered);
  }
  const reply = await answered;
  if (reply.status === "OK") {
    const stoppedAt = lowestProcessed(reply);
    const rest = stoppedAt === undefined ? [] : differenceOf(uids, [[stoppedAt, Number.POSITIVE_INFINITY]]);
    if (sizeOf(rest) > 0 && sizeOf(rest) < sizeOf(uids))
      yield* fetchPart(connection, rest, wanted, options, refusals);
    return;
  }
  const error = connection.refusal(reply);
  if (error.code !== "CommandRefused" || reply.status === "BAD") throw error;
  refusals.inRow = delivered.size > 0 ? 0 : refusals.inRow + 1;
  if (refusals.inRow > MAX_REFUSALS) throw error;
  // A NO may stand for one unreadable message or for all from there on (RFC 9051, 6.4.5): ask for the halves of
  // what is missing, until the unreadable ones are alone.
  const missing = differenceOf(uids, uidSetOf(delivered));
  for (const half of halvesOf(missing)) yield* fetchPart(connection, half, wanted, options, refusals);
}

async function drain(
  connection: ImapConnection,
  queue: RowQueue<FetchRow>,
  answered: Promise<unknown>,
): Promise<void> {
  queue.discard();
  const timer = setTimeout(() => connection.abort({ code: "ETIMEOUT" }), DRAIN_MS);
  await answered.catch(() => undefined);
  clearTimeout(timer);
}

function parseRow(response: ImapResponse): FetchRow | undefined {
  let uid: number | undefined;
  let flags: readonly string[] | undefined;
  let internalDate: Date | undefined;
  let size: number | undefined;
  let labels: readonly string[] | undefined;
  let body: Buffer | undefined;
  for (const [name, value] of pairsOf(response.attributes?.[1])) {
    if (name === "UID") uid = numberOf(value);
    else if (name === "FLAGS") flags = textsOf(value).filter((flag) => flag.toLowerCase() !== "\\recent");
    else if (name === "INTERNALDATE") internalDate = parseDateTime(textOf(value));
    else if (name === "RFC822.SIZE") size = numberOf(value);
    else if (name === "X-GM-LABELS") labels = textsOf(value);
    else if (name === "BODY") body = bytesOf(value);
  }
  return uid === undefined ? undefined : { uid: uid as Uid, flags, internalDate, size, labels, body };
}

/** NIL is no content: the server could not read the message. */
function bytesOf(token: ImapAttribute | undefined): Buffer | undefined {
  const value = token?.value;
  if (value === undefined || value === null) return undefined;
  return Buffer.isBuffer(value) ? value : Buffer.from(textOf(token));
}

function isComplete(row: FetchRow, { items, withLabels }: FetchOptions): boolean {
  return (
    row.flags !== undefined &&
    (!withLabels || row.labels !== undefined) &&
    (items === fetchItems.flags || (row.internalDate !== undefined && row.size !== undefined)) &&
    (items !== fetchItems.header || row.body !== undefined) &&
    (items !== fetchItems.message || (row.body !== undefined && (row.body.length > 0 || row.size === 0)))
  );
}

/** What the server may send: each row as often as its flags change meanwhile, and of bodies those asked for. */
function budgetFor(uids: number, { items }: FetchOptions): AnswerBudget {
  const rows = Math.min(uids, SPARSE_UIDS);
  return {
    lines: shortAnswer.lines + 4 * rows,
    bytes: shortAnswer.bytes + MAX_ROW_BYTES * rows,
    bodyBytes:
      items === fetchItems.message ? MAX_MESSAGE_BYTES : items === fetchItems.header ? MAX_HEADER_BYTES : 0,
  };
}

function* splitForCommand(uids: UidSet): Generator<UidSet> {
  let part: (readonly [number, number])[] = [];
  let length = 0;
  let size = 0;
  for (const range of sizeOf(uids) > SPARSE_UIDS ? uids : inPieces(uids)) {
    const rangeLength = formatUidSet([range]).length + 1;
    const rangeSize = range[1] - range[0] + 1;
    if (part.length > 0 && (length + rangeLength > MAX_SET_LENGTH || size + rangeSize > MAX_UIDS)) {
      yield part;
      part = [];
      length = 0;
      size = 0;
    }
    part.push(range);
    length += rangeLength;
    size += rangeSize;
  }
  if (part.length > 0) yield part;
}

function* inPieces(uids: UidSet): Generator<readonly [number, number]> {
  for (const [low, high] of uids)
    for (let from = low; from <= high; from += MAX_UIDS) yield [from, Math.min(high, from + MAX_UIDS - 1)];
}

function halvesOf(uids: UidSet): readonly UidSet[] {
  const size = sizeOf(uids);
  if (size < 2) return [];
  const first: (readonly [number, number])[] = [];
  let room = size >> 1;
  for (const [low, high] of uids) {
    if (room === 0) break;
    const end = Math.min(high, low + room - 1);
    first.push([low, end]);
    room -= end - low + 1;
  }
  return [first, differenceOf(uids, first)];
}
