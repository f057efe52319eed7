import type { Endpoint } from "./endpoint.ts";
import { mailboxHost } from "./providers.ts";

/** How a row of the CSV logs in, and whose mail the session shows. */
export interface SourceUser {
  /** What the server is given as the user name. */
  readonly login: string;
  /** SASL PLAIN authorization identity (RFC 4616), where the administrator of the endpoint logs in for the user. */
  readonly authorizationId?: string | undefined;
  /** The user whose mail it is, as far as the form tells. */
  readonly mailboxUser: string;
  /** The administrator who logs in for the user, if there is one. */
  readonly adminUser?: string | undefined;
}

/** The server that a password may be sent to. The names by which a provider shows the same mailboxes are one. */
export interface SourceServer {
  readonly host: string;
  readonly port: number;
}

/** The server of an endpoint. Pure. */
export function sourceServer({ host, port }: Pick<Endpoint, "host" | "port">): SourceServer {
  return { host: mailboxHost(host), port };
}

export function isSameServer(a: SourceServer | undefined, b: SourceServer): boolean {
  return a?.host === b.host && a.port === b.port;
}

type SourceEndpoint = Pick<Endpoint, "adminUser">;

/** Exchange: `Domain/Admin/User`, with either slash. */
const EXCHANGE_DELEGATE = /^[^/\\]+[/\\]([^/\\]+)[/\\]([^/\\]+)$/;
/** Exchange: `Domain/User`, a user's own login. */
const EXCHANGE_OWN = /^[^/\\]+[/\\]([^/\\]+)$/;
/** Mirapoint: `#user@domain#Admin#`. */
const MIRAPOINT = /^#([^#]+)#([^#]+)#$/;
/** Dovecot: `User*Admin`. */
const DOVECOT = /^([^*]+)\*([^*]+)$/;

/**
 * Reads the login forms of IMAP administrators. Pure.
 * @param userName the UserName column.
 * @param userRoot the UserRoot column: the user's folder within the administrator's view, `/users/alberta`.
 */
export function parseSourceUser(userName: string, endpoint: SourceEndpoint, userRoot?: string): SourceUser {
  const name = userName.trim();
  const ownerOfRoot = lastSegment(userRoot);
  if (ownerOfRoot !== undefined) return { login: name, mailboxUser: ownerOfRoot, adminUser: name };
  if (endpoint.adminUser !== undefined)
    return {
      login: endpoint.adminUser,
      authorizationId: name,
      mailboxUser: name,
      adminUser: endpoint.adminUser,
    };
  const mirapoint = MIRAPOINT.exec(name);
  if (mirapoint) return delegated(name, mirapoint[1], mirapoint[2]);
  const dovecot = DOVECOT.exec(name);
  if (dovecot) return delegated(name, dovecot[1], dovecot[2]);
  const exchange = EXCHANGE_DELEGATE.exec(name);
  if (exchange) return delegated(name, exchange[2], exchange[1]);
  return { login: name, mailboxUser: EXCHANGE_OWN.exec(name)?.[1] ?? name };
}

/**
 * Identifies a source mailbox: the server and the user whose mail it is. Equal for a user's own login and for every
 * form of administrator login, so that a mailbox is never copied twice because the operator changed the form.
 */
export function sourceAccount(
  endpoint: Pick<Endpoint, "host" | "adminUser">,
  userName: string,
  userRoot?: string,
): string {
  return `${mailboxHost(endpoint.host)} ${parseSourceUser(userName, endpoint, userRoot).mailboxUser.toLowerCase()}`;
}

function delegated(login: string, user = "", admin = ""): SourceUser {
  return { login, mailboxUser: user.trim(), adminUser: admin.trim() };
}

/** `/users/alberta`, or as the server itself writes it, `#shared.users.alberta`. */
function lastSegment(userRoot: string | undefined): string | undefined {
  const root = userRoot?.trim() ?? "";
  const segments = root.split(root.startsWith("#") && !root.includes("/") ? "." : "/");
  return segments.filter((segment) => segment !== "").at(-1);
}
