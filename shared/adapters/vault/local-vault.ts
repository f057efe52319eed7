import { createHash, createSecretKey, timingSafeEqual } from "node:crypto";
import { MigrationError } from "../../domain/errors.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import type { SecretOwner, Vault } from "../../migration/ports/vault.ts";
import { openText, sealText } from "./sealed-text.ts";

/** Say how the text was sealed, so that all ways of sealing can stand in the same table: with a server, and before. */
const prefix = "local2.";
const prefixWithoutServer = "local1.";

/**
 * Seals passwords directly under one key that the application holds. For local use: in Azure the key never leaves Key Vault.
 * @param key 32 bytes.
 * @throws MigrationError `fatal`/`CredentialKeyInvalid` for a key of another length.
 */
export function createLocalVault(key: Buffer): Vault & Probed {
  if (key.length !== 32)
    throw new MigrationError(
      "fatal",
      "CredentialKeyInvalid",
      "CREDENTIAL_KEY must be the base64 form of 32 bytes.",
    );
  const secretKey = createSecretKey(key);

  function open(owner: SecretOwner, sealed: string): string | undefined {
    const expected = prefixFor(owner);
    return sealed.startsWith(expected)
      ? openText(secretKey, owner, sealed.slice(expected.length))
      : undefined;
  }

  return {
    async probe() {},
    async seal(owner, secret) {
      return prefixFor(owner) + sealText(secretKey, owner, secret);
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

function prefixFor({ server }: SecretOwner): string {
  return server === undefined ? prefixWithoutServer : prefix;
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}
