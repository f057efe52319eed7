import type { NoticeRecord, NoticeStore } from "../../migration/ports/notices.ts";
import { formatOf, fromRow, integer, json, optional, text, toRow } from "./row.ts";
import { keysBelow, type Table } from "./table.ts";

const format = formatOf<NoticeRecord>({
  batch: text(),
  kind: text(),
  key: text(),
  at: integer(),
  state: text(),
  since: integer(),
  attempts: integer(),
  notBefore: optional(integer()),
  error: optional(json()),
  covers: optional(json()),
  figures: optional(json()),
});

const partition = "batch";

/** Mails in the table `batches`, as `|batch|notices|kind|key` beside the batch, with which they are removed. */
export function createNoticeStore(table: Table): NoticeStore {
  const rowOf = (notice: NoticeRecord) =>
    toRow(format, partition, `|${notice.batch}|notices|${notice.kind}|${notice.key}`, notice);
  return {
    async list(batch) {
      const found = [];
      for await (const row of table.scan(partition, keysBelow(`|${batch}|notices|`)))
        found.push({ value: fromRow(format, row), version: row.etag });
      return found;
    },
    create: (notice) => table.write(rowOf(notice), undefined),
    replace: ({ value, version }) => table.write(rowOf(value), version),
  };
}
