import type { EndpointName, MailboxId } from "../../domain/names.ts";
import type {
  AdmissionChange,
  AdmissionStore,
  Permit,
  WaitEntry,
} from "../../migration/ports/admission-store.ts";
import { type Format, formatOf, fromRow, integer, type Row, type StoredRow, text, toRow } from "./row.ts";
import { type Change, keysBelow, maxRowsPerTransaction, type RowRange, type Table } from "./table.ts";

const permitFormat = formatOf<Permit>({
  mailboxId: text(),
  batch: text(),
  kind: text(),
  round: integer(),
  until: integer(),
});

const waitFormat = formatOf<WaitEntry>({
  mailboxId: text(),
  batch: text(),
  kind: text(),
  round: integer(),
  since: integer(),
});

/** Where the wait entry of a mailbox is: the entry's own key begins with what orders the list. */
const placeFormat = formatOf<{ readonly waitKey: string }>({ waitKey: text() });

/** Rows that hold nothing but their key and their version. */
const bareFormat = formatOf<object>({});

const gateKey = "gate";
/** Partition with a row an endpoint ever seen; no endpoint can have this name. */
const indexPartition = "|endpoints";

/**
 * Permits and wait lists in the table `admissions`, one partition an endpoint: the row `gate`, whose version guards
 * every decision, and rows `permit|mailbox`, `wait|kind|since|mailbox` and `place|mailbox` (the key of the wait entry).
 */
