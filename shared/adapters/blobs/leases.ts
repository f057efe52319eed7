import { createHash } from "node:crypto";
import type { Leases } from "../../migration/ports/leases.ts";
import type { Container } from "./container.ts";

/** Leases of blobs: the service keeps the time, so that processes whose clocks differ agree on who has one. */
export function createLeases(container: Container): Leases {
  return {
    async acquire(name) {
      const blob = `leases/${createHash("sha256").update(name).digest("hex")}`;
      const id = await container.lease(blob);
      if (id === undefined) return undefined;
      const text = (await container.readText(blob))?.text ?? "";
      return {
        note: text === "" ? undefined : text,
        renew: () => container.renewLease(blob, id),
        write: (note) => container.writeLeased(blob, id, note),
        release: () => container.releaseLease(blob, id),
      };
    },
  };
}
