import { generateKeyPairSync } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createAccessTokens } from "../../../../shared/adapters/oauth/access-tokens.ts";
import { createKeyVaultSecrets } from "../../../../shared/adapters/vault/key-vault-secrets.ts";
import { endpointSchema, type TokenSource } from "../../../../shared/domain/endpoint.ts";
import { MigrationError } from "../../../../shared/domain/errors.ts";
import type { AccessTokens } from "../../../../shared/migration/ports/access-tokens.ts";
import type { SecretStore } from "../../../../shared/migration/ports/secrets.ts";
import { KeyVaultStandIn } from "../../../stack/key-vault.ts";
import { MemoryLeases } from "../../../stack/memory/memory-leases.ts";
import { TokenServer } from "../../../stack/token-server.ts";

const alice = "alice@contoso.com";
const bob = "bob@contoso.com";
const minute = 60_000;

let server: TokenServer;
let vault: KeyVaultStandIn;
let tokens: AccessTokens;
/** Shared by all processes. */
let leases: MemoryLeases;
const sealer = {
  seal: async (text: string) => `sealed:${Buffer.from(text).toString("hex")}`,
  open: async (text: string) => Buffer.from(text.slice("sealed:".length), "hex").toString(),
};
/** Added to the clock of the code under test. */
let later: number;

beforeAll(async () => {
  vault = await KeyVaultStandIn.start();
});
afterAll(() => vault.stop());
beforeEach(async () => {
  server = await TokenServer.start([alice, bob]);
  vault.secretsWritable = true;
  vault.secrets.set("client", server.clientSecret);
  vault.secrets.set("account", server.keyFile);
  vault.secrets.set("refresh", `${server.refreshTokenOf(alice)}\n`);
  later = 0;
  leases = new MemoryLeases();
  tokens = newProcess();
});
afterEach(() => server.stop());

function newProcess(): AccessTokens {
  const secrets = createKeyVaultSecrets(vault.keyUri, vault.credential);
  return createAccessTokens({ secrets, leases, sealer }, { now: () => Date.now() + later });
}

function source(type: TokenSource["type"], change: Partial<TokenSource> = {}): TokenSource {
  const secretName = {
    clientCredentials: "client",
    refreshToken: "refresh",
    googleServiceAccount: "account",
  }[type];
  const clientId = type === "googleServiceAccount" ? server.serviceAccount : server.clientId;
  return { type, clientId, tokenUrl: server.tokenUrl, scope: server.scope, secretName, ...change };
}

describe("access tokens", () => {
  it("of client credentials open every mailbox, and are asked for once", async () => {
    const given = await Promise.all(
      [alice, bob, alice].map((user) => tokens(source("clientCredentials"), user)),
    );
    expect(new Set(given).size).toBe(1);
    expect(await tokens(source("clientCredentials"), bob)).toBe(given[0]);
    expect(server.issued).toEqual([{ grant: "clientCredentials", user: undefined, token: given[0] }]);
    expect(server.accepts(bob, given[0] ?? "")).toBe(true);
  });

  it("of a service account are for one user each", async () => {
    const [first, second, again] = await Promise.all(
      [alice, bob, alice].map((user) => tokens(source("googleServiceAccount"), user)),
    );
    expect(again).toBe(first);
    expect(server.issued.map(({ user }) => user).sort()).toEqual([alice, bob]);
    expect([server.accepts(alice, first ?? ""), server.accepts(alice, second ?? "")]).toEqual([true, false]);
  });

  it("are had for a refresh token, with the client secret where the server wants it", async () => {
    server.refreshNeedsSecret = true;
    await expect(tokens(source("refreshToken"), alice)).rejects.toMatchObject({ code: "TokenClientRefused" });
    const token = await tokens(source("refreshToken", { clientSecretName: "client" }), alice);
    expect(server.accepts(alice, token)).toBe(true);
  });

  it("are replaced shortly before they expire", async () => {
    const first = await tokens(source("clientCredentials"), alice);
    later = 54 * minute;
    expect(await tokens(source("clientCredentials"), alice)).toBe(first);
    later = 55 * minute + 1_000;
    expect(await tokens(source("clientCredentials"), alice)).not.toBe(first);
  });

  it("that were refused are not given again, unless they are brand-new", async () => {
    const first = await tokens(source("clientCredentials"), alice);
    expect(await tokens(source("clientCredentials"), alice, first)).toBe(first);
    later = 2 * minute;
    const second = await tokens(source("clientCredentials"), alice, first);
    expect(second).not.toBe(first);
    expect(await tokens(source("clientCredentials"), bob, first)).toBe(second);
    expect(server.issued).toHaveLength(2);
  });

  it("are had again after a failure", async () => {
    server.failNext(503);
    await expect(tokens(source("clientCredentials"), alice)).rejects.toMatchObject({ kind: "transient" });
    expect(server.accepts(alice, await tokens(source("clientCredentials"), alice))).toBe(true);
  });
});

