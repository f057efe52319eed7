import { randomBytes } from "node:crypto";
import { TableClient, TableServiceClient } from "@azure/data-tables";
import type { ServiceBusClient } from "@azure/service-bus";
import { BlobServiceClient } from "@azure/storage-blob";
import { parse } from "csv-parse/sync";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BlobStores, createBlobStores } from "../../shared/adapters/blobs/blob-stores.ts";
import { createServiceBusClient } from "../../shared/adapters/servicebus/client.ts";
import { createWorkQueue } from "../../shared/adapters/servicebus/work-queue.ts";
import { createTableStores, type TableStores } from "../../shared/adapters/tables/table-stores.ts";
import { createLocalVault } from "../../shared/adapters/vault/local-vault.ts";
import { defaultBatchOptions } from "../../shared/domain/batch-options.ts";
import { MigrationError } from "../../shared/domain/errors.ts";
import type { BatchName } from "../../shared/domain/names.ts";
import { folderSyncQueue, janitorQueue, operationsQueue } from "../../shared/domain/queue-messages.ts";
import { type MailboxRecord, slotCount } from "../../shared/migration/ports/registry.ts";
import type { Fields } from "../../shared/migration/runtime.ts";
import {
  createUploadIngestion,
  type IngestOutcome,
  type UploadIngestionParts,
} from "../../shared/migration/upload/ingest-upload.ts";
import { mailboxIdOf } from "../../shared/migration/upload/mailbox-of-row.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { type ServiceBusStandIn, startServiceBus } from "../stack/service-bus/index.ts";

let azurite: Azurite;
let serviceBus: ServiceBusStandIn;
let client: ServiceBusClient;
let tables: TableStores;
let blobs: BlobStores;
let parts: UploadIngestionParts;
let now = Date.UTC(2026, 2, 2);
const events: { readonly event: string; readonly fields: Fields }[] = [];

/** 1 for the first round of a mailbox that was created now; rounds a test has set stay as they are. */
function relativeRound(round: number): number {
  return round > 1_000_000 ? round - Math.floor(now / 1000) + 1 : round;
}

beforeAll(async () => {
  azurite = await startAzurite();
  serviceBus = await startServiceBus({
    queues: {
      [operationsQueue]: { duplicateDetectionWindowMs: 600_000 },
      [folderSyncQueue]: { duplicateDetectionWindowMs: 600_000, requiresSession: true },
      [janitorQueue]: { duplicateDetectionWindowMs: 600_000 },
    },
  });
  client = createServiceBusClient(serviceBus);
  tables = createTableStores({ connectionString: azurite.connectionString });
  blobs = createBlobStores({ connectionString: azurite.connectionString });
  await Promise.all([tables.createTables(), blobs.createContainers()]);
  parts = {
    ...tables,
    ...blobs,
    vault: createLocalVault(randomBytes(32)),
    queue: createWorkQueue(client),
    sizeOf: async (name) => (await tables.states.get(name))?.value.totals.counts.total,
    standing: async () => ({ status: "Synced", failed: 0, unapproved: 0 }),
    clock: () => now,
    log: (event, fields) => void events.push({ event, fields }),
  };
  await putBlob("endpoints", "Contoso.json", '{ "host": "imap.contoso.com" }');
  await putBlob("endpoints", "fabrikam.json", '{ "host": "imap.fabrikam.com" }');
});

afterAll(async () => {
  await client?.close();
  await serviceBus?.close();
  await azurite?.close();
});

const header = "EmailAddress,UserName,Password";
const newBatchName = () => `batch-${randomBytes(4).toString("hex")}` as BatchName;

function container(name: string) {
  return BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(name);
}

/** What an operator does with a storage browser. */
async function putBlob(containerName: string, name: string, content: string): Promise<void> {
  await container(containerName).getBlockBlobClient(name).upload(content, Buffer.byteLength(content));
}

async function readBlob(containerName: string, name: string): Promise<string | undefined> {
  const blob = container(containerName).getBlockBlobClient(name);
  return (await blob.exists()) ? (await blob.downloadToBuffer()).toString() : undefined;
}

