import { afterAll, beforeAll, expect, it } from "vitest";
import { createBlobStores } from "../../shared/adapters/blobs/blob-stores.ts";
import { createTableStores, type TableStores } from "../../shared/adapters/tables/table-stores.ts";
import { defaultBatchOptions } from "../../shared/domain/batch-options.ts";
import { endpointSchema } from "../../shared/domain/endpoint.ts";
import type { BatchName, EndpointName, FolderId, LedgerId, MailboxId } from "../../shared/domain/names.ts";
import { providerOf } from "../../shared/domain/providers.ts";
import { MailboxState } from "../../shared/migration/mailbox/change.ts";
import type { FolderRecord } from "../../shared/migration/ports/ledger-store.ts";
import type { MailboxRecord } from "../../shared/migration/ports/registry.ts";
import { createBatchStates } from "../../shared/migration/status/batch-states.ts";
import { createStatus } from "../../shared/migration/status/status.ts";
import { newFolder } from "../../shared/migration/sync/folder-record.ts";
import { LeaseHolder } from "../../shared/migration/sync/lease-holder.ts";
import { Progress } from "../../shared/migration/sync/progress.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";

const batch = "spring" as BatchName;
const id = "a".repeat(32) as MailboxId;
const ledgerId = "b".repeat(32) as LedgerId;

let azurite: Azurite;
let stores: TableStores;
beforeAll(async () => {
  azurite = await startAzurite();
  stores = createTableStores({ connectionString: azurite.connectionString });
  await stores.createTables();
});
afterAll(() => azurite?.close());

const mailbox: MailboxRecord = {
  id,
  batch,
  endpoint: "yahoo" as EndpointName,
  emailAddress: "alice@contoso.com",
  userName: "alice@yahoo.com",
  sealedPassword: "sealed",
  status: "Syncing",
  kind: "initial",
  round: 1,
  attempts: 0,
  ledgerId,
  totalItemCount: 0,
  syncedItemCount: 0,
  skippedItemCount: 0,
  bytesTransferred: 0,
  estimatedBytes: 0,
  createdAt: 0,
};

function folder(name: string, total: number): FolderRecord {
  const source = { path: name, segments: [name] };
  const folder = newFolder(name as FolderId, source, undefined, total);
  return { ...folder, pending: false, counts: { ...folder.counts, synced: total } };
}

it("a folder where the provider stops is told of with the mailbox and with the folder", async () => {
  await stores.batches.create({
    name: batch,
    displayName: batch,
    endpoint: mailbox.endpoint,
    intent: "running",
    options: defaultBatchOptions,
    createdAt: 0,
    invalidRowCount: 0,
    lastOperation: 0,
    operations: [],
    admitsFrom: 0,
  });
  await stores.mailboxes.insertAll(batch, [mailbox]);
  const lease = await LeaseHolder.acquire(stores.ledgers, ledgerId, "worker", Date.now);
  if ("heldUntil" in lease) throw new Error("nobody else has the lease");
  const folders = [folder("Inbox", 10_000), folder("Sent", 9_999)];
  await lease.commit({ folders });

  const stored = await stores.mailboxes.get(batch, id);
  if (stored === undefined) throw new Error("the mailbox was inserted");
  const host = "imap.mail.yahoo.com";
  const state = new MailboxState({ ...stores, clock: Date.now }, stored, 1);
  const progress = new Progress(state, Date.now, providerOf(host));
  progress.replace(folders);
  await progress.store();

  const endpoints = { get: async () => endpointSchema.parse({ host }) };
  const snapshots = createBlobStores({ connectionString: azurite.connectionString }).snapshots;
  const states = createBatchStates({
    ...stores,
    snapshots,
    endpoints,
    clock: Date.now,
    log: () => undefined,
  });
  const status = createStatus({ ...stores, states, ledger: stores.ledgers, endpoints, clock: Date.now });
  const listed = await status.mailboxes(batch, { top: 10 });
  expect(listed?.value[0]?.warnings).toEqual([
    {
      code: "FolderCapReached",
      count: 1,
      message: expect.stringContaining("may be hidden: 1."),
      remedy: expect.stringContaining("mailbox's folders"),
    },
  ]);
  const details = await status.mailbox(batch, id);
  expect(details?.folders.map(({ path, warnings }) => [path, ...warnings.map(({ code }) => code)])).toEqual([
    ["Inbox", "FolderCapReached"],
    ["Sent"],
  ]);
  expect(details?.folders[0]?.warnings[0]?.remedy).toContain("export.imap.mail.yahoo.com");
});
