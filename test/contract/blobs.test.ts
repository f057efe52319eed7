import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { inspect } from "node:util";
import { BlobServiceClient } from "@azure/storage-blob";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BlobStores, createBlobStores } from "../../shared/adapters/blobs/blob-stores.ts";
import { MigrationError } from "../../shared/domain/errors.ts";
import type { BatchName, EndpointName } from "../../shared/domain/names.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { type LossyProxy, startLossyProxy } from "./lossy-proxy.ts";

let azurite: Azurite;
let proxy: LossyProxy;
let stores: BlobStores;
/** The same containers by way of the proxy that loses answers. */
let lossy: BlobStores;

beforeAll(async () => {
  azurite = await startAzurite();
  const blobPort = Number(/BlobEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(azurite.connectionString)?.[1]);
  proxy = await startLossyProxy(blobPort);
  stores = createBlobStores({ connectionString: azurite.connectionString });
  lossy = createBlobStores({
    connectionString: azurite.connectionString.replace(`:${blobPort}/`, `:${proxy.port}/`),
  });
  await stores.createContainers();
  await stores.createContainers();
});

afterAll(async () => {
  await proxy?.close();
  await azurite?.close();
});

const unique = () => randomBytes(6).toString("hex");

/** What an operator does with a storage browser. */
async function put(container: string, name: string, content: string | Buffer): Promise<void> {
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  await service
    .getContainerClient(container)
    .getBlockBlobClient(name)
    .upload(content, Buffer.byteLength(content));
}

