import { expect, it } from "vitest";
import type { BatchName, EndpointName, MailboxId } from "../../../../shared/domain/names.ts";
import { createAdmission } from "../../../../shared/migration/admission/admission.ts";
import { createEndpoints } from "../../../../shared/migration/endpoints/endpoint-settings.ts";
import { MemoryBlobs } from "../../../stack/memory/memory-blobs.ts";
import { MemoryQueues } from "../../../stack/memory/memory-queues.ts";
import { storesOver } from "../../../stack/memory/memory-stores.ts";
import { MemoryTable } from "../../../stack/memory/memory-table.ts";

const endpoint = "old" as EndpointName;
const mailboxId = "0123456789abcdef0123456789abcdef" as MailboxId;

it("keeps the permit of a mailbox that was started again, when its earlier worker gives back its own late", async () => {
  const blobs = new MemoryBlobs();
  await blobs.endpoints.write(endpoint, JSON.stringify({ host: "imap.example.net" }), undefined);
  const { admissions } = storesOver({
    batches: new MemoryTable(),
    mailboxes: new MemoryTable(),
    ledgers: new MemoryTable(),
    admissions: new MemoryTable(),
    domains: new MemoryTable(),
  });
  const admission = createAdmission({
    store: admissions,
    endpoints: createEndpoints(blobs.endpoints, () => 0),
    queue: new MemoryQueues(),
    clock: () => 0,
    log: () => undefined,
  });
  const entry = { mailboxId, batch: "spring" as BatchName, kind: "initial", since: 1 } as const;
  await admission.request(endpoint, { ...entry, round: 1 });
  await admission.request(endpoint, { ...entry, round: 2 });

  await admission.release(endpoint, mailboxId, 1);
  expect(await admission.permit(endpoint, mailboxId)).toMatchObject({ round: 2 });
  await admission.release(endpoint, mailboxId, 2);
  expect(await admission.permit(endpoint, mailboxId)).toBeUndefined();
});
