import { readFile } from "node:fs/promises";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type SecureVersion } from "node:tls";
import { ScriptedConnection } from "./connection.ts";
import { type Dialect, FULL } from "./dialects.ts";
import { Faults } from "./faults.ts";
import type { Quirks } from "./fetch.ts";
import { type Administrator, mailboxOf, type ScriptedUser, type TokenCheck } from "./logins.ts";
import { ScriptedAccount } from "./mailbox.ts";
import { ScriptedSession, type SessionHost } from "./session.ts";

export interface ScriptedOptions {
  /** Default: `FULL`. */
  readonly dialect?: Dialect;
  /** Default: `alice` with the password `secret`. An account is made where none is given. */
  readonly users?: readonly (ScriptedUser & { readonly account?: ScriptedAccount })[];
  readonly administrator?: Administrator;
  /** Decides about bearer tokens in place of the users' own. */
  readonly acceptsToken?: TokenCheck;
  /** What it says wrong of its messages; default nothing. */
  readonly quirks?: Partial<Quirks>;
  /** PEM files, to serve TLS from the first byte; default plain text. `newest` holds it to old versions of TLS. */
  readonly tls?: {
    readonly certificateFile: string;
    readonly keyFile: string;
    readonly newest?: SecureVersion;
  };
}

export interface LoggedCommand {
  /** Whose mailbox was open. */
  readonly user: string | undefined;
  /** Without tag, password, token and literals. */
  readonly command: string;
}

export interface ScriptedServer {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly faults: Faults;
  /** Every command so far. */
  readonly commands: readonly LoggedCommand[];
  /** Connections that are open now. */
  readonly openConnections: number;
  /** The greatest number of connections open at once. */
  readonly mostConnections: number;
  /** A user's mailbox, to look at and to change; sessions see changes at once. */
  account(user: string): ScriptedAccount;
  /** Changes how it misbehaves. */
  setQuirks(quirks: Partial<Quirks>): void;
  stop(): Promise<void>;
}

const HONEST: Quirks = {
  omits: () => false,
  failsAt: () => undefined,
  dateOf: ({ internalDate }) => `"${internalDate}"`,
  splitsRows: false,
  finds: (numbers) => numbers,
  sizeOf: (message) => message.content.length,
  contentOf: (message) => message.content,
};

/** Starts an IMAP server in this process whose mailboxes, dialect and faults are the test's. */
export async function startScriptedImap(options: ScriptedOptions = {}): Promise<ScriptedServer> {
  const users = options.users ?? [{ name: "alice", password: "secret" }];
  const accounts = new Map(users.map((user) => [user.name, user.account ?? new ScriptedAccount()]));
  const commands: LoggedCommand[] = [];
  const faults = new Faults();
  const connections = new Set<ScriptedConnection>();
  let quirks: Quirks = { ...HONEST, ...options.quirks };
  let mostConnections = 0;

  const host: SessionHost = {
    dialect: options.dialect ?? FULL,
    faults,
    get quirks() {
      return quirks;
    },
    login(request) {
      const user = mailboxOf(request, users, options.administrator, options.acceptsToken);
      const account = user === undefined ? undefined : accounts.get(user);
      return user === undefined || account === undefined ? undefined : { user, account };
    },
    onCommand: (command, user) => commands.push({ command, user }),
  };
  const serve = (socket: Socket) => {
    const connection = new ScriptedConnection(socket);
    connections.add(connection);
    mostConnections = Math.max(mostConnections, connections.size);
    socket.once("close", () => connections.delete(connection));
    void new ScriptedSession(connection, host).run().finally(() => socket.end());
  };

  const server = await createListener(options.tls, serve);
  return {
    host: "127.0.0.1",
    port: await listen(server),
    faults,
    commands,
    get openConnections() {
      return connections.size;
    },
    get mostConnections() {
      return mostConnections;
    },
    account(user) {
      const account = accounts.get(user);
      if (account === undefined) throw new Error(`there is no user ${user}`);
      return account;
    },
    setQuirks(change) {
      quirks = { ...HONEST, ...change };
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const connection of connections) connection.destroy();
      await closed;
    },
  };
}

async function createListener(tls: ScriptedOptions["tls"], serve: (socket: Socket) => void): Promise<Server> {
  if (tls === undefined) return createServer(serve);
  const [cert, key] = await Promise.all([readFile(tls.certificateFile), readFile(tls.keyFile)]);
  const old = { minVersion: "TLSv1", maxVersion: tls.newest, ciphers: "DEFAULT@SECLEVEL=0" } as const;
  const server = createTlsServer({ cert, key, ...(tls.newest === undefined ? {} : old) }, serve);
  server.on("tlsClientError", () => undefined);
  return server;
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}
