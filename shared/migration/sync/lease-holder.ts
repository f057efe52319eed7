import { MigrationError } from "../../domain/errors.ts";
import type { FolderId, LedgerId, MailboxId } from "../../domain/names.ts";
import type { ChainPosition, FolderRecord, Lease, LedgerChange, LedgerStore } from "../ports/ledger-store.ts";
import type { Clock } from "../runtime.ts";

/** A lease lasts this long beyond the last heartbeat; after a crash a mailbox waits at most this long. */
export const leaseMs = 60_000;
/** No write starts with less than this left beyond its own time-out. */
const marginMs = 5_000;
/** Folders that wait for a change to be committed with. */
const maxDeferred = 20;

/**
 * The right to write to one ledger and its target, held by one invocation. Commits and renewals go one after another,
 * since each moves the version of the same row.
 */
export class LeaseHolder {
  readonly #store: LedgerStore;
  readonly #clock: Clock;
  #lease: Lease;
  #tail: Promise<unknown> = Promise.resolve();
  #lost: MigrationError | undefined;
  readonly #deferred = new Map<FolderId, FolderRecord>();

  private constructor(store: LedgerStore, clock: Clock, lease: Lease) {
    this.#store = store;
    this.#clock = clock;
    this.#lease = lease;
  }

  /** @returns the holder, or the instant until which somebody else holds the lease. */
  static async acquire(
    store: LedgerStore,
    ledgerId: LedgerId,
    owner: string,
    clock: Clock,
  ): Promise<LeaseHolder | { readonly heldUntil: number }> {
    const lease = await store.acquireLease(ledgerId, owner, leaseMs);
    return "heldUntil" in lease ? lease : new LeaseHolder(store, clock, lease);
  }

  get ledgerId(): LedgerId {
    return this.#lease.ledgerId;
  }

  /** One more than that of the holder before. */
  get epoch(): number {
    return this.#lease.epoch;
  }

  chain(mailboxId: MailboxId): ChainPosition | undefined {
    return this.#lease.chains[mailboxId];
  }

  /**
   * Commits a change under the lease. No write may be in flight: a lease that was prolonged for a large one becomes
   * short again, so that a crash is soon recovered from.
   * @throws MigrationError `transient`/`LeaseLost`; every later call then throws it as well.
   */
  commit(change: LedgerChange): Promise<void> {
    return this.#inTurn(async () => {
      const until = change.until ?? this.#clock() + leaseMs;
      await this.#commit({ ...change, until });
    });
  }

  /** Commits a change while writes are in flight: the lease becomes no shorter. @throws as {@link commit}. */
  commitBeside(change: Omit<LedgerChange, "until">): Promise<void> {
    return this.#inTurn(async () => {
      const until = Math.max(this.#lease.until, this.#clock() + leaseMs);
      await this.#commit({ ...change, until });
    });
  }

  /**
   * Commits a folder together with a later change, such as that which ends the lease. For what a crash may take back, since it is
   * found out again. @throws as {@link commit}.
   */
  async defer(folder: FolderRecord): Promise<void> {
    this.#deferred.set(folder.folderId, folder);
    if (this.#deferred.size >= maxDeferred) await this.settle();
  }

  /** Commits what was deferred. @throws as {@link commit}. */
  async settle(): Promise<void> {
    if (this.#deferred.size > 0) await this.commit({});
  }

  /** Keeps the lease alive, also while writes are in flight. @throws as {@link commit}. */
  renew(): Promise<void> {
    return this.commitBeside({});
  }

  /**
   * Makes sure that the lease outlasts a write.
   * @param timeoutMs the longest the write may take.
   */
  async ensure(timeoutMs: number): Promise<void> {
    if (this.#lost) throw this.#lost;
    if (this.#lease.until - this.#clock() >= timeoutMs + marginMs) return;
    await this.#inTurn(async () => {
      if (this.#lease.until - this.#clock() >= timeoutMs + marginMs) return;
      const until = this.#clock() + Math.max(leaseMs, timeoutMs + marginMs + leaseMs / 2);
      await this.#commit({ until });
    });
  }

  /** Ends the lease so that the next step need not wait. Never throws. */
  async release(): Promise<void> {
    if (this.#lost) return;
    await this.commit({ until: this.#clock() }).catch(() => undefined);
  }

  /** What was deferred goes along, but not with rows of messages, which may fill a transaction. */
  async #commit(change: LedgerChange): Promise<void> {
    const { folders = [], until, chain, ...others } = change;
    const hasRoom = Object.values(others).every((part) => part === undefined);
    const changed = new Set(folders.map(({ folderId }) => folderId));
    const deferred = [...this.#deferred.values()];
    const along = hasRoom ? deferred.filter(({ folderId }) => !changed.has(folderId)) : [];
    this.#lease = await this.#store.commit(this.#lease, { ...change, folders: [...along, ...folders] });
    for (const folder of deferred) {
      const isStored = along.includes(folder) || changed.has(folder.folderId);
      if (isStored && this.#deferred.get(folder.folderId) === folder) this.#deferred.delete(folder.folderId);
    }
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(async () => {
      if (this.#lost) throw this.#lost;
      try {
        await work();
      } catch (error) {
        if (error instanceof MigrationError && error.code === "LeaseLost") this.#lost = error;
        throw error;
      }
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
