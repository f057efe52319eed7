import { TableClient, TableServiceClient } from "@azure/data-tables";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import type { Deployment } from "../stack/deployment.ts";

/** All that the application has written anywhere, as named texts: rows, blobs, queue messages, log lines. */
export async function* everythingStored(deployment: Deployment): AsyncGenerator<readonly [string, string]> {
  const connectionString = deployment.stack.settings.AzureWebJobsStorage ?? "";
  const tables = TableServiceClient.fromConnectionString(connectionString, { allowInsecureConnection: true });
  for await (const { name } of tables.listTables()) {
    const table = TableClient.fromConnectionString(connectionString, name ?? "", {
      allowInsecureConnection: true,
    });
    for await (const row of table.listEntities()) yield [`table ${name}`, JSON.stringify(row, bigintAsText)];
  }
  const blobs = BlobServiceClient.fromConnectionString(connectionString);
  for await (const container of blobs.listContainers()) {
    const client = blobs.getContainerClient(container.name);
    for await (const blob of client.listBlobsFlat()) {
      const content = await client.getBlobClient(blob.name).downloadToBuffer();
      yield [`blob ${container.name}/${blob.name}`, `${blob.name} ${content.toString("latin1")}`];
    }
  }
  const queues = QueueServiceClient.fromConnectionString(connectionString);
  for await (const { name } of queues.listQueues()) {
    const { peekedMessageItems } = await queues.getQueueClient(name).peekMessages({ numberOfMessages: 32 });
    for (const { messageText } of peekedMessageItems)
      yield [
        `storage queue ${name}`,
        `${messageText} ${Buffer.from(messageText, "base64").toString("latin1")}`,
      ];
  }
  for (const message of deployment.stack.serviceBus?.messages() ?? [])
    yield [`queue ${message.queue}`, JSON.stringify(message)];
  for (const line of deployment.log) yield ["log", JSON.stringify(line)];
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}
