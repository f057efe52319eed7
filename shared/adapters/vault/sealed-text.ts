import { createCipheriv, createDecipheriv, type KeyObject, randomBytes } from "node:crypto";
import type { SecretOwner } from "../../migration/ports/vault.ts";

const algorithm = "aes-256-gcm";
/** Bytes. NIST SP 800-38D, 8.2: 96 bits, random; safe for 2^32 secrets under one key. */
const nonceLength = 12;
const tagLength = 16;

/**
 * Encrypts a secret for one owner (AES-256-GCM): base64url of nonce, ciphertext and tag.
 * The same secret gives another text each time.
 */
export function sealText(key: KeyObject, owner: SecretOwner, secret: string): string {
  const nonce = randomBytes(nonceLength);
  const cipher = createCipheriv(algorithm, key, nonce, { authTagLength: tagLength });
  cipher.setAAD(boundTo(owner));
  const text = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, text, cipher.getAuthTag()]).toString("base64url");
}

/** @returns undefined if the text was sealed with another key or for another owner, or was altered. */
export function openText(key: KeyObject, owner: SecretOwner, sealed: string): string | undefined {
  const bytes = Buffer.from(sealed, "base64url");
  if (bytes.length < nonceLength + tagLength) return undefined;
  const decipher = createDecipheriv(algorithm, key, bytes.subarray(0, nonceLength), {
    authTagLength: tagLength,
  });
  decipher.setAAD(boundTo(owner));
  decipher.setAuthTag(bytes.subarray(-tagLength));
  try {
    const text = decipher.update(bytes.subarray(nonceLength, -tagLength));
    return Buffer.concat([text, decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}

/**
 * Additional authenticated data: a sealed text copied into another mailbox's row does not open there, nor for another
 * server.
 */
function boundTo({ batch, mailboxId, server }: SecretOwner): Buffer {
  const names = server === undefined ? [batch, mailboxId] : [batch, mailboxId, server.host, server.port];
  return Buffer.from(JSON.stringify(names), "utf8");
}
