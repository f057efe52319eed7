import { MigrationError } from "../../domain/errors.ts";

const tokenErrors = new Set([
  "AggregateAuthenticationError",
  "AuthenticationError",
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
]);

/**
 * What a failed call to Key Vault means for the caller.
 * @param work what was asked of the key: a wrapped data key that Key Vault refuses is one that cannot be opened any more.
 * @see https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
 */
export function classifyKeyVaultError(error: unknown, work: "wrap" | "unwrap"): MigrationError {
  if (error instanceof MigrationError) return error;
  const status = statusOf(error);
  if (isTokenError(error))
    return new MigrationError(
      "fatal",
      "KeyVaultTokenUnavailable",
      "No token for Key Vault could be had: check the application's managed identity and AZURE_CLIENT_ID.",
      { cause: error },
    );
  if (status === 429)
    return new MigrationError("throttled", "KeyVaultThrottled", "Key Vault asks for a pause.", {
      retryAfterMs: 10_000,
      cause: error,
    });
  if (status === 401 || status === 403)
    return new MigrationError(
      "fatal",
      "KeyVaultForbidden",
      "Key Vault refuses the application: give its identity the role Key Vault Crypto Service Encryption User on the key, let its network in, and leave the versions of the key enabled.",
      { cause: error },
    );
  if ((status !== undefined && status >= 400 && status < 500) || !isUnanswered(error))
    return work === "unwrap"
      ? credentialUnreadable(error)
      : new MigrationError(
          "fatal",
          "CredentialKeyInvalid",
          "Key Vault cannot use the key in CREDENTIAL_KEY_URI: it must exist, be enabled, and be an RSA key that may wrap and unwrap keys.",
          { cause: error },
        );
  return new MigrationError("transient", "KeyVaultUnavailable", "Key Vault does not answer.", {
    cause: error,
  });
}

/** The sealed text is of another key, of a key version that is gone, or was altered. */
export function credentialUnreadable(cause?: unknown): MigrationError {
  return new MigrationError(
    "mailbox",
    "CredentialUnreadable",
    "The stored password cannot be decrypted, since its key is another one or gone: upload the CSV again.",
    { cause },
  );
}

/** True if the identity got no token, so that Key Vault was not asked. */
export function isTokenError(error: unknown): boolean {
  return error instanceof Error && tokenErrors.has(error.name);
}

/** The client library throws plain errors for a key it does not want to use, such as one past its expiry. */
export function isUnanswered(error: unknown): boolean {
  return error instanceof Error && ["RestError", "AbortError", "TimeoutError"].includes(error.name);
}

/** The HTTP status of an answer of Key Vault. */
export function statusOf(error: unknown): number | undefined {
  return error instanceof Error && "statusCode" in error && typeof error.statusCode === "number"
    ? error.statusCode
    : undefined;
}
