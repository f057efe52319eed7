import {
  constants,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";

interface KeyVersion {
  readonly id: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  enabled: boolean;
}

/** An answer other than the right one, for the next requests. */
interface Fault {
  readonly status: number;
  remaining: number;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const newSecret = z.object({ value: z.string() });
const keyOperation = z.object({ alg: z.string(), value: z.string() });
const audience = "https://vault.azure.net";
const identityPath = "/msi/token";
const identityHeader = "identity-header-of-the-stand-in";

/**
 * Key Vault's data plane as far as one RSA key and secrets go: challenge authentication, versions, wrapKey and unwrapKey,
 * and the current values of secrets.
 * @see https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
 * @see https://learn.microsoft.com/rest/api/keyvault/secrets/set-secret/set-secret
 * @see https://learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses
 * @see https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key/wrap-key
 */
export class KeyVaultStandIn {
  readonly keyName = "credentials";
  /** Current values by name. */
  readonly secrets = new Map<string, string>();
  /** Whether the application may write them. */
  secretsWritable = true;
  /** Operations that were let in, as `GET`, `wrapkey` or `unwrapkey` and the version they named. */
  readonly calls: { readonly operation: string; readonly version: string }[] = [];
  readonly #versions: KeyVersion[] = [];
  readonly #server: Server;
  readonly #token = randomBytes(16).toString("hex");
  #port = 0;
  #fault: Fault | undefined;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.rotate();
  }

  /** Listens on a port of the system's choice. */
  static async start(): Promise<KeyVaultStandIn> {
    const vault = new KeyVaultStandIn();
    await new Promise<void>((resolve) => vault.#server.listen(0, "127.0.0.1", resolve));
    vault.#port = (vault.#server.address() as AddressInfo).port;
    return vault;
  }

  get keyUri(): string {
    return `${this.#url}/keys/${this.keyName}`;
  }

  /** Settings of an app that uses this Key Vault by a managed identity. */
  get settings(): Readonly<Record<string, string>> {
    return {
      CREDENTIAL_KEY_URI: this.keyUri,
      IDENTITY_ENDPOINT: `${this.#url}${identityPath}`,
      IDENTITY_HEADER: identityHeader,
    };
  }

  get versions(): readonly string[] {
    return this.#versions.map(({ id }) => id);
  }

  /** A credential that gets tokens for Key Vault and for nothing else. */
  get credential(): {
    getToken(scopes: string | string[]): Promise<{ token: string; expiresOnTimestamp: number }>;
  } {
    return {
      getToken: async (scopes) => {
        const known = [scopes].flat().join() === `${audience}/.default`;
        return {
          token: known ? this.#token : "of another resource",
          expiresOnTimestamp: Date.now() + 3_600_000,
        };
      },
    };
  }

  /** Adds a version, which becomes the current one. @returns its id. */
  rotate(): string {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const version = { id: randomBytes(16).toString("hex"), publicKey, privateKey, enabled: true };
    this.#versions.push(version);
    return version.id;
  }

  disable(version: string): void {
    for (const one of this.#versions) if (one.id === version) one.enabled = false;
  }

  remove(version: string): void {
    const at = this.#versions.findIndex(({ id }) => id === version);
    if (at >= 0) this.#versions.splice(at, 1);
  }

  /** Answers the next `times` authenticated requests with this status. */
  failNext(status: number, times: number): void {
    this.#fault = { status, remaining: times };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get #url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer =
      this.#identity(request) ??
      this.#challenge(request) ??
      this.#plannedFault() ??
      this.#perform(
        request.method,
        new URL(request.url ?? "/", this.#url),
        Buffer.concat(chunks).toString("utf8"),
      );
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.body));
  }

  /**
   * The endpoint where an app in Azure gets tokens for its managed identity.
   * @see https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
   */
  #identity(request: IncomingMessage): Answer | undefined {
    const url = new URL(request.url ?? "/", this.#url);
    if (url.pathname !== identityPath) return undefined;
    const resource = url.searchParams.get("resource");
    if (request.headers["x-identity-header"] !== identityHeader || resource !== audience)
      return refusal(400, "BadRequest", "The header or the resource is not the right one.");
    const expires_on = String(Math.floor(Date.now() / 1000) + 3600);
    return { status: 200, body: { access_token: this.#token, expires_on, resource, token_type: "Bearer" } };
  }

  #challenge(request: IncomingMessage): Answer | undefined {
    if (request.headers.authorization === `Bearer ${this.#token}`) return undefined;
    const challenge = `Bearer authorization="https://login.microsoftonline.com/tenant", resource="${audience}"`;
    return refusal(401, "Unauthorized", "The request has no token for Key Vault.", {
      "www-authenticate": challenge,
    });
  }

  #plannedFault(): Answer | undefined {
    if (this.#fault === undefined || this.#fault.remaining === 0) return undefined;
    this.#fault.remaining--;
    return refusal(this.#fault.status, "Fault", "A fault of the test.", { "retry-after-ms": "1" });
  }

  #perform(method: string | undefined, url: URL, body: string): Answer {
    if (!url.searchParams.has("api-version")) return refusal(400, "BadParameter", "api-version is missing.");
    const [, collection, name, version = "", operation = "GET"] = url.pathname.split("/");
    if (collection === "secrets") return this.#secret(method, name ?? "", body);
    const key = version === "" ? this.#versions.at(-1) : this.#versions.find(({ id }) => id === version);
    if (collection !== "keys" || name !== this.keyName || key === undefined)
      return refusal(404, "KeyNotFound", `There is no key ${name} with the version ${version}.`);
    this.calls.push({ operation, version });
    if (!key.enabled) return refusal(403, "Forbidden", `${operation} is not allowed on a disabled key.`);
    if (operation === "GET" && method === "GET") return { status: 200, body: this.#bundle(key) };
    if (method !== "POST") return refusal(405, "MethodNotAllowed", `${operation} takes POST.`);
    return operate(key, operation, body, this.#keyId(key));
  }

  #secret(method: string | undefined, name: string, body: string): Answer {
    if (method === "PUT") {
      if (!this.secretsWritable) return refusal(403, "Forbidden", "Caller is not authorized to set secrets.");
      this.secrets.set(name, newSecret.parse(JSON.parse(body)).value);
    } else if (method !== "GET") return refusal(405, "MethodNotAllowed", `Secrets do not take ${method}.`);
    const value = this.secrets.get(name);
    if (value === undefined) return refusal(404, "SecretNotFound", `There is no secret ${name}.`);
    const attributes = { enabled: true, created: 1_700_000_000, updated: 1_700_000_000 };
    return { status: 200, body: { value, id: `${this.#url}/secrets/${name}/1`, attributes } };
  }

  #bundle(key: KeyVersion): unknown {
    return {
      key: {
        kid: this.#keyId(key),
        key_ops: ["wrapKey", "unwrapKey"],
        ...key.publicKey.export({ format: "jwk" }),
      },
      attributes: { enabled: key.enabled, created: 1_700_000_000, updated: 1_700_000_000 },
    };
  }

  #keyId(key: KeyVersion): string {
    return `${this.keyUri}/${key.id}`;
  }
}

function operate(key: KeyVersion, operation: string, body: string, kid: string): Answer {
  const { alg, value } = keyOperation.parse(JSON.parse(body));
  if (alg !== "RSA-OAEP-256") return refusal(400, "BadParameter", `The key does not do ${alg}.`);
  const padding = { oaepHash: "sha256", padding: constants.RSA_PKCS1_OAEP_PADDING };
  const given = Buffer.from(value, "base64url");
  try {
    const result =
      operation === "wrapkey"
        ? publicEncrypt({ key: key.publicKey, ...padding }, given)
        : privateDecrypt({ key: key.privateKey, ...padding }, given);
    return { status: 200, body: { kid, value: result.toString("base64url") } };
  } catch {
    return refusal(400, "BadParameter", "The parameter is incorrect.");
  }
}

function refusal(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): Answer {
  return { status, headers, body: { error: { code, message } } };
}
