import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import { AppendPipeline } from "./append-pipeline.ts";
import type { ImapConnection } from "./connection.ts";

/** Messages under way at first, and at most. */
const FIRST_WINDOW = 16;
const MAX_WINDOW = 512;
/** Milliseconds: while answers come faster more are sent at once, and fewer once one takes so long. */
const FAST_MS = 1_000;
const SLOW_MS = 5_000;
/** Milliseconds after which a server that took no more connections is asked again. */
const FULL_MS = 30_000;
/** Messages without an answer on a line from which another one is worth its login. */
const BUSY = 8;

/**
 * Connections to one mailbox on which nothing waits for the answer before it, opened as they are needed, and the number of
 * messages that may be under way on them: as many as the server answers in good time, so that none waits long for those before it.
 */
export class AppendLines {
  readonly #open: () => Promise<ImapConnection>;
  readonly #size: number;
  #lines: AppendPipeline[] = [];
  #opening: Promise<void> | undefined;
  #closed = false;
  #window = FIRST_WINDOW;
  #narrowedAt = 0;
  #fullUntil = 0;

  /** @param size connections at most. */
  constructor(open: () => Promise<ImapConnection>, size: number) {
    this.#open = open;
    this.#size = size;
  }

  /** Messages that may be under way; 0 while the server lets none of these connections be opened. */
  get window(): number {
    return this.#lines.length === 0 && this.#isFull ? 0 : this.#window;
  }

  /**
   * The line with the least to do, opened if there is none.
   * @returns undefined if the server takes no more connections than there are already.
   * @throws MigrationError if none can be opened for a reason that does not pass.
   */
  async take(): Promise<AppendPipeline | undefined> {
    this.#lines = this.#lines.filter((line) => line.usable);
    if (this.#lines.length === 0 && !this.#isFull) await this.#openOne();
    const [least] = this.#lines.toSorted((a, b) => a.pending - b.pending);
    if (least !== undefined && least.pending >= BUSY && this.#lines.length < this.#size && !this.#isFull)
      this.#openOne().catch(() => undefined);
    return least;
  }

  /** An answer came. @param sentAt when the message was handed over, in milliseconds since 1970. */
  answered(sentAt: number): void {
    const now = Date.now();
    if (now - sentAt < FAST_MS) this.#window = Math.min(MAX_WINDOW, this.#window + 1);
    else if (now - sentAt > SLOW_MS && sentAt > this.#narrowedAt) {
      this.#window = Math.max(this.#size, this.#window >> 1);
      this.#narrowedAt = now;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#opening?.catch(() => undefined);
    await Promise.all(this.#lines.map((line) => line.close()));
    this.#lines = [];
  }

  #openOne(): Promise<void> {
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  get #isFull(): boolean {
    return Date.now() < this.#fullUntil;
  }

  async #connect(): Promise<void> {
    let connection: ImapConnection;
    try {
      connection = await this.#open();
    } catch (error) {
      if (!isMigrationError(error) || !mayPass(error)) throw error;
      this.#fullUntil = Date.now() + FULL_MS;
      return;
    }
    if (this.#closed) await connection.close();
    else this.#lines.push(new AppendPipeline(connection));
  }
}

function mayPass({ kind }: MigrationError): boolean {
  return kind === "throttled" || kind === "transient";
}
