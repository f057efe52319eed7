import type { FolderId } from "../../domain/names.ts";
import type { Provider } from "../../domain/providers.ts";
import type { MailboxState } from "../mailbox/change.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { Clock } from "../runtime.ts";
import { addWarnings, folderWarnings } from "../warnings.ts";

/** Live counters of a running mailbox are stored at most this often, in milliseconds. */
const progressMs = 3_000;

/** Adds up the folders of a mailbox. The sums are written over the stored ones, so that repeating a step cannot count twice. */
export class Progress {
  readonly #state: MailboxState;
  readonly #clock: Clock;
  readonly #provider: Provider | undefined;
  readonly #folders = new Map<FolderId, FolderRecord>();
  #storedAt = 0;
  #storing: Promise<void> = Promise.resolve();
  #moved = false;

  /** @param provider of the source server, if it is a well-known one. */
  constructor(state: MailboxState, clock: Clock, provider: Provider | undefined) {
    this.#state = state;
    this.#clock = clock;
    this.#provider = provider;
  }

  /** Items skipped and not left out on purpose. */
  get lost(): number {
    return sum(this.#folders.values(), ({ counts }) => counts.skipped - counts.leftOut);
  }

  get bytesTransferred(): number {
    return sum(this.#folders.values(), ({ counts }) => counts.bytes);
  }

  replace(folders: readonly FolderRecord[]): void {
    this.#folders.clear();
    for (const folder of folders) this.#folders.set(folder.folderId, folder);
  }

  update(folder: FolderRecord): void {
    this.#folders.set(folder.folderId, folder);
    this.#moved = true;
    if (this.#clock() - this.#storedAt < progressMs) return;
    this.#storedAt = this.#clock();
    // Live figures are a convenience: a failure to store them shows when the step stores its result.
    this.#storing = this.#storing.then(() => this.#write()).catch(() => undefined);
  }

  async store(): Promise<void> {
    await this.#storing;
    await this.#write();
  }

  async #write(): Promise<void> {
    if (this.#folders.size === 0) return;
    const folders = [...this.#folders.values()];
    const syncedItemCount = sum(folders, ({ counts }) => counts.synced);
    const { bytesTransferred } = this;
    const totalItemCount = sum(folders, ({ counts }) => counts.total);
    const average = syncedItemCount === 0 ? 0 : bytesTransferred / syncedItemCount;
    await this.#state.update((mailbox) => ({
      ...mailbox,
      totalItemCount,
      syncedItemCount,
      skippedItemCount: sum(folders, ({ counts }) => counts.skipped),
      leftOutItemCount: sum(folders, ({ counts }) => counts.leftOut),
      bytesTransferred,
      estimatedBytes: Math.round(average * totalItemCount),
      warnings: addWarnings(folders.map((folder) => folderWarnings(folder, this.#provider))),
      ...(this.#moved ? { attempts: 0 } : {}),
    }));
  }
}

function sum<T>(values: Iterable<T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}
