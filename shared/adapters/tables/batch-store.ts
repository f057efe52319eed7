import type { BatchName } from "../../domain/names.ts";
import type { BatchRecord, BatchStore } from "../../migration/ports/registry.ts";
import { formatOf, fromRow, integer, json, optional, text, toRow } from "./row.ts";
import type { Table } from "./table.ts";

const format = formatOf<BatchRecord>({
  name: text(),
  displayName: text(),
  endpoint: text(),
  intent: text(),
  options: json(),
  createdAt: integer(),
  startedAt: optional(integer()),
  invalidRowCount: integer(),
  uploadError: optional(json()),
  confirmedServer: optional(json()),
  reported: optional(json()),
});

const partition = "batch";

/** Batches in one partition of the table `batches`; the row key is the batch's name. */
export function createBatchStore(table: Table): BatchStore {
  const rowOf = (batch: BatchRecord) => toRow(format, partition, batch.name, batch);
  return {
    async get(name: BatchName) {
      const row = await table.get(partition, name);
      return row && { value: fromRow(format, row), version: row.etag };
    },
    async list() {
      const batches: BatchRecord[] = [];
      for await (const row of table.scan(partition)) batches.push(fromRow(format, row));
      return batches;
    },
    async create(batch) {
      return (await table.write(rowOf(batch), undefined)) !== undefined;
    },
    async replace({ value, version }) {
      return (await table.write(rowOf(value), version)) !== undefined;
    },
    delete: (name) => table.remove(partition, name),
  };
}
