import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createCertificateAuthority } from "./certificates.ts";

/** A request for a token, as far as tests look at it. */
export interface TokenRequest {
  readonly scope: string | null;
  readonly clientId: string | null;
  /** Parameter by which the client proved who it is. */
  readonly proof: "client_secret" | "client_assertion" | undefined;
}

/** What clients need of Microsoft Entra to sign in as an application. */
export interface EntraStandIn {
  readonly authorityHost: string;
  /** PEM of the authority behind its certificate. */
  readonly authority: string;
  /** PEM file with a certificate and key that an application may sign in with. */
  readonly certificateFile: string;
  readonly requests: readonly TokenRequest[];
  close(): Promise<void>;
}

/**
 * Starts a sign-in service on loopback that gives every application tokens.
 * @param issue makes the token.
 * @param expiresIn their life in seconds, as it is told.
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 */
export async function startEntra(issue: () => string, expiresIn = 1): Promise<EntraStandIn> {
  const authority = await createCertificateAuthority();
  const { certificateFile, keyFile } = await authority.issue(["localhost"]);
  const application = await authority.issue(["application"]);
  const requests: TokenRequest[] = [];
  const tls = { cert: await readFile(certificateFile), key: await readFile(keyFile) };
  const server = createServer(tls, async (request, response) => {
    const tenant = `${host()}${request.url?.split("/")[1]}`;
    response.setHeader("Content-Type", "application/json");
    if (request.method === "GET") {
      const endpoints = {
        issuer: `${tenant}/v2.0`,
        authorization_endpoint: `${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `${tenant}/oauth2/v2.0/token`,
        jwks_uri: `${tenant}/discovery/v2.0/keys`,
      };
      response.end(JSON.stringify(endpoints));
      return;
    }
    const form = new URLSearchParams(await text(request));
    const proof = (["client_secret", "client_assertion"] as const).find((name) => form.has(name));
    requests.push({ scope: form.get("scope"), clientId: form.get("client_id"), proof });
    response.end(JSON.stringify({ token_type: "Bearer", expires_in: expiresIn, access_token: issue() }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  function host(): string {
    return `https://localhost:${(server.address() as AddressInfo).port}/`;
  }
  return {
    authorityHost: host(),
    authority: authority.certificate,
    certificateFile: application.pairFile,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await authority.dispose();
    },
  };
}
