import { MigrationError } from "../../../shared/domain/errors.ts";
import type { Lease, Leases } from "../../../shared/migration/ports/leases.ts";

const lengthMs = 60_000;

/** Leases as the blob service gives them, in memory. */
export class MemoryLeases implements Leases {
  readonly #blobs = new Map<string, { note: string; holder: object | undefined; until: number }>();

  async acquire(name: string): Promise<Lease | undefined> {
    const blob = this.#blobs.get(name) ?? { note: "", holder: undefined, until: 0 };
    this.#blobs.set(name, blob);
    if (blob.holder !== undefined && Date.now() < blob.until) return undefined;
    const holder = {};
    Object.assign(blob, { holder, until: Date.now() + lengthMs });
    const held = (): void => {
      if (blob.holder !== holder)
        throw new MigrationError("transient", "BlobLeaseLost", "Another worker has gone on with this work.");
    };
    return {
      note: blob.note === "" ? undefined : blob.note,
      async renew() {
        held();
        blob.until = Date.now() + lengthMs;
      },
      async write(note) {
        held();
        blob.note = note;
      },
      async release() {
        if (blob.holder === holder) blob.holder = undefined;
      },
    };
  }
}
