import type { Readable } from "node:stream";
import type { Uid } from "../../domain/names.ts";
import { differenceOf, hasUid, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { MessageSummary, SourceMessage } from "../ports/source.ts";
import type { ChunkReading, PlannedChunk } from "./chunk.ts";
import { isStreamed } from "./limits.ts";
import { inOrder } from "./message-order.ts";
import type { SteadyFolder } from "./steady-source.ts";

type Order = "ascending" | "descending";
type Messages = AsyncIterator<SourceMessage>;
type Chunk = Pick<PlannedChunk, "writable" | "bytes">;

/** Bytes of the chunks after the first one that are asked for together with it. */
const maxTogetherBytes = 8 * 1024 * 1024;

/**
 * Reads the messages of a folder's chunks, one chunk after another. As soon as all of one are read, what comes next can be
 * asked for, and as much comes as the source's reader holds, while the last ones are still written and committed. Nothing
 * else may be asked of the source until that was taken, or {@link stop} was called.
 */
export class ReadAhead {
  readonly #opened: SteadyFolder;
  readonly #order: Order;
  #listing: { readonly uids: UidSet; readonly summaries: Promise<MessageSummary[]> } | undefined;
  #asked: AskedChunks | undefined;
  #large: AskedMessage | undefined;
  /** Settles when what was taken has been read, or given up. */
  #taken: Promise<void> = Promise.resolve();
  /** Settles when something else has been asked of the source. */
  #other: Promise<unknown> | undefined;

  constructor(opened: SteadyFolder, order: Order) {
    this.#opened = opened;
    this.#order = order;
  }

  /** Asks for what {@link summariesOf} is asked for next. */
  list(uids: UidSet): void {
    if (sizeOf(uids) === 0 || this.#other) return;
    const summaries = this.#summariesOf(uids);
    // Observed here too, should nobody take them.
    summaries.catch(() => undefined);
    this.#listing = { uids, summaries };
  }

  /** The messages that there are of some, in order. */
  async summariesOf(uids: UidSet): Promise<MessageSummary[]> {
    const listing = this.#listing;
    this.#listing = undefined;
    if (listing && isSame(listing.uids, uids)) return listing.summaries;
    await listing?.summaries.catch(() => undefined);
    return this.#summariesOf(uids);
  }

  /**
   * Asks for the messages of the chunk that is taken next, unless it is asked for already; where servers give messages in the
   * order of the chunks, in one go with those that follow. Of one that is streamed its header and its beginning.
   * @param chunks that one, and those that follow it if they may be read as well.
   * @param maxMessages asked for in one go, but for a single chunk.
   */
  begin(chunks: readonly Chunk[], maxMessages = 0): void {
    const [first] = chunks;
    if (first === undefined || first.writable.length === 0) return;
    if (this.#other || this.#large || (this.#asked && !this.#asked.isOver)) return;
    if (isStreamed(first.writable)) {
      this.#large = new AskedMessage(this.#opened, first);
      return;
    }
    const together = this.#order === "ascending" ? readTogether(chunks, maxMessages) : [first];
    this.#asked = new AskedChunks(this.#opened, together);
    this.#asked.askAtOnce();
  }

  /** @param read called once the chunk is read. */
  take(chunk: Chunk, read: () => void): ChunkReading {
    const { promise, resolve: isOver } = Promise.withResolvers<void>();
    let asked: AskedChunks | undefined;
    let large: AskedMessage | undefined;
    const begin = async () => {
      // Without a wait where there is nothing to wait for: what is taken must count as taken from then on.
      while (this.#other) await this.#other;
      this.#taken = promise;
    };
    const beginChunks = async () => {
      await begin();
      asked = this.#asked?.has(chunk) ? this.#asked : new AskedChunks(this.#opened, [chunk]);
      return asked;
    };
    return {
      messages: {
        next: async () => {
          const result = await (asked ?? (await beginChunks())).next(chunk);
          if (!result.done) return result;
          read();
          isOver();
          return result;
        },
        return: async () => {
          try {
            await asked?.leave(chunk);
            await large?.end();
            return { done: true, value: undefined };
          } finally {
            isOver();
          }
        },
      },
      openLarge: async () => {
        await begin();
        large = this.#large?.chunk === chunk ? this.#large : new AskedMessage(this.#opened, chunk);
        this.#large = undefined;
        const header = await large.header;
        const { content } = large;
        return header && { header, content: async () => (await content()).once("end", read) };
      },
    };
  }

  /** Waits for the end of what was taken, and gives up what was asked for and not taken. Repeatable; never throws. */
  async stop(): Promise<void> {
    await this.#taken;
    const asked = this.#asked;
    const large = this.#large;
    const listing = this.#listing;
    this.#asked = undefined;
    this.#large = undefined;
    this.#listing = undefined;
    // How it fails is found out by whoever asks next.
    await asked?.giveUp().catch(() => undefined);
    await large?.end();
    await listing?.summaries.catch(() => undefined);
  }

  /**
   * Asks something else of the source: what was taken is read to its end before, what was asked for and not taken is given
   * up, and who reads next waits. One at a time.
   */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const asked = this.stop().then(work);
    this.#other = asked.catch(() => undefined);
    try {
      return await asked;
    } finally {
      this.#other = undefined;
    }
  }

  async #summariesOf(uids: UidSet): Promise<MessageSummary[]> {
    const byUid = new Map<Uid, MessageSummary>();
    for await (const summary of this.#opened.fetchSummaries(uids))
      if (hasUid(uids, summary.uid)) byUid.set(summary.uid, summary);
    return inOrder([...byUid.values()], this.#order);
  }
}

/** The messages of chunks that are asked for in one go, given chunk by chunk. */
class AskedChunks {
  readonly #last: Chunk | undefined;
  readonly #owners = new Map<Uid, Chunk>();
  /** What is still to come of each, and what has come before its turn. */
  readonly #waiting = new Map<Chunk, { readonly uids: Set<Uid>; readonly come: SourceMessage[] }>();
  readonly #messages: Messages;
  #first: ReturnType<Messages["next"]> | undefined;
  #isOver = false;

  constructor(opened: SteadyFolder, chunks: readonly Chunk[]) {
    this.#last = chunks.at(-1);
    for (const chunk of chunks) {
      const uids = chunk.writable.map(({ uid }) => uid);
      for (const uid of uids) this.#owners.set(uid, chunk);
      this.#waiting.set(chunk, { uids: new Set(uids), come: [] });
    }
    this.#messages = opened.fetchMessages(uidSetOf(this.#owners.keys()))[Symbol.asyncIterator]();
  }

  /** True once nothing more comes of any. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** True for a chunk that was asked for and is not read yet. */
  has(chunk: Chunk): boolean {
    return this.#waiting.has(chunk);
  }

  askAtOnce(): void {
    this.#first = this.#messages.next();
    // Observed here too, should nobody take it.
    this.#first.catch(() => undefined);
  }

  /** The next message of a chunk; `done` once all of it have come, or no more will. */
  async next(chunk: Chunk): Promise<IteratorResult<SourceMessage>> {
    for (;;) {
      const waiting = this.#waiting.get(chunk);
      const come = waiting?.come.shift();
      if (come) return { done: false, value: come };
      const isRead = waiting === undefined || (waiting.uids.size === 0 && chunk !== this.#last);
      if (isRead || this.#isOver) {
        this.#waiting.delete(chunk);
        return { done: true, value: undefined };
      }
      const first = this.#first;
      this.#first = undefined;
      const { done, value } = await (first ?? this.#messages.next());
      if (done) this.#isOver = true;
      else this.#come(value);
    }
  }

  /** A chunk that is not read yet is given up, and all others with it. */
  async leave(chunk: Chunk): Promise<void> {
    if (this.has(chunk)) await this.giveUp();
  }

  async giveUp(): Promise<void> {
    this.#waiting.clear();
    this.#isOver = true;
    await this.#messages.return?.();
  }

  #come(message: SourceMessage): void {
    const owner = this.#owners.get(message.uid);
    const waiting = owner && this.#waiting.get(owner);
    // What comes once its chunk is read comes twice.
    if (waiting?.uids.delete(message.uid)) waiting.come.push(message);
  }
}

/** The large message of a chunk, which is asked for at once: its header, and what comes of it while nobody takes it yet. */
class AskedMessage {
  readonly chunk: Chunk;
  /** Undefined if the source does not give it. */
  readonly header: Promise<Buffer | undefined>;
  readonly #stream: Promise<Readable | undefined>;

  constructor(opened: SteadyFolder, chunk: Chunk) {
    this.chunk = chunk;
    const { uid } = chunk.writable[0] as MessageSummary;
    this.header = headerOf(opened, uid);
    this.#stream = this.header.then((header) => header && opened.openMessage(uid));
    // Observed here too, should nobody take them.
    this.header.catch(() => undefined);
    this.#stream.catch(() => undefined);
  }

  /** The whole message, once. @throws MigrationError why it does not come. */
  readonly content = async (): Promise<Readable> => {
    const stream = (await this.#stream) as Readable;
    if (stream.errored) throw stream.errored;
    return stream;
  };

  /** Nothing more is wanted of it. Repeatable; never throws. */
  async end(): Promise<void> {
    const stream = await this.#stream.catch(() => undefined);
    if (stream === undefined || stream.closed) return;
    const closed = new Promise((resolve) => stream.once("close", resolve));
    stream.destroy();
    await closed;
  }
}

async function headerOf(opened: SteadyFolder, uid: Uid): Promise<Buffer | undefined> {
  for await (const { header } of opened.fetchHeaders(uidSetOf([uid]))) return header;
  return undefined;
}

/** Chunks that are asked for in one go. */
function readTogether(chunks: readonly Chunk[], maxMessages: number): readonly Chunk[] {
  let messages = 0;
  let bytes = 0;
  const end = chunks.findIndex((chunk, index) => {
    messages += chunk.writable.length;
    bytes += chunk.bytes;
    return index > 0 && (isStreamed(chunk.writable) || messages > maxMessages || bytes > maxTogetherBytes);
  });
  return end < 0 ? chunks : chunks.slice(0, end);
}

function isSame(one: UidSet, other: UidSet): boolean {
  return sizeOf(one) === sizeOf(other) && sizeOf(differenceOf(one, other)) === 0;
}