export function createAdmissionStore(table: Table): AdmissionStore {
  const registered = new Set<EndpointName>();

  async function register(endpoint: EndpointName): Promise<void> {
    if (registered.has(endpoint)) return;
    await table.put(toRow(bareFormat, indexPartition, endpoint, {}));
    registered.add(endpoint);
  }

  async function findWait(endpoint: EndpointName, mailboxId: MailboxId): Promise<FoundWait> {
    const place = await table.get(endpoint, placeKey(mailboxId));
    if (place === undefined) return { place, row: undefined };
    const { waitKey } = fromRow(placeFormat, place);
    return { place, row: await table.get(endpoint, waitKey) };
  }

  async function take<T extends object>(
    format: Format<T>,
    endpoint: EndpointName,
    range: RowRange,
    limit: number,
  ): Promise<readonly T[]> {
    const found: T[] = [];
    if (limit === 0) return found;
    for await (const row of table.scan(endpoint, range, { pageSize: Math.min(limit, 1000) }))
      if (found.push(fromRow(format, row)) === limit) break;
    return found;
  }

  async function placing(endpoint: EndpointName, entry: WaitEntry): Promise<Placing> {
    const { place, row } = await findWait(endpoint, entry.mailboxId);
    const wait = toRow(waitFormat, endpoint, waitKey(entry), entry);
    return {
      place: toRow(placeFormat, endpoint, placeKey(entry.mailboxId), { waitKey: wait.rowKey }),
      placeVersion: place?.etag,
      entries: [
        { put: wait },
        ...(row === undefined || row.rowKey === wait.rowKey ? [] : [{ remove: row.rowKey }]),
      ],
    };
  }

  /** The rows of a change. Rows to remove that are not there are left out, since a transaction fails on them. */
  async function changesOf(endpoint: EndpointName, change: AdmissionChange): Promise<readonly Change[]> {
    // A row can appear once in a transaction: what is given anew is not taken away.
    const given = new Set((change.permits ?? []).map(({ mailboxId }) => mailboxId));
    const joining = new Set((change.waiting ?? []).map(({ mailboxId }) => mailboxId));
    const leaving = (change.releasedPermits ?? []).filter((id) => !given.has(id));
    const leavingList = (change.served ?? []).filter((id) => !joining.has(id));
    const [released, served, joined] = await Promise.all([
      Promise.all(leaving.map((id) => table.get(endpoint, permitKey(id)))),
      Promise.all(leavingList.map((id) => findWait(endpoint, id))),
      Promise.all((change.waiting ?? []).map((entry) => placing(endpoint, entry))),
    ]);
    const changes: Change[] = [
      ...(change.permits ?? []).map((permit) => ({
        put: toRow(permitFormat, endpoint, permitKey(permit.mailboxId), permit),
      })),
      ...removalsOf(released),
      ...removalsOf(served.map(({ row }) => row)),
      ...joined.flatMap(({ place, placeVersion, entries }) => [
        { swap: place, version: placeVersion },
        ...entries,
      ]),
    ];
    // A place without its entry does no harm: it goes along as far as there is room in the transaction. It never goes
    // alone: the mailbox may have joined anew since, and nobody would find that entry again.
    const room = Math.max(0, maxRowsPerTransaction - 1 - changes.length);
    const emptied = served.map(({ place, row }) => row && place).slice(0, room);
    return [...changes, ...removalsOf(emptied)];
  }

  return {
    async read(endpoint, waitingLimit) {
      // The gate first: what changes while the rest is read then makes the version stale.
      const gate = await table.get(endpoint, gateKey);
      const [permits, initial, incremental] = await Promise.all([
        take(permitFormat, endpoint, keysBelow("permit|"), Number.POSITIVE_INFINITY),
        take(waitFormat, endpoint, keysBelow("wait|initial|"), waitingLimit),
        take(waitFormat, endpoint, keysBelow("wait|incremental|"), waitingLimit),
      ]);
      return { permits, waiting: [...initial, ...incremental], version: gate?.etag ?? "" };
    },

    async find(endpoint, mailboxId) {
      const [permit, wait] = await Promise.all([
        table.get(endpoint, permitKey(mailboxId)),
        findWait(endpoint, mailboxId),
      ]);
      return {
        ...(permit === undefined ? {} : { permit: fromRow(permitFormat, permit) }),
        ...(wait.row === undefined ? {} : { wait: fromRow(waitFormat, wait.row) }),
      };
    },

    async apply(endpoint, version, change) {
      await register(endpoint);
      const gate = toRow(bareFormat, endpoint, gateKey, {});
      const changes = await changesOf(endpoint, change);
      return (await table.write(gate, version === "" ? undefined : version, changes)) !== undefined;
    },

    async join(endpoint, entry) {
      await register(endpoint);
      for (;;) {
        const { place, placeVersion, entries } = await placing(endpoint, entry);
        if ((await table.write(place, placeVersion, entries)) !== undefined) return;
      }
    },

    extend(endpoint, mailboxId, until) {
      return table.merge({ partitionKey: endpoint, rowKey: permitKey(mailboxId), until: BigInt(until) });
    },

    async endpoints() {
      const found: EndpointName[] = [];
      for await (const { rowKey } of table.scan(indexPartition))
        if (await anyRow(table, rowKey)) found.push(rowKey as EndpointName);
      return found;
    },
  };
}

interface FoundWait {
  readonly place: StoredRow | undefined;
  readonly row: StoredRow | undefined;
}

/** Rows that put a mailbox on the wait list; the place's version keeps two of them from both succeeding. */
interface Placing {
  readonly place: Row;
  readonly placeVersion: string | undefined;
  readonly entries: readonly Change[];
}

function removalsOf(rows: readonly (StoredRow | undefined)[]): readonly Change[] {
  return rows.filter((row) => row !== undefined).map((row) => ({ remove: row.rowKey }));
}

/** True if the endpoint has permits or wait entries. */
async function anyRow(table: Table, endpoint: string): Promise<boolean> {
  for await (const _ of table.scan(endpoint, { from: "permit|", to: "permit}" }, { pageSize: 1 }))
    return true;
  for await (const _ of table.scan(endpoint, { from: "wait|", to: "wait}" }, { pageSize: 1 })) return true;
  return false;
}

function permitKey(mailboxId: MailboxId): string {
  return `permit|${mailboxId}`;
}

function placeKey(mailboxId: MailboxId): string {
  return `place|${mailboxId}`;
}

function waitKey(entry: WaitEntry): string {
  return `wait|${entry.kind}|${String(entry.since).padStart(15, "0")}|${entry.mailboxId}`;
}
