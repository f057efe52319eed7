import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createKeyVaultSecrets } from "../../../../shared/adapters/vault/key-vault-secrets.ts";
import { createMissingSecrets } from "../../../../shared/adapters/vault/missing-secrets.ts";
import type { SecretStore } from "../../../../shared/migration/ports/secrets.ts";
import { KeyVaultStandIn } from "../../../stack/key-vault.ts";

let keyVault: KeyVaultStandIn;
let secrets: SecretStore;
beforeAll(async () => {
  keyVault = await KeyVaultStandIn.start();
  secrets = createKeyVaultSecrets(keyVault.keyUri, keyVault.credential);
});
afterAll(() => keyVault.stop());

describe("Key Vault secrets", () => {
  it("are read as they are now, and written", async () => {
    keyVault.secrets.set("contoso", "one");
    expect(await secrets.get("contoso")).toBe("one");
    await secrets.set("contoso", "two");
    expect(keyVault.secrets.get("contoso")).toBe("two");
    expect(await secrets.get("contoso")).toBe("two");
  });

  it.each([
    [403, { kind: "fatal", code: "SecretForbidden" }],
    [404, { kind: "mailbox", code: "SecretNotFound" }],
    [400, { kind: "mailbox", code: "SecretNotFound" }],
    [429, { kind: "throttled", code: "KeyVaultThrottled" }],
    [503, { kind: "transient", code: "KeyVaultUnavailable" }],
  ])("that cannot be read are reported: status %i", async (status, expected) => {
    keyVault.failNext(status, 4);
    await expect(secrets.get("contoso")).rejects.toMatchObject(expected);
    keyVault.failNext(status, 0);
  });

  it("that cannot be read are reported without the request and its token", async () => {
    keyVault.failNext(403, 4);
    const error = await secrets.get("contoso").catch((reason: unknown) => reason);
    keyVault.failNext(403, 0);
    expect(error).toMatchObject({
      cause: expect.objectContaining({ message: expect.stringMatching(/^status 403/) }),
    });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toMatch(/Bearer|authorization/i);
  });

  it("that are empty or not there are reported", async () => {
    keyVault.secrets.set("empty", "");
    for (const name of ["empty", "none"])
      await expect(secrets.get(name)).rejects.toMatchObject({ kind: "mailbox", code: "SecretNotFound" });
  });

  it("that may only be read are reported with the role that is missing", async () => {
    keyVault.secretsWritable = false;
    await expect(secrets.set("contoso", "three")).rejects.toMatchObject({
      kind: "mailbox",
      code: "SecretNotWritable",
      message: expect.stringContaining("Key Vault Secrets Officer"),
    });
    keyVault.secretsWritable = true;
  });

  it("need an identity and a Key Vault", async () => {
    const error = Object.assign(new Error("no identity here"), { name: "CredentialUnavailableError" });
    const anonymous = createKeyVaultSecrets(keyVault.keyUri, { getToken: () => Promise.reject(error) });
    await expect(anonymous.get("contoso")).rejects.toMatchObject({ code: "KeyVaultTokenUnavailable" });
    await expect(createMissingSecrets().get("contoso")).rejects.toMatchObject({
      kind: "mailbox",
      code: "SecretStoreMissing",
      message: expect.stringContaining("CREDENTIAL_KEY_URI"),
    });
  });
});
