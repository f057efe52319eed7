/** What to send when something fails: versions, settings by name, health and the last errors. No secret and no address. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { release, type } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { runCommand } from "./command.ts";
import { redact } from "./redact.ts";
import { type Rest, restOfCli, services, tokenOfCli } from "./rest.ts";
import { deploymentValue, findValue } from "./values.ts";

const infra = join(import.meta.dirname, "..");

/** Outputs of main.bicep and what was given to it. */
const valueNames = [
  "AZURE_ENV_NAME",
  "AZURE_LOCATION",
  "AZURE_SUBSCRIPTION_ID",
  "AZURE_TENANT_ID",
  "API_CLIENT_ID",
  "API_URL",
  "FUNCTION_APP_ID",
  "IDENTITY_CLIENT_ID",
  "IDENTITY_PRINCIPAL_ID",
  "SYSTEM_TOPIC_ID",
  "DATA_STORAGE_ACCOUNT",
  "KEY_VAULT_NAME",
  "LOG_ANALYTICS_WORKSPACE_ID",
];

/** A part of the report. What it cannot read, it says; the others go on. */
export interface Section {
  readonly title: string;
  read(): Promise<readonly string[]>;
}

/** The services as the operator may call them, and the values of the deployment. */
export interface Sources {
  readonly arm: Rest;
  readonly logs: Rest;
  /** A page of the API as it comes, whatever the status. */
  api(path: string): Promise<{ readonly status: number; readonly body: string }>;
  /** @throws Error that names the value that is missing. */
  value(name: string): string;
  /** Values that are set, by name. */
  readonly names: ReadonlySet<string>;
}

const appSettings = z.object({ properties: z.record(z.string(), z.string()) });
const hostStatus = z.object({
  properties: z.object({
    state: z.string(),
    version: z.string().optional(),
    errors: z.array(z.string()).optional(),
  }),
});
const functions = z.object({ value: z.array(z.object({ name: z.string() })) });
const subscriptionState = z.object({ properties: z.object({ provisioningState: z.string() }) });
const assignments = z.object({
  value: z.array(z.object({ properties: z.object({ roleDefinitionId: z.string(), scope: z.string() }) })),
});
const deployments = z.object({
  value: z.array(
    z.object({
      name: z.string(),
      tags: z.record(z.string(), z.string()).optional(),
      properties: z.object({
        provisioningState: z.string(),
        timestamp: z.string(),
        error: z.unknown().optional(),
      }),
    }),
  ),
});
const rows = z.object({
  tables: z.array(
    z.object({ columns: z.array(z.object({ name: z.string() })), rows: z.array(z.array(z.unknown())) }),
  ),
});

/** Parts that ask Azure and the app. */
export function sections({ arm, logs, api, value, names }: Sources): readonly Section[] {
  const query = (file: string): Promise<readonly string[]> => queried(logs, value, file);
  return [
    {
      title: "Values of the deployment",
      read: async () => valueNames.map((name) => `${name}: ${names.has(name) ? "set" : "missing"}`),
    },
    { title: "Deployments", read: () => lastDeployments(arm, value) },
    {
      title: "Functions host",
      async read() {
        const path = `${value("FUNCTION_APP_ID")}/host/default/properties/status?api-version=2024-04-01`;
        const { properties } = hostStatus.parse(await arm("GET", path));
        const { state, version, errors = [] } = properties;
        return [`${state}, version ${version ?? "unknown"}`, ...errors];
      },
    },
    {
      title: "Functions",
      async read() {
        const path = `${value("FUNCTION_APP_ID")}/functions?api-version=2024-04-01`;
        return functions.parse(await arm("GET", path)).value.map(({ name }) => name.split("/").pop() ?? name);
      },
    },
    {
      title: "Application settings, by name",
      async read() {
        const path = `${value("FUNCTION_APP_ID")}/config/appsettings/list?api-version=2024-04-01`;
        const { properties } = appSettings.parse(await arm("POST", path));
        return Object.keys(properties)
          .sort()
          .map((name) => (properties[name] === "" ? `${name} (empty)` : name));
      },
    },
    { title: "Roles of the app's identity", read: () => rolesOf(arm, value) },
    {
      title: "Subscription to new CSV files",
      async read() {
        const path = `${value("SYSTEM_TOPIC_ID")}/eventSubscriptions/uploads?api-version=2025-02-15`;
        return [subscriptionState.parse(await arm("GET", path)).properties.provisioningState];
      },
    },
    {
      title: "Health",
      async read() {
        const { status, body } = await api("/api/health/details");
        return [`GET /api/health/details: ${status}`, ...body.split("\n").slice(0, 100)];
      },
    },
    { title: "Errors of the app in a day", read: () => query("last-errors") },
    { title: "Errors of the host in a day", read: () => query("host-errors") },
  ];
}

