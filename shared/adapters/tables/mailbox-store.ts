import { odata } from "@azure/data-tables";
import type { BatchName, MailboxId } from "../../domain/names.ts";
import type {
  MailboxRecord,
  MailboxStore,
  MailboxSummary,
  Slot,
  Versioned,
} from "../../migration/ports/registry.ts";
import {
  type Columns,
  flag,
  formatOf,
  fromRow,
  integer,
  json,
  optional,
  type StoredRow,
  text,
  toRow,
  type Upgrade,
} from "./row.ts";
import { maxRowsPerTransaction, type RowRange, type Table } from "./table.ts";

/** Version 1 stored when a mailbox is due, and knew no operations. */
const columns: Columns<MailboxRecord> = {
  id: text(),
  batch: text(),
  endpoint: text(),
  emailAddress: text(),
  userName: text(),
  userRoot: optional(text()),
  sealedPassword: text(),
  sealedFor: optional(json()),
  status: text(),
  kind: text(),
  round: integer(),
  operation: optional(integer()),
  notBefore: optional(integer()),
  attempts: integer(),
  error: optional(json()),
  trouble: optional(json()),
  recovery: optional(json()),
  step: optional(json()),
  targetId: optional(text()),
  ledgerId: optional(text()),
  totalItemCount: integer(),
  syncedItemCount: integer(),
  skippedItemCount: integer(),
  leftOutItemCount: optional(integer()),
  lost: optional(json()),
  approved: optional(json()),
  bytesTransferred: integer(),
  estimatedBytes: integer(),
  percentageComplete: optional(integer()),
  warnings: optional(json()),
  dailyStart: optional(json()),
  createdAt: integer(),
  startedAt: optional(integer()),
  lastSyncedAt: optional(integer()),
  syncBegan: optional(json()),
  lastSync: optional(json()),
  rate: optional(json()),
  times: optional(json()),
  loginTest: optional(text()),
  deletionsConfirmed: optional(flag),
  retriesSkipped: optional(flag),
  folderActs: optional(json()),
  verifying: optional(json()),
  verification: optional(json()),
  rehearsal: optional(json()),
  undoing: optional(json()),
  undo: optional(json()),
};
const unchanged: Upgrade = (row) => row;
const format = formatOf<MailboxRecord>(columns, unchanged);

const {
  sealedPassword: _sealedPassword,
  sealedFor: _sealedFor,
  dailyStart: _dailyStart,
  step: _step,
  times: _times,
  ...summaryColumns
} = columns;
const summaryFormat = formatOf<Omit<MailboxSummary, "changedAt">>(summaryColumns, unchanged);
const summaryProperties = ["RowKey", "Timestamp", "formatVersion", ...Object.keys(summaryColumns)];

/**
 * Mailboxes in the table `mailboxes`: the partition is the batch, the row key the mailbox id, whose digits are spread
 * evenly, so that its first one divides a batch into slots.
 */
export function createMailboxStore(table: Table): MailboxStore {
  const rowOf = (mailbox: MailboxRecord) => toRow(format, mailbox.batch, mailbox.id, mailbox);
  const scanChanged = (batch: BatchName, slot: Slot, since: number | undefined, select: string[]) =>
    table.scan(batch, keysOf(slot), {
      select,
      ...(since === undefined ? {} : { filter: odata`Timestamp ge ${new Date(Math.max(0, since))}` }),
    });
  return {
    async get(batch, id) {
      const row = await table.get(batch, id);
      return row && versioned(row);
    },
    replace: ({ value, version }) => table.write(rowOf(value), version),
    async replaceAll(mailboxes) {
      const [first, ...rest] = mailboxes;
      if (first === undefined) return true;
      const changes = rest.map(({ value, version }) => ({ swap: rowOf(value), version }));
      return (await table.write(rowOf(first.value), first.version, changes)) !== undefined;
    },
    async insertAll(_batch, mailboxes) {
      for (let start = 0; start < mailboxes.length; start += maxRowsPerTransaction)
        await table.insertMissing(mailboxes.slice(start, start + maxRowsPerTransaction).map(rowOf));
    },
    async page(batch, slot, after, limit) {
      const found: Versioned<MailboxRecord>[] = [];
      const range = after === "" ? keysOf(slot) : { ...keysOf(slot), from: undefined, after };
      for await (const row of table.scan(batch, range, { pageSize: limit }))
        if (found.push(versioned(row)) === limit) break;
      return found;
    },
    async *scan(batch) {
      for await (const row of table.scan(batch)) yield versioned(row);
    },
    async summaries(batch, slot, changedSince) {
      const found: MailboxSummary[] = [];
      for await (const row of scanChanged(batch, slot, changedSince, summaryProperties))
        found.push({ ...fromRow(summaryFormat, row), changedAt: changedAt(row) });
      return found;
    },
    async changes(batch, slot, since) {
      const found: Pick<MailboxSummary, "id" | "changedAt">[] = [];
      for await (const row of scanChanged(batch, slot, since, ["RowKey", "Timestamp"]))
        found.push({ id: row.rowKey as MailboxId, changedAt: changedAt(row) });
      return found;
    },
    delete: (batch, id) => table.remove(batch, id),
    async deleteSlot(batch, slot) {
      await table.removeRange(batch, keysOf(slot));
    },
  };
}

function keysOf({ slot, of }: Slot): RowRange {
  if (of === 1) return {};
  const digit = slot.toString(16);
  return { from: digit, to: `${digit}g` };
}

function changedAt({ timestamp = "" }: StoredRow): number {
  return Date.parse(timestamp);
}

function versioned(row: StoredRow): Versioned<MailboxRecord> {
  return { value: fromRow(format, row), version: row.etag };
}
