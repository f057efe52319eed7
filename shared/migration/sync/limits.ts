import type { Clock } from "../runtime.ts";

/** Items of one chunk: with the folder's and the lease's row they fill a transaction of 100. */
export const maxChunkItems = 98;
/** Bytes of one chunk, unless it is a single message. */
export const maxChunkBytes = 32 * 1024 * 1024;
/** Larger messages are streamed, each in a chunk of its own, instead of being held in memory. */
export const streamedSize = 4 * 1024 * 1024;

/** Limits of one step. */
export interface StepLimits {
  readonly maxSeconds: number;
  readonly maxMessages: number;
  readonly maxBytes: number;
}

/** What is left of a step's limits. */
export class Budget {
  readonly #deadline: number;
  readonly #clock: Clock;
  #messages: number;
  #bytes: number;

  constructor(limits: StepLimits, clock: Clock) {
    this.#deadline = clock() + limits.maxSeconds * 1000;
    this.#clock = clock;
    this.#messages = limits.maxMessages;
    this.#bytes = limits.maxBytes;
  }

  spend(messages: number, bytes: number): void {
    this.#messages -= messages;
    this.#bytes -= bytes;
  }

  get exhausted(): boolean {
    return this.#messages <= 0 || this.#bytes <= 0 || this.#clock() >= this.#deadline;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }
}
