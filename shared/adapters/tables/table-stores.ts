import type { AdmissionStore } from "../../migration/ports/admission-store.ts";
import type { BatchStateStore } from "../../migration/ports/batch-state.ts";
import type { DomainStore } from "../../migration/ports/domain-store.ts";
import type { LedgerStore } from "../../migration/ports/ledger-store.ts";
import type { NoticeStore } from "../../migration/ports/notices.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import type { BatchStore, MailboxStore } from "../../migration/ports/registry.ts";
import type { SourceDebtStore } from "../../migration/ports/source-debt-store.ts";
import type { StorageSettings } from "../azure-storage.ts";
import { StoreClock } from "../store-clock.ts";
import { createAdmissionStore } from "./admission-store.ts";
import { createBatchStateStore } from "./batch-state-store.ts";
import { createBatchStore } from "./batch-store.ts";
import { createDomainStore } from "./domain-store.ts";
import { createLedgerStore } from "./ledger-store.ts";
import { createMailboxStore } from "./mailbox-store.ts";
import { createNoticeStore } from "./notice-store.ts";
import { createSourceDebtStore } from "./source-debt-store.ts";
import { StorageTable } from "./table.ts";

export interface TableStores extends Probed {
  readonly batches: BatchStore;
  readonly states: BatchStateStore;
  readonly mailboxes: MailboxStore;
  readonly ledgers: LedgerStore;
  readonly admissions: AdmissionStore;
  readonly sourceDebts: SourceDebtStore;
  readonly domains: DomainStore;
  readonly notices: NoticeStore;
  /** Creates the tables that are missing. Repeatable. @throws MigrationError */
  createTables(): Promise<void>;
}

/**
 * The stores on Azure Table Storage. Opens no connection before the first call.
 * @param clock is told the time of each answer, and tells when leases end.
 */
export function createTableStores(settings: StorageSettings, clock = new StoreClock()): TableStores {
  const batches = new StorageTable(settings, "batches", clock);
  const mailboxes = new StorageTable(settings, "mailboxes", clock);
  const ledgers = new StorageTable(settings, "ledgers", clock);
  const admissions = new StorageTable(settings, "admissions", clock);
  const domains = new StorageTable(settings, "domains", clock);
  const all = [batches, mailboxes, ledgers, admissions, domains];
  return {
    batches: createBatchStore(batches),
    states: createBatchStateStore(batches),
    mailboxes: createMailboxStore(mailboxes),
    ledgers: createLedgerStore(ledgers, clock.now),
    admissions: createAdmissionStore(admissions),
    sourceDebts: createSourceDebtStore(admissions),
    domains: createDomainStore(domains),
    notices: createNoticeStore(batches),
    async probe() {
      await Promise.all(all.map((table) => table.get("probe", "probe")));
    },
    async createTables() {
      await Promise.all(all.map((table) => table.create()));
    },
  };
}
