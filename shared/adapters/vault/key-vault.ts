import { createHash, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from "node:crypto";
import type { TokenCredential } from "@azure/identity";
import { CryptographyClient, KeyClient } from "@azure/keyvault-keys";
import { LRUCache } from "lru-cache";
import { MigrationError } from "../../domain/errors.ts";
import type { BatchName } from "../../domain/names.ts";
import type { Probed } from "../../migration/ports/probed.ts";
import type { SecretOwner, Vault } from "../../migration/ports/vault.ts";
import { classifyKeyVaultError } from "./key-vault-errors.ts";
import { openText, sealText } from "./sealed-text.ts";

/** Say how the text was sealed, so that all ways of sealing can stand in the same table: with a server, and before. */
const prefix = "kv2";
const prefixWithoutServer = "kv1";
/** RFC 8017 OAEP with SHA-256. */
const algorithm = "RSA-OAEP-256";
/** How long a process seals with one data key, in milliseconds: a new key version is in use after this. */
const dataKeyLifetime = 60 * 60 * 1000;
/** Longest time one call to Key Vault may take, repeats included, in milliseconds. */
const callTimeout = 30_000;
/** The caller tries again later anyway, so a call need not. */
const retryOptions = { maxRetries: 3, retryDelayInMs: 200 };
const keptDataKeys = 1000;

interface DataKey {
  readonly key: KeyObject;
  /** `{key version}.{wrapped key, base64url}`: all it takes to have the key again. */
  readonly reference: string;
  readonly createdAt: number;
}

/**
 * Envelope encryption: each batch has data keys of its own, wrapped by an RSA key that never leaves Key Vault. The
 * wrapped data key stands in each sealed text, so that a process needs nothing but the text, and the deletion of a
 * batch's rows takes its key material along. Data keys are wrapped by the newest version of the key; older versions
 * unwrap what they wrapped for as long as they are enabled.
 * Needs the role Key Vault Crypto Service Encryption User on the key.
 * @param keyUri `https://{vault}/keys/{name}`; with a version at its end only that one wraps.
 * @param now milliseconds since 1970.
 * @throws MigrationError `fatal`/`CredentialKeyInvalid` if the address is not one of a key.
 * @see https://learn.microsoft.com/azure/key-vault/keys/about-keys-details
 */
export function createKeyVaultVault(
  keyUri: string,
  credential: TokenCredential,
  now: () => number = Date.now,
): Vault & Probed {
  const { vaultUrl, name, version } = parseKeyUri(keyUri);
  // Plain http is there for a stand-in on this machine, whose host name cannot be the one its challenge names.
  const insecure = vaultUrl.startsWith("http:");
  const options = {
    retryOptions,
    allowInsecureConnection: insecure,
    disableChallengeResourceVerification: insecure,
  };
  const keys = new KeyClient(vaultUrl, credential, options);
  const unwrapping = new LRUCache<string, CryptographyClient>({ max: keptDataKeys });
  const sealing = new LRUCache<BatchName, Promise<DataKey>>({ max: keptDataKeys });
  const opened = new LRUCache<string, Promise<DataKey>>({ max: keptDataKeys });

  async function createDataKey(): Promise<DataKey> {
    const secret = randomBytes(32);
    try {
      const wrapper = await keys.getKey(name, {
        ...(version === undefined ? {} : { version }),
        abortSignal: AbortSignal.timeout(callTimeout),
      });
      const client = new CryptographyClient(wrapper, credential, options);
      const { result } = await client.wrapKey(algorithm, secret, {
        abortSignal: AbortSignal.timeout(callTimeout),
      });
      const reference = `${wrapper.properties.version}.${Buffer.from(result).toString("base64url")}`;
      return { key: createSecretKey(secret), reference, createdAt: now() };
    } catch (error) {
      throw classifyKeyVaultError(error, ({ forbidden, cause }) =>
        forbidden ? keyForbidden(cause) : keyUnusable(cause),
      );
    } finally {
      secret.fill(0);
    }
  }

  async function unwrapDataKey(keyVersion: string, wrapped: string): Promise<DataKey> {
    let client = unwrapping.get(keyVersion);
    if (client === undefined) {
      client = new CryptographyClient(`${vaultUrl}/keys/${name}/${keyVersion}`, credential, options);
      unwrapping.set(keyVersion, client);
    }
    try {
      const { result } = await client.unwrapKey(algorithm, Buffer.from(wrapped, "base64url"), {
        abortSignal: AbortSignal.timeout(callTimeout),
      });
      if (result.length !== 32) throw credentialUnreadable();
      const key = createSecretKey(result);
      result.fill(0);
      return { key, reference: `${keyVersion}.${wrapped}`, createdAt: now() };
    } catch (error) {
      throw classifyKeyVaultError(error, ({ forbidden, cause }) =>
        forbidden ? keyForbidden(cause) : credentialUnreadable(cause),
      );
    }
  }

  async function keyToSeal(batch: BatchName): Promise<DataKey> {
    const known = sealing.get(batch);
    if (known !== undefined) {
      const dataKey = await known;
      if (now() - dataKey.createdAt < dataKeyLifetime) return dataKey;
      if (sealing.get(batch) !== known) return keyToSeal(batch);
    }
    const pending = createDataKey();
    const dataKey = await keep(sealing, batch, pending);
    opened.set(openedAt(batch, dataKey.reference), pending);
    return dataKey;
  }

  async function keyToOpen(batch: BatchName, keyVersion: string, wrapped: string): Promise<DataKey> {
    const at = openedAt(batch, `${keyVersion}.${wrapped}`);
    return opened.get(at) ?? keep(opened, at, unwrapDataKey(keyVersion, wrapped));
  }

  async function read(owner: SecretOwner, sealed: string): Promise<string> {
    const [form, keyVersion, wrapped, text, ...rest] = sealed.split(".");
    if (form !== prefixFor(owner) || !isKeyVersion(keyVersion) || !wrapped || !text || rest.length > 0)
      throw credentialUnreadable();
    const { key } = await keyToOpen(owner.batch, keyVersion, wrapped);
    const secret = openText(key, owner, text);
    if (secret === undefined) throw credentialUnreadable();
    return secret;
  }

  return {
    async seal(owner, secret) {
      const { key, reference } = await keyToSeal(owner.batch);
      return `${prefixFor(owner)}.${reference}.${sealText(key, owner, secret)}`;
    },
    open: read,
    async probe() {
      await createDataKey();
    },
    async matches(owner, sealed, secret) {
      try {
        return timingSafeEqual(digest(await read(owner, sealed)), digest(secret));
      } catch (error) {
        if (error instanceof MigrationError && error.code === "CredentialUnreadable") return false;
        throw error;
      }
    },
    /** The wrapped keys go with the batch's rows; here the unwrapped ones go. */
    async forget(batch) {
      sealing.delete(batch);
      for (const at of [...opened.keys()]) if (at.startsWith(openedAt(batch, ""))) opened.delete(at);
    },
  };
}

function prefixFor({ server }: SecretOwner): string {
  return server === undefined ? prefixWithoutServer : prefix;
}

/** Where the opened key of a batch is kept. Batch names hold no slash. */
function openedAt(batch: BatchName, reference: string): string {
  return `${batch}/${reference}`;
}

/** Remembers a key on its way, so that many callers at once make one call; a failure is not remembered. */
async function keep<K extends string>(
  map: LRUCache<K, Promise<DataKey>>,
  at: K,
  pending: Promise<DataKey>,
): Promise<DataKey> {
  map.set(at, pending);
  try {
    return await pending;
  } catch (error) {
    if (map.get(at) === pending) map.delete(at);
    throw error;
  }
}

function keyForbidden(cause: Error): MigrationError {
  return new MigrationError(
    "fatal",
    "KeyVaultForbidden",
    "Key Vault refuses the application: give its identity the role Key Vault Crypto Service Encryption User on the key, let its network in, and leave the versions of the key enabled.",
    { cause },
  );
}

function keyUnusable(cause: Error): MigrationError {
  return new MigrationError(
    "fatal",
    "CredentialKeyInvalid",
    "Key Vault cannot use the key in CREDENTIAL_KEY_URI: it must exist, be enabled, and be an RSA key that may wrap and unwrap keys.",
    { cause },
  );
}

/** The sealed text is of another key, of a key version that is gone, or was altered. */
function credentialUnreadable(cause?: Error): MigrationError {
  return new MigrationError(
    "mailbox",
    "CredentialUnreadable",
    "The stored password cannot be decrypted, since its key is another one or gone: upload the CSV again.",
    { cause },
  );
}

function parseKeyUri(keyUri: string): {
  readonly vaultUrl: string;
  readonly name: string;
  readonly version: string | undefined;
} {
  const url = URL.parse(keyUri);
  const [collection, name, version, ...rest] = url?.pathname.replace(/\/$/, "").slice(1).split("/") ?? [];
  if (!url || collection !== "keys" || !name || rest.length > 0)
    throw new MigrationError(
      "fatal",
      "CredentialKeyInvalid",
      "CREDENTIAL_KEY_URI must be the address of a Key Vault key, https://{vault}/keys/{name}.",
    );
  return { vaultUrl: url.origin, name, version };
}

/** Key Vault's versions are 32 hexadecimal digits; anything else must not become part of an address. */
function isKeyVersion(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{32}$/.test(text);
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret, "utf8").digest();
}
