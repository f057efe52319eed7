import { expect, it } from "vitest";
import type { BatchName } from "../../../../shared/domain/names.ts";
import type { IngestOutcome } from "../../../../shared/migration/upload/ingest-upload.ts";
import { logOutcome } from "../../../../shared/migration/upload/log-outcome.ts";

const batch = "spring" as BatchName;
const counts = { validRowCount: 3, invalidRowCount: 1, operation: 2 };

it.each<[IngestOutcome, readonly unknown[]]>([
  [{ kind: "nothing" }, []],
  [
    { kind: "rejected", batch: undefined, codes: ["A", "B"] },
    [["upload.rejected", { batch: undefined, codes: "A B" }]],
  ],
  [{ kind: "ingested", batch, ...counts }, [["upload.ingested", { batch, ...counts }]]],
])("%j is logged as %j", (outcome, events) => {
  const logged: unknown[] = [];
  logOutcome((...event) => void logged.push(event), outcome);
  expect(logged).toEqual(events);
});
