import { expect, it } from "vitest";
import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import { createAdmission, permitMs } from "../../../../shared/migration/admission/admission.ts";
import type { BatchControl } from "../../../../shared/migration/control/batch-control.ts";
import { createJanitor } from "../../../../shared/migration/control/janitor.ts";
import { createEndpoints } from "../../../../shared/migration/endpoints/endpoint-settings.ts";
import { MemoryBlobs } from "../../../stack/memory/memory-blobs.ts";
import { MemoryQueues } from "../../../stack/memory/memory-queues.ts";
import { storesOver } from "../../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";
import { mailbox } from "../sample-mailbox.ts";

const endpoint = "old" as EndpointName;
const batch = "spring" as BatchName;
const [first, ...others] = ["a", "b", "c", "d"].map((digit) => digit.repeat(32) as MailboxId) as [
  MailboxId,
  ...MailboxId[],
];

it("a permit whose message was lost goes to the next, however many wait before its mailbox asks again", async () => {
  let now = 0;
  const clock = () => now;
  const log = () => undefined;
  const blobs = new MemoryBlobs();
  const settings = { host: "imap.example.net", maxConcurrentMigrations: 1, maxConcurrentIncrementalSyncs: 1 };
  await blobs.endpoints.write(endpoint, JSON.stringify(settings), undefined);
  const { admissions, batches, mailboxes } = storesOver({
    batches: new MemoryTable(),
    mailboxes: new MemoryTable(),
    ledgers: new MemoryTable(),
    admissions: new MemoryTable(),
    domains: new MemoryTable(),
  });
  const queue = new MemoryQueues();
  const endpoints = createEndpoints(blobs.endpoints, clock);
  const admission = createAdmission({ store: admissions, endpoints, queue, clock, log });
  const sweep = createJanitor({
    uploads: blobs.uploads,
    ingest: async () => undefined,
    batches,
    mailboxes,
    admissions,
    admission,
    // Without a batch there is nothing to control.
    control: {} as BatchControl,
    deadLetters: queue,
    clock,
    log,
  });
  for (const id of [first, ...others]) {
    const record = mailbox("Queued", { id, batch, endpoint });
    await mailboxes.insertAll(batch, [record]);
    await admission.request(endpoint, {
      mailboxId: id,
      batch,
      kind: "initial",
      round: record.round,
      since: 1,
    });
  }
  expect(await admission.permit(endpoint, first)).toBeDefined();

  now = 2 * permitMs;
  await sweep();
  const { permits, waiting } = await admissions.read(endpoint, 10);
  expect(permits).toMatchObject([{ mailboxId: others[0], until: now + permitMs }]);
  expect(waiting.map(({ mailboxId }) => mailboxId)).toEqual([...others.slice(1), first]);
});
