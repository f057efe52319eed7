import type { TokenCredential } from "@azure/identity";
import { MigrationError } from "../../domain/errors.ts";

/**
 * The application scope of a Graph service root.
 */
export function graphScope(baseUrl: string): string {
  return `${new URL(baseUrl).origin}/.default`;
}

/**
 * A token source for {@link createGraphTarget}. Asked before every request: the credential keeps the token and renews it
 * ahead of its end, so a chunk may outlast a token.
 * @param baseUrl Graph's address; its origin decides the scope.
 * @throws MigrationError `fatal`/`GraphTokenUnavailable` from the returned function where no token is to be had.
 */
export function graphTokenSource(credential: TokenCredential, baseUrl: string): () => Promise<string> {
  const scope = graphScope(baseUrl);
  return async () => {
    try {
      const token = await credential.getToken(scope);
      if (token !== null) return token.token;
    } catch (cause) {
      throw tokenUnavailable(cause);
    }
    throw tokenUnavailable(undefined);
  };
}

function tokenUnavailable(cause: unknown): MigrationError {
  return new MigrationError(
    "fatal",
    "GraphTokenUnavailable",
    "No token for Microsoft Graph could be obtained; check the application's managed identity (AZURE_CLIENT_ID) or its client secret or certificate.",
    { cause },
  );
}
