import { createHash } from "node:crypto";
import type { ItemRecord } from "../ports/ledger-store.ts";

/** A message that may be chosen. */
export type Candidate = Pick<ItemRecord, "folderId" | "uidValidity" | "uid" | "internalDate" | "size">;

/**
 * Chooses messages to be compared byte by byte: from each folder, year and order of size in turn, and among equals by a
 * hash, so that a repetition chooses the same ones. Holds `count` messages of each kind at most.
 */
export class Sample {
  readonly #count: number;
  readonly #kinds = new Map<string, { readonly hash: string; readonly item: ItemRecord }[]>();

  constructor(count: number) {
    this.#count = count;
  }

  offer(item: ItemRecord): void {
    const year = new Date(item.internalDate).getUTCFullYear();
    const kind = `${item.folderId} ${year} ${Math.floor(Math.log10(Math.max(1, item.size)))}`;
    const known = this.#kinds.get(kind) ?? [];
    known.push({ hash: hashOf(item), item });
    if (known.length > this.#count) {
      known.sort(byHash);
      known.pop();
    }
    this.#kinds.set(kind, known);
  }

  /** The chosen ones, folder by folder. */
  chosen(): readonly ItemRecord[] {
    const kinds = [...this.#kinds]
      .sort(([a], [b]) => (digest(a) < digest(b) ? -1 : 1))
      .map(([, known]) => known.sort(byHash));
    const chosen: ItemRecord[] = [];
    for (let depth = 0; chosen.length < this.#count; depth++) {
      const layer = kinds.flatMap((known) => known[depth]?.item ?? []);
      if (layer.length === 0) break;
      chosen.push(...layer.slice(0, this.#count - chosen.length));
    }
    return chosen.sort((a, b) =>
      a.folderId === b.folderId ? a.uid - b.uid : a.folderId < b.folderId ? -1 : 1,
    );
  }
}

function byHash(a: { readonly hash: string }, b: { readonly hash: string }): number {
  return a.hash < b.hash ? -1 : 1;
}

function hashOf({ folderId, uidValidity, uid }: Candidate): string {
  return digest(`${folderId} ${uidValidity} ${uid}`);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
