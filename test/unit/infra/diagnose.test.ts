import { afterEach, describe, expect, it } from "vitest";
import { report, sections } from "../../../infra/scripts/diagnose.ts";
import { redact } from "../../../infra/scripts/redact.ts";
import { createRest } from "../../../infra/scripts/rest.ts";
import {
  type JsonAnswer,
  type JsonRequest,
  type JsonService,
  startJsonService,
} from "../../stack/json-service.ts";

let service: JsonService;
afterEach(() => service?.close());

/** Secrets that the services below answer with; none may be in a report. */
const secrets = [
  "https://sthost.blob.core.windows.net/?sv=2024&sig=c2VjcmV0",
  "hunter2",
  "alberta@contoso.com",
  "eyJhbGciOiJSUzI1NiJ9.eyJvaWQiOiIxIn0.c2lnbmF0dXJl",
  `${"Zm9v".repeat(14)}==`,
];

const answers: Readonly<Record<string, JsonAnswer>> = {
  "/app/host/default/properties/status": {
    status: 200,
    body: { properties: { state: "Running", version: "4.1040.0", errors: [`bad code=${secrets[4]}`] } },
  },
  "/app/functions": { status: 200, body: { value: [{ name: "app/upload" }, { name: "app/janitor" }] } },
  "/app/config/appsettings/list": {
    status: 200,
    body: { properties: { TARGET: "graph", GRAPH_TOKEN: "", PLANTED: secrets[1] } },
  },
  "/topic/eventSubscriptions/uploads": {
    status: 200,
    body: { properties: { provisioningState: "Succeeded" } },
  },
  "/subscriptions/0000/providers/Microsoft.Authorization/roleAssignments": {
    status: 200,
    body: {
      value: [
        {
          properties: {
            roleDefinitionId: "/x/roleDefinitions/090c5cfd-751d-490a-894a-3ce6f1109419",
            scope: "/subscriptions/0000/resourceGroups/rg/providers/Microsoft.ServiceBus/namespaces/sbns",
          },
        },
      ],
    },
  },
  "/subscriptions/0000/providers/Microsoft.Resources/deployments": {
    status: 200,
    body: {
      value: [
        {
          name: "mail-1",
          properties: {
            provisioningState: "Failed",
            timestamp: "2026-01-02",
            error: { code: "VaultAlreadyExists", message: `password=${secrets[1]}` },
          },
        },
        { name: "other-1", properties: { provisioningState: "Failed", timestamp: "2026-01-03" } },
      ],
    },
  },
  "/v1/workspaces/workspace/query": {
    status: 200,
    body: {
      tables: [
        {
          columns: [{ name: "Text" }, { name: "Count" }],
          rows: [[`listener failed for ${secrets[2]} with ${secrets[0]} and Bearer ${secrets[3]}`, 3]],
        },
      ],
    },
  },
};

const values: Readonly<Record<string, string>> = {
  AZURE_ENV_NAME: "mail",
  AZURE_SUBSCRIPTION_ID: "0000",
  FUNCTION_APP_ID: "/app",
  SYSTEM_TOPIC_ID: "/topic",
  IDENTITY_PRINCIPAL_ID: "principal",
  LOG_ANALYTICS_WORKSPACE_ID: "workspace",
};

async function diagnosis(answer: (request: JsonRequest) => JsonAnswer): Promise<string> {
  service = await startJsonService(answer);
  const rest = createRest(service.url, async () => "a token");
  const parts = sections({
    arm: rest,
    logs: rest,
    api: async () => ({ status: 503, body: '{"status":"unhealthy","bus":"missing"}' }),
    value: (name) => values[name] ?? "",
    names: new Set(Object.keys(values)),
  });
  return (await report(parts)).join("\n");
}

describe("a diagnosis", () => {
  it("says what is set, what runs, and what failed last", async () => {
    const text = await diagnosis(({ path }) => answers[path.split("?")[0] ?? ""] ?? { status: 404 });
    for (const said of [
      "AZURE_ENV_NAME: set",
      "API_URL: missing",
      "2026-01-02 mail-1: Failed",
      "VaultAlreadyExists",
      "Running, version 4.1040.0",
      "upload\njanitor",
      "GRAPH_TOKEN (empty)\nPLANTED\nTARGET",
      "Azure Service Bus Data Owner on Microsoft.ServiceBus/namespaces/sbns",
      "Succeeded",
      'GET /api/health/details: 503\n{"status":"unhealthy","bus":"missing"}',
      "Text=listener failed for <address>",
    ])
      expect(text).toContain(said);
    expect(text).not.toContain("other-1");
    expect(text).not.toContain("could not be read");
  });

  it("holds no secret and no address", async () => {
    const text = await diagnosis(({ path }) => answers[path.split("?")[0] ?? ""] ?? { status: 404 });
    for (const secret of ["c2VjcmV0", ...secrets.slice(1)]) expect(text).not.toContain(secret);
  });

  it("goes on where a part cannot be read", async () => {
    const text = await diagnosis(({ path }) =>
      path.startsWith("/app/functions")
        ? { status: 403, body: { error: { message: `no authorization for ${secrets[2]}` } } }
        : (answers[path.split("?")[0] ?? ""] ?? { status: 404 }),
    );
    expect(text).toContain("== Functions\ncould not be read: no authorization for <address>");
    expect(text).toContain("== Errors of the host in a day\nText=");
  });
});

describe("redaction", () => {
  it.each([
    ["Endpoint=sb://x;SharedAccessKeyName=n;SharedAccessKey=abc=;EntityPath=q", "abc"],
    ['{"password": "p@ss phrase"}', "phrase"],
    ["https://x/runtime/webhooks/blobs?functionName=f&code=abc%3D%3D", "abc"],
    ["client_secret=abc", "abc"],
  ])("of %s", (text, secret) => {
    expect(redact(text)).not.toContain(secret);
    expect(redact(text)).toContain("<hidden>");
  });

  it.each([
    "Microsoft.Storage/storageAccounts/stdatazfijjs42gl4ks/blobServices/default/containers/uploads",
    "2026-01-02T03:04:05Z VaultAlreadyExists: The vault name is already in use.",
    "Microsoft.Azure.WebJobs.ServiceBus.Listeners.ServiceBusListener",
  ])("leaves %s as it is", (text) => expect(redact(text)).toBe(text));
});
