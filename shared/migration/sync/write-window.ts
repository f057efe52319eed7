import { ByteBudget, type Claim } from "./byte-budget.ts";

/** Bytes of the messages that one mailbox writes at once, unless it is a single one. */
export const maxWindowBytes = 8 * 1024 * 1024;
/** The same for all mailboxes of this process together, and one message of each more. */
export const maxProcessBytes = 4 * maxWindowBytes;

const processBytes = new ByteBudget(maxProcessBytes);

/**
 * The writes of a folder that are under way, of one chunk or of two that follow each other: no more at once than the target
 * wants, and than may be held in memory. A mailbox that has none under way waits for no other one.
 */
export class WriteWindow {
  readonly #limit: () => number;
  readonly #budget: ByteBudget;
  #writes = 0;
  #bytes = 0;
  #stopped = false;
  #wake: (() => void) | undefined;
  /** Of the message that there is room for, or that waits for it. */
  #claim: Claim | undefined;

  /**
   * @param limit writes at once; asked for again whenever one ends.
   * @param budget shared with other windows.
   */
  constructor(limit: () => number, budget = processBytes) {
    this.#limit = limit;
    this.#budget = budget;
  }

  /** Bytes of the messages under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True once nothing more is to be written: a write was rejected, or {@link stop} was called. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Nothing more is written; what is under way goes on to its end. Repeatable. */
  stop(): void {
    this.#stopped = true;
    this.#claim?.insist();
    this.#wake?.();
  }

  /**
   * Resolves when one more message of so many bytes may be written, or none at all any more. It is the next one that is
   * added; there is one at a time.
   */
  async room(bytes: number): Promise<void> {
    this.leave();
    while (
      this.#writes > 0 &&
      !this.stopped &&
      (this.#writes >= this.#limit() || this.#bytes + bytes > maxWindowBytes)
    )
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const claim = this.#budget.claim(bytes);
    this.#claim = claim;
    if (this.#writes === 0 || this.stopped) claim.insist();
    await claim.granted;
  }

  /** Gives room back that is not used. Repeatable. */
  leave(): void {
    this.#claim?.release();
    this.#claim = undefined;
  }

  /** Adds a message. @param write begins to write it; if that is rejected the window is stopped. @returns what it returns. */
  async add(bytes: number, write: () => Promise<void>): Promise<void> {
    const claim = this.#claim;
    this.#claim = undefined;
    this.#bytes += bytes;
    this.#writes++;
    try {
      await write();
    } catch (error) {
      this.stop();
      throw error;
    } finally {
      claim?.release();
      this.#ended(bytes);
    }
  }

  #ended(bytes: number): void {
    this.#bytes -= bytes;
    this.#writes--;
    if (this.#writes === 0) this.#claim?.insist();
    this.#wake?.();
  }
}
