import { MigrationError } from "../../domain/errors.ts";
import {
  differenceOf,
  formatUidSet,
  hasUid,
  sizeOf,
  type UidSet,
  uidSetOf,
  unionOf,
} from "../../domain/uid-set.ts";
import { type AnswerBudget, shortAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { type FetchRow, RowAssembler, uidOf, type Wanted } from "./fetch-rows.ts";
import { RowQueue } from "./row-queue.ts";
import { standsForRemoved } from "./software.ts";
import { type Argument, atom, atoms, lowestProcessed, type Reply, sequence } from "./wire.ts";

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
  /** What a message is known by in a listing. */
  look: [
    ...atoms("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    {
      type: "ATOM",
      value: "BODY.PEEK",
      section: [{ type: "ATOM", value: "HEADER.FIELDS" }, atoms("MESSAGE-ID", "DATE", "FROM", "SUBJECT")],
    },
  ],
  /** What tells when a message came, where INTERNALDATE does not. */
  dates: [
    ...atoms("UID", "FLAGS"),
    {
      type: "ATOM",
      value: "BODY.PEEK",
      section: [{ type: "ATOM", value: "HEADER.FIELDS" }, atoms("RECEIVED", "DATE")],
    },
  ],
} satisfies Record<string, Argument[]>;

export interface FetchOptions {
  readonly items: Argument[];
  /** Mod-sequence for CHANGEDSINCE (RFC 7162, 3.1.4.1); only where the folder has mod-sequences. */
  readonly changedSince?: string | undefined;
  /** Asks for Gmail's labels, too. */
  readonly withLabels?: boolean | undefined;
  /**
   * For messages that are known to be there: those that are left out are asked for again, and then by their sequence
   * numbers, before they count as absent. Gives the sequence numbers of UIDs; none where they are not known.
   */
  readonly insist?: ((uids: UidSet) => UidSet) | undefined;
  /** False once another folder was opened, in which the same UIDs are other messages. */
  readonly isOpen?: (() => boolean) | undefined;
  /** True if the command is sent behind the one under way, as in `CommandOptions`. */
  readonly early?: boolean | undefined;
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
  const changes = options.changedSince !== undefined;
  const request: Request = { connection, wanted: uids, options, refusals: 0 };
  for (const part of splitForCommand(changes ? [[first[0], last[1]]] : uids)) {
    const { absent, refusedForm } = yield* fetchPart(request, part);
    if (refusedForm && changes) {
      connection.forgo("CONDSTORE", "QRESYNC");
      yield* fetchRows(connection, uids, { ...options, changedSince: undefined });
      return;
    }
    if (options.insist) yield* askAgain({ ...request, wanted: absent }, options.insist);
  }
}

/**
 * One UID FETCH, sent behind the command that is under way, such as the one by which the folder is opened.
 * @returns undefined if the server refuses it without a known reason.
 * @throws MigrationError if the server gives one, such as a pause that it wants, or does not understand it, or the connection fails.
 */
export async function fetchEarly(
  connection: ImapConnection,
  uids: UidSet,
  items: Argument[],
): Promise<readonly FetchRow[] | undefined> {
  const request: Request = { connection, wanted: uids, options: { items, early: true }, refusals: 0 };
  const rows: FetchRow[] = [];
  for (const coming = fetchOnce(request, "UID FETCH", uids); ; ) {
    const { done, value } = await coming.next();
    if (!done) {
      rows.push(value);
      continue;
    }
    const { reply } = value;
    if (reply.status === "OK") return rows;
    const error = connection.refusal(reply);
    if (error.code !== "CommandRefused" || reply.status === "BAD") throw error;
    return undefined;
  }
}

/** The highest UID in the open folder, which must not be empty; 0 if the server does not tell. */
export async function newestUid(connection: ImapConnection): Promise<number> {
  let newest = 0;
  await connection.run("UID FETCH", [sequence("*"), atoms("UID")], {
    untagged: {
      FETCH: async (response) => {
        newest = Math.max(newest, uidOf(response) ?? 0);
      },
    },
  });
  return newest;
}

/** What one call asks for, in however many commands. */
interface Request {
  readonly connection: ImapConnection;
  readonly wanted: UidSet;
  readonly options: FetchOptions;
  /** Commands that were refused one after another, without a row. */
  refusals: number;
}

interface PartOutcome {
  /** UIDs that the server left out of an answer it called complete. */
  readonly absent: UidSet;
  readonly refusedForm: boolean;
}

/**
 * Fetches one command's worth of UIDs, in further commands where the server stops early or refuses: a NO may stand for
 * one unreadable message or for all from there on (RFC 9051, 6.4.5), so the halves of what is missing are asked for
 * until the unreadable ones are alone.
 */
