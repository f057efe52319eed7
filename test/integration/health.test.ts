import { TableServiceClient } from "@azure/data-tables";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };
import type { HealthDetails } from "../../shared/domain/api/service.ts";
import { type AppProcess, startApp } from "../stack/app-process.ts";
import { type Azurite, startAzurite } from "../stack/azurite.ts";
import { KeyVaultStandIn } from "../stack/key-vault.ts";
import { type Stack, startStack } from "../stack/stack.ts";

/** Kept apart from the host's storage, which the host cannot do without. */
let data: Azurite;
let stack: Stack;
let vault: KeyVaultStandIn;
let app: AppProcess;

beforeAll(async () => {
  data = await startAzurite();
  vault = await KeyVaultStandIn.start();
  stack = await startStack({ settings: { ...vault.settings, DataStorage: data.connectionString } });
  app = await startApp({ settings: stack.settings });
});
afterAll(async () => {
  await app?.kill();
  await stack?.close();
  await vault?.stop();
  await data?.close();
});

const request = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${app.url}/api/${path}`, { headers });

async function details(): Promise<HealthDetails> {
  const answer = await request("health/details");
  const text = await answer.text();
  expect(answer.status).toBe(200);
  for (const secret of [/AccountKey/i, /SharedAccess/i, /Bearer/i, ...secrets()])
    expect(text).not.toMatch(secret);
  return JSON.parse(text) as HealthDetails;
}

function secrets(): readonly RegExp[] {
  const keys = [stack.settings.AzureWebJobsStorage, stack.settings.ServiceBusConnection].map(
    (connection) => /Key=([^;]+)/.exec(connection ?? "")?.[1],
  );
  return [...keys, stack.settings.GRAPH_TOKEN, stack.settings.IDENTITY_HEADER].map((secret) => {
    if (!secret) throw new Error("a secret of the stack is missing");
    return new RegExp(secret.replace(/[^\w]/g, "\\$&"));
  });
}

const states = ({ connections }: HealthDetails) =>
  Object.fromEntries(connections.map(({ name, status, code }) => [name, code ?? status]));
const healthy = {
  ...{ settings: "ok", blobs: "ok", tables: "ok", serviceBus: "ok", vault: "ok", target: "ok" },
};

describe("the health of an app whose connections go one after another", () => {
  it("is a bare yes, and in detail the version, every connection and the last sweep", async () => {
    const bare = await request("health");
    expect([bare.status, await bare.text()]).toEqual([200, ""]);
    await fetch(`${app.url}/admin/functions/janitor`, { method: "POST" });
    await app.waitForEvent(({ message }) => message === "janitor.swept");
    const found = await details();
    expect(found).toMatchObject({ status: "healthy", version: manifest.version, missingPermissions: null });
    expect(states(found)).toEqual(healthy);
    expect(found.lastSweep?.ageSeconds).toBeLessThan(120);
  });

  it("names a table that is gone, and sees it again", async () => {
    const service = TableServiceClient.fromConnectionString(data.connectionString, {
      allowInsecureConnection: true,
    });
    await service.deleteTable("ledgers");
    expect(states(await details())).toEqual({ ...healthy, tables: "StorageNotPrepared" });
    await service.createTable("ledgers");
    expect(states(await details())).toEqual(healthy);
  });

  it("names a key that is disabled", async () => {
    const current = vault.versions.at(-1) ?? "";
    vault.disable(current);
    expect(states(await details())).toEqual({ ...healthy, vault: "KeyVaultForbidden" });
    vault.rotate();
    expect(states(await details())).toEqual(healthy);
  });

  it("names everything that does not answer, with nobody left, and since when", async () => {
    await stack.graph?.close();
    expect(states(await details())).toMatchObject({
      blobs: "ok",
      serviceBus: "ok",
      target: expect.any(String),
    });
    await vault.stop();
    await stack.serviceBus?.close();
    await data.close();
    const found = await details();
    expect(found.status).toBe("unhealthy");
    for (const { name, status, since, message } of found.connections) {
      expect([name, status]).toEqual([name, name === "settings" ? "ok" : "away"]);
      expect(Date.parse(since)).toBeGreaterThan(0);
      if (name !== "settings") expect(message).toMatch(/\w{3}/);
    }
    const again = await details();
    expect(again.connections.map(({ since }) => since)).toEqual(found.connections.map(({ since }) => since));
    const bare = await request("health");
    expect([bare.status, await bare.text()]).toEqual([503, ""]);
  });
});
