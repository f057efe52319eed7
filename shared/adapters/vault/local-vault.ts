import { createHash, createSecretKey, timingSafeEqual } from "node:crypto";
import { MigrationError } from "../../domain/errors.ts";
import type { Vault } from "../../migration/ports/vault.ts";
import { openText, sealText } from "./sealed-text.ts";

/** Says how the text was sealed, so that another way of sealing can stand beside it in the same table. */
const prefix = "local1.";

/**
 * Seals passwords directly under one key that the application holds. For local use: in Azure the key never leaves Key Vault.
 * @param key 32 bytes.
 * @throws MigrationError `fatal`/`CredentialKeyInvalid` for a key of another length.
 */
export function createLocalVault(key: Buffer): Vault {
  if (key.length !== 32)
    throw new MigrationError(
      "fatal",
      "CredentialKeyInvalid",
      "CREDENTIAL_KEY must be the base64 form of 32 bytes.",
    );
  const secretKey = createSecretKey(key);

  function open(owner: Parameters<Vault["open"]>[0], sealed: string): string | undefined {
    return sealed.startsWith(prefix) ? openText(secretKey, owner, sealed.slice(prefix.length)) : undefined;
  }

  return {
    async seal(owner, secret) {
      return prefix + sealText(secretKey, owner, secret);
    },
    async open(owner, sealed) {
      const secret = open(owner, sealed);
      if (secret === undefined)
        throw new MigrationError(
          "mailbox",
          "CredentialUnreadable",
          "The stored password cannot be decrypted, since the key is another one now: upload the CSV again.",
        );
      return secret;
    },
    async matches(owner, sealed, secret) {
      const found = open(owner, sealed);
      return found !== undefined && timingSafeEqual(digest(found), digest(secret));
    },
    /** The key belongs to the deployment, not to a batch. */
    async forget() {},
  };
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}
