import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { planDeployment } from "../../stack/infra-check/deployment.ts";
import { keyProblems } from "../../stack/infra-check/keys.ts";
import { withMistake } from "../../stack/infra-check/planted.ts";
import { readResourceTable } from "../../stack/infra-check/resource-table.ts";
import { roleAssignments } from "../../stack/infra-check/roles.ts";

const infra = join(import.meta.dirname, "../../../infra");
const parameters = {
  environmentName: "test",
  location: "westeurope",
  apiClientId: "0".repeat(36),
  operatorPrincipalId: "operators",
  operatorPrincipalType: "Group",
};

const principals: Readonly<Record<string, string>> = { app: "<identity.principalId>", operator: "operators" };
const rows = readResourceTable(readFileSync(join(infra, "docs/resources.md"), "utf8"));
/** Who may do what on which resource, as infra/docs/resources.md says. */
const expected = rows
  .flatMap(({ path, grants }) => grants.map(([role, who]) => [path, role, principals[who] ?? who]))
  .sort((a, b) => (a.join(" ") < b.join(" ") ? -1 : 1));

async function assignments(folder: string, more = {}): Promise<readonly (readonly string[])[]> {
  const plan = await planDeployment(join(folder, "main.bicep"), { ...parameters, ...more });
  const roles = JSON.parse(readFileSync(join(folder, "roles.json"), "utf8")) as Record<string, string>;
  return roleAssignments(plan, roles).map(({ scope, role, principal }) => [scope, role, principal]);
}

describe("role assignments", () => {
  it("are those of the table in infra/docs/resources.md, with and without a private network", async () => {
    expect(await assignments(infra)).toEqual(expected);
    expect(await assignments(infra, { privateNetwork: true })).toEqual(expected);
  });

  it("are the app's alone where no operator is named", async () => {
    const alone = expected.filter(([, , principal]) => principal === principals.app);
    expect(await assignments(infra, { operatorPrincipalId: "" })).toEqual(alone);
  });

  it("are on resources that the table lists all, and on no others", async () => {
    const more = {
      ...parameters,
      privateNetwork: true,
      alertEmail: "operator@contoso.example",
      monthlyBudget: 100,
    };
    const { deployed } = await planDeployment(join(infra, "main.bicep"), more);
    const listed = rows.map(({ path }) => path);
    expect(deployed.map(({ path }) => path).filter((path) => !listed.includes(path))).toEqual([]);
    // Containers, queues and keys are parts of a module.
    const isDeployed = (path: string): boolean =>
      deployed.some((one) => path === one.path || path.startsWith(`${one.path}/`));
    expect(listed.filter((path) => !isDeployed(path))).toEqual([]);
  });

  it.each([
    [
      "another role",
      "modules/storage.bicep",
      "roles['Storage Table Data Contributor']",
      "'8e3af657-a8ff-443c-a75c-2fe8c4bcb635'",
    ],
    [
      "a role for somebody else",
      "modules/vault.bicep",
      "principalId: operatorPrincipalId",
      "principalId: 'everybody'",
    ],
    [
      "a role that does less",
      "modules/messaging.bicep",
      "        roleDefinitionIdOrName: roles['Azure Service Bus Data Owner']",
      "        roleDefinitionIdOrName: '69a216fc-b8fb-44d8-bc22-1f3c2cd27a39'",
    ],
  ])("are refused with %s", async (_, file, from, to) => {
    expect(await withMistake(infra, [file, from, to], (copy) => assignments(copy))).not.toEqual(expected);
  });
});

describe("keys", () => {
  async function problems(folder: string): Promise<readonly string[]> {
    return keyProblems(folder, await planDeployment(join(folder, "main.bicep"), parameters));
  }

  it("open nothing", async () => {
    expect(await problems(infra)).toEqual([]);
  });

  it.each([
    [
      "storage that takes its key",
      "modules/storage.bicep",
      "allowSharedKeyAccess: false",
      "allowSharedKeyAccess: true",
      /host-account: allowSharedKeyAccess/,
    ],
    [
      "public blobs",
      "modules/storage.bicep",
      "allowBlobPublicAccess: false",
      "allowBlobPublicAccess: true",
      /allowBlobPublicAccess/,
    ],
    [
      "Service Bus with local authentication",
      "modules/messaging.bicep",
      "disableLocalAuth: true",
      "disableLocalAuth: false",
      /namespace: disableLocalAuth/,
    ],
    [
      "the authorization rule that Service Bus would get unasked",
      "modules/messaging.bicep",
      "    authorizationRules: []\n",
      "",
      /authorizationRules/,
    ],
    [
      "a Key Vault that can be purged",
      "modules/vault.bicep",
      "enablePurgeProtection: true",
      "enablePurgeProtection: false",
      /enablePurgeProtection/,
    ],
    [
      "telemetry without Entra",
      "modules/monitoring.bicep",
      "    disableLocalAuth: true\n",
      "",
      /workspace: features/,
    ],
    [
      "a key read by the template",
      "modules/app.bicep",
      "AZURE_CLIENT_ID: identityClientId",
      "AZURE_CLIENT_ID: 'AccountKey=x'",
      /AccountKey=x/,
    ],
  ])("are noticed in %s", async (_, file, from, to, message) => {
    expect((await withMistake(infra, [file, from, to], problems)).join("\n")).toMatch(message);
  });
});
