import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TableClient } from "@azure/data-tables";
import { BlobServiceClient } from "@azure/storage-blob";
import { expect, onTestFinished, test } from "vitest";
import { type Azurite, startAzurite } from "../stack/azurite.ts";

function clients(azurite: Azurite) {
  return {
    table: TableClient.fromConnectionString(azurite.connectionString, "rows", {
      allowInsecureConnection: true,
    }),
    container: BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
      "container",
    ),
  };
}

async function write(azurite: Azurite): Promise<void> {
  const { table, container } = clients(azurite);
  await table.createTable();
  await table.createEntity({ partitionKey: "p", rowKey: "r", value: "kept" });
  await container.create();
  await container.getBlockBlobClient("blob").upload("kept", 4);
}

test("two in memory know nothing of each other", async () => {
  const first = await startAzurite();
  onTestFinished(() => first.close());
  const second = await startAzurite();
  onTestFinished(() => second.close());
  await write(first);

  expect(await clients(first).container.exists()).toBe(true);
  expect(await clients(second).container.exists()).toBe(false);
});

test("what is in a directory outlives a restart", async () => {
  const directory = await mkdtemp(join(tmpdir(), "azurite-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const before = await startAzurite({ directory });
  await write(before).finally(() => before.close());

  const after = await startAzurite({ directory });
  onTestFinished(() => after.close());
  const { table, container } = clients(after);
  expect(await table.getEntity("p", "r")).toMatchObject({ value: "kept" });
  expect((await container.getBlockBlobClient("blob").downloadToBuffer()).toString()).toBe("kept");
});

test("a port that is taken is an error", async () => {
  const first = await startAzurite();
  onTestFinished(() => first.close());
  const blobPort = Number(/BlobEndpoint=http:\/\/127\.0\.0\.1:(\d+)/.exec(first.connectionString)?.[1]);

  await expect(startAzurite({ blobPort })).rejects.toMatchObject({ code: "EADDRINUSE" });
});
