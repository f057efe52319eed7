import { parseSourceUser, type SourceUser } from "../../domain/credentials.ts";
import type { Endpoint } from "../../domain/endpoint.ts";
import { MigrationError } from "../../domain/errors.ts";
import type { SourceConnector, SourceLogin, SourceMailbox } from "../../migration/ports/source.ts";
import { ImapConnection, type Timeouts } from "./connection.ts";
import { type FolderScope, personalScope, userRootCandidates, userRootScope } from "./folder-paths.ts";
import { findFolder } from "./listing.ts";
import type { Credentials } from "./login.ts";
import { ImapSourceMailbox } from "./source-mailbox.ts";

/** Gets an access token with which a user's mailbox is opened. @throws MigrationError */
export type TokenProvider = (endpoint: Endpoint, mailboxUser: string) => Promise<string>;

/** IMAP source server: one connection a mailbox, opened read-only throughout. */
export class ImapSource implements SourceConnector {
  readonly #timeouts: Timeouts;
  readonly #tokenFor: TokenProvider | undefined;

  constructor(timeouts: Timeouts, tokenFor?: TokenProvider) {
    this.#timeouts = timeouts;
    this.#tokenFor = tokenFor;
  }

  async open(login: SourceLogin): Promise<SourceMailbox> {
    const { endpoint } = login;
    const user = parseSourceUser(login.userName, endpoint, login.userRoot);
    if (sameUser(user.mailboxUser, user.adminUser))
      throw new MigrationError(
        "mailbox",
        "AdminMailboxRefused",
        "The user of this row is the administrator who logs in. Put the user whose mail is to be copied there, or copy the administrator's mailbox with its own login.",
      );
    const connection = await ImapConnection.open({
      side: "source",
      host: endpoint.host,
      port: endpoint.port,
      security: endpoint.security,
      acceptUntrustedCertificates: endpoint.acceptUntrustedCertificates,
      allowCompression: endpoint.allowCompression,
      credentials: await this.#credentialsOf(login, user),
      timeouts: this.#timeouts,
    });
    try {
      return new ImapSourceMailbox(connection, await scopeOf(connection, login));
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  async #credentialsOf({ endpoint, password }: SourceLogin, user: SourceUser): Promise<Credentials> {
    if (endpoint.authentication === "password")
      return { kind: "password", user: user.login, password, authzid: user.authorizationId };
    if (!this.#tokenFor)
      throw new MigrationError(
        "mailbox",
        "TokenSourceMissing",
        "The endpoint wants authentication xoauth2, for which this deployment has no source of tokens.",
      );
    return { kind: "token", user: user.mailboxUser, token: await this.#tokenFor(endpoint, user.mailboxUser) };
  }
}

async function scopeOf(connection: ImapConnection, login: SourceLogin): Promise<FolderScope> {
  const { namespaces } = connection;
  const userRoot = login.userRoot?.trim() ?? "";
  if (userRoot === "") return personalScope(namespaces, login.endpoint.rootFolder);
  for (const candidate of userRootCandidates(userRoot, namespaces)) {
    const root = await findFolder(connection, candidate);
    if (root) return userRootScope(root.path, root.separator);
  }
  throw new MigrationError(
    "mailbox",
    "UserRootNotFound",
    "The folder in UserRoot does not exist, or the administrator may not see it. Check UserRoot and the server's shared folders.",
  );
}

/** Administrator forms name one of the two with a domain, and the other one without, at times. */
function sameUser(user: string, admin: string | undefined): boolean {
  if (admin === undefined) return false;
  const [a, b] = [user.toLowerCase(), admin.toLowerCase()];
  const bothQualified = a.includes("@") && b.includes("@");
  return bothQualified ? a === b : localPart(a) === localPart(b);
}

function localPart(user: string): string {
  return user.split("@")[0] ?? user;
}
