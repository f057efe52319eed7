import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { TokenSource } from "../../domain/endpoint.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { Lease, Leases } from "../../migration/ports/leases.ts";
import type { Sealer } from "../../migration/ports/sealer.ts";
import type { SecretStore } from "../../migration/ports/secrets.ts";
import { requestToken, type TokenAnswer } from "./token-request.ts";

/** While another process renews: milliseconds between two looks, and until this one gives up for now. */
const lookMs = 250;
const patienceMs = 45_000;

/** In the note of the lease: a refresh token that the server gave in the place of another one. */
const noteSchema = z.object({
  /** Digest of the token it replaces. */
  of: z.string(),
  sealed: z.string(),
});

export interface RefreshTokenParts {
  readonly secrets: SecretStore;
  readonly leases: Leases;
  readonly sealer: Sealer;
}

/**
 * Gets access tokens for a refresh token (RFC 6749, 6), which may be good for one use only: one process of all uses it at
 * a time, under a lease of its own. Where the server replaces the refresh token, the new one is at once noted with the
 * lease, sealed, and then stored as the secret's current value, before the access token is given out. So it outlives the
 * process, and a vault that is away or not to be written. It is lost only if the process ends between the server's answer
 * and the note, some milliseconds later, or if the answer never arrives.
 */
export class RefreshTokens {
  readonly #secrets: SecretStore;
  readonly #leases: Leases;
  readonly #sealer: Sealer;
  /** Successors that could be stored nowhere yet, by the name of the secret. */
  readonly #held = new Map<string, { readonly of: string; readonly token: string }>();

  constructor({ secrets, leases, sealer }: RefreshTokenParts) {
    this.#secrets = secrets;
    this.#leases = leases;
    this.#sealer = sealer;
  }

  /**
   * @throws MigrationError as `requestToken`, the store of secrets and the leases do; `transient`/`TokenRenewalBusy` if
   * others have renewed all the time.
   */
  async request(source: TokenSource): Promise<TokenAnswer> {
    const lease = await this.#acquire(source.secretName);
    try {
      const refreshToken = await this.#current(source.secretName, lease);
      // What is needed to seal a successor is fetched before there is one.
      await this.#sealer.seal("");
      await lease.renew();
      return await this.#exchange(source, refreshToken, lease);
    } finally {
      await lease.release();
    }
  }

  async #acquire(secretName: string): Promise<Lease> {
    const end = Date.now() + patienceMs;
    for (;;) {
      const lease = await this.#leases.acquire(`refresh-token/${secretName}`);
      if (lease !== undefined) return lease;
      if (Date.now() > end)
        throw new MigrationError(
          "transient",
          "TokenRenewalBusy",
          "Other workers renew the access token; it is tried again later.",
        );
      await sleep(lookMs);
    }
  }

  /** The secret's value, or its successor if a worker could not store it. */
  async #current(secretName: string, lease: Lease): Promise<string> {
    const stored = await this.#read(secretName);
    const successor = await this.#successorOf(digest(stored), secretName, lease);
    if (successor === undefined) return stored;
    await this.#secrets.set(secretName, successor);
    this.#held.delete(secretName);
    return successor;
  }

  /** @param of digest of the secret's value; what the operator has stored since has no successor. */
  async #successorOf(of: string, secretName: string, lease: Lease): Promise<string | undefined> {
    const held = this.#held.get(secretName);
    if (held?.of === of) return held.token;
    const noted = noteSchema.safeParse(parsed(lease.note ?? ""));
    return noted.success && noted.data.of === of ? this.#opened(noted.data.sealed) : undefined;
  }

  async #exchange(source: TokenSource, refreshToken: string, lease: Lease): Promise<TokenAnswer> {
    const { clientId, clientSecretName, scope, secretName, tokenUrl } = source;
    const answer = await requestToken(tokenUrl, {
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
      ...(clientSecretName === undefined ? {} : { client_secret: await this.#read(clientSecretName) }),
      scope,
    });
    const successor = answer.refreshToken;
    if (successor === undefined || successor === refreshToken) return answer;
    const of = digest(refreshToken);
    // For the case that neither place can be written: then it is there as long as this process is.
    this.#held.set(secretName, { of, token: successor });
    await this.#note(lease, of, successor);
    await this.#secrets.set(secretName, successor);
    this.#held.delete(secretName);
    return answer;
  }

  /** A note that cannot be written is no reason not to store the secret. */
  async #note(lease: Lease, of: string, successor: string): Promise<void> {
    try {
      await lease.write(JSON.stringify({ of, sealed: await this.#sealer.seal(successor) }));
    } catch (error) {
      if (!isMigrationError(error)) throw error;
    }
  }

  async #opened(sealed: string): Promise<string | undefined> {
    try {
      return await this.#sealer.open(sealed);
    } catch (error) {
      if (isMigrationError(error) && error.code === "CredentialUnreadable") return undefined;
      throw error;
    }
  }

  /** Secrets set from a file or a terminal often end with a line break. */
  async #read(name: string): Promise<string> {
    return (await this.#secrets.get(name)).trim();
  }
}

function digest(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