async function* fetchPart(request: Request, uids: UidSet): AsyncGenerator<FetchRow, PartOutcome> {
  const { connection, options } = request;
  const todo: UidSet[] = [uids];
  let absent: UidSet = [];
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    const { reply, delivered } = yield* fetchOnce(request, "UID FETCH", part);
    const missing = differenceOf(part, delivered);
    request.refusals = delivered.length > 0 ? 0 : request.refusals + 1;
    if (reply.status === "OK") {
      const stoppedAt = lowestProcessed(reply);
      const rest = stoppedAt === undefined ? [] : differenceOf(part, [[stoppedAt, Number.POSITIVE_INFINITY]]);
      const goesOn = sizeOf(rest) > 0 && sizeOf(rest) < sizeOf(part) && request.refusals <= MAX_REFUSALS;
      if (goesOn) todo.push(rest);
      else request.refusals = 0;
      absent = unionOf(absent, goesOn ? differenceOf(missing, rest) : missing);
      continue;
    }
    const error = connection.refusal(reply);
    if (reply.status === "BAD" && options.changedSince !== undefined)
      return { absent: [], refusedForm: true };
    if (error.code !== "CommandRefused" || reply.status === "BAD") throw error;
    if (request.refusals > MAX_REFUSALS) throw error;
    todo.push(...halvesOf(missing).toReversed());
  }
  return { absent, refusedForm: false };
}

/** A second look at what a first answer left out, and a third one by other numbers. */
async function* askAgain(request: Request, numbersOf: (uids: UidSet) => UidSet): AsyncGenerator<FetchRow> {
  let wanted: UidSet = [];
  for (const part of splitForCommand(request.wanted)) {
    const { absent } = yield* fetchPart(request, part);
    wanted = unionOf(wanted, absent);
  }
  for (const numbers of splitForCommand(numbersOf(wanted)))
    yield* fetchOnce({ ...request, wanted }, "FETCH", numbers);
}

/** One command. @returns the tagged answer, and the UIDs of the rows that came before it. */
async function* fetchOnce(
  { connection, wanted, options }: Request,
  command: "UID FETCH" | "FETCH",
  set: UidSet,
): AsyncGenerator<FetchRow, { readonly reply: Reply; readonly delivered: UidSet }> {
  if (options.isOpen?.() === false) throw folderLeft();
  const queue = new RowQueue<FetchRow>();
  const delivered = new Set<number>();
  const rows = new RowAssembler(wantedBy(options));
  const items = options.withLabels ? [...options.items, atom("X-GM-LABELS")] : options.items;
  const parameters: Argument[] = [sequence(formatUidSet(set)), items];
  if (options.changedSince !== undefined)
    parameters.push([atom("CHANGEDSINCE"), { type: "ATOM", value: options.changedSince }]);
  const deliver = async (whole: readonly FetchRow[]) => {
    for (const row of whole) {
      if (!hasUid(wanted, row.uid) || delivered.has(row.uid)) continue;
      if (row.body && standsForRemoved(connection.greeting, row.body)) continue;
      delivered.add(row.uid);
      await queue.offer(row, row.body?.length ?? 0);
    }
  };
  const answered = connection
    .attempt(command, parameters, {
      budget: budgetFor(sizeOf(set), options),
      paced: true,
      early: options.early ?? false,
      untagged: { FETCH: async (response) => deliver(rows.add(response, connection.expunged)) },
    })
    .finally(async () => {
      // Nothing waits here: the answer is over, and one row more is not too much.
      void deliver(rows.rest());
      queue.end();
    });
  const reply = yield* rowsOf(connection, queue, answered);
  return { reply, delivered: uidSetOf(delivered) };
}

/**
 * What an answer brings, as it comes. The rest of one that is abandoned is read and dropped, or the connection is ended.
 * @throws MigrationError what the command fails with; what came before is delivered first.
 */
export async function* rowsOf<Row>(
  connection: ImapConnection,
  queue: RowQueue<Row>,
  answered: Promise<Reply>,
): AsyncGenerator<Row, Reply> {
  // Observed here too, so that an iterator abandoned before the end leaves no unhandled rejection.
  answered.catch(() => undefined);
  let complete = false;
  try {
    for (let row = await queue.take(); row !== undefined; row = await queue.take()) yield row;
    complete = true;
  } finally {
    if (!complete) await drain(connection, queue, answered);
  }
  return answered;
}

async function drain(
  connection: ImapConnection,
  queue: RowQueue<unknown>,
  answered: Promise<unknown>,
): Promise<void> {
  queue.discard();
  const timer = setTimeout(() => connection.abort({ code: "ETIMEOUT" }), DRAIN_MS);
  await answered.catch(() => undefined);
  clearTimeout(timer);
}

/** Why a folder gives nothing any more. */
export function folderLeft(): MigrationError {
  return new MigrationError(
    "transient",
    "SourceFolderChanged",
    "Another folder was opened before all of this one was read.",
  );
}

function wantedBy({ items, withLabels = false }: FetchOptions): Wanted {
  return {
    labels: withLabels,
    summary: items !== fetchItems.flags && items !== fetchItems.dates,
    body:
      items === fetchItems.message
        ? "message"
        : items === fetchItems.header || items === fetchItems.dates || items === fetchItems.look
          ? "header"
          : "none",
  };
}

/** What the server may send: each row as often as its flags change meanwhile, and of bodies those asked for. */
function budgetFor(uids: number, options: FetchOptions): AnswerBudget {
  const rows = Math.min(uids, SPARSE_UIDS);
  const { body } = wantedBy(options);
  return {
    lines: shortAnswer.lines + 4 * rows,
    bytes: shortAnswer.bytes + MAX_ROW_BYTES * rows,
    bodyBytes: body === "message" ? MAX_MESSAGE_BYTES : body === "header" ? MAX_HEADER_BYTES : 0,
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
