/** A running IMAP server of the test stack, reachable on loopback only. */
export interface ImapServer {
  readonly name: "dovecot" | "cyrus" | "courier";
  /** Package version as the server or its Debian package states it. */
  readonly version: string;
  readonly host: "127.0.0.1";
  /** Plain text, with STARTTLS offered. */
  readonly port: number;
  /** TLS from the first byte. */
  readonly tlsPort: number;
  /** The password of every user. */
  readonly password: string;
  /** Reads every user's mail; how it logs in differs from server to server. */
  readonly adminUser: string;
  readonly adminPassword: string;
  /** The self-signed certificate (PEM) of `localhost` and 127.0.0.1. */
  readonly certificateFile: string;
  /** The certificate's private key (PEM). */
  readonly keyFile: string;
  /** Configuration, logs and mail of this server; removed when it stops. */
  readonly directory: string;
  /** The login name of user `n`, counted from 1. */
  userName(n: number): string;
  /** Ends the server and removes its directory. Repeatable. */
  stop(): Promise<void>;
}

/** Whom a server knows: a count gives `user0001`, `user0002`, ...; names are taken as they are. */
export type Users = number | readonly string[];

/** The login names that `users` stands for. */
export function loginNames(users: Users): readonly string[] {
  if (typeof users !== "number") return users;
  return Array.from({ length: users }, (_, index) => `user${String(index + 1).padStart(4, "0")}`);
}

/** `names[n - 1]`, or an error that says how many users the server has. */
export function nthLoginName(names: readonly string[], n: number): string {
  const name = names[n - 1];
  if (name === undefined)
    throw new RangeError(`user ${n} is outside the ${names.length} users of this server`);
  return name;
}
