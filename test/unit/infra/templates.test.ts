import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readBicep } from "../../stack/infra-check/bicep-file.ts";
import { planDeployment } from "../../stack/infra-check/deployment.ts";
import { withMistake } from "../../stack/infra-check/planted.ts";
import { templateProblems } from "../../stack/infra-check/templates.ts";

const infra = join(import.meta.dirname, "../../../infra");
const required = { environmentName: "test", location: "westeurope", apiClientId: "0".repeat(36) };

describe("Bicep templates", () => {
  it("have no fault of syntax, no unknown name, and local modules that are given what they take", async () => {
    expect(await templateProblems(infra)).toEqual([]);
  });

  it.each([
    [
      "a brace that is missing",
      "modules/vault.bicep",
      "    name: vaultName\n",
      "    name: {vaultName\n",
      /cannot read|expected/,
    ],
    [
      "a misspelt variable",
      "modules/app.bicep",
      "    name: appName\n",
      "    name: apName\n",
      /^apName is not declared/,
    ],
    [
      "a misspelt function",
      "main.bicep",
      "toLower(uniqueString(",
      "toLower(uniquString(",
      /^uniquString is not declared/,
    ],
    [
      "a parameter that is left out",
      "main.bicep",
      "    privateNetwork: privateNetwork\n",
      "",
      /lacks its parameter privateNetwork/,
    ],
    [
      "a parameter that the module does not have",
      "main.bicep",
      "    alertName: names.alert\n",
      "    alertNames: names.alert\n",
      /has no parameter alertNames/,
    ],
    [
      "an output that the module does not have",
      "main.bicep",
      "vault.outputs.credentialKeyUri",
      "vault.outputs.keyUri",
      /vault has no output keyUri/,
    ],
    [
      "a variable that nothing uses",
      "modules/vault.bicep",
      "var keyName = ",
      "var spare = 1\nvar keyName = ",
      /^spare is not used/,
    ],
  ])("are refused with %s", async (_, file, from, to, message) => {
    const problems = await withMistake(infra, [file, from, to], templateProblems);
    expect(problems.map((problem) => problem.message).join("\n")).toMatch(new RegExp(message, "m"));
  });

  it("deploy the same services with and without a private network, apart from the network itself", async () => {
    const open = await planDeployment(join(infra, "main.bicep"), required);
    const closed = await planDeployment(join(infra, "main.bicep"), { ...required, privateNetwork: true });
    const services = (paths: readonly { readonly path: string }[]): readonly string[] =>
      paths.map(({ path }) => path).filter((path) => !path.startsWith("network/"));
    expect(services(closed.deployed)).toEqual(services(open.deployed));
    expect(open.deployed.some(({ path }) => path.startsWith("network/"))).toBe(false);
    expect(closed.deployed.some(({ path }) => path === "network/nat-gateway")).toBe(true);
  });

  it("close storage, Service Bus and Key Vault in a private network", async () => {
    const { deployed } = await planDeployment(join(infra, "main.bicep"), {
      ...required,
      privateNetwork: true,
    });
    const closed = deployed
      .filter(({ params }) => params.publicNetworkAccess === "Disabled")
      .map(({ path }) => path);
    expect(closed).toEqual([
      "storage/host-account",
      "storage/data-account",
      "messaging/namespace",
      "vault/vault",
    ]);
    const endpoints = deployed.flatMap(({ path, params }) =>
      Array.isArray(params.privateEndpoints) ? params.privateEndpoints.map(() => path) : [],
    );
    expect(endpoints).toHaveLength(8);
    const bus = deployed.find(({ path }) => path === "messaging/namespace");
    expect(bus?.params.skuObject).toMatchObject({ name: "Premium" });
  });

  it("keep no deleted and no older blob where CSV files are uploaded", async () => {
    const keepsDeleted = async (folder: string): Promise<unknown> => {
      const { deployed } = await planDeployment(join(folder, "main.bicep"), required);
      return deployed.find(({ path }) => path === "storage/data-account")?.params.blobServices;
    };
    const off = {
      deleteRetentionPolicyEnabled: false,
      containerDeleteRetentionPolicyEnabled: false,
      isVersioningEnabled: false,
    };
    expect(await keepsDeleted(infra)).toMatchObject(off);
    const mistake = [
      "modules/storage.bicep",
      "      isVersioningEnabled: false\n      changeFeed",
      "      isVersioningEnabled: true\n      changeFeed",
    ] as const;
    expect(await withMistake(infra, mistake, keepsDeleted)).not.toMatchObject(off);
  });

  it("refuse a value that a parameter does not allow", async () => {
    const plan = planDeployment(join(infra, "main.bicep"), { ...required, target: "pop3" });
    await expect(plan).rejects.toThrow("parameter target may not be pop3");
  });
});

describe("azure-cli.bicepparam", () => {
  const azd = (folder: string): readonly string[] =>
    [
      ...readFileSync(join(folder, "main.parameters.json"), "utf8").matchAll(
        /"(\w+)": { "value": "\$\{(\w+)=?([^}]*)\}"/g,
      ),
    ].map(([, name, variable, fallback]) => `${name} ${variable} ${fallback}`);
  const cli = (folder: string): readonly string[] =>
    [
      ...readFileSync(join(folder, "azure-cli.bicepparam"), "utf8").matchAll(
        /^param (\w+) = .*\('(\w+)'(?:, '([^']*)')?\)/gm,
      ),
    ].map(([, name, variable, fallback]) => `${name} ${variable} ${fallback ?? ""}`);

  it("takes the same variables as azd does, with the same defaults", () => {
    expect(azd(infra)).toHaveLength(19);
    expect(cli(infra)).toEqual(azd(infra));
  });

  it("is refused with another default", async () => {
    const mistake = ["azure-cli.bicepparam", "'2048'", "'4096'"] as const;
    expect(await withMistake(infra, mistake, cli)).not.toEqual(azd(infra));
  });
});

describe("main.parameters.json", () => {
  async function differences(folder: string): Promise<readonly string[]> {
    const given = Object.keys(
      JSON.parse(readFileSync(join(folder, "main.parameters.json"), "utf8")).parameters,
    );
    const { declarations } = await readBicep(join(folder, "main.bicep"));
    const declared = declarations.filter(({ kind }) => kind === "param").map(({ name }) => name);
    return [
      ...given.filter((name) => !declared.includes(name)),
      ...declared.filter((name) => !given.includes(name)),
    ];
  }

  it("gives every parameter and no other", async () => {
    expect(await differences(infra)).toEqual([]);
  });

  it("is refused with a misspelt parameter", async () => {
    const mistake = ["main.parameters.json", '"privateNetwork"', '"privateNetworks"'] as const;
    expect(await withMistake(infra, mistake, differences)).toEqual(["privateNetworks", "privateNetwork"]);
  });
});
