import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  type TokenCredential,
} from "@azure/identity";
import { MigrationError } from "../../domain/errors.ts";

/** How the application proves who it is to Microsoft Entra. */
export type GraphIdentity =
  | {
      /** Managed identity in Azure, the developer's sign-in elsewhere. */
      readonly kind: "default";
      /** Client id of a user-assigned managed identity. */
      readonly clientId?: string | undefined;
    }
  | { readonly kind: "secret"; readonly tenantId: string; readonly clientId: string; readonly secret: string }
  | {
      readonly kind: "certificate";
      readonly tenantId: string;
      readonly clientId: string;
      /** PEM file with the certificate and its private key. */
      readonly path: string;
    };

export interface GraphTokenSettings {
  readonly identity: GraphIdentity;
  /** Graph's address; its origin decides the scope, so that national clouds need no further setting. */
  readonly baseUrl: string;
  /** Login host of a national cloud, such as https://login.microsoftonline.us. */
  readonly authorityHost?: string | undefined;
}

/**
 * The application scope of a Graph service root.
 * @see https://learn.microsoft.com/graph/deployments
 */
export function graphScope(baseUrl: string): string {
  return `${new URL(baseUrl).origin}/.default`;
}

/**
 * A token source for {@link createGraphTarget}. Asked before every request: the credential keeps the token and renews it
 * ahead of its end, so a chunk may outlast a token.
 * @throws MigrationError `fatal`/`GraphTokenUnavailable` from the returned function where no token is to be had.
 */
export function graphTokenSource(settings: GraphTokenSettings): () => Promise<string> {
  const credential = credentialFor(settings);
  const scope = graphScope(settings.baseUrl);
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

function credentialFor({ identity, authorityHost }: GraphTokenSettings): TokenCredential {
  const options = authorityHost === undefined ? {} : { authorityHost };
  switch (identity.kind) {
    case "secret":
      return new ClientSecretCredential(identity.tenantId, identity.clientId, identity.secret, options);
    case "certificate":
      return new ClientCertificateCredential(identity.tenantId, identity.clientId, identity.path, options);
    case "default":
      return new DefaultAzureCredential(
        identity.clientId === undefined
          ? options
          : { ...options, managedIdentityClientId: identity.clientId },
      );
  }
}

function tokenUnavailable(cause: unknown): MigrationError {
  return new MigrationError(
    "fatal",
    "GraphTokenUnavailable",
    "No token for Microsoft Graph could be obtained; check the application's managed identity (AZURE_CLIENT_ID) or its client secret or certificate.",
    { cause },
  );
}
