import type { TokenCredential } from "@azure/identity";
import { MigrationError } from "../domain/errors.ts";

/**
 * Gives an access token of the application's own identity. Asked before every request or login: the credential keeps the
 * token and renews it ahead of its end, so that work may outlast a token.
 * @param refused a token that the service did not take: another one is asked for, past the credential's cache. A managed
 * identity may give the same one again until it renews it by itself, half its life later.
 * @throws MigrationError `transient` where no token is to be had.
 */
export type IdentityToken = (refused?: string) => Promise<string>;

/** What the token is for, as it is told to an operator. */
export interface TokenService {
  readonly name: string;
  readonly code: string;
}

export const graphService: TokenService = { name: "Microsoft Graph", code: "GraphTokenUnavailable" };
export const exchangeImapService: TokenService = {
  name: "IMAP of Exchange Online",
  code: "TargetTokenUnavailable",
};

/** The application scope of a Graph service root. @param baseUrl Graph's address; its origin decides the scope. */
export function graphScope(baseUrl: string): string {
  return `${new URL(baseUrl).origin}/.default`;
}

/** A token source over a credential of the Azure SDK. */
export function identityToken(
  credential: TokenCredential,
  scope: string,
  service: TokenService,
): IdentityToken {
  return async (refused) => {
    try {
      const token = await credential.getToken(
        scope,
        refused === undefined ? {} : { claims: issuedFromNow() },
      );
      if (token !== null) return token.token;
    } catch (cause) {
      throw unavailable(service, cause);
    }
    throw unavailable(service, undefined);
  };
}

/**
 * Asks for a token issued from now on, as a resource does that no longer takes an older one.
 * @see https://learn.microsoft.com/entra/identity-platform/claims-challenge
 */
function issuedFromNow(): string {
  const value = String(Math.floor(Date.now() / 1000));
  return JSON.stringify({ access_token: { nbf: { essential: true, value } } });
}

/** What gives tokens may be away for hours, and does not say so: whatever keeps one from being had may pass. */
function unavailable({ name, code }: TokenService, cause: unknown): MigrationError {
  return new MigrationError(
    "transient",
    code,
    `No token for ${name} could be obtained; it is tried again for a day. If it lasts, check the application's managed identity (AZURE_CLIENT_ID) or its client secret or certificate.`,
    { cause },
  );
}
