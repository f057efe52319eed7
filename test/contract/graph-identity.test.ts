import { setTimeout as sleep } from "node:timers/promises";
import { setDefaultCACertificates } from "node:tls";
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  type TokenCredential,
} from "@azure/identity";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createGraphTarget } from "../../shared/adapters/graph/index.ts";
import {
  exchangeImapService,
  graphScope,
  graphService,
  identityToken,
} from "../../shared/adapters/identity-token.ts";
import { createImapTarget } from "../../shared/adapters/imap/index.ts";
import { type EntraStandIn, startEntra } from "../stack/entra.ts";
import { type GraphStandIn, startGraph } from "../stack/graph/index.ts";

const tenant = "11111111-2222-3333-4444-555555555555";
const client = "66666666-7777-8888-9999-000000000000";
const tokenLifetimeMs = 400;
const address = "ann@example.com";
const tokenBy = (credential: TokenCredential, graph: GraphStandIn) =>
  identityToken(credential, graphScope(graph.baseUrl), graphService);

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
    const token = tokenBy(credential(), graph);
    const target = createGraphTarget({ baseUrl: graph.baseUrl, token, concurrencyPerMailbox: 4 });
    const mailbox = await target.open(await target.resolve(address));
    const folder = await mailbox.ensureFolder([proof]);
    const first = await token();
    await sleep(tokenLifetimeMs + 100);
    expect(await mailbox.folderState(folder.id)).toBe("there");
    expect(await token()).not.toBe(first);
    const scope = expect.stringContaining(`${graph.baseUrl}/.default`);
    expect(entra.requests.filter((request) => request.proof === proof)).toContainEqual({
      ...{ scope, clientId: client, proof },
    });
  });

  it("says what to check where no token is to be had", async () => {
    const missing = new ClientCertificateCredential(tenant, client, "no/such/file.pem", options());
    await expect(tokenBy(missing, graph)()).rejects.toMatchObject({
      kind: "transient",
      code: "GraphTokenUnavailable",
      message: expect.stringContaining("AZURE_CLIENT_ID"),
    });
  });

  it("asks for another token, past its cache, where Graph refuses one that is good by its age", async () => {
    const issued: string[] = [];
    const refusing = await startEntra(() => {
      issued.push(graph.issueToken(60_000));
      return issued.at(-1) ?? "";
    }, 3600);
    try {
      setDefaultCACertificates([entra.authority, refusing.authority]);
      const signsIn = new ClientSecretCredential(tenant, client, "secret", {
        authorityHost: refusing.authorityHost,
        disableInstanceDiscovery: true,
      });
      const token = tokenBy(signsIn, graph);
      const first = await token();
      expect(await token()).toBe(first);
      expect(await token(first)).not.toBe(first);
      expect(issued).toHaveLength(2);
    } finally {
      setDefaultCACertificates([entra.authority]);
      await refusing.close();
    }
  });

  it("says the same of an IMAP target, whose mailboxes go on for a day", async () => {
    const missing = new ClientCertificateCredential(tenant, client, "no/such/file.pem", options());
    const scope = "https://outlook.office365.com/.default";
    const target = createImapTarget({
      host: "127.0.0.1",
      port: 1,
      security: "ssl",
      authentication: "xoauth2",
      userFormat: "{emailAddress}",
      acceptUntrustedCertificates: false,
      connectionsPerMailbox: 1,
      token: identityToken(missing, scope, exchangeImapService),
    });
    await expect(target.resolve(address)).rejects.toMatchObject({
      kind: "transient",
      code: "TargetTokenUnavailable",
      message: expect.stringContaining("AZURE_CLIENT_ID"),
    });
  });
});
