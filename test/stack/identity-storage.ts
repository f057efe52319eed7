import { readFile } from "node:fs/promises";
import {
  createServer as createHttpServer,
  request as forward,
  type IncomingMessage,
  type RequestListener,
} from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobServiceClient,
  generateAccountSASQueryParameters,
  type StorageSharedKeyCredential,
} from "@azure/storage-blob";
import { createCertificateAuthority } from "./certificates.ts";

const token = "a-token-for-storage";
const hour = 3_600_000;

export interface IdentityStorage {
  /** Settings of an app that reaches its data account by a managed identity. */
  readonly settings: Readonly<Record<string, string>>;
  /** Requests for the making of a container or table, each of which was refused. */
  readonly refusedCreations: readonly string[];
  close(): Promise<void>;
}

/**
 * Puts Azurite behind a front as a data account looks to an identity with roles on its data: HTTPS, a token with each
 * request, and 403 for who wants to make a container or a table.
 * @see https://learn.microsoft.com/rest/api/storageservices/create-container#permissions
 */
export async function startIdentityStorage(azurite: {
  readonly connectionString: string;
}): Promise<IdentityStorage> {
  const authority = await createCertificateAuthority();
  const { certificateFile, keyFile } = await authority.issue(["localhost"]);
  const tls = { cert: await readFile(certificateFile), key: await readFile(keyFile) };
  const signature = accountSignature(azurite.connectionString);
  const refusedCreations: string[] = [];
  const identity = createHttpServer((request, response) => {
    const resource = new URL(request.url ?? "/", "http://localhost").searchParams.get("resource");
    const expires_on = String(Math.floor((Date.now() + hour) / 1000));
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ access_token: token, expires_on, resource, token_type: "Bearer" }));
  });
  const servers: Server[] = [];

  const front =
    (target: URL): RequestListener =>
    (request, response) => {
      const url = new URL(request.url ?? "/", target);
      const answer = refusalOf(request, url);
      if (answer !== undefined) {
        request.resume();
        if (answer === "AuthorizationPermissionMismatch") refusedCreations.push(url.pathname);
        response.writeHead(403, { "x-ms-error-code": answer, "content-type": "application/json" });
        response.end(JSON.stringify({ "odata.error": { code: answer, message: { value: answer } } }));
        return;
      }
      const path = `${url.pathname}${url.search}${url.search === "" ? "?" : "&"}${signature}`;
      const { authorization: _, ...headers } = request.headers;
      const onward = forward(
        {
          host: target.hostname,
          port: target.port,
          method: request.method,
          path,
          headers: { ...headers, host: target.host },
        },
        (answered) => {
          response.writeHead(answered.statusCode ?? 500, answered.headers);
          answered.pipe(response);
        },
      );
      onward.on("error", () => response.destroy());
      request.pipe(onward);
    };

  async function serve(service: "BlobEndpoint" | "QueueEndpoint" | "TableEndpoint"): Promise<string> {
    const target = new URL(connectionValue(azurite.connectionString, service));
    const server = createServer(tls, front(target));
    servers.push(server);
    return `https://localhost:${await listen(server)}${target.pathname}`;
  }

  return {
    settings: {
      DataStorage__blobServiceUri: await serve("BlobEndpoint"),
      DataStorage__queueServiceUri: await serve("QueueEndpoint"),
      DataStorage__tableServiceUri: await serve("TableEndpoint"),
      DataStorage__credential: "managedidentity",
      IDENTITY_ENDPOINT: `http://127.0.0.1:${await listen(identity)}/token`,
      IDENTITY_HEADER: "header",
      NODE_EXTRA_CA_CERTS: authority.certificateFile,
    },
    refusedCreations,
    async close() {
      for (const server of [...servers, identity]) {
        server.closeAllConnections();
        await new Promise<void>((resolve) => server.close(() => resolve()));
      }
      await authority.dispose();
    },
  };
}

function refusalOf({ method, headers }: IncomingMessage, url: URL): string | undefined {
  if (headers.authorization !== `Bearer ${token}`) return "AuthenticationFailed";
  const makesContainer = method === "PUT" && url.searchParams.get("restype") === "container";
  const makesTable = method === "POST" && /\/Tables$/.test(url.pathname);
  return makesContainer || makesTable ? "AuthorizationPermissionMismatch" : undefined;
}

/** A query that lets its bearer do everything with the data, as the roles of the identity do. */
function accountSignature(connectionString: string): string {
  const { credential } = BlobServiceClient.fromConnectionString(connectionString);
  return generateAccountSASQueryParameters(
    {
      expiresOn: new Date(Date.now() + 24 * hour),
      permissions: AccountSASPermissions.parse("rwdlacup"),
      services: AccountSASServices.parse("bqt").toString(),
      resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
    },
    credential as StorageSharedKeyCredential,
  ).toString();
}

function connectionValue(connectionString: string, name: string): string {
  const value = connectionString
    .split(";")
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(name.length + 1);
  if (value === undefined) throw new Error(`the connection string has no ${name}`);
  return value;
}

async function listen(server: NetServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}
