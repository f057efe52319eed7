import { MigrationError } from "../../domain/errors.ts";
import type { FolderId, LedgerId, MailboxId } from "../../domain/names.ts";
import type {
  ChainPosition,
  FolderRecord,
  Lease,
  LedgerChange,
  LedgerStore,
  SkippedItem,
} from "../../migration/ports/ledger-store.ts";
import { folderRow, readFolder } from "./folder-row.ts";
import { itemChanges, itemKey, readItems } from "./item-rows.ts";
import { formatOf, fromRow, integer, json, type Row, text, toRow } from "./row.ts";
import { type Change, keyPart, keysBelow, type Table } from "./table.ts";

type Chains = Readonly<Record<MailboxId, ChainPosition>>;
type LeaseRecord = Omit<Lease, "ledgerId" | "version">;

const leaseFormat = formatOf<LeaseRecord>({
  owner: text(),
  epoch: integer(),
  until: integer(),
  chains: json(),
});

const skipFormat = formatOf<SkippedItem>({
  folderId: text(),
  uidValidity: text(),
  uid: integer(),
  internalDate: integer(),
  size: integer(),
  code: text(),
  message: text(),
});

const leaseKey = "lease";

/**
 * Ledgers in the table `ledgers`, one partition each: the row `lease`, and rows `folder|id`, those of items
 * (item-rows.ts), and `skip|folder|uidValidity|uid`.
 * @param now by which leases end, in milliseconds since 1970: the same for all processes, whatever their machines say.
 */
export function createLedgerStore(table: Table, now: () => number = Date.now): LedgerStore {
  async function readLease(ledgerId: LedgerId): Promise<Lease | undefined> {
    const row = await table.get(ledgerId, leaseKey);
    return row && { ...fromRow(leaseFormat, row), ledgerId, version: row.etag };
  }

  return {
    async acquireLease(ledgerId, owner, durationMs) {
      for (;;) {
        const current = await readLease(ledgerId);
        const asOf = now();
        if (current !== undefined && current.owner !== owner && current.until > asOf)
          return { heldUntil: current.until };
        const next: LeaseRecord = {
          owner,
          epoch: epochFor(owner, current),
          until: asOf + durationMs,
          chains: current?.chains ?? {},
        };
        const version = await table.write(leaseRow(ledgerId, next), current?.version);
        if (version !== undefined) return { ...next, ledgerId, version };
      }
    },

    async readChains(ledgerId) {
      return (await readLease(ledgerId))?.chains ?? {};
    },

    async commit(lease, change) {
      const { ledgerId } = lease;
      const next: LeaseRecord = {
        owner: lease.owner,
        epoch: lease.epoch,
        until: change.until ?? lease.until,
        chains: withChain(lease.chains, change),
      };
      let changes = await changesOf(table, ledgerId, change);
      for (;;) {
        const version = await table.write(leaseRow(ledgerId, next), lease.version, changes);
        if (version !== undefined) return { ...next, ledgerId, version };
        const stored = await readLease(ledgerId);
        if (stored?.version !== lease.version) throw leaseLost();
        // The lease is still ours: a row to remove is gone already.
        changes = await existing(table, ledgerId, changes);
      }
    },

    async listFolders(ledgerId) {
      const folders: FolderRecord[] = [];
      for await (const row of table.scan(ledgerId, keysBelow("folder|"))) folders.push(readFolder(row));
      return folders;
    },

    listItems(ledgerId, folderId, uidValidity, [low, high] = [0, 0xffff_ffff]) {
      return readItems(table, ledgerId, { folderId, uidValidity, low, high });
    },

    async *listSkipped(ledgerId, folderId) {
      const range = keysBelow(folderId === undefined ? "skip|" : `skip|${keyPart(folderId)}|`);
      for await (const row of table.scan(ledgerId, range))
        yield { ...fromRow(skipFormat, row), at: Date.parse(row.timestamp ?? "") };
    },

    async purge(ledgerId) {
      // The lease goes first, so that a worker still at it loses the right to commit.
      await table.remove(ledgerId, leaseKey);
      await table.removeRange(ledgerId, {});
    },
  };
}

function epochFor(owner: string, current: Lease | undefined): number {
  if (current === undefined) return 1;
  return current.owner === owner ? current.epoch : current.epoch + 1;
}

function withChain(chains: Chains, { chain }: LedgerChange): Chains {
  return chain === undefined ? chains : { ...chains, [chain.mailboxId]: chain.position };
}

function leaseRow(ledgerId: LedgerId, lease: LeaseRecord): Row {
  return toRow(leaseFormat, ledgerId, leaseKey, lease);
}

function leaseLost(): MigrationError {
  return new MigrationError("transient", "LeaseLost", "Another worker has taken over this mailbox.");
}

async function changesOf(table: Table, ledgerId: LedgerId, change: LedgerChange): Promise<readonly Change[]> {
  const { items = [], removedItems = [] } = change;
  return [
    ...(change.folders ?? []).map((folder) => ({
      put: folderRow(ledgerId, folderKey(folder.folderId), folder),
    })),
    ...(await itemChanges(table, ledgerId, items, removedItems)),
    ...(change.skipped ?? []).map((skip) => ({
      put: toRow(skipFormat, ledgerId, itemKey(skip, "skip"), skip),
    })),
    ...(change.removedSkips ?? []).map((skip) => ({ remove: itemKey(skip, "skip") })),
    ...(change.removedFolders ?? []).map((folderId) => ({ remove: folderKey(folderId) })),
  ];
}

/** The changes without the removals of rows that do not exist. */
async function existing(
  table: Table,
  ledgerId: LedgerId,
  changes: readonly Change[],
): Promise<readonly Change[]> {
  const kept = await Promise.all(
    changes.map(
      async (change) => !("remove" in change) || (await table.get(ledgerId, change.remove)) !== undefined,
    ),
  );
  return changes.filter((_, index) => kept[index]);
}

function folderKey(folderId: FolderId): string {
  return `folder|${keyPart(folderId)}`;
}
