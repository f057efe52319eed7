import type { Log } from "../runtime.ts";
import type { IngestOutcome } from "./ingest-upload.ts";

/** Tells what became of an uploaded file, if anything did. */
export function logOutcome(log: Log, outcome: IngestOutcome): void {
  if (outcome.kind === "rejected") {
    log("upload.rejected", { batch: outcome.batch, codes: outcome.codes.join(" ") });
  } else if (outcome.kind === "ingested") {
    const { batch, validRowCount, invalidRowCount, operation } = outcome;
    log("upload.ingested", { batch, validRowCount, invalidRowCount, operation });
  }
}
