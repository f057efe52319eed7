import type { MailboxRecord, MailboxStore, Versioned } from "../ports/registry.ts";
import type { Clock, Log } from "../runtime.ts";
import { timed } from "./durations.ts";
import { failed, isActive } from "./life.ts";

/** What a mailbox becomes; undefined to leave it alone. Asked anew whenever somebody else changed the mailbox. */
export type MailboxChange = (
  mailbox: MailboxRecord,
) => MailboxRecord | undefined | Promise<MailboxRecord | undefined>;

/** What a change is made with. */
export interface ChangeParts {
  readonly mailboxes: MailboxStore;
  readonly clock: Clock;
}

/**
 * Applies a change to one mailbox, whoever else changes it meanwhile. A change that gives back the same object writes
 * nothing.
 * @returns the mailbox as it is stored then; undefined if it was left alone or is gone.
 */
export async function changeMailbox(
  { mailboxes, clock }: ChangeParts,
  stored: Versioned<MailboxRecord>,
  change: MailboxChange,
): Promise<MailboxRecord | undefined> {
  for (let current: Versioned<MailboxRecord> | undefined = stored; current; ) {
    const changed = await change(current.value);
    if (changed === undefined || changed === current.value) return changed;
    const value = timed(changed, clock());
    if (await mailboxes.replace({ ...current, value })) return value;
    current = await mailboxes.get(stored.value.batch, stored.value.id);
  }
  return undefined;
}

/** Groups of rows that one transaction holds. */
export const groupSize = 100;
/** Races lost by a group, after which each mailbox is changed for itself. */
const racesOfGroup = 3;

/**
 * Applies a change to at most {@link groupSize} mailboxes of one batch in one transaction, whoever else changes them
 * meanwhile. A change that gives back the same object writes nothing.
 * @param change pure; undefined to leave a mailbox alone. Asked anew about those that somebody else changed.
 * @returns the mailboxes that were not left alone, as they are stored then.
 */
export async function changeMailboxes(
  parts: ChangeParts,
  group: readonly Versioned<MailboxRecord>[],
  change: (mailbox: MailboxRecord) => MailboxRecord | undefined,
): Promise<readonly MailboxRecord[]> {
  const { mailboxes, clock } = parts;
  let current = group;
  for (let races = 0; races < racesOfGroup; races++) {
    const decided = current.flatMap((stored) => {
      const changed = change(stored.value);
      if (changed === undefined) return [];
      return [{ stored, value: changed === stored.value ? changed : timed(changed, clock()) }];
    });
    const written = decided.filter(({ stored, value }) => value !== stored.value);
    if (await mailboxes.replaceAll(written.map(({ stored, value }) => ({ ...stored, value }))))
      return decided.map(({ value }) => value);
    const read = await Promise.all(current.map(({ value }) => mailboxes.get(value.batch, value.id)));
    current = read.filter((stored) => stored !== undefined);
  }
  const changed = await Promise.all(current.map((stored) => changeMailbox(parts, stored, change)));
  return changed.filter((mailbox) => mailbox !== undefined);
}

/** Fails a mailbox in one of its rounds. @returns the mailbox as failed; undefined if it is no longer at work in it. */
export async function failMailbox(
  parts: ChangeParts & { readonly log: Log },
  { batch, id, round }: Pick<MailboxRecord, "batch" | "id" | "round">,
  { code, message }: { readonly code: string; readonly message: string },
): Promise<MailboxRecord | undefined> {
  const { mailboxes, clock, log } = parts;
  const stored = await mailboxes.get(batch, id);
  if (stored === undefined) return undefined;
  const error = { code, message, at: clock() };
  const changed = await changeMailbox(parts, stored, (mailbox) =>
    mailbox.round === round ? failed(mailbox, error) : undefined,
  );
  if (changed) log("mailbox.failed", { batch, mailbox: id, code });
  return changed;
}

/** Ends a step without a failure: the operator stopped the mailbox, or a newer round replaced this one. */
export class Superseded extends Error {}

/** The stored mailbox as one step sees it. Every change is conditional on the round the step belongs to. */
export class MailboxState {
  readonly #store: MailboxStore;
  readonly #clock: Clock;
  readonly #round: number;
  #stored: Versioned<MailboxRecord>;

  constructor({ mailboxes, clock }: ChangeParts, stored: Versioned<MailboxRecord>, round: number) {
    this.#store = mailboxes;
    this.#clock = clock;
    this.#stored = stored;
    this.#round = round;
  }

  get mailbox(): MailboxRecord {
    return this.#stored.value;
  }

  /** @throws Superseded if the mailbox was stopped, removed or started anew. */
  async update(change: (mailbox: MailboxRecord) => MailboxRecord | undefined): Promise<void> {
    for (;;) {
      const changed = change(this.#stored.value);
      if (changed === undefined) throw new Superseded();
      const value = timed(changed, this.#clock());
      const version = await this.#store.replace({ ...this.#stored, value });
      if (version !== undefined) {
        this.#stored = { value, version };
        return;
      }
      await this.#reload({ ...value, round: this.#round, status: this.#stored.value.status });
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
