import { Readable } from "node:stream";
import { MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import { shortAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { fetchItems, fetchRows, folderLeft, rowsOf } from "./fetch.ts";
import { RowQueue } from "./row-queue.ts";
import { standsForRemoved } from "./software.ts";
import { atoms, numberOf, pairsOf, sequence } from "./wire.ts";

const MEGABYTE = 1024 * 1024;
/** Of a part, which takes a round trip: the first one on a connection, and the longest. */
const MIN_PART_BYTES = 2 * MEGABYTE;
const MAX_PART_BYTES = 32 * MEGABYTE;
/** How long a part should take on a line as fast as before; with 240 s for a command it may become 60 times as slow. */
const PART_MS = 4_000;
/** What may come instead of a part, from a server that sends the whole message. */
const MAX_BODY_BYTES = 64 * MEGABYTE;
/** What is there of a message before its stream is handed out, unless it is shorter: no text in its place is so long. */
const OPENING_BYTES = 64 * 1024;
/** Enough to recognise what stands for a message. */
const START_BYTES = 512;
/** Read ahead of who takes the stream. */
const MAX_WAITING_BYTES = MEGABYTE;

/** Bytes of the next part, as fast as a connection has been so far. */
const partBytes = new WeakMap<ImapConnection, number>();

/**
 * Streams one message of the open folder in partial fetches (RFC 9051, 6.4.5), so that it is never held as a whole.
 * The beginning of it, 64 KB, is here before this returns.
 * @param isOpen false once another folder was opened, in which the same UID is another message.
 * @throws MigrationError `item`/`MessageUnreadable` if the server does not deliver it.
 */
export async function openPartial(
  connection: ImapConnection,
  uid: Uid,
  isOpen: () => boolean,
): Promise<Readable> {
  const rest = piecesOf(connection, uid, isOpen);
  const beginning: Buffer[] = [];
  for (let bytes = 0; bytes < OPENING_BYTES; ) {
    const { value, done } = await rest.next();
    if (done) break;
    beginning.push(value);
    bytes += value.length;
  }
  // No generator: one that was never read from would not end `rest` either, which holds the connection.
  const pieces: AsyncIterableIterator<Buffer> = {
    [Symbol.asyncIterator]: () => pieces,
    next: async () => {
      const value = beginning.shift();
      return value === undefined ? rest.next() : { value };
    },
    return: () => rest.return(undefined),
  };
  return Readable.from(pieces);
}

async function* piecesOf(
  connection: ImapConnection,
  uid: Uid,
  isOpen: () => boolean,
): AsyncGenerator<Buffer, void> {
  let offset = 0;
  let size: number | undefined;
  for (;;) {
    const length = partBytes.get(connection) ?? MIN_PART_BYTES;
    const startedAt = performance.now();
    if (!isOpen()) throw folderLeft();
    const { bytes, announcedSize } = yield* partOf(connection, uid, offset, length);
    if (bytes === 0) return;
    if (bytes >= MIN_PART_BYTES)
      partBytes.set(connection, nextPartBytes(bytes, performance.now() - startedAt));
    offset += bytes;
    // Removed meanwhile: Courier goes on with another text in its place.
    size ??= announcedSize;
    if (announcedSize !== size) throw unreadable();
    // A short part ends the message only where its announced size agrees: servers may cap the length of a part.
    if (bytes < length && (offset === size || (offset > size && bytes < MIN_PART_BYTES))) return;
  }
}

/** @param bytes of a part, which took so many milliseconds. @returns bytes for the next one. Pure. */
export function nextPartBytes(bytes: number, milliseconds: number): number {
  const inTime = Math.floor((bytes * PART_MS) / Math.max(1, milliseconds));
  return Math.max(MIN_PART_BYTES, Math.min(inTime, MAX_PART_BYTES));
}

interface Part {
  readonly bytes: number;
  /** RFC822.SIZE. */
  readonly announcedSize: number;
}

/** One part as it comes; of one that is longer than asked for nothing. @throws MigrationError */
async function* partOf(
  connection: ImapConnection,
  uid: Uid,
  offset: number,
  length: number,
): AsyncGenerator<Buffer, Part> {
  const queue = new RowQueue<Buffer>(MAX_WAITING_BYTES);
  let bytes = 0;
  let fits = true;
  let start = Buffer.alloc(0);
  /** What the response with the body said beside it. */
  let told: { readonly uid: number | undefined; readonly size: number; readonly isNil: boolean } | undefined;
  const take = async (piece: Buffer, size: number): Promise<void> => {
    bytes += piece.length;
    fits &&= size <= length;
    if (!fits) return;
    if (start.length < START_BYTES) start = Buffer.concat([start, piece.subarray(0, START_BYTES)]);
    await queue.offer(piece, piece.length);
  };
  const body = { type: "ATOM", value: "BODY.PEEK", section: [], partial: [offset, length] };
  const answered = connection
    .run("UID FETCH", [sequence(String(uid)), [...atoms("UID", "RFC822.SIZE"), body]], {
      budget: { ...shortAnswer, bodyBytes: MAX_BODY_BYTES },
      paced: true,
      body: take,
      untagged: {
        FETCH: async (response) => {
          const values = new Map(pairsOf(response.attributes?.[1]));
          if (told !== undefined || !values.has("BODY")) return;
          const value = values.get("BODY")?.value ?? undefined;
          told = {
            uid: numberOf(values.get("UID")),
            size: numberOf(values.get("RFC822.SIZE")) ?? 0,
            isNil: value === undefined,
          };
          // What is no literal was not taken out.
          const text = Buffer.isBuffer(value) ? value : Buffer.from(value?.toString() ?? "", "latin1");
          if (text.length > 0) await take(text, bytes + text.length);
        },
      },
    })
    .finally(() => queue.end());
  yield* rowsOf(connection, queue, answered);
  const { uid: given, size = 0, isNil } = told ?? {};
  if (given !== uid || isNil) {
    // NIL is no content: the message was removed meanwhile, or the server cannot read it. Some servers say NIL beyond
    // the end of a message that they announced too large.
    if (bytes > 0 || offset === 0 || !(await isPresent(connection, uid))) throw unreadable();
  }
  if (!fits || (offset === 0 && standsForRemoved(connection.greeting, start))) throw unreadable();
  return { bytes, announcedSize: size };
}

function unreadable(): MigrationError {
  return new MigrationError(
    "item",
    "MessageUnreadable",
    "The source server does not deliver this message in parts, although it lists it.",
  );
}

async function isPresent(connection: ImapConnection, uid: Uid): Promise<boolean> {
  for await (const _ of fetchRows(connection, [[uid, uid]], { items: fetchItems.flags })) return true;
  return false;
}