async function upload(
  batch: BatchName,
  rows: readonly string[],
  endpoint = "contoso",
): Promise<IngestOutcome> {
  const name = `${endpoint}/${batch}.csv`;
  await putBlob("uploads", name, [header, ...rows].join("\r\n"));
  return createUploadIngestion(parts).ingest(name);
}

async function mailboxesOf(batch: BatchName): Promise<MailboxRecord[]> {
  const found: MailboxRecord[] = [];
  for await (const { value } of tables.mailboxes.scan(batch)) found.push(value);
  return found.sort((a, b) => a.emailAddress.localeCompare(b.emailAddress));
}

async function setMailbox(
  batch: BatchName,
  emailAddress: string,
  changes: Partial<MailboxRecord>,
): Promise<void> {
  const stored = await tables.mailboxes.get(batch, mailboxIdOf(batch, emailAddress));
  if (stored === undefined) throw new Error(`there is no mailbox ${emailAddress}`);
  await tables.mailboxes.replace({ ...stored, value: { ...stored.value, ...changes } });
}

async function setBatch(
  batch: BatchName,
  intent: "running" | "stopped" | "completed" | "removing",
): Promise<void> {
  const stored = await tables.batches.get(batch);
  if (stored === undefined) throw new Error(`there is no batch ${batch}`);
  await tables.batches.replace({ ...stored, value: { ...stored.value, intent } });
}

async function batchOf(batch: BatchName) {
  return (await tables.batches.get(batch))?.value;
}

/** Operations of one batch that start mailboxes, each with the slots it has messages for. */
async function wakeUps(batch: BatchName): Promise<string[]> {
  const sent = serviceBus
    .messages(operationsQueue)
    .map(({ body }) => JSON.parse(body) as { kind: string; batch: string; operation: number; slot: number })
    .filter((message) => message.kind === "page" && message.batch === batch);
  // The first one is carried out first; what the others do is for its end.
  const [first] = (await tables.batches.operations(batch)).slice(-1);
  if (first === undefined) return [];
  const slots = sent.filter(({ operation }) => operation === first.seq).map(({ slot }) => slot);
  return [`${first.kind} ${[...new Set(slots)].sort((a, b) => a - b).join(" ")}`.trim()];
}

async function report(batch: string): Promise<string[][]> {
  const text = await readBlob("reports", `${batch}/validation.csv`);
  return parse(text ?? "", { bom: true, from_line: 2 }) as string[][];
}

/** All that an upload leaves behind, in a form that is the same for batches of different names. */
async function stateOf(batch: BatchName) {
  const uploaded: string[] = [];
  for await (const { name } of blobs.uploads.list()) if (name.includes(batch)) uploaded.push(name);
  const mailboxes = await Promise.all(
    (await mailboxesOf(batch)).map(async ({ id, batch: owner, sealedPassword, sealedFor, ...rest }) => ({
      ...rest,
      password: await parts.vault.open({ batch: owner, mailboxId: id, server: sealedFor }, sealedPassword),
    })),
  );
  const { name: _, displayName: __, ...all } = (await batchOf(batch)) ?? { name: "", displayName: "" };
  // A repetition begins the operation again, which then finds nothing to do.
  const record = { ...all, lastOperation: 0, operations: [] };
  const operations = new Set((await tables.batches.operations(batch)).map(({ kind }) => kind));
  return { record, mailboxes, operations, report: await report(batch), uploaded };
}

