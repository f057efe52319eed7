import type { ItemRecord } from "../ports/ledger-store.ts";
import type { MessageHeader } from "../ports/source.ts";
import { envelopeDigest, headerDigest } from "./digest.ts";
import { isSizeOfSame, lookOf } from "./item-records.ts";

/** What a message is recognised by, without its header. */
export interface Look {
  readonly exact: string;
  readonly envelope: string | undefined;
  readonly internalDate: number;
  readonly size: number;
}

/** What a message looks like. Pure. */
export function lookAt({ header, internalDate, size }: MessageHeader): Look {
  const date = internalDate.getTime();
  return {
    exact: lookOf(headerDigest(header), date),
    envelope: envelopeDigest(header),
    internalDate: date,
    size,
  };
}

/**
 * Items by what their messages look like: by the whole header, and, for a server that writes headers anew at each read,
 * by the envelope and about the size. Each is given once.
 */
export class ItemsByLook<Entry extends { readonly item: ItemRecord }> {
  readonly #exact = new Map<string, Set<Entry>>();
  readonly #envelopes = new Map<string, Set<Entry>>();
  readonly #entries = new Set<Entry>();

  get size(): number {
    return this.#entries.size;
  }

  /** All that were not given yet. */
  get rest(): readonly Entry[] {
    return [...this.#entries];
  }

  add(entry: Entry): void {
    const { item } = entry;
    this.#entries.add(entry);
    addTo(this.#exact, lookOf(item.digest, item.internalDate), entry);
    if (item.envelope !== undefined) addTo(this.#envelopes, item.envelope, entry);
  }

  /** The item of a message by its whole header and date; of several the preferred one. */
  takeExact({ exact }: Look, isPreferred: (item: ItemRecord) => boolean = () => false): Entry | undefined {
    const equal = [...(this.#exact.get(exact) ?? [])];
    return this.#take(equal.find(({ item }) => isPreferred(item)) ?? equal[0]);
  }

  /** The item of a message by its envelope and about its size; of several one with its date, if there is one. */
  takeAlike(
    { envelope, internalDate, size }: Look,
    needsDate: boolean,
    isPreferred: (item: ItemRecord) => boolean = () => false,
  ): Entry | undefined {
    if (envelope === undefined) return undefined;
    const alike = [...(this.#envelopes.get(envelope) ?? [])].filter(({ item }) =>
      isSizeOfSame(item.size, size),
    );
    const dated = alike.filter(({ item }) => item.internalDate === internalDate);
    const preferred = dated.find(({ item }) => isPreferred(item)) ?? dated[0];
    return this.#take(preferred ?? (needsDate ? undefined : alike[0]));
  }

  #take(entry: Entry | undefined): Entry | undefined {
    if (entry === undefined) return undefined;
    const { item } = entry;
    this.#entries.delete(entry);
    this.#exact.get(lookOf(item.digest, item.internalDate))?.delete(entry);
    if (item.envelope !== undefined) this.#envelopes.get(item.envelope)?.delete(entry);
    return entry;
  }
}

function addTo<Entry>(map: Map<string, Set<Entry>>, key: string, entry: Entry): void {
  const known = map.get(key);
  if (known) known.add(entry);
  else map.set(key, new Set([entry]));
}
