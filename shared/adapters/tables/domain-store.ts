import type { DomainRecord, DomainStore } from "../../migration/ports/domain-store.ts";
import { flag, formatOf, fromRow, integer, json, optional, text, toRow } from "./row.ts";
import type { Table } from "./table.ts";

const format = formatOf<DomainRecord>({
  domain: text(),
  hosts: optional(json()),
  authoritative: optional(flag),
  answeredAt: optional(integer()),
  checkedAt: optional(integer()),
  movedAt: optional(integer()),
  oldRouteUntil: optional(integer()),
  confirmed: optional(json()),
});

const partition = "domain";

/** Domains in one partition of the table `domains`; the row key is the domain. */
export function createDomainStore(table: Table): DomainStore {
  const rowOf = (record: DomainRecord) => toRow(format, partition, record.domain, record);
  return {
    async get(domain) {
      const row = await table.get(partition, domain);
      return row && { value: fromRow(format, row), version: row.etag };
    },
    async list() {
      const domains = [];
      for await (const row of table.scan(partition))
        domains.push({ value: fromRow(format, row), version: row.etag });
      return domains;
    },
    async create(record) {
      return (await table.write(rowOf(record), undefined)) !== undefined;
    },
    async replace({ value, version }) {
      return (await table.write(rowOf(value), version)) !== undefined;
    },
    delete: (domain) => table.remove(partition, domain),
  };
}