describe("a first upload", () => {
  it("creates the batch, starts it, reports bad rows and removes the file", async () => {
    const batch = newBatchName();
    const name = `Contoso/${batch.toUpperCase()}.CSV`;
    await putBlob(
      "uploads",
      name,
      `${header},UserRoot\r\nanna@contoso.com,anna,s3cret,\r\n=b@contoso.com,b,,\r\nc@contoso.com,c,pw,/users/c\r\n`,
    );
    expect(await createUploadIngestion(parts).ingest(name)).toEqual({
      kind: "ingested",
      batch,
      validRowCount: 2,
      invalidRowCount: 1,
      operation: expect.any(Number),
    });

    expect(await batchOf(batch)).toMatchObject({
      name: batch,
      displayName: batch.toUpperCase(),
      endpoint: "contoso",
      intent: "running",
      createdAt: now,
      startedAt: now,
      invalidRowCount: 1,
    });
    const state = await stateOf(batch);
    expect(state.mailboxes).toMatchObject([
      {
        emailAddress: "anna@contoso.com",
        userName: "anna",
        password: "s3cret",
        status: "Created",
        round: Math.floor(now / 1000),
      },
      { emailAddress: "c@contoso.com", userRoot: "/users/c", password: "pw", kind: "initial" },
    ]);
    expect(await wakeUps(batch)).toEqual(["upload 0"]);
    expect(state.report).toEqual([
      ["3", "'=b@contoso.com", "Password", "ValueMissing", "The Password is missing."],
    ]);
    expect(state.uploaded).toEqual([]);
    expect(await createUploadIngestion(parts).ingest(name)).toEqual({ kind: "nothing" });
  });

  it("has an empty report where every row is good", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1"]);
    expect(await readBlob("reports", `${batch}/validation.csv`)).toBe(
      "\uFEFFline,emailAddress,column,code,message\r\n",
    );
  });

  it("does not start a batch that shall be started by hand, later, or that has no users", async () => {
    const byHand = newBatchName();
    await putBlob("uploads", `contoso/${byHand}.json`, '{ "autoStart": false }');
    expect(await upload(byHand, ["a@contoso.com,a,1"])).toMatchObject({ operation: undefined });
    const later = newBatchName();
    await putBlob("uploads", `contoso/${later}.json`, '{ "startAfter": "2026-03-02T00:00:01Z" }');
    await upload(later, ["a@contoso.com,a,1"]);
    const nobody = newBatchName();
    expect(await upload(nobody, ["a,a,1"])).toMatchObject({ validRowCount: 0, invalidRowCount: 1 });
    for (const batch of [byHand, later, nobody]) {
      expect((await batchOf(batch))?.intent).toBe("created");
      expect(await wakeUps(batch)).toEqual([]);
    }

    now += 2_000;
    await upload(later, ["b@contoso.com,b,1"]);
    expect(await wakeUps(later)).toEqual(["upload 0"]);
    await upload(nobody, ["a@contoso.com,a,1"]);
    expect(await wakeUps(nobody)).toEqual(["upload 0"]);
  });

  it("leaves files that are no CSV alone", async () => {
    await putBlob("uploads", "contoso/options.json", "{}");
    expect(await createUploadIngestion(parts).ingest("contoso/options.json")).toEqual({ kind: "nothing" });
    expect(await readBlob("uploads", "contoso/options.json")).toBe("{}");
  });
});

