import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createImapSource } from "../../shared/adapters/imap/index.ts";
import { createAccessTokens } from "../../shared/adapters/oauth/access-tokens.ts";
import { endpointSchema, type TokenSource } from "../../shared/domain/endpoint.ts";
import type { SourceConnector } from "../../shared/migration/ports/source.ts";
import { type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";
import { MemoryLeases } from "../stack/memory/memory-leases.ts";
import { EXCHANGE } from "../stack/scripted-imap/dialects.ts";
import { type ScriptedServer, startScriptedImap } from "../stack/scripted-imap/server.ts";
import { TokenServer } from "../stack/token-server.ts";

const alice = "alice@contoso.com";
const bob = "bob@contoso.com";
const second = 1_000;

let tokenServer: TokenServer;
let dovecot: DovecotServer;
let exchange: ScriptedServer;
let source: SourceConnector;
/** Added to the clock of the code under test. */
let later: number;

beforeAll(async () => {
  tokenServer = await TokenServer.start([alice, bob]);
  dovecot = await startDovecot({ users: [alice, bob], introspectionUrl: tokenServer.introspectionUrl });
  exchange = await startScriptedImap({
    dialect: EXCHANGE,
    users: [alice, bob].map((name) => ({ name, password: "secret" })),
    acceptsToken: (user, token) => tokenServer.accepts(user, token),
  });
});
afterAll(async () => {
  await exchange?.stop();
  await dovecot?.stop();
  await tokenServer?.stop();
});
beforeEach(() => {
  later = 0;
  tokenServer.issued.length = 0;
  const secrets: Readonly<Record<string, string>> = {
    client: tokenServer.clientSecret,
    account: tokenServer.keyFile,
    refresh: tokenServer.refreshTokenOf(alice),
  };
  const get = async (name: string) => secrets[name] ?? "";
  const set = async () => expect.unreachable("no refresh token is replaced here");
  const sealer = { seal: async (text: string) => text, open: async (text: string) => text };
  source = createImapSource({
    tokens: createAccessTokens(
      { secrets: { get, set }, leases: new MemoryLeases(), sealer },
      { now: () => Date.now() + later },
    ),
  });
});

function endpointOf(server: "dovecot" | "exchange", type: TokenSource["type"]) {
  const isServiceAccount = type === "googleServiceAccount";
  return endpointSchema.parse({
    ...(server === "dovecot"
      ? { host: "localhost", port: dovecot.tlsPort, acceptUntrustedCertificates: true }
      : { host: exchange.host, port: exchange.port, security: "none", allowInsecure: true }),
    authentication: "xoauth2",
    tokenSource: {
      type,
      clientId: isServiceAccount ? tokenServer.serviceAccount : tokenServer.clientId,
      tokenUrl: tokenServer.tokenUrl,
      scope: tokenServer.scope,
      secretName: { clientCredentials: "client", refreshToken: "refresh", googleServiceAccount: "account" }[
        type
      ],
    },
  });
}

async function foldersOf(
  server: "dovecot" | "exchange",
  type: TokenSource["type"],
  userName: string,
): Promise<readonly string[]> {
  const mailbox = await source.open({ endpoint: endpointOf(server, type), userName, password: "" });
  try {
    return (await mailbox.listFolders()).map(({ path }) => path);
  } finally {
    await mailbox.close();
  }
}

describe.each([
  ["dovecot", "googleServiceAccount"],
  ["exchange", "clientCredentials"],
] as const)("%s with tokens by %s", (server, type) => {
  test("opens a user's mailbox", async () => {
    expect(await foldersOf(server, type, alice)).toContain("INBOX");
    expect(await foldersOf(server, type, alice)).toContain("INBOX");
    expect(tokenServer.issued).toHaveLength(1);
  });

  test("opens it with another token when the first one was withdrawn", async () => {
    await foldersOf(server, type, alice);
    tokenServer.withdrawTokens();
    later = 65 * second;
    expect(await foldersOf(server, type, alice)).toContain("INBOX");
    expect(tokenServer.issued).toHaveLength(2);
  });
});

test("a mailbox that no token opens does not cost a token each time", async () => {
  const opening = () => foldersOf("exchange", "clientCredentials", "nobody@contoso.com");
  const refused = { kind: "mailbox", code: "TokenRefused", message: expect.not.stringContaining("nobody") };
  await expect(opening()).rejects.toMatchObject(refused);
  await expect(opening()).rejects.toMatchObject(refused);
  expect(tokenServer.issued).toHaveLength(1);
  later = 65 * second;
  await expect(opening()).rejects.toMatchObject(refused);
  expect(tokenServer.issued).toHaveLength(2);
});

test("a user's token does not open another one's mailbox", async () => {
  expect(await foldersOf("dovecot", "refreshToken", alice)).toContain("INBOX");
  await expect(foldersOf("dovecot", "refreshToken", bob)).rejects.toMatchObject({ code: "TokenRefused" });
});