describe("a refresh token", () => {
  it("that the server replaces is replaced in Key Vault, before its successor is needed", async () => {
    server.rotation = "replaced";
    const before = vault.secrets.get("refresh")?.trim();
    await tokens(source("refreshToken"), alice);
    expect(vault.secrets.get("refresh")).not.toBe(before);
    later = 60 * minute;
    await tokens(source("refreshToken"), alice);
    await newProcess()(source("refreshToken"), alice);
    expect(server.issued).toHaveLength(3);
  });

  it("that stays is not written", async () => {
    const before = vault.secrets.get("refresh");
    vault.secretsWritable = false;
    await tokens(source("refreshToken"), alice);
    expect(vault.secrets.get("refresh")).toBe(before);
  });

  it("is kept until it could be stored, and nothing goes on without", async () => {
    server.rotation = "replaced";
    vault.secretsWritable = false;
    const refused = { kind: "mailbox", code: "SecretNotWritable" };
    await expect(tokens(source("refreshToken"), alice)).rejects.toMatchObject(refused);
    await expect(tokens(source("refreshToken"), alice)).rejects.toMatchObject(refused);
    expect(server.issued).toHaveLength(1);
    vault.secretsWritable = true;
    const token = await tokens(source("refreshToken"), alice);
    expect(server.accepts(alice, token)).toBe(true);
  });

  it("that an operator stored meanwhile is not overwritten", async () => {
    server.rotation = "replaced";
    vault.secretsWritable = false;
    await expect(tokens(source("refreshToken"), alice)).rejects.toMatchObject({ code: "SecretNotWritable" });
    vault.secretsWritable = true;
    const renewed = server.refreshTokenOf(bob);
    vault.secrets.set("refresh", renewed);
    expect(server.accepts(bob, await tokens(source("refreshToken"), bob))).toBe(true);
  });

  it("that is good for one use only serves any number of processes at once", async () => {
    server.rotation = "replaced";
    const processes = Array.from({ length: 8 }, newProcess);
    const given = await Promise.all(processes.map((process) => process(source("refreshToken"), alice)));
    expect(new Set(given).size).toBe(8);
    for (const token of given) expect(server.accepts(alice, token)).toBe(true);
    expect(server.issued).toHaveLength(8);
    await expect(newProcess()(source("refreshToken"), alice)).resolves.toMatch(/./);
  });

  it("outlives the process that got it, also where Key Vault is not to be written", async () => {
    server.rotation = "replaced";
    vault.secretsWritable = false;
    const refused = { code: "SecretNotWritable" };
    await expect(newProcess()(source("refreshToken"), alice)).rejects.toMatchObject(refused);
    await expect(newProcess()(source("refreshToken"), alice)).rejects.toMatchObject(refused);
    expect(server.issued).toHaveLength(1);
    const before = vault.secrets.get("refresh");
    vault.secretsWritable = true;
    expect(server.accepts(alice, await newProcess()(source("refreshToken"), alice))).toBe(true);
    expect(vault.secrets.get("refresh")).not.toBe(before);
    expect(server.issued).toHaveLength(2);
  });

  it("outlives a process that ends after the server's answer", async () => {
    server.rotation = "replaced";
    const dying: SecretStore = {
      ...createKeyVaultSecrets(vault.keyUri, vault.credential),
      set: () => new Promise(() => undefined),
    };
    void createAccessTokens({ secrets: dying, leases, sealer })(source("refreshToken"), alice);
    await vi.waitFor(async () => expect(server.issued).toHaveLength(1));
    await sleep(50);
    // Its lease ends by itself.
    vi.useFakeTimers({ now: Date.now() + 2 * minute, toFake: ["Date"] });
    try {
      expect(server.accepts(alice, await newProcess()(source("refreshToken"), alice))).toBe(true);
    } finally {
      vi.useRealTimers();
    }
    expect(server.issued).toHaveLength(2);
  });

  it("is stored although its note cannot be written, and kept while neither can", async () => {
    server.rotation = "replaced";
    const away = async () => {
      throw new MigrationError("transient", "StorageUnreachable", "Blob Storage did not answer.");
    };
    const noteless = async (name: string) => {
      const lease = await leases.acquire(name);
      return lease && { ...lease, write: away };
    };
    const secrets = createKeyVaultSecrets(vault.keyUri, vault.credential);
    const process = createAccessTokens({ secrets, leases: { acquire: noteless }, sealer });
    vault.secretsWritable = false;
    await expect(process(source("refreshToken"), alice)).rejects.toMatchObject({ code: "SecretNotWritable" });
    vault.secretsWritable = true;
    expect(server.accepts(alice, await process(source("refreshToken"), alice))).toBe(true);
    expect(server.issued).toHaveLength(2);
  });
});

