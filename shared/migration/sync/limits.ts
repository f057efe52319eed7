/** Rows of one commit: with the folder's and the lease's they fill a transaction of 100. */
export const maxCommitRows = 98;
/** Messages of one chunk: what has to be looked for if the worker dies, and how seldom all writes have to end. */
export const maxChunkItems = 500;
/** Messages whose size and date are asked for at once. */
export const maxListedItems = 2_000;
/** Bytes of one chunk, unless it is a single message. */
export const maxChunkBytes = 32 * 1024 * 1024;
/** Larger messages are streamed, each in a chunk of its own, instead of being held in memory. */
export const streamedSize = 4 * 1024 * 1024;

/** True for the messages of a chunk that is a single large one. @param messages with their sizes in bytes. */
export function isStreamed([only, ...others]: readonly { readonly size: number }[]): boolean {
  return only !== undefined && others.length === 0 && only.size > streamedSize;
}

/** Limits of one step. */
export interface StepLimits {
  /** From its start, whatever it does; looked at between two things that need not be done again. */
  readonly maxSeconds: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/**
 * What is left of a step's limits. Its time does not end a step before it has come further: what leads up to the first
 * messages may take longer, and would do so in every step.
 */
export class Budget {
  readonly #timeIsUp: () => boolean;
  #hasBegun = false;
  #messages: number;
  #bytes: number;

  constructor(limits: StepLimits, timeIsUp: () => boolean) {
    this.#timeIsUp = timeIsUp;
    this.#messages = limits.maxMessages;
    this.#bytes = limits.maxBytes;
  }

  spend(messages: number, bytes: number): void {
    this.#hasBegun = true;
    this.#messages -= messages;
    this.#bytes -= bytes;
  }

  get exhausted(): boolean {
    return this.#messages <= 0 || this.#bytes <= 0 || (this.#hasBegun && this.#timeIsUp());
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }
}
