import type { TokenSource } from "../../domain/endpoint.ts";
import { isMigrationError } from "../../domain/errors.ts";
import type { SecretStore } from "../../migration/ports/secrets.ts";
import { requestToken, type TokenAnswer } from "./token-request.ts";

/** A refresh token that the server gave in place of another one, and that is not in the store yet. */
interface Successor {
  readonly of: string;
  readonly token: string;
}

/**
 * Gets access tokens for a refresh token (RFC 6749, 6). Where the server replaces the refresh token, the new one is
 * stored as the secret's current value before the access token is given out, and kept until that has succeeded.
 * A successor is lost only if the process ends between the server's answer and the write.
 */
export class RefreshTokens {
  readonly #secrets: SecretStore;
  /** By the name of the secret. */
  readonly #successors = new Map<string, Successor>();

  constructor(secrets: SecretStore) {
    this.#secrets = secrets;
  }

  /** @throws MigrationError as `requestToken` and the store do. */
  async request(source: TokenSource): Promise<TokenAnswer> {
    await this.#storeSuccessor(source.secretName);
    const refreshToken = await this.#read(source.secretName);
    try {
      return await this.#exchange(source, refreshToken);
    } catch (error) {
      if (!isMigrationError(error) || error.code !== "TokenGrantRefused") throw error;
      // Another worker may have used it a moment ago, and stored its successor.
      const current = await this.#read(source.secretName);
      if (current === refreshToken) throw error;
      return this.#exchange(source, current);
    }
  }

  async #exchange(source: TokenSource, refreshToken: string): Promise<TokenAnswer> {
    const { clientId, clientSecretName, scope, secretName, tokenUrl } = source;
    const answer = await requestToken(tokenUrl, {
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
      ...(clientSecretName === undefined ? {} : { client_secret: await this.#read(clientSecretName) }),
      scope,
    });
    if (answer.refreshToken !== undefined && answer.refreshToken !== refreshToken) {
      this.#successors.set(secretName, { of: refreshToken, token: answer.refreshToken });
      await this.#storeSuccessor(secretName);
    }
    return answer;
  }

  async #storeSuccessor(secretName: string): Promise<void> {
    const successor = this.#successors.get(secretName);
    if (successor === undefined) return;
    // What another worker or the operator has stored since is newer.
    if ((await this.#read(secretName)) === successor.of) await this.#secrets.set(secretName, successor.token);
    this.#successors.delete(secretName);
  }

  /** Secrets set from a file or a terminal often end with a line break. */
  async #read(name: string): Promise<string> {
    return (await this.#secrets.get(name)).trim();
  }
}
