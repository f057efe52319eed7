import { LRUCache } from "lru-cache";
import type { TokenSource } from "../../domain/endpoint.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { AccessTokens } from "../../migration/ports/access-tokens.ts";
import { type RefreshTokenParts, RefreshTokens } from "./refresh-token.ts";
import { serviceAccountAssertion } from "./service-account.ts";
import { requestToken, type TokenAnswer } from "./token-request.ts";

/** A token is replaced when a fifth of its life, or five minutes, are left; a login has to get through with it. */
const longestMarginMs = 5 * 60_000;
/** A token refused within the first tenth of its life, or minute, is refused for another reason than its age. */
const longestNewnessMs = 60_000;
/** Tokens kept at most: a service account has one for each user. */
const keptTokens = 2_000;

interface IssuedToken {
  readonly token: string;
  readonly issuedAt: number;
  readonly lifetimeMs: number;
}

export interface AccessTokenOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** True refuses token servers on this machine, which may be asked by http elsewhere. */
  readonly onlyHttps?: boolean;
}

/**
 * Access tokens for source mailboxes, from the token source of their endpoint. Kept in this process: one for each token
 * source, and for each user where the token is for a user. Many callers at once make one request.
 */
export function createAccessTokens(
  parts: RefreshTokenParts,
  { now = Date.now, onlyHttps = false }: AccessTokenOptions = {},
): AccessTokens {
  const { secrets } = parts;
  const refreshTokens = new RefreshTokens(parts);
  const issued = new LRUCache<string, IssuedToken>({ max: keptTokens });
  const pending = new Map<string, Promise<string>>();

  async function request(source: TokenSource, user: string): Promise<TokenAnswer> {
    const { clientId, scope, secretName, tokenUrl, type } = source;
    switch (type) {
      case "refreshToken":
        return refreshTokens.request(source);
      case "googleServiceAccount":
        return requestToken(tokenUrl, {
          grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
          assertion: serviceAccountAssertion(source, await secrets.get(secretName), user, now()),
        });
      case "clientCredentials":
        return requestToken(tokenUrl, {
          grant_type: "client_credentials",
          client_id: clientId,
          client_secret: (await secrets.get(secretName)).trim(),
          scope,
        });
    }
  }

  async function renew(key: string, source: TokenSource, user: string): Promise<string> {
    if (onlyHttps && !source.tokenUrl.startsWith("https:"))
      throw new MigrationError(
        "mailbox",
        "TokenRequestRefused",
        "The tokenUrl of the endpoint has to be https.",
      );
    const issuedAt = now();
    const { accessToken: token, lifetimeMs } = await request(source, user);
    issued.set(key, { token, issuedAt, lifetimeMs });
    return token;
  }

  return async (source, mailboxUser, refused) => {
    const key = keyOf(source, mailboxUser);
    const known = issued.get(key);
    if (known !== undefined && isUsable(known, refused, now())) return known.token;
    const running = pending.get(key);
    if (running !== undefined) return running;
    const renewal = renew(key, source, mailboxUser).finally(() => pending.delete(key));
    pending.set(key, renewal);
    return renewal;
  };
}

function isUsable(
  { token, issuedAt, lifetimeMs }: IssuedToken,
  refused: string | undefined,
  now: number,
): boolean {
  const age = now - issuedAt;
  if (token === refused) return age < Math.min(longestNewnessMs, lifetimeMs / 10);
  return age < lifetimeMs - Math.min(longestMarginMs, lifetimeMs / 5);
}

/** A service account's token opens one user's mail, any other token all that its account may open. */
function keyOf(source: TokenSource, user: string): string {
  return JSON.stringify([source, source.type === "googleServiceAccount" ? user : ""]);
}
