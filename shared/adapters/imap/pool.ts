import { isMigrationError } from "../../domain/errors.ts";
import type { ImapConnection } from "./connection.ts";
import { type OpenedMailbox, openMailbox } from "./select.ts";
import { Semaphore } from "./semaphore.ts";

/** A pooled connection and the folder that is open on it. */
export class PooledConnection {
  readonly connection: ImapConnection;
  #selected: { readonly path: string; readonly opened: OpenedMailbox } | undefined;

  constructor(connection: ImapConnection) {
    this.connection = connection;
  }

  /** The folder open for writing, if there is one. */
  get selected(): string | undefined {
    return this.#selected?.path;
  }

  /** SELECT, unless the folder is open for writing already. @returns undefined if the folder cannot be opened. */
  async select(path: string): Promise<OpenedMailbox | undefined> {
    return this.#selected?.path === path ? this.#selected.opened : this.reselect(path);
  }

  /** SELECT in any case: an open folder may not show what other connections stored since. */
  async reselect(path: string): Promise<OpenedMailbox | undefined> {
    this.#selected = undefined;
    const opened = await openMailbox(this.connection, "SELECT", path);
    this.#selected = opened && { path, opened };
    return opened;
  }

  /** EXAMINE, always anew, so that messages stored by other connections are seen. */
  async examine(path: string): Promise<OpenedMailbox | undefined> {
    this.#selected = undefined;
    return openMailbox(this.connection, "EXAMINE", path);
  }
}

/** Up to `size` connections to one mailbox, opened as they are needed. */
export class ConnectionPool {
  readonly #open: () => Promise<ImapConnection>;
  readonly #permits: Semaphore;
  readonly #idle: PooledConnection[];
  readonly #all: Set<PooledConnection>;
  #closed = false;

  /** @param first a connection that is open already. */
  constructor(first: ImapConnection, size: number, open: () => Promise<ImapConnection>) {
    this.#open = open;
    this.#permits = new Semaphore(size);
    this.#idle = [new PooledConnection(first)];
    this.#all = new Set(this.#idle);
  }

  /** False once closed, or when no connection is left alive. */
  get usable(): boolean {
    return !this.#closed && [...this.#all].some(({ connection }) => connection.usable);
  }

  /** Runs work on a connection of its own; waits for a free one. @throws what `work` or opening a connection throws. */
  async use<T>(work: (pooled: PooledConnection) => Promise<T>): Promise<T> {
    const pooled = await this.#acquire();
    try {
      return await work(pooled);
    } finally {
      if (pooled.connection.usable && !this.#closed) this.#idle.push(pooled);
      else await this.#drop(pooled);
      this.#permits.release();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map((pooled) => this.#drop(pooled)));
  }

  async #acquire(): Promise<PooledConnection> {
    for (;;) {
      await this.#permits.acquire();
      for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
        if (idle.connection.usable) return idle;
        await this.#drop(idle);
      }
      try {
        const pooled = new PooledConnection(await this.#open());
        this.#all.add(pooled);
        return pooled;
      } catch (error) {
        // The server takes no more connections than there are: this permit is not given back, and the work waits
        // for one of the others.
        const full = isMigrationError(error) && (error.kind === "throttled" || error.kind === "transient");
        if (full && this.#all.size > 0) continue;
        this.#permits.release();
        throw error;
      }
    }
  }

  async #drop(pooled: PooledConnection): Promise<void> {
    this.#all.delete(pooled);
    await pooled.connection.close();
  }
}
