import { parseSourceUser } from "../../domain/credentials.ts";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { AccessTokens } from "../../migration/ports/access-tokens.ts";
import type { SourceConnector, SourceLogin, SourceMailbox } from "../../migration/ports/source.ts";
import { ImapConnection, type Timeouts } from "./connection.ts";
import { type FolderScope, personalScope, userRootCandidates, userRootScope } from "./folder-paths.ts";
import { GmailMailbox } from "./gmail-mailbox.ts";
import { findFolder } from "./listing.ts";
import type { Credentials } from "./login.ts";
import { ImapSourceMailbox } from "./source-mailbox.ts";

/** IMAP source server: one connection a mailbox, opened read-only throughout. */
export class ImapSource implements SourceConnector {
  readonly #timeouts: Timeouts;
  readonly #tokens: AccessTokens | undefined;
  readonly #isPermitted: ((address: string) => boolean) | undefined;
  /** Capabilities that servers offer and refuse, by host and port. */
  readonly #refused = new Map<string, Set<string>>();

  /** @param isPermitted which addresses may be connected to; all where left out. */
  constructor(
    timeouts: Timeouts,
    tokens: AccessTokens | undefined,
    isPermitted: ((address: string) => boolean) | undefined,
  ) {
    this.#timeouts = timeouts;
    this.#tokens = tokens;
    this.#isPermitted = isPermitted;
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
    const connect = () =>
      endpoint.authentication === "xoauth2"
        ? this.#connectByToken(login, user.mailboxUser)
        : this.#connect(login, {
            kind: "password",
            user: user.login,
            password: login.password,
            authzid: user.authorizationId,
          });
    const connection = await connect();
    try {
      const mailbox = new ImapSourceMailbox(connection, await scopeOf(connection, login), connect);
      return connection.has("X-GM-EXT-1") ? new GmailMailbox(mailbox) : mailbox;
    } catch (error) {
      await connection.close();
      throw error;
    }
  }

  /** A token may end, or be withdrawn, before its time: one that is refused is replaced once. */
  async #connectByToken(login: SourceLogin, user: string): Promise<ImapConnection> {
    const { tokenSource } = login.endpoint;
    if (this.#tokens === undefined || tokenSource === undefined)
      throw new MigrationError(
        "mailbox",
        "TokenSourceMissing",
        "The endpoint wants authentication xoauth2, and there is no source of tokens for it.",
      );
    const token = await this.#tokens(tokenSource, user);
    try {
      return await this.#connect(login, { kind: "token", user, token });
    } catch (error) {
      if (!isMigrationError(error) || error.code !== "TokenRefused") throw error;
      const other = await this.#tokens(tokenSource, user, token);
      if (other === token) throw error;
      return this.#connect(login, { kind: "token", user, token: other });
    }
  }

  async #connect({ endpoint }: SourceLogin, credentials: Credentials): Promise<ImapConnection> {
    const server = `${endpoint.host.toLowerCase()}:${endpoint.port}`;
    const refused = this.#refused.get(server) ?? new Set<string>();
    this.#refused.set(server, refused);
    return ImapConnection.open({
      side: "source",
      host: endpoint.host,
      port: endpoint.port,
      security: endpoint.security,
      acceptUntrustedCertificates: endpoint.acceptUntrustedCertificates,
      allowCompression: endpoint.allowCompression,
      credentials,
      timeouts: this.#timeouts,
      isPermitted: this.#isPermitted,
      refused,
    });
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
    "transient",
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
