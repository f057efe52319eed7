import { BlobServiceClient } from "@azure/storage-blob";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type BlobStores, createBlobStores } from "../../shared/adapters/blobs/blob-stores.ts";
import { createTableStores, type TableStores } from "../../shared/adapters/tables/table-stores.ts";
import type { BatchName, LedgerId } from "../../shared/domain/names.ts";
import { createEndpoints } from "../../shared/migration/endpoints/endpoint-settings.ts";
import { type BatchStore, type MailboxRecord, slotCount } from "../../shared/migration/ports/registry.ts";
import type { WorkQueue } from "../../shared/migration/ports/work-queue.ts";
import { createBatchStates } from "../../shared/migration/status/batch-states.ts";
import { createReports, type ReportsParts } from "../../shared/migration/status/reports.ts";
import { batch, folder, mailbox, newBatchName, newLedgerId, skip } from "../contract/tables/samples.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";

let azurite: Azurite;
let tables: TableStores;
let blobs: BlobStores;

beforeAll(async () => {
  azurite = await startAzurite();
  tables = createTableStores({ connectionString: azurite.connectionString });
  blobs = createBlobStores({ connectionString: azurite.connectionString });
  await Promise.all([tables.createTables(), blobs.createContainers()]);
});

afterAll(async () => {
  await azurite?.close();
});

function reportsOf(changes: Partial<ReportsParts> = {}) {
  const { batches, mailboxes, ledgers, states: stored } = tables;
  const clock = () => 5;
  const log = () => undefined;
  const { endpoints: files, snapshots } = blobs;
  const endpoints = createEndpoints(files, clock);
  const states = createBatchStates({ states: stored, snapshots, mailboxes, endpoints, clock, log });
  return createReports({
    batches,
    stored,
    states,
    ledger: ledgers,
    reports: blobs.reports,
    verifications: blobs.verifications,
    rehearsals: blobs.rehearsals,
    undos: blobs.undos,
    queue: { sendOperations: async () => undefined } as unknown as WorkQueue,
    clock,
    log,
    ...changes,
  });
}

const writeReports = (batch: BatchName, changes: Partial<ReportsParts> = {}) =>
  reportsOf(changes).write({ kind: "report", batch, attempt: 0 });

async function blobOf(name: string): Promise<string | undefined> {
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
    "reports",
  );
  const blob = container.getBlobClient(name);
  return (await blob.exists()) ? (await blob.downloadToBuffer()).toString() : undefined;
}

const recordsOf = (text: string | undefined) => parse(text ?? "", { bom: true, columns: true });

async function skipped(uids: readonly number[]): Promise<LedgerId> {
  const ledgerId = newLedgerId();
  let lease = await tables.ledgers.acquireLease(ledgerId, "worker", 60_000);
  if ("heldUntil" in lease) throw new Error("a new lease is held");
  lease = await tables.ledgers.commit(lease, {
    folders: [folder({ source: { path: "odd", segments: ["=Sum(A1)", "B, C"] } })],
  });
  for (let start = 0; start < uids.length; start += 90)
    lease = await tables.ledgers.commit(lease, {
      skipped: uids.slice(start, start + 90).map((uid) => skip(uid)),
    });
  return ledgerId;
}