async function get(container: string, name: string): Promise<string | undefined> {
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  const blob = service.getContainerClient(container).getBlockBlobClient(name);
  return (await blob.exists()) ? (await blob.downloadToBuffer()).toString() : undefined;
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

async function* pieces(...texts: string[]): AsyncIterable<string> {
  yield* texts;
}

describe("leases", () => {
  it("are one process's at a time, with a note that outlives it", async () => {
    const taken = await Promise.all([1, 2, 3, 4].map(() => stores.leases.acquire("a/name")));
    const [lease, ...others] = taken.filter((one) => one !== undefined);
    if (lease === undefined) throw new Error("nobody got the lease");
    expect([others, lease.note]).toEqual([[], undefined]);
    await lease.write("first");
    await lease.renew();
    await lease.write("note");
    expect(await stores.leases.acquire("a/name")).toBeUndefined();
    expect(await stores.leases.acquire("another")).toBeDefined();
    await lease.release();
    await lease.release();
    const next = await stores.leases.acquire("a/name");
    expect(next?.note).toBe("note");
    for (const late of [() => lease.renew(), () => lease.write("late")])
      await expect(late()).rejects.toMatchObject({ kind: "transient", code: "BlobLeaseLost" });
    await next?.write("");
    await next?.release();
    const last = await stores.leases.acquire("a/name");
    expect(last).toMatchObject({ note: undefined });
    await last?.release();
  });
});

describe("the record of sweeps", () => {
  it("knows none before the first, then its age, and lets one of many begin", async () => {
    expect(await stores.sweeps.age()).toBeUndefined();
    const begun = await Promise.all([1, 2, 3, 4].map(() => stores.sweeps.begin(30_000)));
    expect(begun.filter(Boolean)).toHaveLength(1);
    expect(await stores.sweeps.age()).toBeLessThan(30_000);
    expect(await stores.sweeps.begin(30_000)).toBe(false);
    expect(await stores.sweeps.begin(0)).toBe(true);
    expect(await stores.sweeps.begin(0)).toBe(true);
  });

  it("holds for a write whose answer was lost", async () => {
    const before = proxy.lost;
    proxy.loseAnswers("PUT", 1);
    expect(await lossy.sweeps.begin(0)).toBe(true);
    expect(proxy.lost - before).toBe(1);
  });

  it("names a missing container as what it is", async () => {
    const account = await startAzurite();
    try {
      const empty = createBlobStores({ connectionString: account.connectionString });
      await expect(empty.sweeps.age()).rejects.toMatchObject({ code: "StorageNotPrepared" });
    } finally {
      await account.close();
    }
  });
});

describe("UploadStore", () => {
  it("lists the CSV files, whatever the case of their extension", async () => {
    const endpoint = `Contoso-${unique()}`;
    await put("uploads", `${endpoint}/First.csv`, "abc");
    await put("uploads", `${endpoint}/second.CSV`, "");
    await put("uploads", `${endpoint}/first.json`, "{}");
    const files = (await all(stores.uploads.list())).filter(({ name }) => name.startsWith(endpoint));
    expect(files.map(({ name, size }) => [name, size])).toEqual([
      [`${endpoint}/First.csv`, 3],
      [`${endpoint}/second.CSV`, 0],
    ]);
    expect(Math.abs((files[0]?.modifiedAt ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it("reads the version it names, and removes only that", async () => {
    const name = `${unique()}/batch.csv`;
    const large = randomBytes(9_000_000);
    await put("uploads", name, large);
    const opened = await stores.uploads.open(name);
    if (opened === undefined) throw new Error("the file is missing");
    expect(opened.file).toMatchObject({ name, size: large.length });
    expect((await buffer(opened.content)).equals(large)).toBe(true);

    await put("uploads", name, "newer");
    expect(await stores.uploads.remove(name, opened.file.version)).toBe(false);
    expect(await get("uploads", name)).toBe("newer");
    const again = await stores.uploads.open(name);
    expect(await stores.uploads.remove(name, again?.file.version ?? "")).toBe(true);
    expect(await stores.uploads.remove(name, again?.file.version ?? "")).toBe(true);
    expect(await stores.uploads.open(name)).toBeUndefined();
  });

  it("writes a file over another one", async () => {
    const name = `${unique()}/batch.csv`;
    await stores.uploads.write(name, Buffer.from("first"));
    await stores.uploads.write(name, Buffer.from("sécond"));
    expect(await get("uploads", name)).toBe("sécond");
  });

  it("opens an empty file", async () => {
    const name = `${unique()}/batch.csv`;
    await put("uploads", name, "");
    const opened = await stores.uploads.open(name);
    if (opened === undefined) throw new Error("the file is missing");
    expect(await buffer(opened.content)).toHaveLength(0);
  });

  it("knows its own removal when the answer was lost", async () => {
    const name = `${unique()}/batch.csv`;
    await put("uploads", name, "x");
    const opened = await stores.uploads.open(name);
    const before = proxy.lost;
    proxy.loseAnswers("DELETE", 1);
    expect(await lossy.uploads.remove(name, opened?.file.version ?? "")).toBe(true);
    expect(proxy.lost - before).toBe(1);
    expect(await get("uploads", name)).toBeUndefined();
    opened?.content.destroy();
  });

  it("finds the options beside the CSV in any spelling", async () => {
    const folder = `Contoso-${unique()}`;
    await put("uploads", `${folder.toLowerCase()}/BATCH.JSON`, '{"dryRun":true}');
    expect(await stores.uploads.readOptions(`${folder}/Batch.CSV`)).toBe('{"dryRun":true}');
    await put("uploads", `${folder}/Batch.json`, "{}");
    expect(await stores.uploads.readOptions(`${folder}/Batch.CSV`)).toBe("{}");
    expect(await stores.uploads.readOptions(`${folder}/other.csv`)).toBeUndefined();
  });

  it("reads settings as Notepad and PowerShell save them, and never more than a settings file can be", async () => {
    const folder = unique();
    await put("uploads", `${folder}/a.json`, "\uFEFF{}");
    await put("uploads", `${folder}/b.json`, Buffer.from('\uFEFF{"ä":1}', "utf16le"));
    await put("uploads", `${folder}/c.json`, "");
    await put("uploads", `${folder}/d.json`, Buffer.alloc(6_000_000, " "));
    expect(await stores.uploads.readOptions(`${folder}/a.csv`)).toBe("{}");
    expect(await stores.uploads.readOptions(`${folder}/b.csv`)).toBe('{"ä":1}');
    expect(await stores.uploads.readOptions(`${folder}/c.csv`)).toBe("");
    expect((await stores.uploads.readOptions(`${folder}/d.csv`))?.length).toBeLessThan(3_000_000);
  });
});

describe("EndpointStore", () => {
  it("writes, lists, reads and deletes an endpoint whatever its spelling", async () => {
    const id = unique();
    const name = `contoso-${id}` as EndpointName;
    await put("endpoints", `Contoso-${id}.JSON`, '{"host":"a"}');
    const first = await stores.endpoints.read(name);
    expect(first?.text).toBe('{"host":"a"}');
    const version = await stores.endpoints.write(name, '{"host":"b"}', first?.version);
    expect(await get("endpoints", `Contoso-${id}.JSON`)).toBe('{"host":"b"}');
    expect(await stores.endpoints.read(name)).toEqual({ text: '{"host":"b"}', version });
    expect(await stores.endpoints.list()).toContain(name);
    await put("endpoints", `CONTOSO-${id}.json`, "{}");
    const shown = await stores.endpoints.read(name);
    for (let time = 0; time < 2; time++)
      expect(await stores.endpoints.delete(name, shown?.version ?? "")).toBe(true);
    expect(await stores.endpoints.read(name)).toBeUndefined();
    expect(await stores.endpoints.list()).not.toContain(name);
  });

  it("creates an endpoint that was not there, and passes over other files", async () => {
    const name = `fabrikam-${unique()}` as EndpointName;
    await put("endpoints", "readme.txt", "x");
    await put("endpoints", "not a name.json", "{}");
    await stores.endpoints.write(name, "{}", undefined);
    const names = await stores.endpoints.list();
    expect(names).toContain(name);
    expect(names.join()).not.toMatch(/readme|not a name/);
  });

  it("overwrites and removes only the version it is told", async () => {
    const name = `adatum-${unique()}` as EndpointName;
    const first = await stores.endpoints.write(name, '{"host":"first"}', undefined);
    expect(await stores.endpoints.write(name, '{"host":"second"}', undefined)).toBeUndefined();
    const second = await stores.endpoints.write(name, '{"host":"second"}', first);
    expect(second).toMatch(/^".+"$/);
    expect(await stores.endpoints.write(name, '{"host":"third"}', first)).toBeUndefined();
    expect(await stores.endpoints.delete(name, first ?? "")).toBe(false);
    expect(await stores.endpoints.read(name)).toEqual({ text: '{"host":"second"}', version: second });
    expect(await stores.endpoints.write(`${name}-2` as EndpointName, "{}", first)).toBeUndefined();
  });

  it("knows its own text when the answer was lost", async () => {
    const name = `lost-${unique()}` as EndpointName;
    const before = proxy.lost;
    proxy.loseAnswers("PUT", 1);
    const first = await lossy.endpoints.write(name, '{"host":"a"}', undefined);
    expect(first).toBeDefined();
    proxy.loseAnswers("PUT", 1);
    const second = await lossy.endpoints.write(name, '{"host":"b"}', first);
    expect(proxy.lost - before).toBe(2);
    expect(await stores.endpoints.read(name)).toEqual({ text: '{"host":"b"}', version: second });
  });
});

describe("ReportStore", () => {
  it("lists the reports of a batch and opens one", async () => {
    const batch = unique() as BatchName;
    await stores.reports.write(batch, "validation", pieces("a,b\r\n"));
    await stores.reports.write(batch, "skipped-items", pieces("c\r\n"));
    expect(await stores.reports.list(batch)).toEqual([
      { name: "skipped-items", size: 3, modifiedAt: expect.any(Number) },
      { name: "validation", size: 5, modifiedAt: expect.any(Number) },
    ]);
    const opened = await stores.reports.open(batch, "validation");
    expect(opened?.file).toMatchObject({ name: "validation", size: 5 });
    expect(opened && (await buffer(opened.content)).toString()).toBe("a,b\r\n");
    expect(await stores.reports.open(batch, "mailboxes")).toBeUndefined();
    expect(await stores.reports.list(unique() as BatchName)).toEqual([]);
  });

  const newBatch = () => `batch-${unique()}` as BatchName;

  it("writes a report as a whole over an older one", async () => {
    const batch = newBatch();
    await stores.reports.write(batch, "validation", pieces("a,b\r\n", "1,ü\r\n"));
    expect(await get("reports", `${batch}/validation.csv`)).toBe("a,b\r\n1,ü\r\n");
    await stores.reports.write(batch, "validation", pieces());
    expect(await get("reports", `${batch}/validation.csv`)).toBe("");
  });

  it("streams a report of many megabytes", async () => {
    const batch = newBatch();
    const line = `${"x".repeat(99)}\n`;
    await stores.reports.write(
      batch,
      "mailboxes",
      (async function* () {
        for (let n = 0; n < 120_000; n++) yield line;
      })(),
    );
    expect((await get("reports", `${batch}/mailboxes.csv`))?.length).toBe(12_000_000);
  });

  it("keeps the older report, and the reason, when the new one cannot be made", async () => {
    const batch = newBatch();
    await stores.reports.write(batch, "mailboxes", pieces("old"));
    const reason = new MigrationError("throttled", "StorageBusy", "Table Storage asked for a pause.");
    const failing = stores.reports.write(
      batch,
      "mailboxes",
      (async function* () {
        yield "new";
        throw reason;
      })(),
    );
    await expect(failing).rejects.toBe(reason);
    expect(await get("reports", `${batch}/mailboxes.csv`)).toBe("old");
  });

  it("lets many write the same report at once, small or large", async () => {
    const batch = newBatch();
    const write = (size: number) =>
      stores.reports.write(batch, "validation", pieces(...Array.from({ length: 3 }, () => "x".repeat(size))));
    await Promise.all(Array.from({ length: 8 }, () => write(5)));
    expect(await get("reports", `${batch}/validation.csv`)).toBe("x".repeat(15));

    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () => write(1_100_000)));
    for (const outcome of outcomes)
      if (outcome.status === "rejected")
        expect(outcome.reason).toMatchObject({ kind: "transient", code: "StorageWriteCollided" });
    expect(outcomes.map(({ status }) => status)).toContain("fulfilled");
    expect(await get("reports", `${batch}/validation.csv`)).toHaveLength(3_300_000);
  });

  it("writes once more when an answer was lost", async () => {
    const batch = newBatch();
    const before = proxy.lost;
    proxy.loseAnswers("PUT", 1);
    await lossy.reports.write(batch, "validation", pieces("text"));
    expect(proxy.lost - before).toBe(1);
    expect(await get("reports", `${batch}/validation.csv`)).toBe("text");
  });

  it("removes the reports of one batch only", async () => {
    const batch = newBatch();
    const neighbour = `${batch}-2` as BatchName;
    for (const name of [batch, neighbour]) {
      await stores.reports.write(name, "validation", pieces("a"));
      await stores.reports.write(name, "skipped-items", pieces("b"));
    }
    await stores.reports.deleteAll(batch);
    await stores.reports.deleteAll(batch);
    expect(await get("reports", `${batch}/validation.csv`)).toBeUndefined();
    expect(await get("reports", `${batch}/skipped-items.csv`)).toBeUndefined();
    expect(await get("reports", `${neighbour}/validation.csv`)).toBe("a");
  });
});

describe("errors", () => {
  it("says which role is missing, without the request that was refused", async () => {
    const refused = createBlobStores({
      connectionString: azurite.connectionString.replace(
        /AccountKey=[^;]+/,
        `AccountKey=${"A".repeat(86)}==`,
      ),
    });
    const error = await refused.endpoints.list().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "fatal", code: "StorageAccessDenied" });
    expect(String(error)).toContain("Storage Blob Data Contributor");
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain("SharedKey");
  });

  it("is transient where nothing answers", async () => {
    const nobody = createBlobStores({
      connectionString: azurite.connectionString.replace(
        /BlobEndpoint=[^;]+/,
        "BlobEndpoint=http://127.0.0.1:9/devstoreaccount1",
      ),
    });
    const error = await nobody.uploads.open("a/b.csv").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: "transient", code: "StorageUnreachable" });
  });

  it("names a missing container as what it is", async () => {
    const account = await startAzurite();
    try {
      const empty = createBlobStores({ connectionString: account.connectionString });
      const error = await empty.uploads.open("a/b.csv").catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: "fatal", code: "StorageNotPrepared" });
    } finally {
      await account.close();
    }
  });
});
