import { setTimeout as sleep } from "node:timers/promises";
import { setDefaultCACertificates } from "node:tls";
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  type TokenCredential,
} from "@azure/identity";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGraphTarget, graphTokenSource } from "../../shared/adapters/graph/index.ts";
import { type EntraStandIn, startEntra } from "../stack/entra.ts";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";

const tenant = "11111111-2222-3333-4444-555555555555";
const client = "66666666-7777-8888-9999-000000000000";
const tokenLifetimeMs = 400;
const address = "ann@example.com";

describe("an application that signs in", () => {
  let graph: GraphStandIn;
  let entra: EntraStandIn;
  beforeAll(async () => {
    graph = await startGraph();
    graph.addMailbox({ userPrincipalName: address });
    entra = await startEntra(() => graph.issueToken(tokenLifetimeMs));
    setDefaultCACertificates([entra.authority]);
  });
  afterAll(async () => {
    await entra.close();
    await graph.close();
  });

  // Only well-known clouds are looked up, and this one is on loopback.
  const options = () => ({ authorityHost: entra.authorityHost, disableInstanceDiscovery: true });
  const credentials: readonly (readonly [string, string, () => TokenCredential])[] = [
    ["a secret", "client_secret", () => new ClientSecretCredential(tenant, client, "secret", options())],
    [
      "a secret in the environment",
      "client_secret",
      () => {
        const environment = {
          AZURE_TENANT_ID: tenant,
          AZURE_CLIENT_ID: client,
          AZURE_CLIENT_SECRET: "secret",
        };
        Object.assign(process.env, environment);
        // As composition.ts makes it.
        return new DefaultAzureCredential({ ...options(), managedIdentityClientId: client });
      },
    ],
    [
      "a certificate",
      "client_assertion",
      () => new ClientCertificateCredential(tenant, client, entra.certificateFile, options()),
    ],
  ];
  it.each(credentials)("with %s outlasts its tokens", async (_, proof, credential) => {
    const token = graphTokenSource(credential(), graph.baseUrl);
    const target = createGraphTarget({ baseUrl: graph.baseUrl, token, concurrencyPerMailbox: 4 });
    const mailbox = await target.open(await target.resolve(address));
    const folder = await mailbox.ensureFolder([proof]);
    const first = await token();
    await sleep(tokenLifetimeMs + 100);
    expect(await mailbox.folderExists(folder.id)).toBe(true);
    expect(await token()).not.toBe(first);
    const scope = expect.stringContaining(`${graph.baseUrl}/.default`);
    expect(entra.requests.filter((request) => request.proof === proof)).toContainEqual({
      ...{ scope, clientId: client, proof },
    });
  });

  it("says what to check where no token is to be had", async () => {
    const missing = new ClientCertificateCredential(tenant, client, "no/such/file.pem", options());
    await expect(graphTokenSource(missing, graph.baseUrl)()).rejects.toMatchObject({
      kind: "fatal",
      code: "GraphTokenUnavailable",
      message: expect.stringContaining("AZURE_CLIENT_ID"),
    });
  });
});
