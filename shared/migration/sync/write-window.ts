import { ByteBudget, type Claim } from "./byte-budget.ts";

/** Bytes of the messages that one mailbox writes at once, unless it is a single one. */
export const maxWindowBytes = 8 * 1024 * 1024;
/** The same for all mailboxes of this process together, and one message of each more. */
export const maxProcessBytes = 4 * maxWindowBytes;

const processBytes = new ByteBudget(maxProcessBytes);

/**
 * The writes of one chunk that are under way: no more at once than the target wants, and than may be held in memory. A
 * mailbox that has none under way waits for no other one.
 */
export class WriteWindow {
  readonly #limit: () => number;
  readonly #budget: ByteBudget;
  readonly #writes = new Set<Promise<void>>();
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
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

  /** True once a write was rejected; {@link settled} tells why. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when one more message of so many bytes may be written; it is the next one that is added. */
  async room(bytes: number): Promise<void> {
    this.#claim?.release();
    this.#claim = undefined;
    while (
      this.#writes.size > 0 &&
      !this.failed &&
      (this.#writes.size >= this.#limit() || this.#bytes + bytes > maxWindowBytes)
    )
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    const claim = this.#budget.claim(bytes);
    this.#claim = claim;
    if (this.#writes.size === 0 || this.failed) claim.insist();
    await claim.granted;
  }

  /** Adds a message. @param write begins to write it. */
  add(bytes: number, write: () => Promise<void>): void {
    const claim = this.#claim;
    this.#claim = undefined;
    this.#bytes += bytes;
    const under = write()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#bytes -= bytes;
        this.#writes.delete(under);
        claim?.release();
        if (this.#writes.size === 0 || this.failed) this.#claim?.insist();
        this.#wake?.();
      });
    this.#writes.add(under);
  }

  /** Waits for all, then throws the first failure. Nothing is added any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes);
    this.#claim?.release();
    if (this.#failure) throw this.#failure.error;
  }
}
