import { fillMailbox } from "../corpus/fill.ts";
import { type ImapAccess, userAccess, withSession } from "../imap-access.ts";
import { startCourier } from "../imap-servers/courier.ts";
import { startCyrus } from "../imap-servers/cyrus.ts";
import { startDovecot } from "../imap-servers/dovecot.ts";
import type { ImapServer } from "../imap-servers/server.ts";
import { TokenServer } from "../token-server.ts";
import { byToken, tokenSourceOf } from "./by-token.ts";
import { newMail, smallMailbox } from "./mail.ts";
import { adminMarker, type Cell, type CellSource, type CredentialForm, type RefusedCell } from "./source.ts";

const productNames = { dovecot: "Dovecot", cyrus: "Cyrus", courier: "Courier" } as const;

interface Variant {
  readonly title: string;
  readonly start: (tokens: TokenServer) => Promise<ImapServer>;
  readonly logins: readonly CredentialForm[];
}

const users = 3;
const dovecotLogins: readonly CredentialForm[] = ["own password", "User*Admin", "authzid by adminUser"];
const cyrusLogins: readonly CredentialForm[] = ["own password", "authzid by adminUser"];

const variants: readonly Variant[] = [
  {
    title: "separator /, sdbox",
    start: () => startDovecot({ users: [...names(), "admin"] }),
    logins: dovecotLogins,
  },
  {
    title: "separator ., below INBOX., maildir",
    start: () => startDovecot({ users, separator: ".", prefix: "INBOX.", store: "maildir" }),
    logins: dovecotLogins,
  },
  {
    title: "separator /, maildirfs",
    start: () => startDovecot({ users, store: "maildirfs" }),
    logins: ["own password"],
  },
  {
    title: "separator ., sdbox",
    start: () => startDovecot({ users, separator: "." }),
    logins: ["own password"],
  },
  {
    title: "tokens it asks the token server about",
    start: ({ introspectionUrl }) => startDovecot({ users, introspectionUrl }),
    logins: ["XOAUTH2, service account", "XOAUTH2, refresh token"],
  },
  { title: "modern names", start: () => startCyrus({ users, style: "modern" }), logins: cyrusLogins },
  { title: "classic names", start: () => startCyrus({ users, style: "classic" }), logins: cyrusLogins },
  { title: "shared folders", start: () => startCourier({ users }), logins: ["own password", "UserRoot"] },
];

function names(): readonly string[] {
  return Array.from({ length: users }, (_, index) => `user${String(index + 1).padStart(4, "0")}`);
}

/** Cells of the servers that run here, each started when its first cell is opened. */
export function realServers(onStart: (stop: () => Promise<void>) => void): {
  readonly cells: readonly Cell[];
  readonly refused: readonly RefusedCell[];
} {
  const tokens = once(() => TokenServer.start(names()), onStart);
  const running = variants.map(({ start }) => once(async () => start(await tokens()), onStart));
  const cells = variants.flatMap(({ title, logins }, variant) =>
    logins.map(
      (login, user): Cell => ({
        title,
        login,
        open: async () => {
          const server = await (running[variant] as () => Promise<ImapServer>)();
          const cell = await openCell(server, login, user + 1);
          const type = tokenSourceOf(login);
          return type === undefined ? cell : byToken(cell, await tokens(), type);
        },
      }),
    ),
  );
  const dovecot = running[0] as () => Promise<ImapServer>;
  const courier = running.at(-1) as () => Promise<ImapServer>;
  return { cells, refused: [...refusedByDovecot(dovecot), ...refusedByCourier(courier)] };
}

function once<Server extends { stop(): Promise<void> }>(
  start: () => Promise<Server>,
  onStart: (stop: () => Promise<void>) => void,
): () => Promise<Server> {
  let server: Promise<Server> | undefined;
  return () => {
    server ??= start().then((started) => {
      onStart(() => started.stop());
      return started;
    });
    return server;
  };
}

async function openCell(server: ImapServer, login: CredentialForm, user: number): Promise<CellSource> {
  const name = server.userName(user);
  const access = userAccess(server, name);
  await fillMailbox(access, smallMailbox(`${server.port} ${name}`));
  return {
    server: nameOf(server),
    endpoint: {
      ...tls(server),
      ...(login === "authzid by adminUser" ? { adminUser: server.adminUser } : {}),
    },
    row: rowOf(server, login, name),
    access,
    change: (message) => change(access, message),
  };
}

function nameOf(server: ImapServer): string {
  return `${productNames[server.name]} ${server.version}`;
}

function tls(server: ImapServer): object {
  return { host: "localhost", port: server.tlsPort, acceptUntrustedCertificates: true };
}

function rowOf(server: ImapServer, login: CredentialForm, user: string): CellSource["row"] {
  const { adminUser, adminPassword, password } = server;
  switch (login) {
    case "User*Admin":
      return { userName: `${user}*${adminUser}`, password: adminPassword };
    case "authzid by adminUser":
      return { userName: user, password: adminPassword };
    case "UserRoot":
      return { userName: adminUser, password: adminPassword, userRoot: `/users/${user}` };
    default:
      return { userName: user, password };
  }
}

async function change(access: ImapAccess, message: Buffer): Promise<void> {
  await withSession(access, async (client) => {
    await client.append("INBOX", message, ["\\Seen"], new Date("2024-05-06T07:08:09Z"));
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd("1", ["\\Seen", "\\Flagged"]);
  });
}

function refusedByDovecot(start: () => Promise<ImapServer>): readonly RefusedCell[] {
  const open = (userName: string, adminUser?: string) => async () => {
    const server = await start();
    // Here the administrator is a user as well, with a password of that mailbox.
    await mark({ ...userAccess(server, server.adminUser) });
    return {
      server: nameOf(server),
      endpoint: { ...tls(server), ...(adminUser === undefined ? {} : { adminUser }) },
      row: { userName, password: server.adminPassword },
    };
  };
  return [
    {
      title: "the endpoint's adminUser as UserName",
      code: "AdminMailboxRefused",
      open: open("admin", "admin"),
    },
    { title: "Admin*Admin", code: "AdminMailboxRefused", open: open("admin*admin") },
  ];
}

function refusedByCourier(start: () => Promise<ImapServer>): readonly RefusedCell[] {
  const open =
    (adminUser: string | undefined, row: (server: ImapServer) => CellSource["row"]) => async () => {
      const server = await start();
      await mark({ ...userAccess(server, server.adminUser), password: server.adminPassword });
      return {
        server: nameOf(server),
        endpoint: { ...tls(server), ...(adminUser === undefined ? {} : { adminUser }) },
        row: row(server),
      };
    };
  return [
    {
      title: "authzid, which the server ignores",
      code: "AdminMailboxRefused",
      open: open("admin", (server) => ({ userName: server.userName(1), password: server.adminPassword })),
    },
    {
      title: "UserRoot of nobody",
      code: "UserRootNotFound",
      open: open(undefined, ({ adminUser, adminPassword }) => ({
        userName: adminUser,
        password: adminPassword,
        userRoot: "/users/nobody",
      })),
    },
    {
      title: "UserRoot is the administrator's inbox",
      code: "UserRootNotFound",
      open: open(undefined, ({ adminUser, adminPassword }) => ({
        userName: adminUser,
        password: adminPassword,
        userRoot: "INBOX",
      })),
    },
  ];
}

async function mark(access: ImapAccess): Promise<void> {
  await withSession(access, (client) => client.append("INBOX", newMail(adminMarker)));
}
