import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import { type Admission, createAdmission } from "../../../../shared/migration/admission/admission.ts";
import { newBatch } from "../../../../shared/migration/batch/life.ts";
import { createEndpoints } from "../../../../shared/migration/endpoints/endpoint-settings.ts";
import type { WaitEntry } from "../../../../shared/migration/ports/admission-store.ts";
import type { MailboxRecord } from "../../../../shared/migration/ports/registry.ts";
import type { Log } from "../../../../shared/migration/runtime.ts";
import { MemoryBlobs } from "../../../stack/memory/memory-blobs.ts";
import { MemoryQueues } from "../../../stack/memory/memory-queues.ts";
import { storesOver } from "../../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";
import { mailbox } from "../sample-mailbox.ts";

export const endpoint = "old" as EndpointName;

/** An endpoint that lets some mailboxes in at a time, and running batches that wait for it. */
export async function sampleEndpoint(limit: number) {
  const time = { now: 0 };
  const clock = () => time.now;
  const events: [string, unknown][] = [];
  const log: Log = (event, fields) => void events.push([event, fields]);
  const blobs = new MemoryBlobs();
  const settings = { maxConcurrentMigrations: limit, maxConcurrentIncrementalSyncs: limit };
  await blobs.endpoints.write(endpoint, JSON.stringify({ host: "imap.example.net", ...settings }), undefined);
  const tables = {
    batches: new MemoryTable(),
    mailboxes: new MemoryTable(),
    ledgers: new MemoryTable(),
    admissions: new MemoryTable(),
    domains: new MemoryTable(),
  };
  const stores = storesOver(tables);
  const queue = new MemoryQueues();
  const admission: Admission = createAdmission({
    store: stores.admissions,
    batches: stores.batches,
    mailboxes: stores.mailboxes,
    endpoints: createEndpoints(blobs.endpoints, clock),
    queue,
    clock,
    log,
    ending: new AbortController().signal,
  });

  async function add(batch: BatchName, ids: readonly MailboxId[], change: Partial<MailboxRecord> = {}) {
    const name = { batch, displayName: batch, endpoint };
    await stores.batches.create({ ...newBatch(name, undefined, 0), intent: "running" });
    const records = ids.map((id) => mailbox("Queued", { id, batch, endpoint, ...change }));
    await stores.mailboxes.insertAll(batch, records);
    await admission.join(
      endpoint,
      records.map((record, since) => entryOf(record, since)),
    );
  }

  return { time, clock, log, events, blobs, tables, stores, queue, admission, add };
}

export function entryOf({ id, batch, kind, round }: MailboxRecord, since: number): WaitEntry {
  return { mailboxId: id, batch, kind, round, operation: 0, since };
}
