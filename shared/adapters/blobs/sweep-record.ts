import { randomUUID } from "node:crypto";
import type { SweepRecord } from "../../migration/ports/sweep-record.ts";
import type { Container } from "./container.ts";

const blobName = "janitor/sweep";

/** A blob that every sweep writes anew: its age is the sweep's. */
export function createSweepRecord(container: Container): SweepRecord {
  return {
    async age() {
      return (await container.properties(blobName))?.ageMs;
    },
    async begin(minAgeMs) {
      const last = await container.properties(blobName);
      if (last !== undefined && last.ageMs < minAgeMs) return false;
      // A text of its own tells a write whose answer was lost from another process's.
      return (await container.writeText(blobName, "text/plain", randomUUID(), last?.etag)) !== undefined;
    },
  };
}
