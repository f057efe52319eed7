import type { Row, StoredRow } from "../../../shared/adapters/tables/row.ts";
import {
  type Change,
  maxRowsPerTransaction,
  type RowRange,
  type ScanOptions,
  type Table,
} from "../../../shared/adapters/tables/table.ts";
import { MigrationError } from "../../../shared/domain/errors.ts";

const defaultPageSize = 1000;

/** Rows of one partition, and their keys in order as long as none comes or goes. */
interface Partition {
  readonly rows: Map<string, StoredRow>;
  keys?: readonly string[] | undefined;
}

/**
 * A table with the rules of Azure Table Storage: versions, all-or-nothing transactions of at most 100 different rows of
 * one partition, listings page by page, each as of the moment it is read. Every call takes effect at once.
 */
export class MemoryTable implements Table {
  readonly #partitions: Map<string, Partition>;
  readonly #versions: { last: number };
  /** Requests that the service would have had: one a call, of a listing one a page, of a removal one a hundred rows. */
  requests = 0;

  /** @param over a table whose rows this one shows as well, with requests of its own. */
  constructor(over?: MemoryTable) {
    this.#partitions = over === undefined ? new Map() : over.#partitions;
    this.#versions = over === undefined ? { last: 0 } : over.#versions;
  }

  async get(partition: string, row: string): Promise<StoredRow | undefined> {
    this.requests++;
    return this.#find(partition, row);
  }

  async write(
    guard: Row,
    version: string | undefined,
    changes: readonly Change[] = [],
  ): Promise<string | undefined> {
    this.requests++;
    const { partitionKey } = guard;
    const all: readonly Change[] = [{ swap: guard, version }, ...changes];
    requireTransaction(partitionKey, all);
    if (all.some((change) => !this.#isPossible(partitionKey, change))) return undefined;
    for (const change of all) this.#apply(partitionKey, change);
    return this.#find(partitionKey, guard.rowKey)?.etag;
  }

  async put(row: Row): Promise<void> {
    this.requests++;
    this.#store(row);
  }

  async putAll(rows: readonly Row[]): Promise<void> {
    this.requests++;
    const [first] = rows;
    if (first === undefined) return;
    requireTransaction(
      first.partitionKey,
      rows.map((row) => ({ put: row })),
    );
    for (const row of rows) this.#store(row);
  }

  async insertMissing(rows: readonly Row[]): Promise<void> {
    this.requests++;
    const [first] = rows;
    if (first === undefined) return;
    requireTransaction(
      first.partitionKey,
      rows.map((row) => ({ put: row })),
    );
    for (const row of rows) if (this.#find(row.partitionKey, row.rowKey) === undefined) this.#store(row);
  }

  async merge(row: Row): Promise<boolean> {
    this.requests++;
    const found = this.#find(row.partitionKey, row.rowKey);
    if (found === undefined) return false;
    this.#store({ ...(found as unknown as Row), ...row });
    return true;
  }

  async remove(partition: string, row: string): Promise<void> {
    this.requests++;
    this.#delete(partition, row);
  }

  async *scan(
    partition: string,
    { from, to, after }: RowRange = {},
    { filter, pageSize = defaultPageSize }: ScanOptions = {},
  ): AsyncGenerator<StoredRow> {
    let last = after;
    for (;;) {
      this.requests++;
      const page: StoredRow[] = [];
      let more = false;
      for (const row of this.#range(partition, { from, to, after: last })) {
        if (filter !== undefined && !fits(row, filter)) continue;
        more = page.length === pageSize;
        if (more) break;
        page.push(row);
      }
      yield* page;
      if (!more) return;
      last = page.at(-1)?.rowKey;
    }
  }

  async removeRange(partition: string, range: RowRange, limit = Infinity): Promise<number> {
    const keys: string[] = [];
    for (const { rowKey } of this.#range(partition, range)) {
      if (keys.length >= limit) break;
      keys.push(rowKey);
    }
    for (const key of keys) this.#delete(partition, key);
    this.requests += 1 + Math.ceil(keys.length / maxRowsPerTransaction);
    return keys.length;
  }

  /** Stores every row anew, as another build would have written it. */
  rewrite(form: (row: StoredRow) => Row): void {
    for (const { rows } of this.#partitions.values())
      for (const row of [...rows.values()]) this.#store(form(row));
  }

  #find(partition: string, row: string): StoredRow | undefined {
    return this.#partitions.get(partition)?.rows.get(row);
  }

  /** Rows of a range in the order of their keys. */
  *#range(partition: string, { from, to, after }: RowRange): Generator<StoredRow> {
    const found = this.#partitions.get(partition);
    if (found === undefined) return;
    found.keys ??= [...found.rows.keys()].sort();
    const { keys, rows } = found;
    const isBefore = (key: string) =>
      (from !== undefined && key < from) || (after !== undefined && key <= after);
    let low = 0;
    for (let high = keys.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (isBefore(keys[middle] as string)) low = middle + 1;
      else high = middle;
    }
    for (let index = low; index < keys.length; index++) {
      const key = keys[index] as string;
      if (to !== undefined && key > to) return;
      yield rows.get(key) as StoredRow;
    }
  }

  #delete(partition: string, row: string): void {
    const found = this.#partitions.get(partition);
    if (found?.rows.delete(row)) found.keys = undefined;
  }

  #isPossible(partition: string, change: Change): boolean {
    if ("put" in change) return true;
    if ("remove" in change) return this.#find(partition, change.remove) !== undefined;
    return this.#find(partition, change.swap.rowKey)?.etag === change.version;
  }

  #apply(partition: string, change: Change): void {
    if ("put" in change) this.#store(change.put);
    else if ("remove" in change) this.#delete(partition, change.remove);
    else this.#store(change.swap);
  }

  #store(row: Row): void {
    const found: Partition = this.#partitions.get(row.partitionKey) ?? { rows: new Map() };
    this.#partitions.set(row.partitionKey, found);
    if (!found.rows.has(row.rowKey)) found.keys = undefined;
    const timestamp = new Date().toISOString();
    found.rows.set(row.rowKey, { ...row, timestamp, etag: `W/"${++this.#versions.last}"` });
  }
}

/** @throws MigrationError for what the service refuses whatever the state of the table. */
function requireTransaction(partition: string, changes: readonly Change[]): void {
  const keys = changes.map((change) =>
    "put" in change ? change.put.rowKey : "remove" in change ? change.remove : change.swap.rowKey,
  );
  if (keys.length > maxRowsPerTransaction) throw refused(`a transaction of ${keys.length} rows`);
  if (new Set(keys).size < keys.length) throw refused("a row twice in one transaction");
  for (const change of changes) {
    if ("remove" in change) continue;
    const row = "put" in change ? change.put : change.swap;
    if (row.partitionKey !== partition) throw refused("a transaction over two partitions");
  }
}

function refused(what: string): MigrationError {
  return new MigrationError("fatal", "StorageRequestRefused", `Table Storage refused ${what}.`);
}

/** Only what the stores ask for: when a row was last written. */
function fits(row: StoredRow, filter: string): boolean {
  const [, since] = /^Timestamp ge datetime'([^']*)'$/.exec(filter) ?? [];
  if (since === undefined) throw new Error(`a filter that is not known: ${filter}`);
  return Date.parse(row.timestamp ?? "") >= Date.parse(since);
}
