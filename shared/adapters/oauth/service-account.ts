import { createPrivateKey, createSign, type KeyObject } from "node:crypto";
import { z } from "zod";
import type { TokenSource } from "../../domain/endpoint.ts";
import { MigrationError } from "../../domain/errors.ts";

/** Seconds an assertion is good for, and by how much the clocks may differ. */
const lifetime = 300;
const clockSkew = 30;

const keyFile = z.object({
  client_email: z.string(),
  private_key: z.string(),
  private_key_id: z.string().optional(),
});

/**
 * The signed statement by which a service account asks for a token of a user of its domain (RFC 7523, 3). Pure.
 * @param keyJson the key file of the service account as Google makes it.
 * @param user address of the user whose mail is to be read.
 * @param now milliseconds since 1970.
 * @throws MigrationError `mailbox`/`TokenSecretInvalid` if the secret is no such file, or of another account.
 * @see https://developers.google.com/identity/protocols/oauth2/service-account#httprest
 */
export function serviceAccountAssertion(
  source: Pick<TokenSource, "clientId" | "tokenUrl" | "scope" | "secretName">,
  keyJson: string,
  user: string,
  now: number,
): string {
  const { key, keyId } = readKey(source, keyJson);
  const issuedAt = Math.floor(now / 1000) - clockSkew;
  const header = { alg: "RS256", typ: "JWT", ...(keyId === undefined ? {} : { kid: keyId }) };
  const claims = {
    iss: source.clientId,
    sub: user,
    scope: source.scope,
    aud: source.tokenUrl,
    iat: issuedAt,
    exp: issuedAt + lifetime,
  };
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

function readKey(
  source: Pick<TokenSource, "clientId" | "secretName">,
  keyJson: string,
): { readonly key: KeyObject; readonly keyId: string | undefined } {
  const file = parseKeyFile(keyJson);
  if (file === undefined) throw invalid(source.secretName, "is not the JSON key file of a service account");
  if (file.client_email !== source.clientId)
    throw invalid(source.secretName, "is the key of another service account than the endpoint's clientId");
  try {
    return { key: createPrivateKey(file.private_key), keyId: file.private_key_id };
  } catch {
    throw invalid(source.secretName, "holds a private key that cannot be read");
  }
}

function parseKeyFile(text: string): z.infer<typeof keyFile> | undefined {
  try {
    return keyFile.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function invalid(secretName: string, what: string): MigrationError {
  return new MigrationError(
    "mailbox",
    "TokenSecretInvalid",
    `The secret "${secretName}" in Key Vault ${what}. Store the key file as Google made it, then retry the mailbox.`,
  );
}
