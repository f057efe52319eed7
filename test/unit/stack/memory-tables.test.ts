import { tableStoresContract } from "../../contract/tables/stores-contract.ts";
import { storesOver } from "../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../stack/memory/memory-table.ts";

const stores = storesOver({
  batches: new MemoryTable(),
  mailboxes: new MemoryTable(),
  ledgers: new MemoryTable(),
  admissions: new MemoryTable(),
  domains: new MemoryTable(),
});

tableStoresContract(() => stores);