describe("an operator is told of", () => {
  it.each<
    [
      string,
      "clientCredentials" | "refreshToken" | "googleServiceAccount",
      () => Partial<TokenSource>,
      string,
    ]
  >([
    ["a wrong client secret", "clientCredentials", () => wrong("client"), "TokenClientRefused"],
    ["an unknown client", "clientCredentials", () => ({ clientId: "x" }), "TokenClientUnauthorized"],
    ["a wrong scope", "clientCredentials", () => ({ scope: "x" }), "TokenRequestRefused"],
    ["an expired refresh token", "refreshToken", () => wrong("refresh"), "TokenGrantRefused"],
    [
      "a scope the service account may not have",
      "googleServiceAccount",
      () => ({ scope: "x" }),
      "TokenClientUnauthorized",
    ],
    ["a key that was withdrawn", "googleServiceAccount", () => otherKey(), "TokenGrantRefused"],
    ["the key of another account", "googleServiceAccount", () => ({ clientId: "x" }), "TokenSecretInvalid"],
    ["a secret that is no key file", "googleServiceAccount", () => wrong("account"), "TokenSecretInvalid"],
    ["a secret that is missing", "clientCredentials", () => ({ secretName: "none" }), "SecretNotFound"],
  ])("%s", async (_, type, prepare, code) => {
    const error: unknown = await tokens(source(type, prepare()), alice).catch((failure: unknown) => failure);
    expect(error).toMatchObject({ kind: "mailbox", code });
    expectNoSecret(error);
  });

  it("a user the service account's domain does not have", async () => {
    await expect(tokens(source("googleServiceAccount"), "nobody@contoso.com")).rejects.toMatchObject({
      code: "TokenGrantRefused",
      message: expect.not.stringContaining("nobody"),
    });
  });

  it("an assertion that is too old, by a clock that is wrong", async () => {
    later = -60 * minute;
    await expect(tokens(source("googleServiceAccount"), alice)).rejects.toMatchObject({
      code: "TokenGrantRefused",
    });
  });

  it("Entra's number of what is wrong", async () => {
    await expect(tokens(source("clientCredentials", wrong("client")), alice)).rejects.toThrow(
      /\(invalid_client, AADSTS7000215\)/,
    );
  });

  it.each([
    [
      429,
      { "retry-after": "120" },
      { kind: "throttled", code: "TokenServerThrottled", retryAfterMs: 120_000 },
    ],
    [429, {}, { kind: "throttled", code: "TokenServerThrottled", retryAfterMs: 60_000 }],
    [503, { "retry-after": "7" }, { kind: "throttled", code: "TokenServerThrottled", retryAfterMs: 7_000 }],
    [503, {}, { kind: "transient", code: "TokenServerUnavailable" }],
    [500, {}, { kind: "transient", code: "TokenServerUnavailable" }],
    [200, {}, { kind: "mailbox", code: "TokenRequestRefused" }],
    [302, { location: "http://127.0.0.1:1/" }, { kind: "mailbox", code: "TokenRequestRefused" }],
  ])("status %i %j", async (status, headers, expected) => {
    server.failNext(status, {}, headers);
    await expect(tokens(source("clientCredentials"), alice)).rejects.toMatchObject(expected);
  });

  it("a pause until a date", async () => {
    server.failNext(429, {}, { "retry-after": new Date(Date.now() + 90_000).toUTCString() });
    const error: unknown = await tokens(source("clientCredentials"), alice).catch(
      (failure: unknown) => failure,
    );
    const { retryAfterMs = 0 } = error as { readonly retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(30_000);
    expect(retryAfterMs).toBeLessThanOrEqual(90_000);
  });

  it("a token server that cannot be reached", async () => {
    await server.stop();
    await expect(tokens(source("clientCredentials"), alice)).rejects.toMatchObject({
      kind: "transient",
      code: "TokenServerUnreachable",
    });
  });
});

function wrong(secretName: string): Partial<TokenSource> {
  vault.secrets.set(secretName, "canary");
  return {};
}

function otherKey(): Partial<TokenSource> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const file: unknown = JSON.parse(server.keyFile);
  const key = privateKey.export({ type: "pkcs8", format: "pem" });
  vault.secrets.set("account", JSON.stringify({ ...(file as object), private_key: key }));
  return {};
}

