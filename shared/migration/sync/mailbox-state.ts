import { activeStatuses } from "../../domain/states.ts";
import type { MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";

/** Ends a step without a failure: the operator stopped the mailbox, or a newer round replaced this one. */
export class Superseded extends Error {}

/** True if the mailbox waits for work or is being worked on. */
export function isActive(mailbox: MailboxRecord): boolean {
  return activeStatuses.includes(mailbox.status);
}

/** The stored mailbox as this step sees it. Every change is conditional on the round the step belongs to. */
export class MailboxState {
  readonly #store: MailboxStore;
  readonly #round: number;
  #stored: Versioned<MailboxRecord>;

  constructor(store: MailboxStore, stored: Versioned<MailboxRecord>, round: number) {
    this.#store = store;
    this.#stored = stored;
    this.#round = round;
  }

  get mailbox(): MailboxRecord {
    return this.#stored.value;
  }

  /** @throws Superseded if the mailbox was stopped, removed or started anew. */
  async update(change: (mailbox: MailboxRecord) => MailboxRecord): Promise<void> {
    for (;;) {
      const value = change(this.#stored.value);
      const replaced = await this.#store.replace({ ...this.#stored, value });
      await this.#reload(
        replaced ? value : { ...value, round: this.#round, status: this.#stored.value.status },
      );
      if (replaced) return;
    }
  }

  async refresh(): Promise<void> {
    await this.#reload(this.#stored.value);
  }

  async #reload(expected: MailboxRecord): Promise<void> {
    const stored = await this.#store.get(expected.batch, expected.id);
    if (stored === undefined || stored.value.round !== expected.round) throw new Superseded();
    if (isActive(expected) && !isActive(stored.value)) throw new Superseded();
    this.#stored = stored;
  }
}