describe("a batch uploaded again", () => {
  it("gets its new users and changed credentials, and failed mailboxes start anew", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1", "b@contoso.com,b,2", "c@contoso.com,c,3", "d@contoso.com,d,4"]);
    await setMailbox(batch, "a@contoso.com", { status: "Synced", lastSyncedAt: 5, syncedItemCount: 7 });
    await setMailbox(batch, "b@contoso.com", {
      status: "Failed",
      attempts: 4,
      error: { code: "LoginFailed", message: "The password was refused.", at: 1 },
    });
    await setMailbox(batch, "c@contoso.com", { status: "Failed", round: 5 });
    await setMailbox(batch, "d@contoso.com", { status: "Syncing" });

    await upload(batch, [
      "A@contoso.com,a,new",
      "b@contoso.com,b,mended",
      "c@contoso.com,c,3",
      "e@contoso.com,e,5",
    ]);

    const state = await stateOf(batch);
    expect(
      state.mailboxes.map(({ emailAddress, status, round, password }) => [
        emailAddress,
        status,
        relativeRound(round),
        password,
      ]),
    ).toEqual([
      ["A@contoso.com", "Synced", 1, "new"],
      ["b@contoso.com", "Created", 2, "mended"],
      ["c@contoso.com", "Created", 6, "3"],
      ["d@contoso.com", "Syncing", 1, "4"],
      ["e@contoso.com", "Created", 1, "5"],
    ]);
    expect(state.mailboxes[0]).toMatchObject({ lastSyncedAt: 5, syncedItemCount: 7 });
    expect(state.mailboxes[1]?.error).toBeUndefined();
    expect(state.mailboxes[1]?.attempts).toBe(0);
    expect(await tables.batches.operations(batch)).toHaveLength(2);
  });

  it("takes new options, and keeps its own where none are uploaded", async () => {
    const batch = newBatchName();
    const options = `contoso/${batch}.json`;
    await putBlob("uploads", options, '{ "maxItemSize": 5 }');
    await upload(batch, ["a@contoso.com,a,1"]);
    await container("uploads").getBlobClient(options).delete();
    await upload(batch, ["b@contoso.com,b,1"]);
    expect((await batchOf(batch))?.options.maxItemSize).toBe(5);
    await putBlob("uploads", options, '{ "subscribedOnly": true }');
    await upload(batch, ["c@contoso.com,c,1"]);
    expect((await batchOf(batch))?.options).toEqual({ ...defaultBatchOptions, subscribedOnly: true });
  });

  it("stays stopped, its new users waiting", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1"]);
    await setBatch(batch, "stopped");
    expect(await upload(batch, ["b@contoso.com,b,1"])).toMatchObject({ operation: undefined });
    expect((await batchOf(batch))?.intent).toBe("stopped");
    expect(await wakeUps(batch)).toEqual(["upload 0"]);
    expect(await tables.batches.operations(batch)).toHaveLength(1);
    expect((await mailboxesOf(batch)).map(({ status }) => status)).toEqual(["Created", "Created"]);
  });

  it("leaves a newer file that arrived meanwhile where it is", async () => {
    const batch = newBatchName();
    const name = `contoso/${batch}.csv`;
    await putBlob("uploads", name, `${header}\na@contoso.com,a,old\n`);
    const overtaken = createUploadIngestion({
      ...parts,
      reports: {
        ...parts.reports,
        write: async (...report) => {
          await putBlob("uploads", name, `${header}\na@contoso.com,a,new\n`);
          return parts.reports.write(...report);
        },
      },
    });
    await overtaken.ingest(name);
    expect(await readBlob("uploads", name)).toContain("new");
    await createUploadIngestion(parts).ingest(name);
    expect((await stateOf(batch)).mailboxes).toMatchObject([{ password: "new" }]);
  });

  it("tries again when somebody else changed a mailbox or the batch at the same time", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1"]);
    await putBlob("uploads", `contoso/${batch}.json`, '{ "maxItemSize": 5 }');
    let mailboxRaces = 2;
    let batchRaces = 2;
    const racing = createUploadIngestion({
      ...parts,
      mailboxes: {
        ...parts.mailboxes,
        replace: async (mailbox) => {
          if (mailboxRaces-- > 0)
            await setMailbox(batch, "a@contoso.com", { syncedItemCount: 10 - mailboxRaces });
          return parts.mailboxes.replace(mailbox);
        },
      },
      batches: {
        ...parts.batches,
        replace: async (record) => {
          if (batchRaces-- > 0) await setBatch(batch, "stopped");
          return parts.batches.replace(record);
        },
      },
    });
    const name = `contoso/${batch}.csv`;
    await putBlob("uploads", name, `${header}\na@contoso.com,a,2\n`);
    await racing.ingest(name);
    expect((await stateOf(batch)).mailboxes).toMatchObject([{ password: "2" }]);
    expect((await batchOf(batch))?.options.maxItemSize).toBe(5);
    expect((await mailboxesOf(batch))[0]?.syncedItemCount).toBe(10);
    expect((await batchOf(batch))?.intent).toBe("stopped");
  });
});