it("lists every mailbox and every skipped item, safe to be opened in a spreadsheet, and again after the next round", async () => {
  const name = newBatchName();
  await tables.batches.create(batch(name, { intent: "running" }));
  const many = Array.from({ length: 250 }, (_, n) => n + 1);
  const changes: readonly Partial<MailboxRecord>[] = [
    {
      status: "Synced",
      syncedItemCount: 9,
      skippedItemCount: 250,
      ledgerId: await skipped(many),
      warnings: { FolderCapReached: 1, AnsweredNotKept: 3 },
    },
    {
      status: "Failed",
      userRoot: "/users/alberta",
      warnings: {},
      error: { code: "SourceLoginFailed", message: "+Check the password.", at: 1 },
    },
    { status: "Synced", emailAddress: "@bob@contoso.com", skippedItemCount: 1, ledgerId: await skipped([7]) },
  ];
  await tables.mailboxes.insertAll(
    name,
    changes.map((change) => mailbox(name, change)),
  );
  await writeReports(name);

  const mailboxes = await blobOf(`${name}/mailboxes.csv`);
  expect(recordsOf(mailboxes)).toHaveLength(3);
  expect(recordsOf(mailboxes)).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        status: "Synced",
        syncedItemCount: "9",
        skippedItemCount: "250",
        warnings: expect.stringMatching(/^AnsweredNotKept \(3\): .+: 3\. .+ \| FolderCapReached \(1\): .+$/),
      }),
      expect.objectContaining({
        warnings: "",
        errorCode: "SourceLoginFailed",
        errorMessage: "'+Check the password.",
      }),
    ]),
  );
  const items = recordsOf(await blobOf(`${name}/skipped-items.csv`));
  expect(items).toHaveLength(251);
  expect(items).toContainEqual({
    emailAddress: "'@bob@contoso.com",
    folder: "'=Sum(A1)/B, C",
    uid: "7",
    receivedAt: "1970-01-01T00:00:00.001Z",
    size: "200000000",
    code: "MessageTooLarge",
    message: "Larger than the target allows.",
    approvedBy: "",
    approvedAt: "",
  });
  const failed = (await blobOf(`${name}/failed-mailboxes.csv`)) ?? "";
  expect(recordsOf(failed)).toEqual([
    expect.objectContaining({
      Password: "",
      UserRoot: "/users/alberta",
      ErrorCode: "SourceLoginFailed",
      FailedAt: "1970-01-01T00:00:00.001Z",
    }),
  ]);
  expect((await tables.batches.get(name))?.value.reported).toMatchObject({ at: 5 });

  await tables.mailboxes.deleteSlot(name, { slot: 0, of: 1 });
  await writeReports(name);
  expect(recordsOf(await blobOf(`${name}/mailboxes.csv`))).toEqual([]);
  expect(recordsOf(await blobOf(`${name}/skipped-items.csv`))).toEqual([]);
});

it("leaves no report of a batch that is removed meanwhile", async () => {
  const name = newBatchName();
  await tables.batches.create(batch(name, { intent: "removing" }));
  const gone = newBatchName();
  // Each was running when the writing began.
  let looks = 0;
  const batches: BatchStore = {
    ...tables.batches,
    get: async (one) =>
      looks++ % 2 === 0
        ? { value: batch(one, { intent: "running" }), version: "1" }
        : tables.batches.get(one),
  };
  for (const one of [name, gone]) await writeReports(one, { batches });
  for (const one of [name, gone])
    for (const report of ["mailboxes", "skipped-items"])
      expect(await blobOf(`${one}/${report}.csv`)).toBeUndefined();
});

it("goes on with the slots that are missing after a crash, and takes nothing of an edition before", async () => {
  const name = newBatchName();
  await tables.batches.create(batch(name, { intent: "running" }));
  const ledgerId = await skipped([1, 2]);
  const all = Array.from({ length: 1_040 }, (_, n) =>
    mailbox(name, n % 20 === 0 ? { status: "Synced", ledgerId, skippedItemCount: 2 } : { status: "Synced" }),
  );
  await tables.mailboxes.insertAll(name, all);
  // What another edition has left, and an attempt of a part that did not come to its end.
  await blobs.reports.stage(name, "skipped-items", "an-edition-of-yesterday", 3, texts("yesterday\r\n"));
  let reads = 0;
  const dying = {
    ...tables.ledgers,
    listFolders: async (id: LedgerId) => {
      if (++reads > 20) throw new RangeError("the process ends here");
      return tables.ledgers.listFolders(id);
    },
  };
  await expect(writeReports(name, { ledger: dying })).rejects.toThrow();
  expect(await blobOf(`${name}/skipped-items.csv`)).toBeUndefined();
  const before = reads;
  const counting = {
    ...tables.ledgers,
    listFolders: (id: LedgerId) => {
      reads++;
      return tables.ledgers.listFolders(id);
    },
  };
  await writeReports(name, { ledger: counting });
  expect(recordsOf(await blobOf(`${name}/skipped-items.csv`))).toHaveLength(104);
  expect(recordsOf(await blobOf(`${name}/mailboxes.csv`))).toHaveLength(1_040);
  // Slots that were through are not read again.
  const slots = new Set(all.filter(({ ledgerId: one }) => one).map(({ id }) => id.slice(0, 1)));
  expect(slots.size).toBeLessThanOrEqual(slotCount);
  expect(reads - before).toBeLessThan(52);
});

async function* texts(...given: readonly string[]) {
  yield* given;
}
