import type { TokenCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";
import { MigrationError } from "../../domain/errors.ts";
import type { SecretStore } from "../../migration/ports/secrets.ts";
import { classifyKeyVaultError } from "./key-vault-errors.ts";

/** Longest time one call to Key Vault may take, repeats included, in milliseconds. */
const callTimeout = 30_000;
/** The caller tries again later anyway, so a call need not. */
const retryOptions = { maxRetries: 3, retryDelayInMs: 200 };

/**
 * Secrets of the Key Vault that also holds the key of CREDENTIAL_KEY_URI. Reading needs the role Key Vault Secrets User,
 * writing the role Key Vault Secrets Officer on the secret.
 * @param keyUri `https://{vault}/keys/{name}`
 * @see https://learn.microsoft.com/azure/key-vault/secrets/about-secrets
 */
export function createKeyVaultSecrets(keyUri: string, credential: TokenCredential): SecretStore {
  const vaultUrl = new URL(keyUri).origin;
  // Plain http is there for a stand-in on this machine, whose host name cannot be the one its challenge names.
  const insecure = vaultUrl.startsWith("http:");
  const client = new SecretClient(vaultUrl, credential, {
    retryOptions,
    allowInsecureConnection: insecure,
    disableChallengeResourceVerification: insecure,
  });
  return {
    async get(name) {
      try {
        const { value } = await client.getSecret(name, { abortSignal: AbortSignal.timeout(callTimeout) });
        if (value !== undefined && value !== "") return value;
      } catch (error) {
        throw classify(error, name, "read");
      }
      throw new MigrationError("mailbox", "SecretNotFound", `The secret "${name}" in Key Vault is empty.`);
    },
    async set(name, value) {
      try {
        await client.setSecret(name, value, { abortSignal: AbortSignal.timeout(callTimeout) });
      } catch (error) {
        throw classify(error, name, "write");
      }
    },
  };
}

function classify(error: unknown, name: string, work: "read" | "write"): MigrationError {
  return classifyKeyVaultError(error, ({ forbidden, cause }) => {
    if (!forbidden)
      return new MigrationError(
        "mailbox",
        "SecretNotFound",
        `There is no secret "${name}" in Key Vault that could be used: set it, or correct its name in the endpoint.`,
        { cause },
      );
    return work === "write"
      ? new MigrationError(
          "mailbox",
          "SecretNotWritable",
          `The token server has replaced the refresh token in the secret "${name}", and Key Vault does not let the application store the new one: give its identity the role Key Vault Secrets Officer on this secret, then retry the mailbox.`,
          { cause },
        )
      : new MigrationError(
          "fatal",
          "SecretForbidden",
          `Key Vault does not let the application read the secret "${name}": give its identity the role Key Vault Secrets User, let its network in, and leave the secret enabled.`,
          { cause },
        );
  });
}
