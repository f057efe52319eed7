import { readFile } from "node:fs/promises";
import { ImapFlow } from "imapflow";
import type { ImapServer } from "./imap-servers/server.ts";

/** A way into one mailbox of an IMAP server. */
export interface ImapAccess {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; without it the connection stays in plain text. */
  readonly secure: boolean;
  /** The server's certificate (PEM); needed with TLS. */
  readonly certificateFile?: string;
  readonly user: string;
  readonly password: string;
  /** SASL PLAIN authorization identity. */
  readonly authorization?: string;
}

/** A user's own way into the mailbox. */
export function userAccess(server: ImapServer, user: string): ImapAccess {
  return {
    host: server.host,
    port: server.tlsPort,
    secure: true,
    certificateFile: server.certificateFile,
    user,
    password: server.password,
  };
}

/** Logs in, gives the session to `action`, and logs out. Folder paths are used as the server writes them. */
export async function withSession<T>(
  access: ImapAccess,
  action: (client: ImapFlow) => Promise<T>,
): Promise<T> {
  const { user, password, authorization, certificateFile } = access;
  const client = new ImapFlow({
    host: access.host,
    port: access.port,
    secure: access.secure,
    ...(access.secure ? {} : { doSTARTTLS: false }),
    ...(certificateFile === undefined
      ? {}
      : { servername: "localhost", tls: { ca: await readFile(certificateFile) } }),
    auth: { user, pass: password, ...(authorization === undefined ? {} : { authzid: authorization }) },
    logger: false,
    disableCompression: true,
    disableAutoIdle: true,
    maxLiteralSize: 512 * 1024 * 1024,
  });
  // Without a listener a late error would end the process; the pending command fails by itself.
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.logout();
  }
}

/** The personal namespace: what stands before every path, and what separates its levels. */
export function personalNamespace(client: ImapFlow): { prefix: string; delimiter: string } {
  return { prefix: client.namespace?.prefix ?? "", delimiter: client.namespace?.delimiter ?? "/" };
}
