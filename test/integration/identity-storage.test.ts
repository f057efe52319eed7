import { TableServiceClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type AppProcess, startApp } from "../stack/app-process.ts";
import { type IdentityStorage, startIdentityStorage } from "../stack/identity-storage.ts";
import { type Stack, startStack } from "../stack/stack.ts";

/** As infra/modules/storage.bicep makes them. */
const tables = ["batches", "mailboxes", "ledgers", "admissions", "domains"];

describe("where the deployment makes containers and tables", () => {
  let stack: Stack;
  let storage: IdentityStorage;
  let app: AppProcess;
  beforeAll(async () => {
    stack = await startStack();
    const connectionString = stack.settings.AzureWebJobsStorage ?? "";
    const service = TableServiceClient.fromConnectionString(connectionString, {
      allowInsecureConnection: true,
    });
    for (const table of tables) await service.createTable(table);
    storage = await startIdentityStorage({ connectionString });
    app = await startApp({ settings: { ...stack.settings, ...storage.settings } });
  });
  afterAll(async () => {
    await app?.stop();
    await storage?.close();
    await stack?.close();
  });

  it("the app works without making any, which its roles need not allow", async () => {
    const answer = await fetch(`${app.url}/api/batches`);
    expect([answer.status, await answer.json()]).toEqual([200, { value: [], nextLink: null }]);
    expect(await (await fetch(`${app.url}/api/endpoints`)).json()).toEqual({ value: [], nextLink: null });
    expect(storage.refusedCreations).toEqual([]);
  });
});
