/** Rows and bytes that may wait for the consumer before the producer has to. */
const MAX_ROWS = 512;
const MAX_BYTES = 4 * 1024 * 1024;

/** Hands rows from one producer to one consumer. The producer waits while enough of them lie unread. */
export class RowQueue<Row> {
  readonly #maxBytes: number;
  readonly #rows: { readonly row: Row; readonly bytes: number }[] = [];
  #bytes = 0;
  #ended = false;
  #discarding = false;
  #wakeConsumer: (() => void) | undefined;
  #wakeProducer: (() => void) | undefined;

  /** @param maxBytes that may wait. */
  constructor(maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Resolves when there is room for the next row. */
  async offer(row: Row, bytes: number): Promise<void> {
    if (this.#discarding) return;
    this.#rows.push({ row, bytes });
    this.#bytes += bytes;
    this.#wakeConsumer?.();
    while (!this.#discarding && (this.#rows.length >= MAX_ROWS || this.#bytes >= this.#maxBytes))
      await new Promise<void>((resolve) => {
        this.#wakeProducer = resolve;
      });
  }

  /** The next row, or undefined once the producer has ended and all rows are taken. */
  async take(): Promise<Row | undefined> {
    while (this.#rows.length === 0) {
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeConsumer = resolve;
      });
    }
    const entry = this.#rows.shift();
    this.#bytes -= entry?.bytes ?? 0;
    this.#wakeProducer?.();
    return entry?.row;
  }

  /** No more rows will come. */
  end(): void {
    this.#ended = true;
    this.#wakeConsumer?.();
  }

  /** The consumer takes no more: rows are dropped from now on. */
  discard(): void {
    this.#discarding = true;
    this.#rows.length = 0;
    this.#bytes = 0;
    this.#wakeProducer?.();
  }
}
