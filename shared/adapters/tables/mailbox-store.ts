import { odata } from "@azure/data-tables";
import type { BatchName } from "../../domain/names.ts";
import type { MailboxRecord, MailboxStore, Versioned } from "../../migration/ports/registry.ts";
import { flag, formatOf, fromRow, integer, json, optional, type StoredRow, text, toRow } from "./row.ts";
import { maxRowsPerTransaction, type Table } from "./table.ts";

const format = formatOf<MailboxRecord>({
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
  dueAt: optional(integer()),
  loginTest: optional(text()),
  deletionsConfirmed: optional(flag),
  retriesSkipped: optional(flag),
  folderActs: optional(json()),
});

/** Mailboxes of a page where the caller does not say how many. */
const defaultTop = 100;
const maxTop = 999;

/** Mailboxes in the table `mailboxes`: the partition is the batch, the row key the mailbox id. */
export function createMailboxStore(table: Table): MailboxStore {
  const rowOf = (mailbox: MailboxRecord) => toRow(format, mailbox.batch, mailbox.id, mailbox);
  return {
    async get(batch, id) {
      const row = await table.get(batch, id);
      return row && versioned(row);
    },
    async replace({ value, version }) {
      return (await table.write(rowOf(value), version)) !== undefined;
    },
    async insertAll(_batch, mailboxes) {
      for (let start = 0; start < mailboxes.length; start += maxRowsPerTransaction)
        await table.insertMissing(mailboxes.slice(start, start + maxRowsPerTransaction).map(rowOf));
    },
    async list(batch, query = {}) {
      const top = Math.min(Math.max(query.top ?? defaultTop, 1), maxTop);
      const rows = table.scan(batch, query.continuation === undefined ? {} : { after: query.continuation }, {
        pageSize: top + 1,
        ...(query.status === undefined ? {} : { filter: odata`status eq ${query.status}` }),
      });
      const items: Versioned<MailboxRecord>[] = [];
      for await (const row of rows) {
        // One more than asked for was found: the page is full and not the last one.
        if (items.length === top) return { items, continuation: lastId(items) };
        items.push(versioned(row));
      }
      return { items };
    },
    async *scan(batch: BatchName) {
      for await (const row of table.scan(batch)) yield versioned(row);
    },
    deleteAll: (batch) => table.removePartition(batch),
  };
}

function versioned(row: StoredRow): Versioned<MailboxRecord> {
  return { value: fromRow(format, row), version: row.etag };
}

function lastId(items: readonly Versioned<MailboxRecord>[]): string {
  return items.at(-1)?.value.id ?? "";
}
