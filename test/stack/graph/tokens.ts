import { randomBytes } from "node:crypto";
import { GraphError } from "./errors.ts";

/** Bearer tokens that are accepted. */
export class Tokens {
  readonly permanent: string;
  readonly #expiries = new Map<string, number>();

  constructor(permanent: string | undefined) {
    this.permanent = permanent ?? randomToken();
  }

  issue(expiresAt: number): string {
    const token = randomToken();
    this.#expiries.set(token, expiresAt);
    return token;
  }

  /** learn.microsoft.com/graph/resolve-auth-errors. @throws GraphError 401. */
  require(authorization: string | undefined, now: number): void {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) throw invalidToken("Access token is empty.");
    if (token === this.permanent) return;
    const expiresAt = this.#expiries.get(token);
    if (expiresAt === undefined) throw invalidToken("Access token validation failure. Invalid audience.");
    if (expiresAt <= now) throw invalidToken("Lifetime validation failed, the token is expired.");
  }
}

function randomToken(): string {
  return randomBytes(32).toString("base64url");
}

function invalidToken(message: string): GraphError {
  return new GraphError(401, "InvalidAuthenticationToken", message, {
    headers: {
      "WWW-Authenticate":
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"',
    },
  });
}