describe("an upload refused as a whole", () => {
  async function refuse(
    name: string,
    content = `${header}\na@contoso.com,a,canary\n`,
  ): Promise<IngestOutcome> {
    await putBlob("uploads", name, content);
    const outcome = await createUploadIngestion(parts).ingest(name);
    expect(await readBlob("uploads", name)).toBeUndefined();
    return outcome;
  }

  it.each([
    ["a bad batch name", "contoso/spring time.csv", "FileNameInvalid"],
    ["no endpoint in its name", "Lonely.csv", "FileNameInvalid"],
    ["being text by its name", "list.txt", "FileKindUnknown"],
    ["being a workbook", "contoso/list.xlsx", "FileKindUnknown"],
    ["another extension behind", "contoso/pilot.csv.txt", "FileKindUnknown"],
  ])("for %s, reported under its own name", async (_, name, code) => {
    expect(await refuse(name)).toEqual({ kind: "rejected", batch: undefined, codes: [code] });
    const text = await readBlob("reports", `_rejected/${name}/validation.csv`);
    expect(text).toContain(code);
    expect(text).not.toContain("canary");
  });

  it("leaves the report of a batch that is not its own", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1", "bad,b,2"]);
    const untouched = await report(batch);
    for (const name of [
      `old/${batch}.csv`,
      `fabrikam/${batch}.csv`,
      `contoso/${batch.toUpperCase()}.csv`,
      `${batch}.csv`,
    ]) {
      await refuse(name, "nothing,useful\n");
      expect(await report(batch), name).toEqual(untouched);
      expect(await readBlob("reports", `_rejected/${name}/validation.csv`), name).toContain(
        "line,emailAddress",
      );
    }
    await refuse(`contoso/${batch}.csv`, "nothing,useful\n");
    expect((await report(batch)).map((row) => row[3])).toContain("HeaderUnknown");
  });

  it("for an error that nobody foresaw, which names no more than where it came from", async () => {
    const batch = newBatchName();
    const name = `contoso/${batch}.csv`;
    await putBlob("uploads", name, `${header}\na@contoso.com,a,canary\n`);
    const broken = { ...parts.mailboxes, insertAll: () => Promise.reject(new TypeError("canary")) };
    expect(await createUploadIngestion({ ...parts, mailboxes: broken }).ingest(name)).toEqual({
      kind: "rejected",
      batch,
      codes: ["FileNotProcessed"],
    });
    expect(await readBlob("uploads", name)).toBeUndefined();
    expect((await report(batch)).map((row) => row[3])).toEqual(["FileNotProcessed"]);
    expect(events.at(-1)).toMatchObject({ event: "upload.crashed", fields: { batch, error: "TypeError" } });
    expect(JSON.stringify(events)).not.toContain("canary");
  });

  it("lists a thousand issues of a file, and says how many more there are", async () => {
    const batch = newBatchName();
    const rows = Array.from({ length: 2_500 }, (_, n) => `u${n},x,`);
    await upload(batch, rows);
    const lines = await report(batch);
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toEqual([
      "0",
      "",
      "",
      "IssuesNotListed",
      "Another 4000 issues are not listed here.",
    ]);
  });

  it.each([
    ["an unknown endpoint", "nowhere/u1.csv", "u1", "EndpointNotFound"],
    ["a misspelt header", "contoso/u2.csv", "u2", "HeaderMisspelt", "EmailAddress,Username,Pasword\na,b,c\n"],
    ["nothing in it", "contoso/u3.csv", "u3", "FileEmpty", ""],
  ])("for %s", async (_, name, batch, code, content?: string) => {
    expect(await refuse(name, content)).toEqual({ kind: "rejected", batch, codes: [code] });
    expect((await report(batch)).map((row) => row[3])).toEqual([code]);
    expect(await batchOf(batch as BatchName)).toBeUndefined();
  });

  it("for an endpoint file and an options file that are wrong, with every key", async () => {
    await putBlob("endpoints", "broken.json", '{ "hots": "x", "port": 0 }');
    await putBlob("uploads", "broken/u4.json", '{ "autoStrat": true }');
    expect(await refuse("broken/u4.csv")).toEqual({
      kind: "rejected",
      batch: "u4",
      codes: ["EndpointInvalid", "BatchOptionsInvalid"],
    });
    const messages = (await report("u4")).map((row) => row[4]).join("\n");
    for (const key of ["host", "hots", "port", "autoStrat"]) expect(messages).toContain(`"${key}"`);
  });

  it("for a batch that exists under another endpoint", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1"]);
    expect(await refuse(`fabrikam/${batch}.csv`)).toMatchObject({ codes: ["BatchOfAnotherEndpoint"] });
    expect((await stateOf(batch)).mailboxes).toMatchObject([
      { emailAddress: "a@contoso.com", password: "1" },
    ]);
  });

  it("for a batch that is being removed, before or meanwhile", async () => {
    const before = newBatchName();
    await upload(before, ["a@contoso.com,a,1"]);
    await setBatch(before, "removing");
    expect(await refuse(`contoso/${before}.csv`)).toMatchObject({ codes: ["BatchBeingRemoved"] });
    expect(await mailboxesOf(before)).toHaveLength(1);

    const meanwhile = newBatchName();
    await upload(meanwhile, ["a@contoso.com,a,1"]);
    const name = `contoso/${meanwhile}.csv`;
    await putBlob("uploads", name, `${header}\nb@contoso.com,b,1\n`);
    const overtaken = createUploadIngestion({
      ...parts,
      reports: {
        ...parts.reports,
        write: async (...written) => {
          await setBatch(meanwhile, "removing");
          return parts.reports.write(...written);
        },
      },
    });
    expect(await overtaken.ingest(name)).toMatchObject({ codes: ["BatchBeingRemoved"] });
    expect(await mailboxesOf(meanwhile)).toEqual([]);
  });
});

