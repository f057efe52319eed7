import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { readConfig, settingNames } from "../../../shared/config.ts";
import { endpointSchema } from "../../../shared/domain/endpoint.ts";
import {
  folderSyncQueue,
  isolatedSyncQueue,
  janitorQueue,
  operationsQueue,
} from "../../../shared/domain/queue-messages.ts";
import { planDeployment } from "../../stack/infra-check/deployment.ts";
import { eventLevelProblems, hostJsonProblems, permitProblems } from "../../stack/infra-check/host-json.ts";
import { withMistake } from "../../stack/infra-check/planted.ts";
import { deployedQueues, emulatedQueues } from "../../stack/infra-check/queues.ts";
import { deployedSettings, settingProblems } from "../../stack/infra-check/settings.ts";
import { deployedStorage } from "../../stack/infra-check/storage.ts";
import { queues } from "../../stack/stack.ts";

const root = join(import.meta.dirname, "../../..");
const infra = join(root, "infra");
const parameters = { environmentName: "test", location: "westeurope", apiClientId: "0".repeat(36) };
const hostJson = readFileSync(join(root, "host.json"), "utf8");
const sample = JSON.parse(readFileSync(join(root, "local.settings.sample.json"), "utf8")) as {
  Values: Record<string, string>;
};

async function settingsOf(folder: string, more = {}): Promise<Readonly<Record<string, string>>> {
  return deployedSettings(await planDeployment(join(folder, "main.bicep"), { ...parameters, ...more }));
}

describe("application settings", () => {
  async function problems(folder: string, local = Object.keys(sample.Values)): Promise<readonly string[]> {
    return settingProblems({ azure: Object.keys(await settingsOf(folder)), local, code: settingNames });
  }

  it("are the same groups in Bicep, in the sample and in the code", async () => {
    expect(await problems(infra)).toEqual([]);
  });

  it.each([
    [
      "a setting that Bicep lost",
      "          RESYNC_SCHEDULE: resyncSchedule\n",
      "",
      "Bicep lacks RESYNC_SCHEDULE",
    ],
    [
      "a misspelt one",
      "CHUNK_MAX_BYTES:",
      "CHUNK_MAX_BYTE:",
      "Bicep has CHUNK_MAX_BYTE, which no group knows",
    ],
    [
      "a key in Azure",
      "TARGET: target\n",
      "TARGET: target\n          CREDENTIAL_KEY: 'x'\n",
      "Bicep has CREDENTIAL_KEY, which no group knows",
    ],
  ])("are refused with %s", async (_, from, to, message) => {
    expect(await withMistake(infra, ["modules/app.bicep", from, to], (copy) => problems(copy))).toContain(
      message,
    );
  });

  it("are refused with a sample that lost one", async () => {
    const names = Object.keys(sample.Values).filter((name) => name !== "CREDENTIAL_KEY");
    expect(await problems(infra, names)).toEqual(["local.settings.sample.json lacks CREDENTIAL_KEY"]);
  });

  it.each(["graph", "imap"])(
    "are accepted by the code for the target %s, at its own defaults",
    async (target) => {
      const settings = Object.entries(await settingsOf(infra, { target }));
      // What only Azure knows stands in angle brackets.
      const plausible = settings.map(([name, value]) => [
        name,
        value.replaceAll(/<[^>]+>/g, "known-in-azure"),
      ]);
      const config = readConfig({
        ...Object.fromEntries(plausible),
        CREDENTIAL_KEY_URI: "https://vault/keys/credentials",
      });
      const defaults = readConfig({
        ...sample.Values,
        TARGET: "graph",
        GRAPH_TOKEN: "",
        CHUNK_MAX_SECONDS: "",
        CHUNK_MAX_MESSAGES: "",
        CHUNK_MAX_BYTES: "",
      });
      expect(config.target.kind).toBe(target);
      expect(config.chunk).toEqual(defaults.chunk);
      expect(config.uploadTriggerSource).toBe("EventGrid");
      expect(config.storage).toHaveProperty("tableUrl");
      expect(config.serviceBus).toHaveProperty("fullyQualifiedNamespace");
    },
  );
});

