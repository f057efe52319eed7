import { execFile, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ensureCyrus } from "./install.ts";
import { startInstance } from "./instance.ts";
import { type ImapServer, loginNames, nthLoginName, type Users } from "./server.ts";

const run = promisify(execFile);

export interface CyrusOptions {
  /** Default 3. */
  readonly users?: Users;
  /** `modern` (default): separator `/`, no prefix; `classic`: separator `.`, everything below `INBOX.`. */
  readonly style?: "modern" | "classic";
  /** Lines added to the end of imapd.conf. */
  readonly extraConfig?: string;
}

const PASSWORD = "secret";
const ADMIN_USER = "admin";
const ADMIN_PASSWORD = "adminsecret";
const REALM = "imap.test";
const STATE_DIRECTORIES = [
  ...["spool", "run", "run/proc", "run/lock", "conf", "conf/db", "conf/log", "conf/msg", "conf/proc"],
  ...["conf/ptclient", "conf/quota", "conf/sieve", "conf/socket", "conf/sync", "conf/user"],
];

/** Starts a Cyrus. The admin reads a user's mail by SASL PLAIN with the user as authorization identity. */
export async function startCyrus(options: CyrusOptions = {}): Promise<ImapServer> {
  const unpacked = await ensureCyrus();
  const programs = join(unpacked.directory, "usr", "lib", "cyrus", "bin");
  const names = loginNames(options.users ?? 3);
  const modern = (options.style ?? "modern") === "modern" ? "yes" : "no";
  const { stop, ...site } = await startInstance("cyrus", async ({ directory, port, tlsPort, ...files }) => {
    for (const name of STATE_DIRECTORIES) await mkdir(join(directory, name), { recursive: true });
    await setPasswords(join(directory, "sasldb2"), new Map(names.map((name) => [name, PASSWORD])));
    await setPasswords(join(directory, "sasldb2"), new Map([[ADMIN_USER, ADMIN_PASSWORD]]));
    const imapdConf = join(directory, "imapd.conf");
    await writeFile(
      imapdConf,
      `servername: ${REALM}
configdirectory: ${directory}/conf
proc_path: ${directory}/run/proc
mboxname_lockpath: ${directory}/run/lock
defaultpartition: default
partition-default: ${directory}/spool
cyrus_user: cyrus
altnamespace: ${modern}
unixhierarchysep: ${modern}
allowanonymouslogin: no
allowplaintext: yes
failedloginpause: 0
admins: ${ADMIN_USER}
proxyservers: ${ADMIN_USER}
autocreate_quota: 0
autocreate_inbox_folders: Drafts | Sent | Trash
autocreate_subscribe_folders: Drafts | Sent | Trash
xlist-drafts: Drafts
xlist-sent: Sent
xlist-trash: Trash
reject8bit: no
munge8bit: no
maxmessagesize: 0
conversations: yes
conversations_db: twoskip
delete_mode: delayed
expunge_mode: delayed
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: ${directory}/sasldb2
sasl_mech_list: PLAIN LOGIN
tls_server_cert: ${files.certificateFile}
tls_server_key: ${files.keyFile}
lmtpsocket: ${directory}/run/lmtp
idlesocket: ${directory}/run/idle
notifysocket: ${directory}/run/notify
syslog_prefix: imap-test
${options.extraConfig ?? ""}
`,
    );
    const cyrusConf = join(directory, "cyrus.conf");
    const imapd = `${programs}/imapd -C ${imapdConf}`;
    await writeFile(
      cyrusConf,
      `START {
  recover cmd="${programs}/ctl_cyrusdb -C ${imapdConf} -r"
}
SERVICES {
  imap cmd="${imapd} -U 30" listen="127.0.0.1:${port}" prefork=1 maxchild=100
  imaps cmd="${imapd} -s -U 30" listen="127.0.0.1:${tlsPort}" prefork=0 maxchild=100
}
EVENTS {
  checkpoint cmd="${programs}/ctl_cyrusdb -C ${imapdConf} -c" period=30
}
`,
    );
    await run("chown", ["-R", "cyrus:mail", directory]);
    const pidFile = join(directory, "run", "master.pid");
    return {
      command: [join(programs, "master"), "-C", imapdConf, "-M", cyrusConf, "-p", pidFile],
      environment: { LD_LIBRARY_PATH: unpacked.libraryPath },
    };
  });
  return {
    name: "cyrus",
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

/** saslpasswd2 takes one user a call, so one shell makes the calls. */
async function setPasswords(database: string, passwords: ReadonlyMap<string, string>): Promise<void> {
  const script = `while read -r user password; do
    printf %s "$password" | saslpasswd2 -p -c -f "$1" -u ${REALM} "$user" || exit 1
  done`;
  const shell = spawn("sh", ["-c", script, "sh", database], { stdio: ["pipe", "ignore", "inherit"] });
  shell.stdin.end([...passwords].map(([user, password]) => `${user} ${password}\n`).join(""));
  await new Promise<void>((resolve, reject) => {
    shell.once("error", reject);
    shell.once("exit", (code) => (code === 0 ? resolve() : reject(new Error("saslpasswd2 failed"))));
  });
}
