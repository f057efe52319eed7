import { randomUUID } from "node:crypto";
import {
  odata,
  TableClient,
  type TableEntityResult,
  type TableServiceClientOptions,
  type TransactionAction,
} from "@azure/data-tables";
import { codeOf, statusOf } from "../azure-errors.ts";
import { attemptTimeoutMs, classifyStorageError, type StorageSettings } from "../azure-storage.ts";
import type { StoreClock } from "../store-clock.ts";
import type { Row, StoredRow } from "./row.ts";

/** Rows of one transaction. @see https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions */
export const maxRowsPerTransaction = 100;

/**
 * A row to write over whatever is there, a row to write over one `version` of it (undefined: it must not exist), or the
 * key of a row to remove (it must exist).
 */
export type Change =
  | { readonly put: Row }
  | { readonly swap: Row; readonly version: string | undefined }
  | { readonly remove: string };

/** Inclusive bounds on row keys. */
export interface RowRange {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Exclusive lower bound. */
  readonly after?: string | undefined;
}

type Policy = NonNullable<TableServiceClientOptions["additionalPolicies"]>[number]["policy"];

const attemptTimeoutPolicy: Policy = {
  name: "attemptTimeoutPolicy",
  sendRequest: (request, next) => {
    request.timeout = attemptTimeoutMs;
    return next(request);
  },
};

/** Lets the application's clock follow the store's. */
function clockPolicy(clock: StoreClock): Policy {
  return {
    name: "storeClockPolicy",
    async sendRequest(request, next) {
      const sentAt = Date.now();
      const response = await next(request);
      clock.noteAnswer(response.headers.get("date"), sentAt);
      return response;
    },
  };
}

/** One table as the stores see it. All methods throw MigrationError only. */
export interface Table {
  get(partition: string, row: string): Promise<StoredRow | undefined>;
  /**
   * Writes `guard` and applies `changes` to its partition, all or none.
   * @param version version of the guard as it was read; undefined if the row must not exist yet.
   * @param changes at most 99.
   * @returns the guard's new version, or undefined if it is no longer at `version` or one of the changes cannot be made.
   */
  write(guard: Row, version: string | undefined, changes?: readonly Change[]): Promise<string | undefined>;
  /** Writes a row over whatever is there. Repeatable. */
  put(row: Row): Promise<void>;
  /** Writes rows of one partition (at most 100) over whatever is there, all or none. Repeatable. */
  putAll(rows: readonly Row[]): Promise<void>;
  /** Inserts those of the rows (of one partition, at most 100) that do not exist. Repeatable. */
  insertMissing(rows: readonly Row[]): Promise<void>;
  /** Changes some properties of a row. @returns false if there is no such row. Repeatable. */
  merge(row: Row): Promise<boolean>;
  /** Removes a row. Repeatable. */
  remove(partition: string, row: string): Promise<void>;
  /**
   * Rows of a partition in the order of their keys, read page by page as they are consumed.
   * @param options.filter further OData condition; `options.pageSize` at most 1,000 rows a request.
   */
  scan(partition: string, range?: RowRange, options?: ScanOptions): AsyncIterable<StoredRow>;
  /** Removes rows of a partition. @param limit how many of them. @returns how many there were. Repeatable. */
  removeRange(partition: string, range: RowRange, limit?: number): Promise<number>;
}

export interface ScanOptions {
  readonly filter?: string;
  readonly pageSize?: number;
  readonly select?: string[];
}

/**
 * A table of Azure Table Storage. Every conditional write carries a random `commitId`, so that a request which the SDK
 * repeated because its answer was lost is known as our own success and not as a lost race.
 */
export class StorageTable implements Table {
  readonly #client: TableClient;

  constructor(settings: StorageSettings, name: string, clock: StoreClock) {
    const options: TableServiceClientOptions = {
      additionalPolicies: [
        { policy: attemptTimeoutPolicy, position: "perRetry" },
        { policy: clockPolicy(clock), position: "perRetry" },
      ],
      retryOptions: { maxRetries: 3, retryDelayInMs: 300, maxRetryDelayInMs: 5_000 },
    };
    this.#client =
      "connectionString" in settings
        ? TableClient.fromConnectionString(settings.connectionString, name, {
            ...options,
            allowInsecureConnection: /UseDevelopmentStorage=true|=http[:;]/i.test(settings.connectionString),
          })
        : new TableClient(settings.url, name, settings.credential, {
            ...options,
            allowInsecureConnection: settings.url.startsWith("http:"),
          });
  }

