import { type ImapAccess, userAccess, withSession } from "../../stack/imap-access.ts";
import { startCyrus } from "../../stack/imap-servers/cyrus.ts";
import { startDovecot } from "../../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../../stack/imap-servers/server.ts";

/** A server with one mailbox that has all its mail in the inbox. */
export interface BigFolder {
  readonly title: string;
  readonly server: ImapServer;
  readonly user: string;
  readonly access: ImapAccess;
  stop(): Promise<void>;
}

export function startBigFolderOfDovecot(messages: number): Promise<BigFolder> {
  return fill("Dovecot", startDovecot({ users: 1 }), messages);
}

export function startBigFolderOfCyrus(messages: number): Promise<BigFolder> {
  return fill("Cyrus", startCyrus({ users: 1 }), messages);
}

async function fill(name: string, starting: Promise<ImapServer>, messages: number): Promise<BigFolder> {
  const server = await starting;
  const user = server.userName(1);
  const access = userAccess(server, user);
  await withSession(access, async (client) => {
    for (let number = 1; number <= messages; number++) await client.append("INBOX", messageOf(number), []);
  });
  return { title: `${name} ${server.version}`, server, user, access, stop: () => server.stop() };
}

/** A message that differs from all with another number. */
export function messageOf(number: number): string {
  return `From: a@example.com\r\nTo: b@example.com\r\nSubject: Message ${number}\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nMessage-ID: <${number}@big.example>\r\n\r\nText of message ${number}.\r\n`;
}