async function lastDeployments(arm: Rest, value: Sources["value"]): Promise<readonly string[]> {
  const path = `/subscriptions/${value("AZURE_SUBSCRIPTION_ID")}/providers/Microsoft.Resources/deployments?api-version=2024-03-01&$top=50`;
  const environment = value("AZURE_ENV_NAME");
  return deployments
    .parse(await arm("GET", path))
    .value.filter(({ name, tags }) => tags?.["azd-env-name"] === environment || name.startsWith(environment))
    .sort((a, b) => b.properties.timestamp.localeCompare(a.properties.timestamp))
    .slice(0, 3)
    .flatMap(({ name, properties: { provisioningState, timestamp, error } }) => [
      `${timestamp} ${name}: ${provisioningState}`,
      ...(error === undefined ? [] : JSON.stringify(error, undefined, 1).split("\n").slice(0, 60)),
    ]);
}

async function rolesOf(arm: Rest, value: Sources["value"]): Promise<readonly string[]> {
  const known = z
    .record(z.string(), z.string())
    .parse(JSON.parse(readFileSync(join(infra, "roles.json"), "utf8")));
  const names = new Map(Object.entries(known).map(([name, id]) => [id, name]));
  const filter = `$filter=principalId eq '${value("IDENTITY_PRINCIPAL_ID")}'`;
  const path = `/subscriptions/${value("AZURE_SUBSCRIPTION_ID")}/providers/Microsoft.Authorization/roleAssignments?${filter}&api-version=2022-04-01`;
  return assignments.parse(await arm("GET", path)).value.map(({ properties }) => {
    const id = properties.roleDefinitionId.split("/").pop() ?? "";
    return `${names.get(id) ?? id} on ${properties.scope.replace(/^.*\/providers\//, "")}`;
  });
}

async function queried(logs: Rest, value: Sources["value"], file: string): Promise<readonly string[]> {
  const path = `/v1/workspaces/${value("LOG_ANALYTICS_WORKSPACE_ID")}/query`;
  const body = { query: readFileSync(join(infra, "queries", `${file}.kql`), "utf8") };
  const [table] = rows.parse(await logs("POST", path, body)).tables;
  if (table === undefined || table.rows.length === 0) return ["none"];
  return table.rows.map((row) =>
    row.map((cell, index) => `${table.columns[index]?.name}=${String(cell)}`).join(" "),
  );
}

/** The report, one line each. Every line is redacted, whatever it comes from. */
export async function report(parts: readonly Section[]): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { title, read } of parts) {
    lines.push(`== ${title}`);
    try {
      lines.push(...(await read()));
    } catch (error) {
      lines.push(`could not be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return lines.map(redact);
}

const manifest = z.object({ name: z.string(), version: z.string() });

/** Versions of the product and of what deploys it. */
async function versions(): Promise<readonly string[]> {
  const product = manifest.parse(JSON.parse(readFileSync(join(infra, "../package.json"), "utf8")));
  const tools = [
    ["az", "version"],
    ["azd", "version"],
    ["func", "--version"],
    ["bicep", "--version"],
  ] as const;
  return [
    `${product.name} ${product.version}`,
    `node ${process.version} on ${type()} ${release()} ${process.arch}`,
    ...tools.map(([tool, question]) => {
      // az and func are scripts on Windows, which only a shell starts.
      const shell = process.platform === "win32";
      const { status, stdout } = spawnSync(tool, [question], { encoding: "utf8", shell });
      return `${tool} ${status === 0 ? (/\d+\.\d+\.\d+[\w.-]*/.exec(stdout)?.[0] ?? "unknown") : "is not here"}`;
    }),
  ];
}

async function askApi(path: string): Promise<{ readonly status: number; readonly body: string }> {
  const token = await tokenOfCli(`api://${deploymentValue("API_CLIENT_ID")}`);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(new URL(path, deploymentValue("API_URL")), { headers, redirect: "manual" });
  return { status: answer.status, body: await answer.text() };
}

async function healthWithoutSignIn(): Promise<readonly string[]> {
  const { status } = await fetch(new URL("/api/health", deploymentValue("API_URL")), { redirect: "manual" });
  return [`GET /api/health: ${status}`];
}

async function main(): Promise<void> {
  const set = new Set(valueNames.filter((name) => findValue(name) !== undefined));
  const parts: readonly Section[] = [
    { title: "Versions", read: versions },
    ...sections({
      arm: restOfCli(services.resourceManager),
      logs: restOfCli(services.logAnalytics),
      api: askApi,
      value: deploymentValue,
      names: set,
    }),
    { title: "Health without sign-in", read: healthWithoutSignIn },
  ];
  console.log((await report(parts)).join("\n"));
}

if (import.meta.main) await runCommand(main);
