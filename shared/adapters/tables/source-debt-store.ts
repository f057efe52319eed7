import type { SourceDebt, SourceDebtStore } from "../../migration/ports/source-debt-store.ts";
import { formatOf, fromRow, json, toRow } from "./row.ts";
import type { Table } from "./table.ts";

const format = formatOf<{ readonly debt: SourceDebt }>({ debt: json() });

const rowKey = "debt";

/** The row `debt` in an endpoint's partition of the table `admissions`. */
export function createSourceDebtStore(table: Table): SourceDebtStore {
  return {
    async get(endpoint) {
      const row = await table.get(endpoint, rowKey);
      return row && { value: fromRow(format, row).debt, version: row.etag };
    },
    async replace(endpoint, { value, version }) {
      const row = toRow(format, endpoint, rowKey, { debt: value });
      return (await table.write(row, version === "" ? undefined : version)) !== undefined;
    },
  };
}
