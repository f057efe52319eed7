import { userAccess, withSession } from "../../stack/imap-access.ts";
import { startCourier } from "../../stack/imap-servers/courier.ts";
import { startCyrus } from "../../stack/imap-servers/cyrus.ts";
import { startDovecot } from "../../stack/imap-servers/dovecot.ts";
import type { ImapServer } from "../../stack/imap-servers/server.ts";

/** A server with one big mailbox. */
export interface BigSource {
  readonly title: string;
  readonly server: ImapServer;
  readonly user: string;
  /** True if the server sends STATUS along with LIST. */
  readonly listStatus: boolean;
  stop(): Promise<void>;
}

export interface MailboxSize {
  readonly folders: number;
  readonly messagesPerFolder: number;
}

/** 10,020 messages. */
const big: MailboxSize = { folders: 30, messagesPerFolder: 334 };

export function startBigDovecot(size = big): Promise<BigSource> {
  return fill("Dovecot", true, startDovecot({ users: 1 }), size);
}

export function startBigCyrus(size = big): Promise<BigSource> {
  return fill("Cyrus", true, startCyrus({ users: 1 }), size);
}

export function startBigCourier(size = big): Promise<BigSource> {
  return fill("Courier", false, startCourier({ users: 1 }), size);
}

/** The inbox is filled by APPEND, the other folders by copies of it inside the server. */
async function fill(
  name: string,
  listStatus: boolean,
  starting: Promise<ImapServer>,
  { folders, messagesPerFolder }: MailboxSize,
): Promise<BigSource> {
  const server = await starting;
  const user = server.userName(1);
  await withSession(userAccess(server, user), async (client) => {
    for (let number = 1; number <= messagesPerFolder; number++)
      await client.append("INBOX", messageOf(number), number % 3 === 0 ? [] : ["\\Seen"]);
    const existing = new Set((await client.list()).map(({ path }) => path));
    const { prefix = "" } = client.namespace ?? {};
    const missing = folders - existing.size;
    for (let number = 1; number <= missing; number++) {
      const path = `${prefix}Folder ${number}`;
      await client.mailboxCreate(path);
      existing.add(path);
    }
    await client.mailboxOpen("INBOX", { readOnly: true });
    for (const path of existing) if (path !== "INBOX") await client.messageCopy("1:*", path);
  });
  return { title: `${name} ${server.version}`, server, user, listStatus, stop: () => server.stop() };
}

function messageOf(number: number): string {
  return `From: a@example.com\r\nTo: b@example.com\r\nSubject: Message ${number}\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nMessage-ID: <${number}@big.example>\r\n\r\nText of message ${number}.\r\n`;
}
