import type { BatchName, EndpointName, MailboxId } from "../../domain/names.ts";
import type { SyncKind } from "../../domain/states.ts";
import type { AdmissionStore, Gate, Permit, WaitEntry } from "../../migration/ports/admission-store.ts";
import { formatOf, fromRow, integer, json, optional, type Row, text, toRow } from "./row.ts";
import { type Change, keysBelow, maxRowsPerTransaction, type RowRange, type Table } from "./table.ts";

const permitFormat = formatOf<Permit>({
  mailboxId: text(),
  batch: text(),
  kind: text(),
  round: integer(),
  until: integer(),
});

/** Builds before this one had lists with other keys, which are forgotten as soon as the permits are counted. */
const waitFormat = formatOf<WaitEntry>({
  mailboxId: text(),
  batch: text(),
  kind: text(),
  round: integer(),
  operation: integer(),
  since: integer(),
});

/** The gate of version 1 did not say how many permits there are. */
const gateFormat = formatOf<{ readonly shares?: Gate["shares"] | undefined }>(
  { shares: optional(json()) },
  (row) => row,
);

/** Rows that hold nothing but their key. */
const bareFormat = formatOf<object>({});

const gateKey = "gate";
/** Partition with a row an endpoint ever seen; no endpoint can have this name. */
const indexPartition = "|endpoints";
const kinds: readonly SyncKind[] = ["initial", "incremental"];

/**
 * Permits and wait lists in the table `admissions`, one partition an endpoint: the row `gate`, whose version guards every
 * decision, and rows `permit|mailbox` and `queue|kind|batch|operation|since|mailbox`, in whose order a batch is served.
 */
export function createAdmissionStore(table: Table): AdmissionStore {
  const registered = new Set<EndpointName>();

  async function register(endpoint: EndpointName): Promise<void> {
    if (registered.has(endpoint)) return;
    await table.put(toRow(bareFormat, indexPartition, endpoint, {}));
    registered.add(endpoint);
  }

  async function anyRow(endpoint: string, range: RowRange): Promise<boolean> {
    for await (const _ of table.scan(endpoint, range, { pageSize: 1 })) return true;
    return false;
  }

  async function listedOf(endpoint: EndpointName, kind: SyncKind): Promise<readonly BatchName[]> {
    const found: BatchName[] = [];
    const { from, to } = keysBelow(`queue|${kind}|`);
    for (let after: string | undefined = from; after !== undefined; ) {
      let batch: BatchName | undefined;
      for await (const row of table.scan(endpoint, { after, to }, { pageSize: 1 })) {
        batch = fromRow(waitFormat, row).batch;
        break;
      }
      if (batch !== undefined) found.push(batch);
      // Behind all entries of this batch.
      after = batch === undefined ? undefined : keysBelow(listOf(kind, batch)).to;
    }
    return found;
  }

  return {
    async gate(endpoint) {
      const row = await table.get(endpoint, gateKey);
      if (row === undefined) {
        const stored = await anyRow(endpoint, keysBelow("permit|"));
        return { shares: {}, uncounted: stored, version: "" };
      }
      const { shares } = fromRow(gateFormat, row);
      return { shares: shares ?? {}, uncounted: shares === undefined, version: row.etag };
    },

    async permits(endpoint) {
      const found: Permit[] = [];
      for await (const row of table.scan(endpoint, keysBelow("permit|")))
        found.push(fromRow(permitFormat, row));
      return found;
    },

    async permit(endpoint, mailboxId) {
      const row = await table.get(endpoint, permitKey(mailboxId));
      return row && fromRow(permitFormat, row);
    },

    async waiting(endpoint, kind, batch, from, limit) {
      const found: WaitEntry[] = [];
      if (limit <= 0) return found;
      const { to = "" } = keysBelow(listOf(kind, batch));
      const range = { from: `${listOf(kind, batch)}${operationPart(from)}`, to };
      for await (const row of table.scan(endpoint, range, { pageSize: Math.min(limit, 1000) }))
        if (found.push(fromRow(waitFormat, row)) === limit) break;
      return found;
    },

    async apply(
      endpoint,
      version,
      { shares, permits = [], newPermits = [], releasedPermits = [], served = [] },
    ) {
      await register(endpoint);
      const given = new Set(permits.map(({ mailboxId }) => mailboxId));
      const rowOf = (permit: Permit) => toRow(permitFormat, endpoint, permitKey(permit.mailboxId), permit);
      const changes: Change[] = [
        ...permits.map((permit) => ({ put: rowOf(permit) })),
        ...newPermits.map((permit) => ({ swap: rowOf(permit), version: undefined })),
        // A row can appear once in a transaction: what is given anew is not taken away.
        ...releasedPermits.filter((id) => !given.has(id)).map((id) => ({ remove: permitKey(id) })),
        ...[...new Set(served.map(waitKey))].map((remove) => ({ remove })),
      ];
      const gate = toRow(gateFormat, endpoint, gateKey, { shares });
      return (await table.write(gate, version === "" ? undefined : version, changes)) !== undefined;
    },

    async fence(endpoint) {
      // Where there is no gate yet, a gate that is made now keeps another one from being made.
      while (!(await table.merge({ partitionKey: endpoint, rowKey: gateKey }))) {
        if (await anyRow(endpoint, keysBelow("permit|"))) return;
        await table.write(toRow(gateFormat, endpoint, gateKey, { shares: {} }), undefined);
      }
    },

    async join(endpoint, entries) {
      if (entries.length === 0) return;
      await register(endpoint);
      const rows = new Map<string, Row>();
      for (const entry of entries)
        rows.set(waitKey(entry), toRow(waitFormat, endpoint, waitKey(entry), entry));
      const all = [...rows.values()];
      for (let start = 0; start < all.length; start += maxRowsPerTransaction)
        await table.putAll(all.slice(start, start + maxRowsPerTransaction));
    },

    async forget(endpoint, batch, before, limit) {
      let count = 0;
      for (const kind of kinds) {
        if (count >= limit) break;
        const range = { from: listOf(kind, batch), to: `${listOf(kind, batch)}${operationPart(before)}` };
        count += await table.removeRange(endpoint, range, limit - count);
      }
      return count;
    },

    async listed(endpoint) {
      const found = await Promise.all(kinds.map((kind) => listedOf(endpoint, kind)));
      return [...new Set(found.flat())];
    },

    async forgetEarlierFormat(endpoint) {
      await table.removeRange(endpoint, keysBelow("wait|"));
      await table.removeRange(endpoint, keysBelow("place|"));
    },

    extend(endpoint, mailboxId, until) {
      return table.merge({ partitionKey: endpoint, rowKey: permitKey(mailboxId), until: BigInt(until) });
    },

    async endpoints() {
      const found: EndpointName[] = [];
      for await (const { rowKey } of table.scan(indexPartition)) {
        const ranges = (["permit|", "queue|", "wait|"] as const).map((prefix) => keysBelow(prefix));
        const held = await Promise.all(ranges.map((range) => anyRow(rowKey, range)));
        if (held.includes(true)) found.push(rowKey as EndpointName);
      }
      return found;
    },
  };
}

function permitKey(mailboxId: MailboxId): string {
  return `permit|${mailboxId}`;
}

function listOf(kind: SyncKind, batch: BatchName): `${string}|` {
  return `queue|${kind}|${batch}|`;
}

function operationPart(operation: number): string {
  return String(operation).padStart(12, "0");
}

function waitKey({ kind, batch, operation, since, mailboxId }: WaitEntry): string {
  return `${listOf(kind, batch)}${operationPart(operation)}|${String(since).padStart(15, "0")}|${mailboxId}`;
}
