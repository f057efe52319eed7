import type { ImapConnection } from "./connection.ts";

/** What opens a mailbox follows what looked for it within a tenth of a second, as long as storage is fast. */
const keptMs = 3_000;
/** Connections that wait, of all mailboxes. */
const maxKept = 16;

/** Connections that one call has logged in, and leaves to the next one for the same mailbox; closed if none comes. */
export class HandedOn {
  readonly #kept = new Map<string, { readonly connection: ImapConnection; readonly timer: NodeJS.Timeout }>();

  /** @param address the mailbox that it is logged in to. */
  leave(address: string, connection: ImapConnection): void {
    void this.take(address)?.close();
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= maxKept) void this.take(oldest)?.close();
    const timer = setTimeout(() => void this.take(address)?.close(), keptMs);
    timer.unref();
    this.#kept.set(address, { connection, timer });
  }

  /** Each is given once. @returns undefined if none is kept, or what is kept was lost. */
  take(address: string): ImapConnection | undefined {
    const kept = this.#kept.get(address);
    if (kept === undefined) return undefined;
    this.#kept.delete(address);
    clearTimeout(kept.timer);
    return kept.connection.usable ? kept.connection : undefined;
  }
}
