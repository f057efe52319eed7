import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { SnapshotStore } from "../../migration/ports/batch-state.ts";
import type { MailboxSummary } from "../../migration/ports/registry.ts";
import type { Container } from "./container.ts";

const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Of the files that this build writes; any other one is as if there were none. */
const formatVersion = 1;

interface Columns {
  readonly formatVersion: number;
  readonly count: number;
  /** Values of each field, in the order of the mailboxes; null where there is none. */
  readonly columns: Readonly<Record<string, readonly unknown[]>>;
}

/** Snapshots as `state/{batch}.json.gz`, a column a field, which gzip likes and which names no field 50,000 times. */
export function createSnapshotStore(container: Container): SnapshotStore {
  const nameOf = (batch: string) => `state/${batch}.json.gz`;
  return {
    async read(batch) {
      const blob = await container.readBytes(nameOf(batch));
      if (blob === undefined) return undefined;
      const stored = JSON.parse((await decompress(blob.bytes)).toString("utf8")) as Columns;
      if (stored.formatVersion !== formatVersion) return undefined;
      return { version: blob.version, mailboxes: mailboxesOf(stored) };
    },
    async write(batch, mailboxes, replaces) {
      const text = JSON.stringify(columnsOf(mailboxes));
      const bytes = await compress(text, { level: 1 });
      return container.replaceBytes(nameOf(batch), bytes, replaces);
    },
    async delete(batch) {
      await container.remove(nameOf(batch));
    },
  };
}

function columnsOf(mailboxes: readonly MailboxSummary[]): Columns {
  const names = new Set(mailboxes.flatMap((mailbox) => Object.keys(mailbox)));
  const columns: Record<string, unknown[]> = {};
  for (const name of names)
    columns[name] = mailboxes.map((mailbox) => mailbox[name as keyof MailboxSummary] ?? null);
  return { formatVersion, count: mailboxes.length, columns };
}

function mailboxesOf({ count, columns }: Columns): readonly MailboxSummary[] {
  const mailboxes: Record<string, unknown>[] = Array.from({ length: count }, () => ({}));
  for (const [name, values] of Object.entries(columns))
    for (const [index, value] of values.entries()) {
      const mailbox = mailboxes[index];
      if (value !== null && mailbox !== undefined) mailbox[name] = value;
    }
  return mailboxes as unknown as readonly MailboxSummary[];
}