describe("a crash", () => {
  class Crash extends Error {}
  type Moment = "before" | "after";

  /** The same ports of a process that dies before or after its call number `at` has its effect. */
  function crashing(at: number, moment: Moment): { readonly parts: UploadIngestionParts; calls(): number } {
    let calls = 0;
    const wrap = <Port extends object>(port: Port): Port =>
      new Proxy(port, {
        get(target, property) {
          const method: unknown = Reflect.get(target, property);
          if (typeof method !== "function") return method;
          const call = (args: unknown[]): unknown => method.apply(target, args);
          const step = async <T>(effect: () => Promise<T> | T): Promise<T> => {
            calls++;
            // The dead do nothing any more.
            if (at > 0 && (calls > at || (calls === at && moment === "before"))) throw new Crash();
            const result = await effect();
            if (calls === at) throw new Crash();
            return result;
          };
          if (property !== "scan") return (...args: unknown[]) => step(() => call(args));
          return async function* (...args: unknown[]) {
            const rows = call(args) as AsyncIterable<unknown>;
            for await (const row of rows) yield await step(() => row);
          };
        },
      });
    const { clock, log, sizeOf, standing, uploads, endpoints, reports, batches, mailboxes, vault, queue } =
      parts;
    return {
      calls: () => calls,
      parts: {
        clock,
        log,
        sizeOf,
        standing,
        uploads: wrap(uploads),
        endpoints: wrap(endpoints),
        reports: wrap(reports),
        batches: wrap(batches),
        mailboxes: wrap(mailboxes),
        vault: wrap(vault),
        queue: wrap(queue),
      },
    };
  }

  const first = ["old@contoso.com,old,1", "failed@contoso.com,failed,2", "same@contoso.com,same,3"];
  const second = [
    "old@contoso.com,old,changed",
    "failed@contoso.com,failed,mended",
    "same@contoso.com,same,3",
    "new1@contoso.com,new1,5",
    "bad,row,6",
    "new2@contoso.com,new2,7",
  ];

  /** A new batch, or one that exists, about to be read from an uploaded file. */
  async function prepare(batch: BatchName, kind: "new" | "extended"): Promise<string> {
    if (kind === "extended") {
      await upload(batch, first);
      await setMailbox(batch, "old@contoso.com", { status: "Synced" });
      await setMailbox(batch, "failed@contoso.com", { status: "Failed", attempts: 3 });
      await putBlob("uploads", `contoso/${batch}.json`, '{ "maxItemSize": 9 }');
    }
    const name = `contoso/${batch}.csv`;
    await putBlob("uploads", name, [header, ...second].join("\r\n"));
    return name;
  }

  for (const kind of ["new", "extended"] as const)
    for (const moment of ["before", "after"] as const)
      it(`${moment} any call ends in the same state once the event is delivered again (${kind} batch)`, async () => {
        const undisturbed = newBatchName();
        const counting = crashing(0, moment);
        await createUploadIngestion(counting.parts).ingest(await prepare(undisturbed, kind));
        const wanted = await stateOf(undisturbed);
        expect(wanted.mailboxes).toHaveLength(5);
        expect(wanted.uploaded).toEqual([]);

        for (let at = 1; at <= counting.calls(); at++) {
          const batch = newBatchName();
          const name = await prepare(batch, kind);
          const ingestion = createUploadIngestion(crashing(at, moment).parts);
          await expect(ingestion.ingest(name), `call ${at}`).rejects.toThrow(Crash);
          await createUploadIngestion(parts).ingest(name);
          expect(await stateOf(batch), `call ${at}`).toEqual(wanted);
        }
      });

  it("is no different from three deliveries at once", async () => {
    const undisturbed = newBatchName();
    await createUploadIngestion(parts).ingest(await prepare(undisturbed, "extended"));
    const batch = newBatchName();
    const name = await prepare(batch, "extended");
    await Promise.all([1, 2, 3].map(() => createUploadIngestion(parts).ingest(name)));
    expect(await stateOf(batch)).toEqual(await stateOf(undisturbed));
  });

  it("of a store is handed on, with the file still there", async () => {
    const batch = newBatchName();
    const busy = new MigrationError("throttled", "StorageBusy", "Table Storage asked for a pause.");
    const failing = { ...parts.mailboxes, insertAll: () => Promise.reject(busy) };
    const name = `contoso/${batch}.csv`;
    await putBlob("uploads", name, `${header}\na@contoso.com,a,1\n`);
    await expect(createUploadIngestion({ ...parts, mailboxes: failing }).ingest(name)).rejects.toBe(busy);
    expect(await readBlob("uploads", name)).toBeDefined();
  });
});

