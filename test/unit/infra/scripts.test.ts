import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Patience, subscribe } from "../../../infra/scripts/event-subscription.ts";
import { assignments } from "../../../infra/scripts/outputs.ts";
import { applyPermissions, plannedPermissions } from "../../../infra/scripts/permissions.ts";
import { findDeletedVault, registerProvider } from "../../../infra/scripts/prepare.ts";
import { createRest, type Rest, RestError } from "../../../infra/scripts/rest.ts";
import { appRoles, connect, register } from "../../../infra/scripts/sign-in.ts";
import { appPermissions, wantedPermissions } from "../../../shared/domain/permissions.ts";
import {
  type JsonAnswer,
  type JsonRequest,
  type JsonService,
  startJsonService,
} from "../../stack/json-service.ts";

const root = join(import.meta.dirname, "../../..");

let service: JsonService;
afterEach(() => service?.close());

async function rest(answer: (request: JsonRequest) => JsonAnswer): Promise<Rest> {
  service = await startJsonService(answer);
  return createRest(service.url, async () => "a token");
}

const asked = (): readonly string[] => service.requests.map(({ method, path }) => `${method} ${path}`);
const bodyOf = (method: string, path: RegExp): unknown =>
  service.requests.find((request) => request.method === method && path.test(request.path))?.body;

describe("calls to a JSON service", () => {
  it("carry the token, and give what the service says when it refuses", async () => {
    const call = await rest(() => ({ status: 403, body: { error: { message: "Insufficient privileges" } } }));
    const refused = call("POST", "/x", { a: 1 });
    await expect(refused).rejects.toThrow("Insufficient privileges");
    await expect(refused).rejects.toMatchObject({ status: 403 });
    expect(service.requests[0]).toMatchObject({
      body: { a: 1 },
      headers: { authorization: "Bearer a token" },
    });
  });

  it("give nothing for an answer without a body", async () => {
    const call = await rest(() => ({ status: 204 }));
    expect(await call("DELETE", "/x")).toBeUndefined();
  });
});

