import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { generateCorpus } from "../stack/corpus/corpus.ts";
import { fillMailbox } from "../stack/corpus/fill.ts";
import type { UserRow } from "../stack/deployment.ts";
import { type ImapAccess, userAccess, withSession } from "../stack/imap-access.ts";
import { type DovecotOptions, type DovecotServer, startDovecot } from "../stack/imap-servers/dovecot.ts";

const run = promisify(execFile);

/** A source Dovecot with realistic mailboxes, and users of a company that moves. */
export interface Source {
  readonly server: DovecotServer;
  readonly users: readonly string[];
  access(user: string): ImapAccess;
  emailAddress(user: string): string;
  /** Each user has a password of their own that occurs nowhere else. */
  password(user: string): string;
  rows(): readonly UserRow[];
  /** Settings of `endpoints/{name}.json`. */
  readonly endpoint: object;
}

export async function startSource(options: {
  readonly seed: string;
  readonly mailboxes: number;
  readonly messages: number;
  readonly largest?: number;
}): Promise<Source> {
  const server = await startDovecot({ users: options.mailboxes });
  const users = Array.from({ length: options.mailboxes }, (_, index) => server.userName(index + 1));
  const passwords = new Map(users.map((user) => [user, `canary-${randomBytes(9).toString("base64url")}`]));
  const password = (user: string): string => passwords.get(user) ?? "";
  await writeFile(
    join(server.directory, "users"),
    users.map((user) => `${user}:{PLAIN}${password(user)}::::::\n`).join(""),
  );
  const access = (user: string): ImapAccess => ({ ...userAccess(server, user), password: password(user) });
  const corpus = generateCorpus(options);
  for (const [index, user] of users.entries()) {
    const mailbox = corpus[index];
    if (mailbox) await fillMailbox(access(user), mailbox);
  }
  const emailAddress = (user: string): string => `${user}@contoso.com`;
  return {
    server,
    users,
    emailAddress,
    password,
    access,
    rows: () =>
      users.map((user) => ({ emailAddress: emailAddress(user), userName: user, password: password(user) })),
    endpoint: { host: "localhost", port: server.tlsPort, acceptUntrustedCertificates: true },
  };
}

/** A target Dovecot whose users are the addresses of the source's, written through its master user. */
export async function startImapTarget(
  source: Pick<Source, "users" | "emailAddress">,
  options: Pick<DovecotOptions, "extraConfig"> = {},
): Promise<{
  readonly server: DovecotServer;
  access(user: string): ImapAccess;
  readonly settings: Readonly<Record<string, string>>;
}> {
  const server = await startDovecot({
    ...options,
    users: source.users.map((user) => source.emailAddress(user)),
  });
  return {
    server,
    access: (user) => userAccess(server, source.emailAddress(user)),
    settings: {
      TARGET: "imap",
      TARGET_IMAP_HOST: "localhost",
      TARGET_IMAP_PORT: String(server.tlsPort),
      TARGET_IMAP_AUTHENTICATION: "password",
      TARGET_IMAP_USER_FORMAT: `{emailAddress}*${server.adminUser}`,
      TARGET_IMAP_PASSWORD: server.adminPassword,
      TARGET_IMAP_ACCEPT_UNTRUSTED_CERTIFICATES: "true",
    },
  };
}

/** Gives every folder of a user the same UIDVALIDITY, as some servers do. */
export async function setUidValidity(server: DovecotServer, user: string, value: number): Promise<void> {
  const doveadm = (...command: string[]) => run("doveadm", ["-c", server.configFile, ...command]);
  const folders = await withSession(
    { ...userAccess(server, `${user}*${server.adminUser}`), password: server.adminPassword },
    (client) => client.list(),
  );
  for (const { path } of folders.filter(({ flags }) => !flags.has("\\Noselect")))
    await doveadm("mailbox", "update", "-u", user, "--uid-validity", String(value), path);
}
