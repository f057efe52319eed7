import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { createServer } from "node:https";
import type { ServerCertificate } from "./certificates.ts";

export interface WebServer {
  /** Every URL asked for, by host and path. */
  readonly requests: readonly string[];
  stop(): Promise<void>;
}

/** An HTTPS server on the well-known port of an address, which needs root. */
export async function startWebServer(
  address: string,
  { certificateFile, keyFile }: ServerCertificate,
  serve: RequestListener,
): Promise<WebServer> {
  const [cert, key] = await Promise.all([readFile(certificateFile), readFile(keyFile)]);
  const requests: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    requests.push(`${request.headers.host}${request.url}`);
    serve(request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(443, address, resolve);
  });
  return {
    requests,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
