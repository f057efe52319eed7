import type { BatchState, BatchStateStore } from "../../migration/ports/batch-state.ts";
import { flag, formatOf, fromRow, integer, json, optional, text, toRow } from "./row.ts";
import type { Table } from "./table.ts";

const format = formatOf<BatchState>({
  batch: text(),
  asOf: integer(),
  totals: json(),
  facets: json(),
  atRest: flag,
  nextAt: optional(integer()),
  digest: text(),
  recoveries: json(),
  rebuiltAt: integer(),
  snapshot: optional(json()),
  samples: optional(json()),
  percentage: optional(integer()),
  progressAt: optional(integer()),
});

const partition = "state";

/** Figures of batches in another partition of the table `batches`; the row key is the batch's name. */
export function createBatchStateStore(table: Table): BatchStateStore {
  return {
    async get(batch) {
      const row = await table.get(partition, batch);
      return row && { value: fromRow(format, row), version: row.etag };
    },
    async list() {
      const states: BatchState[] = [];
      for await (const row of table.scan(partition)) states.push(fromRow(format, row));
      return states;
    },
    async replace({ value, version }) {
      const row = toRow(format, partition, value.batch, value);
      return (await table.write(row, version === "" ? undefined : version)) !== undefined;
    },
    delete: (batch) => table.remove(partition, batch),
  };
}