describe("instances that are kept warm", () => {
  const files = readdirSync(join(root, "functions")).filter((file) => file.endsWith(".ts"));
  const registered = files.flatMap((file) =>
    [
      ...readFileSync(join(root, "functions", file), "utf8").matchAll(/app\.serviceBusQueue\("([\w-]+)"/g),
    ].map(([, name]) => `function:${name}`),
  );
  const alwaysReady = async (alwaysReadyInstances: number): Promise<readonly string[]> => {
    const plan = await planDeployment(join(infra, "main.bicep"), { ...parameters, alwaysReadyInstances });
    const site = plan.deployed.find(({ path }) => path === "app/site");
    const { scaleAndConcurrency } = z
      .object({
        scaleAndConcurrency: z.object({
          alwaysReady: z.array(
            z.object({ name: z.string(), instanceCount: z.literal(alwaysReadyInstances) }),
          ),
        }),
      })
      .parse(site?.params.functionAppConfig);
    return scaleAndConcurrency.alwaysReady.map(({ name }) => name);
  };

  it("are of the functions that copy mail, and none without being asked for", async () => {
    expect(await alwaysReady(0)).toEqual([]);
    expect(await alwaysReady(2)).toEqual(["function:operations", "function:folder-sync"]);
    expect(registered).toEqual(expect.arrayContaining(["function:operations", "function:folder-sync"]));
  });
});

describe("host.json", () => {
  it("follows its published schema", () => {
    expect(hostJsonProblems(hostJson)).toEqual([]);
  });

  it.each([
    ["a misspelt setting", '"maxConcurrentSessions"', '"maxConcurrentSession"', /maxConcurrentSession"/],
    ["a time without seconds", '"00:30:00"', '"00:30"', /expected \[d\.\]hh:mm:ss/],
    ["a level that does not exist", '"Information"', '"Verbose"', /logLevel/],
  ])("is refused with %s", (_, from, to, message) => {
    expect(hostJson).toContain(from);
    expect(hostJsonProblems(hostJson.replace(from, to)).join("\n")).toMatch(message);
  });

  it("records the events of the application", () => {
    expect(eventLevelProblems(hostJson)).toEqual([]);
    expect(eventLevelProblems(hostJson.replace(/"Function": "\w+"/, '"Function": "Warning"'))).toHaveLength(
      1,
    );
    expect(eventLevelProblems(hostJson.replace(/"Host.Function.Console": "\w+",/, ""))).toEqual([
      "Host.Function.Console is at Warning by Host",
    ]);
  });

  it("has a session for every permit of an endpoint at its defaults, on the instances that Bicep allows", async () => {
    const endpoint = endpointSchema.parse({ host: "imap.example" });
    const permits = endpoint.maxConcurrentMigrations + endpoint.maxConcurrentIncrementalSyncs;
    const { deployed } = await planDeployment(join(infra, "main.bicep"), parameters);
    const site = deployed.find(({ path }) => path === "app/site");
    const { scaleAndConcurrency } = z
      .object({ scaleAndConcurrency: z.object({ maximumInstanceCount: z.int() }) })
      .parse(site?.params.functionAppConfig);
    const instances = scaleAndConcurrency.maximumInstanceCount;
    expect(permitProblems(hostJson, permits, instances)).toEqual([]);
    expect(permitProblems(hostJson, permits, 1)).toHaveLength(1);
    expect(permitProblems(hostJson, permits * 1000, instances)).toHaveLength(1);
  });
});

describe("containers and tables", () => {
  const used = (file: string, kind: string): readonly string[] =>
    [
      ...readFileSync(join(root, "shared/adapters", file), "utf8").matchAll(
        new RegExp(`new ${kind}\\(settings, "(\\w+)"[,)]`, "g"),
      ),
    ].map(([, name]) => name ?? "");
  const opened = {
    containers: used("blobs/blob-stores.ts", "Container"),
    tables: used("tables/table-stores.ts", "StorageTable"),
  };
  const declared = async (folder: string): Promise<unknown> =>
    deployedStorage(await planDeployment(join(folder, "main.bicep"), parameters));

  it("are declared in Bicep as the app opens them, which makes none in Azure", async () => {
    expect(opened.containers).toContain("uploads");
    expect(await declared(infra)).toEqual({
      containers: new Set(opened.containers),
      tables: new Set(opened.tables),
    });
  });

  it.each([
    ["a table that is missing", "{ name: 'ledgers' }, ", ""],
    ["a misspelt container", "name: 'reports'", "name: 'report'"],
  ])("are refused with %s", async (_, from, to) => {
    const mistake = ["modules/storage.bicep", from, to] as const;
    expect(await withMistake(infra, mistake, declared)).not.toEqual(await declared(infra));
  });
});

describe("queues", () => {
  /** What the code relies on: the queues of the local stack, and that nothing is lost that expires. */
  const expected = Object.fromEntries(
    Object.entries(queues).map(([name, queue]) => [
      name,
      { requiresSession: false, deadLetteringOnMessageExpiration: true, ...queue },
    ]),
  );
  const declared = async (folder: string): Promise<unknown> =>
    deployedQueues(await planDeployment(join(folder, "main.bicep"), parameters));

  it("are declared in Bicep as in the local stack", async () => {
    expect(Object.keys(expected)).toEqual([
      operationsQueue,
      folderSyncQueue,
      isolatedSyncQueue,
      janitorQueue,
    ]);
    expect(await declared(infra)).toEqual(expected);
  });

  it("are the same in the emulator's configuration, but for its limits of deliveries and of the window of duplicates", () => {
    const emulated = emulatedQueues(join(infra, "local/servicebus-config.json"));
    const shorter = Object.entries(expected).map(([name, queue]) => [
      name,
      { ...queue, maxDeliveryCount: 10, duplicateDetectionWindowMs: 300_000 },
    ]);
    expect(emulated).toEqual(Object.fromEntries(shorter));
  });

  it.each([
    ["a queue without sessions", "requiresSession: true", "requiresSession: false"],
    ["a longer lock", "lockDuration: 'PT1M'", "lockDuration: 'PT5M'"],
    ["no duplicate detection", "requiresDuplicateDetection: true", "requiresDuplicateDetection: false"],
    ["another name", "name: 'folder-sync'", "name: 'folders-sync'"],
  ])("are refused with %s", async (_, from, to) => {
    expect(await withMistake(infra, ["modules/messaging.bicep", from, to], declared)).not.toEqual(expected);
  });
});
