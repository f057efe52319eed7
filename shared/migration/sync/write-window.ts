/** Bytes of the messages that one mailbox writes at once, unless it is a single one. */
export const maxWindowBytes = 8 * 1024 * 1024;

/** The writes of one chunk that are under way: no more at once than the target wants, and than may be held in memory. */
export class WriteWindow {
  readonly #limit: () => number;
  readonly #writes = new Set<Promise<void>>();
  #bytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param limit writes at once; asked for again whenever one ends. */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** Bytes of the messages under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** True once a write was rejected; {@link settled} tells why. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Resolves when one more message of so many bytes may be written. */
  async room(bytes: number): Promise<void> {
    while (
      this.#writes.size > 0 &&
      !this.failed &&
      (this.#writes.size >= this.#limit() || this.#bytes + bytes > maxWindowBytes)
    )
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Adds a message. @param write begins to write it. */
  add(bytes: number, write: () => Promise<void>): void {
    this.#bytes += bytes;
    const under = write()
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.#bytes -= bytes;
        this.#writes.delete(under);
        this.#wake?.();
      });
    this.#writes.add(under);
  }

  /** Waits for all, then throws the first failure. */
  async settled(): Promise<void> {
    await Promise.all(this.#writes);
    if (this.#failure) throw this.#failure.error;
  }
}
