import { chown, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureDovecot } from "./install.ts";
import { startInstance } from "./instance.ts";
import { type ImapServer, loginNames, nthLoginName, type Users } from "./server.ts";

export interface DovecotOptions {
  /** Default 3. */
  readonly users?: Users;
  /** Hierarchy separator, default `/`. */
  readonly separator?: string;
  /** Prefix of the personal namespace, default none. */
  readonly prefix?: string;
  /** Storage format, default `sdbox`; `maildirfs` is a maildir with one directory a level. */
  readonly store?: "sdbox" | "maildir" | "maildirfs";
  /** POSIX time zone, such as `NPT-5:45`, in which the server writes INTERNALDATE; default UTC. */
  readonly timeZone?: string;
  /** Token introspection (RFC 7662) of the server whose access tokens XOAUTH2 and OAUTHBEARER take; default neither. */
  readonly introspectionUrl?: string;
  /** Lines added to the end of dovecot.conf. */
  readonly extraConfig?: string;
}

const PASSWORD = "secret";
const ADMIN_USER = "admin";
const ADMIN_PASSWORD = "adminsecret";
const MAIL_ID = 5000;
const STORES = {
  sdbox: "sdbox:~/sdbox",
  maildir: "maildir:~/Maildir",
  maildirfs: "maildir:~/Maildir:LAYOUT=fs",
};

/** A Dovecot with the path of its configuration, for `doveadm -c`. */
export interface DovecotServer extends ImapServer {
  readonly configFile: string;
}

/**
 * Starts a Dovecot. The admin reads a user's mail by logging in as `user*admin`, or by SASL PLAIN with the user
 * as authorization identity.
 */
export async function startDovecot(options: DovecotOptions = {}): Promise<DovecotServer> {
  const version = await ensureDovecot();
  const names = loginNames(options.users ?? 3);
  const { stop, ...site } = await startInstance("dovecot", async ({ directory, port, tlsPort, ...files }) => {
    const mail = join(directory, "mail");
    await mkdir(join(directory, "run"));
    await mkdir(mail);
    await chown(mail, MAIL_ID, MAIL_ID);
    await writeFile(
      join(directory, "users"),
      names.map((name) => `${name}:{PLAIN}${PASSWORD}::::::\n`).join(""),
    );
    await writeFile(join(directory, "masters"), `${ADMIN_USER}:{PLAIN}${ADMIN_PASSWORD}::::::\n`);
    const { introspectionUrl } = options;
    const oauthFile = join(directory, "oauth2.conf");
    if (introspectionUrl !== undefined) await writeFile(oauthFile, oauthConfig(introspectionUrl));
    const configFile = join(directory, "dovecot.conf");
    await writeFile(
      configFile,
      `
protocols = imap
listen = 127.0.0.1
base_dir = ${directory}/run
state_dir = ${directory}/run
log_path = ${directory}/server.log
ssl = yes
ssl_cert = <${files.certificateFile}
ssl_key = <${files.keyFile}
disable_plaintext_auth = no
auth_mechanisms = plain login${introspectionUrl === undefined ? "" : " xoauth2 oauthbearer"}
auth_master_user_separator = *
auth_failure_delay = 0
first_valid_uid = 1
mail_location = ${STORES[options.store ?? "sdbox"]}
mail_attribute_dict = file:%h/dovecot-attributes
mail_fsync = never
default_process_limit = 400
default_client_limit = 4000
protocol imap {
  imap_metadata = yes
  mail_plugins = $mail_plugins imap_zlib
  mail_max_userip_connections = 100
}
passdb {
  driver = passwd-file
  args = ${directory}/masters
  master = yes
  result_success = continue
}
${introspectionUrl === undefined ? "" : tokenPassdb(oauthFile)}
passdb {
  driver = passwd-file
  args = ${directory}/users
}
userdb {
  driver = static
  args = uid=${MAIL_ID} gid=${MAIL_ID} home=${mail}/%Lu
}
namespace inbox {
  inbox = yes
  separator = ${options.separator ?? "/"}
  prefix = ${options.prefix ?? ""}
  mailbox Drafts {
    special_use = \\Drafts
    auto = subscribe
  }
  mailbox Sent {
    special_use = \\Sent
    auto = subscribe
  }
  mailbox Trash {
    special_use = \\Trash
    auto = subscribe
  }
  mailbox Junk {
    special_use = \\Junk
  }
  mailbox Archive {
    special_use = \\Archive
  }
}
service imap-login {
  inet_listener imap {
    port = ${port}
  }
  inet_listener imaps {
    port = ${tlsPort}
    ssl = yes
  }
  service_count = 0
  chroot =
}
service imap {
  vsz_limit = 1G
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
${options.extraConfig ?? ""}
`,
    );
    return {
      command: ["/usr/sbin/dovecot", "-F", "-c", configFile],
      environment: { TZ: options.timeZone ?? "UTC0" },
    };
  });
  return {
    name: "dovecot",
    version,
    host: "127.0.0.1",
    ...site,
    configFile: join(site.directory, "dovecot.conf"),
    password: PASSWORD,
    adminUser: ADMIN_USER,
    adminPassword: ADMIN_PASSWORD,
    userName: (n) => nthLoginName(names, n),
    stop,
  };
}

function tokenPassdb(oauthFile: string): string {
  return `
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${oauthFile}
}`;
}

/** doc.dovecot.org/2.3/configuration_manual/authentication/oauth2/ */
function oauthConfig(introspectionUrl: string): string {
  return `
introspection_url = ${introspectionUrl}
introspection_mode = post
username_attribute = username
active_attribute = active
active_value = true
`;
}