describe("sign-in", () => {
  const directory = ({ method, path }: JsonRequest): JsonAnswer => {
    if (method === "GET" && path.startsWith("/v1.0/applications("))
      return { status: 200, body: { id: "object", appId: "client" } };
    if (method === "GET" && path.startsWith("/v1.0/servicePrincipals("))
      return { status: 200, body: { id: "principal", appId: "client" } };
    if (method === "GET" && path.startsWith("/v1.0/me")) return { status: 200, body: { id: "operator" } };
    return { status: 204 };
  };
  const deployment = {
    environmentName: "mail",
    apiUrl: "https://app.example",
    tenantId: "tenant",
    identityPrincipalId: "identity",
  };

  it("registers the API with its two roles, made or mended under one name", async () => {
    expect(await register(await rest(directory), "mail")).toBe("client");
    const [first] = service.requests;
    expect(first).toMatchObject({
      method: "PATCH",
      path: "/v1.0/applications(uniqueName='imap-to-m365-mail')",
    });
    expect(first?.headers.prefer).toBe("create-if-missing");
    expect(first?.body).toMatchObject({ signInAudience: "AzureADMyOrg", appRoles });
    expect(appRoles.map(({ value }) => value)).toEqual(["Migration.Read", "Migration.Operate"]);
    expect(bodyOf("PATCH", /servicePrincipals/)).toEqual({ appRoleAssignmentRequired: true });
  });

  it("asks for the same when it is repeated", async () => {
    const graph = await rest(directory);
    await register(graph, "mail");
    const once = asked();
    await register(graph, "mail");
    expect(asked().slice(once.length)).toEqual(once);
    expect(service.requests[0]?.body).toEqual(service.requests[once.length]?.body);
  });

  it("trusts the app's identity instead of a secret", async () => {
    await connect(await rest(directory), deployment);
    expect(bodyOf("PATCH", /federatedIdentityCredentials/)).toMatchObject({
      issuer: "https://login.microsoftonline.com/tenant/v2.0",
      subject: "identity",
      audiences: ["api://AzureADTokenExchange"],
    });
    expect(bodyOf("PATCH", /applications\(/)).toMatchObject({
      web: { redirectUris: ["https://app.example/.auth/login/aad/callback"] },
    });
    expect(JSON.stringify(service.requests)).not.toMatch(/addPassword|secretText/);
  });

  it("gives the caller the role to operate, and is content if it is there", async () => {
    const graph = await rest((request) =>
      request.method === "POST"
        ? {
            status: 400,
            body: { error: { message: "Permission being assigned already exists on the object" } },
          }
        : directory(request),
    );
    await connect(graph, deployment);
    expect(bodyOf("POST", /appRoleAssignedTo/)).toEqual({
      principalId: "operator",
      resourceId: "principal",
      appRoleId: appRoles[1].id,
    });
  });

  it("fails where the role cannot be given", async () => {
    const graph = await rest((request) =>
      request.method === "POST"
        ? { status: 403, body: { error: { message: "Insufficient privileges" } } }
        : directory(request),
    );
    await expect(connect(graph, deployment)).rejects.toBeInstanceOf(RestError);
  });
});

describe("event subscription", () => {
  const subscription = {
    functionAppId: "/sites/app",
    systemTopicId: "/systemTopics/topic",
    apiUrl: "https://app.example",
    functionName: "upload",
  };

  const wait: Patience = { key: [1, 1, 1, 1], state: [1, 1], attempts: [1, 1] };
  const keys = { status: 200, body: { systemKeys: { blobs_extension: "k/e+y" } } };
  const state = (provisioningState: string, status = 200): JsonAnswer => ({
    status,
    body: { properties: { provisioningState } },
  });
  /** Resource Manager whose host has its key, and which answers to PUT and GET of the subscription in this order. */
  const eventGrid = (puts: readonly JsonAnswer[], gets: readonly JsonAnswer[] = []): Promise<Rest> => {
    const [put, get] = [[...puts], [...gets]];
    return rest(({ method }) => {
      if (method === "POST") return keys;
      return (method === "PUT" ? put.shift() : get.shift()) ?? { status: 500 };
    });
  };

  it("waits for the key of the webhook, then asks for CSV files in any case of their extension", async () => {
    const answers = [
      { status: 502 },
      // What Resource Manager says while the host starts.
      {
        status: 400,
        body: {
          Code: "BadRequest",
          Message: "Encountered an error (ServiceUnavailable) from host runtime.",
        },
      },
      { status: 200, body: { systemKeys: {} } },
      keys,
    ];
    const arm = await rest(({ method }) =>
      method === "POST" ? (answers.shift() ?? { status: 500 }) : state("Succeeded"),
    );
    await subscribe(arm, subscription, wait);
    const { properties } = bodyOf("PUT", /^\/systemTopics\/topic\/eventSubscriptions\/uploads\?/) as {
      properties: { destination: { properties: { endpointUrl: string } }; filter: unknown };
    };
    const endpoint = new URL(properties.destination.properties.endpointUrl);
    expect(`${endpoint.origin}${endpoint.pathname}`).toBe("https://app.example/runtime/webhooks/blobs");
    expect(endpoint.searchParams.get("functionName")).toBe("Host.Functions.upload");
    expect(endpoint.searchParams.get("code")).toBe("k/e+y");
    expect(properties.filter).toEqual({
      includedEventTypes: ["Microsoft.Storage.BlobCreated"],
      subjectBeginsWith: "/blobServices/default/containers/uploads/blobs/",
      subjectEndsWith: ".csv",
      isSubjectCaseSensitive: false,
      advancedFilters: [
        { operatorType: "NumberLessThanOrEquals", key: "data.contentLength", value: 10 * 1024 * 1024 },
      ],
    });
  });

  it("says what to look at if the key does not appear", async () => {
    const arm = await rest(() => ({ status: 200, body: { systemKeys: {} } }));
    await expect(subscribe(arm, subscription, { ...wait, key: [1] })).rejects.toThrow(
      /blobs_extension.*postdeploy/,
    );
  });

  it.each([
    ["may not read keys", { status: 403, body: { error: { message: "no authorization" } } }],
    ["asks in a wrong way", { status: 400, body: { Message: "The api-version is invalid." } }],
  ])("does not wait where the caller %s", async (_, answer) => {
    const arm = await rest(() => answer);
    await expect(subscribe(arm, subscription, { ...wait, key: [60_000] })).rejects.toMatchObject({
      status: answer.status,
    });
  });

  it("waits until the subscription is created", async () => {
    const arm = await eventGrid([state("Creating", 201)], [state("Creating"), state("Succeeded")]);
    await subscribe(arm, subscription, wait);
    expect(asked().map((call) => call.split(" ")[0])).toEqual(["POST", "PUT", "GET", "GET"]);
  });

  it.each([
    ["fails", [state("Creating", 201), state("Succeeded")], [state("Failed")]],
    [
      "is refused",
      [
        { status: 400, body: { error: { message: "Webhook validation handshake failed" } } },
        state("Succeeded"),
      ],
      [],
    ],
    ["leaves nothing behind", [state("Creating", 201), state("Succeeded")], [{ status: 404 }]],
    ["does not end", [state("Creating", 201), state("Succeeded")], [state("Creating"), state("Creating")]],
  ])("asks again when the validation of the webhook %s", async (_, puts, gets) => {
    await subscribe(await eventGrid(puts, gets), subscription, wait);
    expect(asked().filter((call) => call.startsWith("PUT"))).toHaveLength(2);
  });

  it("fails when the validation fails each time, without saying the key", async () => {
    const message = "Webhook validation handshake failed for https://app.example/x?code=k%2Fe%2By";
    const refused = { status: 400, body: { error: { message } } };
    const subscribed = subscribe(await eventGrid([refused, refused, refused]), subscription, wait);
    await expect(subscribed).rejects.toThrow(/has not made.*validation handshake failed.*log stream/);
    await expect(subscribed).rejects.not.toThrow(/k%2Fe/);
    expect(asked().filter((call) => call.startsWith("PUT"))).toHaveLength(3);
  });

  it("does not try again what the caller may not do", async () => {
    const arm = await eventGrid([{ status: 403, body: { error: { message: "no authorization" } } }]);
    await expect(subscribe(arm, subscription, wait)).rejects.toMatchObject({ status: 403 });
  });

  it("goes to a path that sign-in leaves out", () => {
    expect(readFileSync(join(root, "infra/modules/app.bicep"), "utf8")).toContain(
      "excludedPaths: ['/runtime/webhooks/blobs', '/api/health']",
    );
  });
});

describe("permissions in Microsoft 365", () => {
  const graphRoles = [
    { id: "role-users", value: "User.Read.All" },
    { id: "role-mail", value: "Mail.ReadWrite" },
    { id: "role-send", value: "Mail.Send" },
    { id: "role-advanced", value: "Mail-Advanced.ReadWrite.All" },
  ];
  function tenant(
    held: { id: string; resourceId: string; appRoleId: string }[],
  ): (request: JsonRequest) => JsonAnswer {
    return ({ method, path, body }) => {
      if (path.startsWith("/v1.0/servicePrincipals?"))
        return path.includes("00000003-0000-0000-c000")
          ? { status: 200, body: { value: [{ id: "graph", appRoles: graphRoles }] } }
          : {
              status: 200,
              body: {
                value: [{ id: "exchange", appRoles: [{ id: "role-imap", value: "IMAP.AccessAsApp" }] }],
              },
            };
      if (method === "POST") {
        const { resourceId, appRoleId } = body as { resourceId: string; appRoleId: string };
        held.push({ id: `assignment-${appRoleId}`, resourceId, appRoleId });
        return { status: 201, body: {} };
      }
      if (method === "DELETE") {
        held.splice(
          held.findIndex(({ id }) => path.endsWith(id)),
          1,
        );
        return { status: 204 };
      }
      return { status: 200, body: { value: held } };
    };
  }

  it.each([
    ["graph", "tenant", false, false, ["User.Read.All", "Mail.ReadWrite"]],
    ["graph", "tenant", true, false, ["User.Read.All", "Mail.ReadWrite", "Mail.Send"]],
    ["graph", "tenant", false, true, ["User.Read.All", "Mail.ReadWrite", "Mail-Advanced.ReadWrite.All"]],
    ["graph", "group", true, true, ["User.Read.All"]],
    ["imap", "group", false, true, ["User.Read.All", "IMAP.AccessAsApp"]],
    ["imap", "tenant", true, true, ["User.Read.All", "Mail.Send", "IMAP.AccessAsApp"]],
  ] as const)(
    "for the target %s in the scope %s, notifications %s, advanced mail %s, are %j",
    (target, scope, notifications, advancedMail, expected) => {
      const { hold, giveUp } = plannedPermissions({ target, scope, notifications, advancedMail });
      expect(hold.map(({ value }) => value)).toEqual(expected);
      expect([...hold, ...giveUp].map(({ value }) => value).toSorted()).toEqual(
        Object.values(appPermissions)
          .map(({ value }) => value)
          .toSorted(),
      );
    },
  );

  const least = { target: "graph", scope: "tenant", notifications: false, advancedMail: false } as const;

  it("are granted once, and nothing changes when it is repeated", async () => {
    const graph = await rest(tenant([]));
    expect(await applyPermissions(graph, "identity", least)).toEqual([
      "granted User.Read.All",
      "granted Mail.ReadWrite",
    ]);
    expect(await applyPermissions(graph, "identity", least)).toEqual([]);
  });

  it("to change mail that is there are granted when they are asked for, and withdrawn when they no longer are", async () => {
    const held: { id: string; resourceId: string; appRoleId: string }[] = [];
    const graph = await rest(tenant(held));
    await applyPermissions(graph, "identity", least);
    expect(await applyPermissions(graph, "identity", { ...least, advancedMail: true })).toEqual([
      "granted Mail-Advanced.ReadWrite.All",
    ]);
    expect(held.map(({ appRoleId }) => appRoleId)).toEqual(["role-users", "role-mail", "role-advanced"]);
    expect(await applyPermissions(graph, "identity", least)).toEqual([
      "withdrew Mail-Advanced.ReadWrite.All",
    ]);
  });

  it("to mail are withdrawn from Entra where Exchange limits them to a group", async () => {
    const held = ["role-mail", "role-advanced"].map((appRoleId) => ({
      ...{ id: `assignment-${appRoleId}`, resourceId: "graph", appRoleId },
    }));
    const graph = await rest(tenant(held));
    const options = { ...least, scope: "group", advancedMail: true } as const;
    expect(await applyPermissions(graph, "identity", options)).toEqual([
      "granted User.Read.All",
      "withdrew Mail.ReadWrite",
      "withdrew Mail-Advanced.ReadWrite.All",
    ]);
    expect(held.map(({ appRoleId }) => appRoleId)).toEqual(["role-users"]);
  });

  it("that a cloud does not offer yet are not in the way, unless they are asked for", async () => {
    const offered = tenant([]);
    const graph = await rest((request) => {
      const answer = offered(request);
      if (!request.path.includes("00000003-0000-0000-c000")) return answer;
      const appRoles = graphRoles.filter(({ id }) => id !== "role-advanced");
      return { status: 200, body: { value: [{ id: "graph", appRoles }] } };
    });
    await applyPermissions(graph, "identity", least);
    await expect(applyPermissions(graph, "identity", { ...least, advancedMail: true })).rejects.toThrow(
      "does not offer the application permission Mail-Advanced.ReadWrite.All",
    );
  });

  it("that Exchange gives are those of the script for Exchange, which limits them to a group", () => {
    const script = readFileSync(join(root, "infra/scripts/exchange-access.ps1"), "utf8");
    const roles = Object.values(appPermissions).flatMap((one) =>
      "exchangeRole" in one ? one.exchangeRole : [],
    );
    expect(roles).toHaveLength(3);
    for (const role of roles) expect(script).toContain(`'${role}'`);
    // `imap-to-m365-` with eight digits of the client id, and the role.
    for (const role of roles) expect(`imap-to-m365-01234567 ${role}`.length).toBeLessThanOrEqual(64);
  });

  it("stand in the documentation, each", () => {
    const text = readFileSync(join(root, "infra/docs/permissions.md"), "utf8");
    for (const { value } of Object.values(appPermissions)) expect(text).toContain(`\`${value}\``);
  });

  it("are wanted by the target that needs them", () => {
    expect(wantedPermissions("graph").map(({ value }) => value)).not.toContain("IMAP.AccessAsApp");
    expect(wantedPermissions("imap").map(({ value }) => value)).toEqual([
      "User.Read.All",
      "Mail.Send",
      "IMAP.AccessAsApp",
    ]);
  });
});

describe("preparation", () => {
  const subscriptionId = "0000";
  const states = (...answers: readonly string[]): ((request: JsonRequest) => JsonAnswer) => {
    const left = [...answers];
    return ({ method }) =>
      method === "POST"
        ? { status: 200, body: {} }
        : { status: 200, body: { registrationState: left.shift() ?? "Registering" } };
  };

  it("registers the provider of the network, and waits until it is", async () => {
    const arm = await rest(states("NotRegistered", "Registering", "Registered"));
    expect(await registerProvider(arm, subscriptionId, "Microsoft.App", [1, 1, 1])).toBe(false);
    expect(asked()[1]).toMatch(/^POST .*Microsoft\.App\/register/);
    expect(asked()).toHaveLength(4);
  });

  it("leaves a registered provider alone", async () => {
    const arm = await rest(states("Registered"));
    expect(await registerProvider(arm, subscriptionId, "Microsoft.App")).toBe(true);
    expect(asked()).toHaveLength(1);
  });

  it("says who may register it, and what to wait for", async () => {
    const refused = await rest(({ method }) =>
      method === "POST"
        ? { status: 403, body: { error: { message: "no authorization" } } }
        : { status: 200, body: { registrationState: "NotRegistered" } },
    );
    await expect(registerProvider(refused, subscriptionId, "Microsoft.App", [1])).rejects.toThrow(
      /az provider register --namespace Microsoft\.App/,
    );
    await service.close();
    const slow = await rest(states());
    await expect(registerProvider(slow, subscriptionId, "Microsoft.App", [1])).rejects.toThrow(
      /still being registered/,
    );
  });

  const vault = (name: string, group: string, location: string, scheduledPurgeDate: string): unknown => ({
    name,
    properties: {
      vaultId: `/subscriptions/0000/resourceGroups/${group}/providers/Microsoft.KeyVault/vaults/${name}`,
      location,
      scheduledPurgeDate,
    },
  });
  const deployment = { subscriptionId, environmentName: "mail", location: "West Europe" };

  it("finds the deleted vault of the same deployment, on any page", async () => {
    const arm = await rest(({ path }) =>
      path.includes("skip")
        ? { status: 200, body: { value: [vault("kv-new", "rg-mail", "westeurope", "2027-03-01")] } }
        : {
            status: 200,
            body: {
              value: [
                vault("kv-elsewhere", "rg-mail", "northeurope", "2027-04-01"),
                vault("kv-other", "rg-mail2", "westeurope", "2027-04-01"),
                vault("kv-old", "rg-mail", "westeurope", "2027-02-01"),
              ],
              nextLink: "https://management.azure.com/next?skip=1",
            },
          },
    );
    expect(await findDeletedVault(arm, deployment)).toEqual({ name: "kv-new", purgedAt: "2027-03-01" });
  });

  it("finds none where there is none", async () => {
    const arm = await rest(() => ({
      status: 200,
      body: { value: [vault("kv-other", "rg-other", "westeurope", "2027-04-01")] },
    }));
    expect(await findDeletedVault(arm, deployment)).toBeUndefined();
  });
});

describe("outputs of a deployment", () => {
  it("become lines of a shell, under their own names", () => {
    const json = JSON.stringify({
      apI_URL: { type: "String", value: "https://app.example" },
      kEY: { value: "it's" },
    });
    expect(assignments(json)).toEqual(["API_URL='https://app.example'", "KEY='it'\\''s'"]);
  });

  it.each(["", "{}", "null"])("are missed where there are none: %j", (json) => {
    expect(() => assignments(json)).toThrow(/No outputs/);
  });
});

describe("azure.yaml", () => {
  const text = readFileSync(join(root, "azure.yaml"), "utf8");

  it("runs scripts that exist", () => {
    const scripts = [...text.matchAll(/(?:infra|test)\/[\w/.-]+\.(?:ts|mjs)/g)].map(([path]) => path);
    expect(scripts).toHaveLength(14);
    for (const script of scripts) expect(existsSync(join(root, script)), script).toBe(true);
  });

  it("does the same in sh and in PowerShell", () => {
    const runs = [...text.matchAll(/shell: (sh|pwsh)\n\s+run: (.+)/g)].map(([, shell, run]) => ({
      shell,
      run,
    }));
    const of = (wanted: string): readonly (string | undefined)[] =>
      runs.filter(({ shell }) => shell === wanted).map(({ run }) => run);
    expect(of("sh").length).toBeGreaterThan(0);
    expect(of("pwsh")).toEqual(of("sh"));
  });

  it("builds nothing remotely, so that azd wants node_modules itself not ignored", () => {
    const ignored = readFileSync(join(root, ".funcignore"), "utf8").split("\n");
    expect(text).toContain("remoteBuild: false");
    expect(ignored.filter((line) => /^\/?node_modules\/?$/.test(line))).toEqual([]);
    expect(ignored).toContain("/node_modules/*");
  });

  it("deploys the service that Bicep tags", () => {
    const [, service] = text.match(/^services:\n {2}(\w+):/m) ?? [];
    expect(readFileSync(join(root, "infra/modules/app.bicep"), "utf8")).toContain(
      `'azd-service-name': '${service}'`,
    );
  });
});