describe("a store that refuses", () => {
  const refusal = new MigrationError(
    "fatal",
    "StorageRequestRefused",
    "Table Storage refused a request (InvalidInput).",
  );
  const reportOf = async (batch: BatchName): Promise<Readonly<Record<string, string>>[]> =>
    parse((await readBlob("reports", `${batch}/validation.csv`)) ?? "", { bom: true, columns: true });
  const uploadErrorOf = async (batch: BatchName) => (await tables.batches.get(batch))?.value.uploadError;

  it.each(["of a new batch", "added to a batch"])(
    "one row %s stops no other one, and the row is reported with its line",
    async (which) => {
      const batch = newBatchName();
      if (which === "added to a batch") await upload(batch, ["first@contoso.com,first,1"]);
      const insertAll: typeof parts.mailboxes.insertAll = async (name, rows) => {
        if (rows.some(({ userName }) => userName === "odd")) throw refusal;
        await tables.mailboxes.insertAll(name, rows);
      };
      const ingestion = createUploadIngestion({ ...parts, mailboxes: { ...parts.mailboxes, insertAll } });
      const rows = ["a@contoso.com,a,1", "odd@contoso.com,odd,2", "b@contoso.com,,3", "c@contoso.com,c,4"];
      await putBlob("uploads", `contoso/${batch}.csv`, [header, ...rows].join("\r\n"));
      expect(await ingestion.ingest(`contoso/${batch}.csv`)).toMatchObject({
        kind: "ingested",
        validRowCount: 2,
        invalidRowCount: 2,
      });
      expect((await reportOf(batch)).map(({ line, code }) => [line, code])).toEqual([
        ["3", "RowNotStored"],
        ["4", "ValueMissing"],
      ]);
      const expected = ["a@contoso.com", "c@contoso.com"];
      if (which === "added to a batch") expected.push("first@contoso.com");
      expect((await mailboxesOf(batch)).map(({ emailAddress }) => emailAddress)).toEqual(expected);
      expect(await readBlob("uploads", `contoso/${batch}.csv`)).toBeUndefined();
    },
  );

  it("everything, or whose key is not to be had, shows in the batch and in the report until the file is read", async () => {
    const batch = newBatchName();
    const denied = new MigrationError("fatal", "KeyVaultForbidden", "Key Vault refused access.");
    const vault = { ...parts.vault, seal: () => Promise.reject(denied) };
    const ingestion = createUploadIngestion({ ...parts, vault });
    await putBlob("uploads", `contoso/${batch}.csv`, [header, "a@contoso.com,a,1"].join("\r\n"));
    for (let attempt = 1; attempt <= 2; attempt++)
      await expect(ingestion.ingest(`contoso/${batch}.csv`)).rejects.toBe(denied);
    expect(await uploadErrorOf(batch)).toMatchObject({
      code: "KeyVaultForbidden",
      message: expect.stringContaining("The file is kept"),
    });
    expect(await reportOf(batch)).toMatchObject([{ line: "0", code: "KeyVaultForbidden" }]);
    expect(await readBlob("uploads", `contoso/${batch}.csv`)).toBeDefined();

    expect(await createUploadIngestion(parts).ingest(`contoso/${batch}.csv`)).toMatchObject({
      kind: "ingested",
    });
    expect(await uploadErrorOf(batch)).toBeUndefined();
    expect(await reportOf(batch)).toEqual([]);
  });

  it("is told of a file that is refused as a whole, too, where its batch is there", async () => {
    const batch = newBatchName();
    await upload(batch, ["a@contoso.com,a,1"]);
    await putBlob("uploads", `contoso/${batch}.csv`, "Address,Name\r\na@contoso.com,a");
    expect(await createUploadIngestion(parts).ingest(`contoso/${batch}.csv`)).toMatchObject({
      kind: "rejected",
    });
    expect((await uploadErrorOf(batch))?.code).toBe((await reportOf(batch))[0]?.code);
  });
});

