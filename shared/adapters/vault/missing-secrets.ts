import { MigrationError } from "../../domain/errors.ts";
import type { SecretStore } from "../../migration/ports/secrets.ts";

/** Where no Key Vault is configured, as on an operator's own machine: every secret is missing, with the reason. */
export function createMissingSecrets(): SecretStore {
  const missing = async (name: string): Promise<never> => {
    throw new MigrationError(
      "mailbox",
      "SecretStoreMissing",
      `The endpoint names the secret "${name}", but without CREDENTIAL_KEY_URI there is no Key Vault to read it from. Set it to the address of a key in your Key Vault; on your own machine the sign-in of "az login" is used.`,
    );
  };
  return { get: missing, set: missing };
}
