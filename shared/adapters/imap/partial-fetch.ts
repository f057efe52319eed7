import { Readable } from "node:stream";
import { MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import { shortAnswer } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import { fetchItems, fetchRows } from "./fetch.ts";
import { standsForRemoved } from "./software.ts";
import { atoms, numberOf, pairsOf, sequence } from "./wire.ts";

/** Each part takes a round trip. */
const PART_BYTES = 2 * 1024 * 1024;
/** What may come instead of a part, from a server that sends the whole message. */
const MAX_BODY_BYTES = 32 * PART_BYTES;

/**
 * Streams one message of the open folder in partial fetches (RFC 9051, 6.4.5), so that it is never held as a whole.
 * The first part is fetched before this returns.
 * @throws MigrationError `item`/`MessageUnreadable` if the server does not deliver it.
 */
export async function openPartial(connection: ImapConnection, uid: Uid): Promise<Readable> {
  const first = await fetchPart(connection, uid, 0);
  return Readable.from(partsOf(connection, uid, first), { objectMode: false, highWaterMark: PART_BYTES });
}

async function* partsOf(connection: ImapConnection, uid: Uid, first: Part): AsyncGenerator<Buffer> {
  let offset = 0;
  let part = first;
  while (part.bytes.length > 0) {
    yield part.bytes;
    offset += part.bytes.length;
    // A short part ends the message only where its announced size agrees: servers may cap the length of a part.
    if (part.bytes.length < PART_BYTES && offset >= part.announcedSize) return;
    part = await fetchPart(connection, uid, offset);
    // Removed meanwhile: Courier goes on with another text in its place.
    if (part.announcedSize !== first.announcedSize) throw unreadable();
  }
}

interface Part {
  readonly bytes: Buffer;
  /** RFC822.SIZE. */
  readonly announcedSize: number;
}

async function fetchPart(connection: ImapConnection, uid: Uid, offset: number): Promise<Part> {
  let bytes: Buffer | undefined;
  let announcedSize = 0;
  const body = { type: "ATOM", value: "BODY.PEEK", section: [], partial: [offset, PART_BYTES] };
  await connection.run("UID FETCH", [sequence(String(uid)), [...atoms("UID", "RFC822.SIZE"), body]], {
    budget: { ...shortAnswer, bodyBytes: MAX_BODY_BYTES },
    untagged: {
      FETCH: async (response) => {
        const values = new Map(pairsOf(response.attributes?.[1]));
        if (numberOf(values.get("UID")) !== uid || !values.has("BODY")) return;
        announcedSize = numberOf(values.get("RFC822.SIZE")) ?? 0;
        const value = values.get("BODY")?.value;
        // NIL is no content: the message was removed meanwhile, or the server cannot read it.
        if (value !== undefined && value !== null)
          bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.toString(), "latin1");
      },
    },
  });
  // Some servers say NIL beyond the end of a message that they announced too large.
  if (bytes === undefined && offset > 0 && (await isPresent(connection, uid))) bytes = Buffer.alloc(0);
  if (
    bytes === undefined ||
    bytes.length > PART_BYTES ||
    (offset === 0 && standsForRemoved(connection.greeting, bytes))
  )
    throw unreadable();
  return { bytes, announcedSize };
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
