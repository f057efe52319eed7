/** What a well-known provider allows, as far as it says so. */
export interface Provider {
  readonly name: string;
  /** Names of its IMAP servers, in lower case; all show the same mailboxes. */
  readonly hosts: readonly string[];
  /** Which passwords a login by IMAP may have: those made for an application, or none (OAuth only). */
  readonly passwords: "app" | "none";
  /** Bytes a user may download by IMAP a day. */
  readonly maxBytesPerDay?: number;
  /** Where a folder shows no more than so many messages by IMAP, and hides older ones without a word. */
  readonly folderCap?: FolderCap;
}

export interface FolderCap {
  /** Some providers let their users choose among several figures. */
  readonly messages: readonly number[];
  /** A sentence: how to see the others. */
  readonly remedy: string;
}

const providers: readonly Provider[] = [
  {
    // Download by IMAP: https://support.google.com/a/answer/1071518. Passwords and connections (15 at once for a user):
    // https://support.google.com/mail/answer/7126229. Folder sizes: Gmail's settings, Forwarding and POP/IMAP.
    name: "Gmail",
    hosts: ["imap.gmail.com", "imap.googlemail.com"],
    passwords: "app",
    maxBytesPerDay: 2_500_000_000,
    folderCap: {
      messages: [1_000, 2_000, 5_000, 10_000],
      remedy: "Let the user take off the folder size limit in Gmail's settings, Forwarding and POP/IMAP.",
    },
  },
  {
    // Messages by each server: https://help.yahoo.com/kb/SLN28681.html. Passwords: https://help.yahoo.com/kb/SLN15241.html
    name: "Yahoo",
    hosts: ["imap.mail.yahoo.com", "export.imap.mail.yahoo.com"],
    passwords: "app",
    folderCap: {
      messages: [10_000, 100_000],
      remedy: "The host export.imap.mail.yahoo.com shows up to 100,000: put it into the endpoint.",
    },
  },
  {
    // Runs on Yahoo's servers. Passwords: https://help.aol.com/articles/Create-and-manage-app-password
    name: "AOL",
    hosts: ["imap.aol.com", "export.imap.aol.com"],
    passwords: "app",
    folderCap: {
      messages: [10_000, 100_000],
      remedy: "The host export.imap.aol.com shows up to 100,000: put it into the endpoint.",
    },
  },
  // Passwords: https://support.apple.com/102654. No limits for reading by IMAP are published.
  { name: "iCloud", hosts: ["imap.mail.me.com"], passwords: "app" },
  // Passwords: https://www.fastmail.help/hc/en-us/articles/360058752854. No limits for reading by IMAP are published.
  { name: "Fastmail", hosts: ["imap.fastmail.com"], passwords: "app" },
  {
    // https://learn.microsoft.com/exchange/clients-and-mobile-in-exchange-online/deprecation-of-basic-authentication-exchange-online
    name: "Exchange Online",
    hosts: ["outlook.office365.com", "outlook.office.com", "imap-mail.outlook.com"],
    passwords: "none",
  },
  { name: "Exchange Online (US Government)", hosts: ["outlook.office365.us"], passwords: "none" },
];

/** The provider whose server it is. Pure. */
export function providerOf(host: string): Provider | undefined {
  const name = normalized(host);
  return providers.find(({ hosts }) => hosts.includes(name));
}

/** One name for all servers by which a provider shows the same mailboxes, and for all ways to write it. Pure. */
export function mailboxHost(host: string): string {
  return providerOf(host)?.hosts[0] ?? normalized(host);
}

function normalized(host: string): string {
  return host.trim().toLowerCase().replace(/\.$/, "");
}
