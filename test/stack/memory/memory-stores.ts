import { createAdmissionStore } from "../../../shared/adapters/tables/admission-store.ts";
import { createBatchStateStore } from "../../../shared/adapters/tables/batch-state-store.ts";
import { createBatchStore } from "../../../shared/adapters/tables/batch-store.ts";
import { createDomainStore } from "../../../shared/adapters/tables/domain-store.ts";
import { createLedgerStore } from "../../../shared/adapters/tables/ledger-store.ts";
import { createMailboxStore } from "../../../shared/adapters/tables/mailbox-store.ts";
import { createNoticeStore } from "../../../shared/adapters/tables/notice-store.ts";
import { createSourceDebtStore } from "../../../shared/adapters/tables/source-debt-store.ts";
import type { Table } from "../../../shared/adapters/tables/table.ts";
import type { TableStores } from "../../../shared/adapters/tables/table-stores.ts";

export interface Tables {
  readonly batches: Table;
  readonly mailboxes: Table;
  readonly ledgers: Table;
  readonly admissions: Table;
  readonly domains: Table;
}

/** The application's own stores, over other tables than those of Azure. */
export function storesOver({ batches, mailboxes, ledgers, admissions, domains }: Tables): TableStores {
  return {
    batches: createBatchStore(batches),
    states: createBatchStateStore(batches),
    mailboxes: createMailboxStore(mailboxes),
    ledgers: createLedgerStore(ledgers),
    admissions: createAdmissionStore(admissions),
    sourceDebts: createSourceDebtStore(admissions),
    domains: createDomainStore(domains),
    notices: createNoticeStore(batches),
    probe: async () => undefined,
    createTables: async () => undefined,
  };
}
