import type { FolderId } from "../../domain/names.ts";
import type { Provider } from "../../domain/providers.ts";
import type { MailboxState } from "../mailbox/change.ts";
import { withSums } from "../mailbox/figures.ts";
import { gotOn, stepEnded } from "../mailbox/life.ts";
import type { FolderRecord } from "../ports/ledger-store.ts";
import type { MailboxRecord } from "../ports/registry.ts";
import type { Clock } from "../runtime.ts";
import { addWarnings, folderWarnings } from "../warnings.ts";
import { sumOfLost } from "./left-out.ts";

/** Live counters of a running mailbox are stored at most this often, in milliseconds. */
export const progressMs = 2_000;

/** Adds up the folders of a mailbox. The sums are written over the stored ones, so that repeating a step cannot count twice. */
export class Progress {
  readonly #state: MailboxState;
  readonly #clock: Clock;
  readonly #provider: Provider | undefined;
  readonly #folders = new Map<FolderId, FolderRecord>();
  #storedAt = 0;
  #storing: Promise<void> = Promise.resolve();
  #trailing: NodeJS.Timeout | undefined;
  /** Items copied when the step began. */
  #base: number | undefined;

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

  /** All folders as a step begins to visit them: nothing is told of a mailbox before all of it is known. */
  replace(folders: readonly FolderRecord[]): void {
    this.#folders.clear();
    for (const folder of folders) this.#folders.set(folder.folderId, folder);
    this.#base ??= this.#synced;
  }

  /** @param before the id that the folder had until now. */
  update(folder: FolderRecord, before = folder.folderId): void {
    if (before !== folder.folderId) this.#folders.delete(before);
    this.#folders.set(folder.folderId, folder);
    if (this.#base === undefined) return;
    const wait = this.#storedAt + progressMs - this.#clock();
    if (wait <= 0) this.#storeLive();
    else this.#trailing ??= setTimeout(() => this.#storeLive(), wait).unref();
  }

  /** Stores the figures at the end of a step that failed. */
  async store(): Promise<void> {
    clearTimeout(this.#trailing);
    await this.#storing;
    await this.#write();
  }

  /**
   * Stores the figures at the end of a step.
   * @param step its id. @param stoodStill as for `stepEnded`. @param well false for one that had to pause.
   */
  async storeEnd(step: string, stoodStill: boolean, well: boolean): Promise<void> {
    const change = await this.end(step, false, stoodStill, well);
    await this.#state.update(change);
  }

  /**
   * What the end of a step makes of the mailbox: its figures are in. Nothing is stored from now on.
   * @param ended true for the end of a round. @param well as for {@link storeEnd}.
   */
  async end(
    step: string,
    ended: boolean,
    stoodStill: boolean,
    well = true,
  ): Promise<(mailbox: MailboxRecord) => MailboxRecord> {
    clearTimeout(this.#trailing);
    await this.#storing;
    const change = (mailbox: MailboxRecord) =>
      stepEnded(well ? gotOn(mailbox, !stoodStill, this.#clock()) : mailbox, step, stoodStill);
    return this.#withFigures(change, ended) ?? change;
  }

  get #synced(): number {
    return sum(this.#folders.values(), ({ counts }) => counts.synced);
  }

  #storeLive(): void {
    clearTimeout(this.#trailing);
    this.#trailing = undefined;
    this.#storedAt = this.#clock();
    // Live figures are a convenience: a failure to store them shows when the step stores its result.
    this.#storing = this.#storing.then(() => this.#write()).catch(() => undefined);
  }

  async #write(): Promise<void> {
    const change = this.#withFigures((mailbox) => mailbox, false);
    if (change) await this.#state.update(change);
  }

  /** @returns undefined as long as nothing is known of the folders. */
  #withFigures(
    change: (mailbox: MailboxRecord) => MailboxRecord,
    ended: boolean,
  ): ((mailbox: MailboxRecord) => MailboxRecord) | undefined {
    const folders = [...this.#folders.values()];
    if (this.#base === undefined || folders.length === 0) return undefined;
    const syncedItemCount = this.#synced;
    const copied = syncedItemCount > this.#base;
    const { bytesTransferred } = this;
    const totalItemCount = sum(folders, ({ counts }) => counts.total);
    const average = syncedItemCount === 0 ? 0 : bytesTransferred / syncedItemCount;
    const sums = {
      totalItemCount,
      syncedItemCount,
      skippedItemCount: sum(folders, ({ counts }) => counts.skipped),
      leftOutItemCount: sum(folders, ({ counts }) => counts.leftOut),
      lost: sumOfLost(folders.map(({ counts }) => counts.lost)),
      bytesTransferred,
      estimatedBytes: Math.round(average * totalItemCount),
      warnings: addWarnings(folders.map((folder) => folderWarnings(folder, this.#provider))),
    };
    return (mailbox) =>
      withSums(change(copied ? gotOn(mailbox, false, this.#clock()) : mailbox), sums, ended, this.#clock());
  }
}

function sum<T>(values: Iterable<T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}
