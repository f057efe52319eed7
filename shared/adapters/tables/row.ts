import { MigrationError } from "../../domain/errors.ts";
import { formatUidSet, parseUidSet, type UidSet } from "../../domain/uid-set.ts";

/** What a property of a table entity holds. Numbers are stored as Edm.Int64: Edm.Int32 cannot hold an instant. */
export type StoredValue = string | boolean | bigint;

/** A table entity as written. */
export interface Row {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly [property: string]: StoredValue;
}

/** A table entity as read. */
export interface StoredRow {
  readonly partitionKey: string;
  readonly rowKey: string;
  readonly etag: string;
  /** When it was last written, by the store's clock; ISO 8601 text. */
  readonly timestamp?: string | undefined;
  readonly [property: string]: unknown;
}

/** How one field of a record is kept in a property. */
export interface Column<T> {
  readonly optional?: false;
  write(value: T): StoredValue;
  /** @throws any error if the stored value is not one that `write` makes. */
  read(stored: unknown): T;
}
export interface OptionalColumn<T> extends Omit<Column<T>, "optional"> {
  readonly optional: true;
}

/** A column for each field of a record; optional fields have optional columns. */
export type Columns<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? OptionalColumn<Exclude<T[K], undefined>> : Column<T[K]>;
};

/** Gives a row of one format version the form of the next. */
export type Upgrade = (row: StoredRow) => StoredRow;

/** How records of one kind are stored. */
export interface Format<T> {
  /** Of the rows that are written; a row that names none has version 1. */
  readonly version: number;
  readonly columns: Columns<T>;
  readonly upgrades: readonly Upgrade[];
}

/**
 * The format of a kind of record.
 * @param upgrades the first makes version 2 of version 1, and so on. Whoever changes what columns mean adds one.
 */
export function formatOf<T extends object>(columns: Columns<T>, ...upgrades: Upgrade[]): Format<T> {
  return { version: upgrades.length + 1, columns, upgrades };
}

/** The row with a property under another name, all pieces of it. */
export function withRenamed(row: StoredRow, from: string, to: string): StoredRow {
  const pieces = new RegExp(`^${from}(_\\d+)?$`);
  const entries = Object.entries(row).map(([name, value]) => [name.replace(pieces, `${to}$1`), value]);
  return Object.fromEntries(entries) as StoredRow;
}

const versionProperty = "formatVersion";

/**
 * Longest piece of text put into one property, in UTF-16 code units. Storage allows 32 Ki of them (64 KiB).
 * @see https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model#property-types
 */
const maxPieceLength = 32_000;

export function text<T extends string = string>(): Column<T> {
  return { write: (value) => value, read: (stored) => expectText(stored) as T };
}

export function integer<T extends number = number>(): Column<T> {
  return {
    write: (value) => BigInt(Math.round(value)),
    read: (stored) => {
      if (typeof stored !== "bigint") throw new TypeError("expected an Edm.Int64");
      return Number(stored) as T;
    },
  };
}

export const flag: Column<boolean> = {
  write: (value) => value,
  read: (stored) => {
    if (typeof stored !== "boolean") throw new TypeError("expected a boolean");
    return stored;
  },
};

export function json<T>(): Column<T> {
  return { write: (value) => JSON.stringify(value), read: (stored) => JSON.parse(expectText(stored)) as T };
}

export const uids: Column<UidSet> = {
  write: formatUidSet,
  read: (stored) => parseUidSet(expectText(stored)),
};

export function optional<T>(column: Column<T>): OptionalColumn<T> {
  return { ...column, optional: true };
}

/** The record as an entity. Text too long for one property goes on in `name_1`, `name_2` ... */
export function toRow<T extends object>(
  { columns, version }: Format<T>,
  partitionKey: string,
  rowKey: string,
  record: T,
): Row {
  const properties: Record<string, StoredValue> = { [versionProperty]: BigInt(version) };
  for (const name of namesOf(columns)) {
    const value = record[name];
    if (value === undefined) continue;
    const stored = columnOf(columns, name).write(value);
    if (typeof stored !== "string") {
      properties[name] = stored;
      continue;
    }
    for (const [index, piece] of pieces(stored).entries()) properties[pieceName(name, index)] = piece;
  }
  return { ...properties, partitionKey, rowKey };
}

/**
 * The record an entity was made of, by this build or by one before it.
 * @throws MigrationError `transient`/`StoredByNewerBuild` while a newer build is at work beside this one, or
 * `fatal`/`StoredRecordUnreadable` if a property is missing or was altered.
 */
export function fromRow<T extends object>(format: Format<T>, stored: StoredRow): T {
  const row = upgraded(format, stored);
  const { columns } = format;
  const record: Partial<T> = {};
  for (const name of namesOf(columns)) {
    const column = columnOf(columns, name);
    const stored = joined(row, name);
    if (stored === undefined && column.optional === true) continue;
    try {
      record[name] = column.read(stored);
    } catch (cause) {
      throw new MigrationError(
        "fatal",
        "StoredRecordUnreadable",
        `The property "${name}" of row "${row.rowKey}" in Table Storage is missing or was altered.`,
        { cause },
      );
    }
  }
  return record as T;
}

function upgraded<T extends object>({ version, upgrades }: Format<T>, row: StoredRow): StoredRow {
  const stored = row[versionProperty] === undefined ? 1 : Number(row[versionProperty]);
  if (stored > version)
    throw new MigrationError(
      "transient",
      "StoredByNewerBuild",
      `The row "${row.rowKey}" in Table Storage has format ${stored}, and this build knows ${version}: deploy the newer build again.`,
    );
  return upgrades.slice(stored - 1).reduce((current, upgrade) => upgrade(current), row);
}

function namesOf<T extends object>(columns: Columns<T>): (keyof T & string)[] {
  return Object.keys(columns) as (keyof T & string)[];
}

type AnyColumn<V> = Omit<Column<V>, "optional"> & { readonly optional?: boolean };

function columnOf<T extends object, K extends keyof T>(columns: Columns<T>, name: K): AnyColumn<T[K]> {
  return columns[name] as unknown as AnyColumn<T[K]>;
}

function pieceName(name: string, index: number): string {
  return index === 0 ? name : `${name}_${index}`;
}

function pieces(value: string): string[] {
  const found: string[] = [];
  let start = 0;
  do {
    let end = Math.min(start + maxPieceLength, value.length);
    // Half of a surrogate pair is not valid on its own in the JSON that carries it.
    if (end < value.length && isHighSurrogate(value.charCodeAt(end - 1))) end--;
    found.push(value.slice(start, end));
    start = end;
  } while (start < value.length);
  return found;
}

function joined(row: StoredRow, name: string): unknown {
  const first = row[name];
  if (typeof first !== "string") return first;
  let value = first;
  for (let index = 1; ; index++) {
    const piece = row[pieceName(name, index)];
    if (typeof piece !== "string") return value;
    value += piece;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function expectText(stored: unknown): string {
  if (typeof stored !== "string") throw new TypeError("expected text");
  return stored;
}
