import { randomUUID } from "node:crypto";
import type { BatchName } from "../../domain/names.ts";
import type {
  BatchRecord,
  BatchStore,
  HistoryEntry,
  OperationCursor,
  OperationRecord,
} from "../../migration/ports/registry.ts";
import { flag, formatOf, fromRow, integer, json, optional, text, toRow } from "./row.ts";
import { keysBelow, type RowRange, type Table } from "./table.ts";

/** Version 1 knew no operations. */
const format = formatOf<BatchRecord>(
  {
    name: text(),
    displayName: text(),
    endpoint: text(),
    intent: text(),
    options: json(),
    createdAt: integer(),
    startedAt: optional(integer()),
    runningSince: optional(integer()),
    touchedAt: optional(integer()),
    failedLeft: optional(flag),
    invalidRowCount: integer(),
    uploadError: optional(json()),
    noticeError: optional(json()),
    largestFile: optional(integer()),
    lastOperation: integer(),
    operations: json(),
    admitsFrom: integer(),
    resyncAt: optional(integer()),
    confirmedServer: optional(json()),
    reported: optional(json()),
  },
  (row) => ({
    ...row,
    lastOperation: BigInt(Math.floor(Number(row.createdAt) / 1000)),
    operations: "[]",
    admitsFrom: 0n,
  }),
);

const operationFormat = formatOf<OperationRecord>({
  batch: text(),
  seq: integer(),
  kind: text(),
  whole: flag,
  selection: json(),
  by: text(),
  at: integer(),
  slots: integer(),
  total: optional(integer()),
  verification: optional(json()),
  undo: optional(json()),
  forgets: optional(flag),
  supersedes: json(),
  outcome: optional(json()),
});

const historyFormat = formatOf<HistoryEntry>({
  batch: text(),
  at: integer(),
  by: text(),
  act: text(),
  changes: json(),
});

const cursorFormat = formatOf<OperationCursor>({
  slot: integer(),
  after: text(),
  passed: integer(),
  changed: integer(),
  done: flag,
  at: integer(),
});

const partition = "batch";
/** The keys of batches, none of which begins with the separator. */
const batchKeys: RowRange = { to: "{" };

/**
 * Batches in one partition of the table `batches`: the row key is the batch's name. Beside them, so that both change
 * together, `|batch|operations|seq`, `|batch|history|instant|random` and, for each slot of an operation,
 * `|batch|cursors|seq|slot`.
 */
export function createBatchStore(table: Table): BatchStore {
  const rowOf = (batch: BatchRecord) => toRow(format, partition, batch.name, batch);
  return {
    async get(name) {
      const row = await table.get(partition, name);
      return row && { value: fromRow(format, row), version: row.etag };
    },
    async list() {
      const batches: BatchRecord[] = [];
      for await (const row of table.scan(partition, batchKeys)) batches.push(fromRow(format, row));
      return batches;
    },
    async create(batch) {
      return (await table.write(rowOf(batch), undefined)) !== undefined;
    },
    async replace({ value, version }, operations = [], history = []) {
      const changed = operations.map((operation) =>
        toRow(operationFormat, partition, operationKey(operation.batch, operation.seq), operation),
      );
      const added = history.map((entry) =>
        toRow(historyFormat, partition, `${historyOf(entry.batch)}${entry.at}|${randomUUID()}`, entry),
      );
      const changes = [...changed, ...added].map((put) => ({ put }));
      return (await table.write(rowOf(value), version, changes)) !== undefined;
    },
    async history(name) {
      const found: HistoryEntry[] = [];
      for await (const row of table.scan(partition, keysBelow(historyOf(name))))
        found.push(fromRow(historyFormat, row));
      return found.reverse();
    },
    async delete(name) {
      await table.removeRange(partition, keysBelow(`|${name}|`));
      await table.remove(partition, name);
    },
    async operation(name, seq) {
      const row = await table.get(partition, operationKey(name, seq));
      return row && fromRow(operationFormat, row);
    },
    async operations(name) {
      const found: OperationRecord[] = [];
      for await (const row of table.scan(partition, keysBelow(`|${name}|operations|`)))
        found.push(fromRow(operationFormat, row));
      return found.reverse();
    },
    async cursors(name, seq) {
      const found = [];
      for await (const row of table.scan(partition, keysBelow(cursorsOf(name, seq))))
        found.push({ value: fromRow(cursorFormat, row), version: row.etag });
      return found;
    },
    async advance(name, seq, { value, version }) {
      const row = toRow(cursorFormat, partition, `${cursorsOf(name, seq)}${value.slot}`, value);
      return (await table.write(row, version === "" ? undefined : version)) !== undefined;
    },
    async forgetCursors(name, seq) {
      await table.removeRange(partition, keysBelow(cursorsOf(name, seq)));
    },
  };
}

function operationKey(name: BatchName, seq: number): string {
  return `|${name}|operations|${String(seq).padStart(12, "0")}`;
}

/** Instants have thirteen digits until the year 2286. */
function historyOf(name: BatchName): `|${string}|` {
  return `|${name}|history|`;
}

function cursorsOf(name: BatchName, seq: number): `|${string}|` {
  return `|${name}|cursors|${String(seq).padStart(12, "0")}|`;
}
