import { randomBytes } from "node:crypto";
import type { TokenSource } from "../../../shared/domain/endpoint.ts";
import type { TokenServer } from "../token-server.ts";
import type { CellSource, CredentialForm } from "./source.ts";

/** The same mailbox, opened by a token that the application gets from the token server. */
export function byToken<Source extends Pick<CellSource, "endpoint" | "row">>(
  source: Source,
  server: TokenServer,
  type: TokenSource["type"],
): Source & Pick<CellSource, "secrets"> {
  const { userName } = source.row;
  const name = `cell-${randomBytes(4).toString("hex")}`;
  const isServiceAccount = type === "googleServiceAccount";
  const secret = {
    clientCredentials: () => server.clientSecret,
    refreshToken: () => server.refreshTokenOf(userName),
    googleServiceAccount: () => server.keyFile,
  }[type];
  return {
    ...source,
    endpoint: {
      ...source.endpoint,
      authentication: "xoauth2",
      tokenSource: {
        type,
        clientId: isServiceAccount ? server.serviceAccount : server.clientId,
        tokenUrl: server.tokenUrl,
        scope: server.scope,
        secretName: name,
      },
    },
    row: { userName, password: "" },
    secrets: { [name]: secret() },
  };
}

/** The token source a form of login is about, if it is about one. */
export function tokenSourceOf(login: CredentialForm): TokenSource["type"] | undefined {
  switch (login) {
    case "XOAUTH2, client credentials":
      return "clientCredentials";
    case "XOAUTH2, refresh token":
      return "refreshToken";
    case "XOAUTH2, service account":
      return "googleServiceAccount";
    default:
      return undefined;
  }
}
