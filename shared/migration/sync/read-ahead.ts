import type { Uid } from "../../domain/names.ts";
import { differenceOf, hasUid, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type { MessageSummary, SourceMessage } from "../ports/source.ts";
import { isStreamed } from "./limits.ts";
import type { SteadyFolder } from "./steady-source.ts";

type Order = "ascending" | "descending";
type Messages = AsyncIterator<SourceMessage>;
interface Chunk {
  readonly writable: readonly MessageSummary[];
}

/**
 * Reads the messages of a folder's chunks, one chunk after another. As soon as all of one are read, what comes next can be
 * asked for, and as much comes as the source's reader holds, while the last ones are still written and committed. Nothing
 * else may be asked of the source until that was taken, or {@link stop} was called.
 */
export class ReadAhead {
  readonly #opened: SteadyFolder;
  readonly #order: Order;
  #listing: { readonly uids: UidSet; readonly summaries: Promise<MessageSummary[]> } | undefined;
  #begun: { readonly chunk: Chunk; readonly messages: Messages } | undefined;

  constructor(opened: SteadyFolder, order: Order) {
    this.#opened = opened;
    this.#order = order;
  }

  /** Asks for what {@link summariesOf} is asked for next. */
  list(uids: UidSet): void {
    if (sizeOf(uids) === 0) return;
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

  /** Asks for the messages of the chunk that is taken next, unless it is streamed. */
  begin(chunk: Chunk): void {
    if (chunk.writable.length === 0 || isStreamed(chunk.writable)) return;
    this.#begun ??= { chunk, messages: askedAtOnce(this.#ask(chunk)) };
  }

  /**
   * The messages of a chunk, as {@link SteadyFolder.fetchMessages} gives them; to be ended by `return`.
   * @param read called once all of them are read.
   */
  messagesOf(chunk: Chunk, read: () => void): Messages {
    const messages = this.#begun?.chunk === chunk ? this.#begun.messages : this.#ask(chunk);
    this.#begun = undefined;
    return {
      next: async () => {
        const result = await messages.next();
        if (result.done) read();
        return result;
      },
      return: async () => (await messages.return?.()) ?? { done: true, value: undefined },
    };
  }

  /** Gives up what was asked for and not taken. Repeatable; never throws. */
  async stop(): Promise<void> {
    const messages = this.#begun?.messages;
    const listing = this.#listing;
    this.#begun = undefined;
    this.#listing = undefined;
    // How it fails is found out by whoever asks next.
    await messages?.return?.().catch(() => undefined);
    await listing?.summaries.catch(() => undefined);
  }

  async #summariesOf(uids: UidSet): Promise<MessageSummary[]> {
    const byUid = new Map<Uid, MessageSummary>();
    for await (const summary of this.#opened.fetchSummaries(uids))
      if (hasUid(uids, summary.uid)) byUid.set(summary.uid, summary);
    const sign = this.#order === "ascending" ? 1 : -1;
    return [...byUid.values()].sort((a, b) => sign * (a.uid - b.uid));
  }

  #ask({ writable }: Chunk): Messages {
    return this.#opened.fetchMessages(uidSetOf(writable.map(({ uid }) => uid)))[Symbol.asyncIterator]();
  }
}

function isSame(one: UidSet, other: UidSet): boolean {
  return sizeOf(one) === sizeOf(other) && sizeOf(differenceOf(one, other)) === 0;
}

/** The same messages; the first one is asked for at once. */
function askedAtOnce(messages: Messages): Messages {
  let first: ReturnType<Messages["next"]> | undefined = messages.next();
  // Observed here too, should nobody take it.
  first.catch(() => undefined);
  return {
    next: () => {
      const result = first ?? messages.next();
      first = undefined;
      return result;
    },
    return: async () => (await messages.return?.()) ?? { done: true, value: undefined },
  };
}
