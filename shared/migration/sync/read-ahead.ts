import { uidSetOf } from "../../domain/uid-set.ts";
import type { MessageSummary, SourceMessage } from "../ports/source.ts";
import { isStreamed } from "./limits.ts";
import type { SteadyFolder } from "./steady-source.ts";

type Messages = AsyncIterator<SourceMessage>;
interface Chunk {
  readonly writable: readonly MessageSummary[];
}

/**
 * Reads the messages of a folder's chunks, one chunk after another. As soon as all of one are read, those of the next one
 * are asked for, and as many come as the source's reader holds, while the last ones are still written and committed.
 */
export class ReadAhead {
  readonly #opened: SteadyFolder;
  #begun: { readonly chunk: Chunk; readonly messages: Messages } | undefined;

  constructor(opened: SteadyFolder) {
    this.#opened = opened;
  }

  /**
   * Asks for the messages of the chunk that is taken next, unless it is streamed. Nothing else may be asked of the source
   * until they were taken, or {@link stop} was called.
   */
  begin(chunk: Chunk): void {
    if (chunk.writable.length === 0 || isStreamed(chunk.writable)) return;
    this.#begun ??= { chunk, messages: askedAtOnce(this.#ask(chunk)) };
  }

  /**
   * The messages of a chunk, as {@link SteadyFolder.fetchMessages} gives them; to be ended by `return`.
   * @param following the chunk to {@link begin} once those of this one are read.
   */
  messagesOf(chunk: Chunk, following: () => Chunk | undefined): Messages {
    const messages = this.#begun?.chunk === chunk ? this.#begun.messages : this.#ask(chunk);
    this.#begun = undefined;
    return {
      next: async () => {
        const result = await messages.next();
        const next = result.done ? following() : undefined;
        if (next) this.begin(next);
        return result;
      },
      return: async () => (await messages.return?.()) ?? { done: true, value: undefined },
    };
  }

  /** Gives up what was asked for and not taken. Repeatable; never throws. */
  async stop(): Promise<void> {
    const messages = this.#begun?.messages;
    this.#begun = undefined;
    // How it fails is found out by whoever asks next.
    await messages?.return?.().catch(() => undefined);
  }

  #ask({ writable }: Chunk): Messages {
    return this.#opened.fetchMessages(uidSetOf(writable.map(({ uid }) => uid)))[Symbol.asyncIterator]();
  }
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
