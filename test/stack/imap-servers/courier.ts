import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureCourier } from "./install.ts";
import { startInstance } from "./instance.ts";
import { type ImapServer, loginNames, nthLoginName, type Users } from "./server.ts";

const run = promisify(execFile);

export interface CourierOptions {
  /** Default 3. */
  readonly users?: Users;
}

const PASSWORD = "secret";
const ADMIN_USER = "admin";
const ADMIN_PASSWORD = "adminsecret";
const MAIL_ID = 5000;

// Courier's paths are compiled in: every instance gets them as bind mounts in a mount namespace of its own.
// The PID namespace takes all of it down at once; its first process must ask for SIGTERM to get it.
const RUN = `set -e
trap 'exit 0' TERM
mount --bind "$SITE/etc" /etc/courier
mount --bind "$SITE/run" /run/courier
mount --bind "$UNPACKED/usr/lib/courier" /usr/lib/courier
mount --bind "$UNPACKED/usr/lib/courier-authlib" /usr/lib/courier-authlib
export PATH="$UNPACKED/usr/bin:$UNPACKED/usr/sbin:$PATH"
perl "$UNPACKED/usr/sbin/makeuserdb"
plain_port=$PORT
tls_port=$TLS_PORT
set -a
. /etc/courier/authdaemonrc
/usr/lib/courier/courier-authlib/authdaemond &
. /etc/courier/imapd-ssl
. /etc/courier/imapd
set +a
umask "$IMAP_UMASK"
for user in $(cut -f1 /etc/courier/userdb); do
  setpriv --reuid ${MAIL_ID} --regid ${MAIL_ID} --clear-groups maildirmake.courier "$SITE/mail/$user/Maildir"
done
tries=0
while [ ! -S /run/courier/authdaemon/socket ] && [ "$tries" -lt 100 ]; do sleep 0.05; tries=$((tries + 1)); done
limits="-address=127.0.0.1 -maxprocs=200 -maxperip=200 -nodnslookup -noidentlookup"
IMAP_STARTTLS=YES couriertcpd $limits "$plain_port" \\
  /usr/lib/courier/courier/imaplogin "$UNPACKED/usr/bin/imapd" Maildir &
IMAP_TLS=1 couriertcpd $limits "$tls_port" \\
  "$COURIERTLS" -server -tcpd /usr/lib/courier/courier/imaplogin "$UNPACKED/usr/bin/imapd" Maildir &
wait
`;

/**
 * Starts a Courier: separator `.`, prefix `INBOX.`, the LOGIN command only. The admin reads a user's mail in the
 * virtual shared folder `#shared.users.<user>`. A wrong password is answered after 5 seconds, which is fixed in
 * the server.
 */
export async function startCourier(options: CourierOptions = {}): Promise<ImapServer> {
  const unpacked = await ensureCourier();
  const names = loginNames(options.users ?? 3);
  await run("install", [
    "-d",
    "/etc/courier",
    "/run/courier",
    "/usr/lib/courier",
    "/usr/lib/courier-authlib",
  ]);
  const { stop, ...site } = await startInstance("courier", async ({ directory, port, tlsPort, ...files }) => {
    const etc = join(directory, "etc");
    const homeOf = (name: string) => join(directory, "mail", name);
    await mkdir(join(etc, "shared"), { recursive: true });
    await mkdir(join(directory, "run", "authdaemon"), { recursive: true });
    for (const name of [...names, ADMIN_USER]) await mkdir(homeOf(name), { recursive: true });
    await run("chown", ["-R", `${MAIL_ID}:${MAIL_ID}`, join(directory, "mail")]);
    const pem = (await readFile(files.keyFile, "utf8")) + (await readFile(files.certificateFile, "utf8"));
    await writeFile(join(etc, "imapd.pem"), pem, { mode: 0o600 });
    await writeFile(
      join(etc, "authdaemonrc"),
      `authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=5
authdaemonvar=/run/courier/authdaemon
DEBUG_LOGIN=0
DEFAULTOPTIONS=""
LOGGEROPTS=""
`,
    );
    const userHash = await passwordHash(PASSWORD);
    const account = (name: string, hash: string, extra: string) =>
      `${name}\thome=${homeOf(name)}|uid=${MAIL_ID}|gid=${MAIL_ID}|mail=${homeOf(name)}/Maildir|systempw=${hash}${extra}\n`;
    await writeFile(
      join(etc, "userdb"),
      names.map((name) => account(name, userHash, "")).join("") +
        account(ADMIN_USER, await passwordHash(ADMIN_PASSWORD), "|options=group=administrators"),
      { mode: 0o600 },
    );
    await writeFile(
      join(etc, "shared", "users"),
      names
        .map((name) => `${name}\t${MAIL_ID}\t${MAIL_ID}\t${homeOf(name)}\t${homeOf(name)}/Maildir\n`)
        .join(""),
    );
    await writeFile(join(etc, "shared", "index"), "users\t*\tusers\n");
    const packaged = join(unpacked.directory, "etc", "courier");
    await writeSettings(join(packaged, "imapd"), join(etc, "imapd"), {
      MAXDAEMONS: "200",
      MAXPERIP: "200",
      IMAP_USELOCKS: "0",
      IMAP_ULIMITD: "1048576",
      IMAP_EMPTYTRASH: "",
    });
    await writeSettings(join(packaged, "imapd-ssl"), join(etc, "imapd-ssl"), {
      TLS_TRUSTCERTS: "",
      TLS_CACHEFILE: "",
      TLS_DHPARAMS: "",
      COURIERTLS: join(unpacked.directory, "usr", "bin", "couriertls"),
    });
    await writeFile(join(directory, "run.sh"), RUN);
    return {
      command: [
        ...["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"],
        ...["sh", join(directory, "run.sh")],
      ],
      environment: {
        SITE: directory,
        UNPACKED: unpacked.directory,
        LD_LIBRARY_PATH: unpacked.libraryPath,
        PORT: String(port),
        TLS_PORT: String(tlsPort),
      },
    };
  });
  return {
    name: "courier",
    version: unpacked.version,
    host: "127.0.0.1",
    ...site,
    password: PASSWORD,
    adminUser: ADMIN_USER,
    adminPassword: ADMIN_PASSWORD,
    userName: (n) => nthLoginName(names, n),
    stop,
  };
}

async function passwordHash(password: string): Promise<string> {
  return (await run("openssl", ["passwd", "-1", password])).stdout.trim();
}

/** Copies a shell settings file with some of its settings replaced. */
async function writeSettings(
  from: string,
  to: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = (await readFile(from, "utf8")).split("\n").map((line) => {
    const name = /^(\w+)=/.exec(line)?.[1];
    return name !== undefined && name in settings ? `${name}=${settings[name]}` : line;
  });
  await writeFile(to, lines.join("\n"));
}