describe("a password", () => {
  it("is found in no table, blob, queue or outcome afterwards", async () => {
    const canary = "canary-5d41c0ffee";
    const batch = newBatchName();
    const outcomes = [
      await upload(batch, [
        `a@contoso.com,a,${canary}`,
        `b@contoso.com,b,x,${canary}`,
        `${canary},c@contoso.com,c`,
        `d@contoso.com,"d",${canary}"`,
        `e@contoso.com,,${canary}`,
      ]),
      await upload(batch, [`a@contoso.com,a,${canary}2`, `f@contoso.com,f,"${canary}`]),
      await upload(newBatchName(), [`a@contoso.com,a,${canary}`], "nowhere"),
    ];
    expect(outcomes.map(({ kind }) => kind)).toEqual(["ingested", "rejected", "rejected"]);

    const kept: string[] = [JSON.stringify(outcomes), JSON.stringify(serviceBus.messages())];
    const storage = { allowInsecureConnection: true };
    const service = TableServiceClient.fromConnectionString(azurite.connectionString, storage);
    for await (const { name = "" } of service.listTables()) {
      const table = TableClient.fromConnectionString(azurite.connectionString, name, storage);
      for await (const row of table.listEntities())
        kept.push(JSON.stringify(row, (_, value) => (typeof value === "bigint" ? `${value}` : value)));
    }
    for (const name of ["uploads", "endpoints", "reports"])
      for await (const blob of container(name).listBlobsFlat({
        includeVersions: false,
        includeSnapshots: true,
      }))
        kept.push(blob.name, (await readBlob(name, blob.name)) ?? "");

    const everything = kept.join("\n");
    expect(everything).toContain("a@contoso.com");
    expect(everything).toContain("local2.");
    for (const form of [
      canary,
      Buffer.from(canary).toString("base64").slice(0, 20),
      Buffer.from(canary).toString("hex"),
    ])
      expect(everything.includes(form), "a form of the password").toBe(false);
  });
});

describe("a file of 50,000 rows", () => {
  it("becomes 50,000 mailboxes, and one operation that starts them", { timeout: 900_000 }, async () => {
    const batch = newBatchName();
    const rows = Array.from(
      { length: 50_000 },
      (_, n) => `user${n}@contoso.com,admin/user${n},pässword-${n}`,
    );
    const outcome = await upload(batch, rows);
    expect(outcome).toMatchObject({ validRowCount: 50_000, invalidRowCount: 0 });
    const ids = new Set<string>();
    for (let slot = 0; slot < slotCount; slot++)
      for (const { id } of await tables.mailboxes.summaries(batch, { slot, of: slotCount })) ids.add(id);
    expect(ids.size).toBe(50_000);
    expect(await wakeUps(batch)).toEqual(["upload 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15"]);
  });
});
