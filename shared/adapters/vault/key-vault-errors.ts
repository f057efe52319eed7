import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import { type AzureFailure, classifyAzureError, isRequestError, isTokenError } from "../azure-errors.ts";

/**
 * What a failed call to Key Vault means for the caller.
 * @param refusal what it means that Key Vault, or its client library before it asks, does not do what was wanted.
 * @see https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
 */
export function classifyKeyVaultError(
  error: unknown,
  refusal: (failure: Pick<AzureFailure, "cause"> & { readonly forbidden: boolean }) => MigrationError,
): MigrationError {
  // The client library throws plain errors for a key that it does not want to use, such as one past its expiry.
  if (error instanceof Error && !isMigrationError(error) && !isTokenError(error) && !isRequestError(error))
    return refusal({ cause: error, forbidden: false });
  return classifyAzureError(error, {
    name: "Key Vault",
    codes: {
      noToken: "KeyVaultTokenUnavailable",
      busy: "KeyVaultThrottled",
      unanswered: "KeyVaultUnavailable",
      failed: "KeyVaultUnavailable",
    },
    refusal: ({ status, cause }) => refusal({ cause, forbidden: status === 401 || status === 403 }),
  });
}