  /** Repeatable. */
  create(): Promise<void> {
    return classified(() => this.#client.createTable());
  }

  get(partition: string, row: string): Promise<StoredRow | undefined> {
    return classified(async () => {
      try {
        return stored(await this.#client.getEntity(partition, row));
      } catch (error) {
        if (isMissingRow(error)) return undefined;
        throw error;
      }
    });
  }

  write(
    guard: Row,
    version: string | undefined,
    changes: readonly Change[] = [],
  ): Promise<string | undefined> {
    const commitId = randomUUID();
    const row: Row = { ...guard, commitId };
    return classified(async () => {
      try {
        if (changes.length > 0) return await this.#submitGuarded(row, version, changes);
        const answer =
          version === undefined
            ? await this.#client.createEntity(row)
            : await this.#client.updateEntity(row, "Replace", { etag: version });
        return answer.etag;
      } catch (error) {
        if (!isConflict(error) && statusOf(error) !== undefined) throw error;
        const found = await this.get(row.partitionKey, row.rowKey);
        if (found?.commitId === commitId) return found.etag;
        if (isConflict(error)) return undefined;
        throw error;
      }
    });
  }

  async put(row: Row): Promise<void> {
    await classified(() => this.#client.upsertEntity({ ...row }, "Replace"));
  }

  async putAll(rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    await classified(() =>
      this.#client.submitTransaction(rows.map((row): TransactionAction => ["upsert", { ...row }, "Replace"])),
    );
  }

  insertMissing(rows: readonly Row[]): Promise<void> {
    return classified(async () => {
      let missing = rows;
      while (missing.length > 0) {
        try {
          await this.#client.submitTransaction(
            missing.map((row): TransactionAction => ["create", { ...row }]),
          );
          return;
        } catch (error) {
          if (statusOf(error) !== 409) throw error;
        }
        const present = await Promise.all(missing.map((row) => this.get(row.partitionKey, row.rowKey)));
        missing = missing.filter((_, index) => present[index] === undefined);
      }
    });
  }

  merge(row: Row): Promise<boolean> {
    return classified(async () => {
      try {
        await this.#client.updateEntity({ ...row }, "Merge");
        return true;
      } catch (error) {
        if (isMissingRow(error)) return false;
        throw error;
      }
    });
  }

  async remove(partition: string, row: string): Promise<void> {
    await classified(async () => {
      try {
        await this.#client.deleteEntity(partition, row);
      } catch (error) {
        if (!isMissingRow(error)) throw error;
      }
    });
  }

  async *scan(partition: string, range: RowRange = {}, options: ScanOptions = {}): AsyncIterable<StoredRow> {
    const conditions = [odata`PartitionKey eq ${partition}`];
    if (range.from !== undefined) conditions.push(odata`RowKey ge ${range.from}`);
    if (range.after !== undefined) conditions.push(odata`RowKey gt ${range.after}`);
    if (range.to !== undefined) conditions.push(odata`RowKey le ${range.to}`);
    if (options.filter !== undefined) conditions.push(options.filter);
    const queryOptions = {
      filter: conditions.join(" and "),
      ...(options.select === undefined ? {} : { select: options.select }),
    };
    const pages = this.#client
      .listEntities({ queryOptions })
      .byPage({ maxPageSize: options.pageSize ?? 1000 });
    for (;;) {
      const page = await classified(() => pages.next());
      if (page.done === true) return;
      for (const entity of page.value) yield stored(entity);
    }
  }

  async removeRange(partition: string, range: RowRange, limit = Number.POSITIVE_INFINITY): Promise<number> {
    let count = 0;
    let group: string[] = [];
    const rows = this.scan(partition, range, {
      select: ["PartitionKey", "RowKey"],
      pageSize: Math.min(limit, 1000),
    });
    for await (const row of rows) {
      if (count === limit) break;
      count++;
      group.push(row.rowKey);
      if (group.length < maxRowsPerTransaction) continue;
      await this.#removeRows(partition, group);
      group = [];
    }
    await this.#removeRows(partition, group);
    return count;
  }

  async #removeRows(partition: string, rows: readonly string[]): Promise<void> {
    if (rows.length === 0) return;
    await classified(async () => {
      try {
        await this.#client.submitTransaction(rows.map((row) => toAction(partition, { remove: row })));
      } catch (error) {
        if (!isMissingRow(error)) throw error;
        // Somebody else removed one of them, or our own answer was lost: then each for itself.
        await Promise.all(rows.map((row) => this.remove(partition, row)));
      }
    });
  }

  async #submitGuarded(row: Row, version: string | undefined, changes: readonly Change[]): Promise<string> {
    const answer = await this.#client.submitTransaction([
      swapAction(row, version),
      ...changes.map((change) => toAction(row.partitionKey, change)),
    ]);
    const etag = answer.subResponses[0]?.etag;
    if (etag === undefined) throw new TypeError("the transaction's answer has no ETag for its first row");
    return etag;
  }
}

/** Range of all keys that begin with `prefix`, which ends with the separator `|`. */
export function keysBelow(prefix: `${string}|`): RowRange {
  return { from: prefix, to: `${prefix.slice(0, -1)}}` };
}

/**
 * A key part that holds none of the characters a key may not hold (`/ \ # ?`, control characters), nor our separator.
 * Different texts stay different.
 */
export function keyPart(value: string): string {
  return value.replace(/[^A-Za-z0-9_-]/g, (unit) => `=${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function toAction(partitionKey: string, change: Change): TransactionAction {
  if ("put" in change) return ["upsert", { ...change.put }, "Replace"];
  if ("remove" in change) return ["delete", { partitionKey, rowKey: change.remove }];
  return swapAction(change.swap, change.version);
}

function swapAction(row: Row, version: string | undefined): TransactionAction {
  return version === undefined
    ? ["create", { ...row }]
    : ["update", { ...row }, "Replace", { etag: version }];
}

function stored(entity: TableEntityResult<Record<string, unknown>>): StoredRow {
  return {
    ...entity,
    partitionKey: entity.partitionKey ?? "",
    rowKey: entity.rowKey ?? "",
    etag: entity.etag,
  };
}

async function classified<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    throw classify(error);
  }
}

/** What an error of the Tables SDK means for the caller. */
function classify(error: unknown) {
  return classifyStorageError(error, { name: "Table Storage", role: "Storage Table Data Contributor" });
}

function isMissingRow(error: unknown): boolean {
  return statusOf(error) === 404 && codeOf(error) !== "TableNotFound";
}

function isConflict(error: unknown): boolean {
  const status = statusOf(error);
  return isMissingRow(error) || status === 412 || (status === 409 && codeOf(error) !== "TableBeingDeleted");
}