function expectNoSecret(error: unknown): void {
  const { message, cause, stack } = error as Error;
  const shown = JSON.stringify([message, cause, stack, error]);
  for (const secret of ["canary", server.clientSecret, "PRIVATE KEY", alice])
    expect(shown).not.toContain(secret);
}

describe("the settings of a token source", () => {
  const endpoint = (change: object, more: object = {}) =>
    endpointSchema.safeParse({
      host: "imap.contoso.com",
      authentication: "xoauth2",
      tokenSource: { ...source("refreshToken"), ...change },
      ...more,
    });
  const paths = (parsed: ReturnType<typeof endpoint>) =>
    parsed.error?.issues.map(({ path }) => path.join(".")) ?? [];

  it("are taken with https, or on this machine", () => {
    expect(paths(endpoint({}))).toEqual([]);
    expect(paths(endpoint({ tokenUrl: "https://login.example.com/token" }))).toEqual([]);
    expect(paths(endpoint({ tokenUrl: "http://login.example.com/token" }))).toEqual(["tokenSource.tokenUrl"]);
  });

  it("are refused where they would do nothing", () => {
    expect(paths(endpoint({ type: "clientCredentials", clientSecretName: "client" }))).toEqual([
      "tokenSource.clientSecretName",
    ]);
    expect(paths(endpoint({}, { authentication: "password" }))).toEqual(["tokenSource"]);
    expect(paths(endpoint({}, { adminUser: "admin" }))).toEqual(["adminUser"]);
  });
});
