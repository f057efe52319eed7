import { generateCorpus } from "../../stack/corpus/corpus.ts";
import { fillMailbox } from "../../stack/corpus/fill.ts";
import { type ImapAccess, withSession } from "../../stack/imap-access.ts";

/** A mailbox to copy. */
export interface Load {
  readonly title: string;
  readonly messages: number;
  fill(access: ImapAccess): Promise<unknown>;
}

const smallBytes = 4_096;

export const loads: Readonly<Record<string, Load>> = {
  small: {
    title: "10,000 messages of 4 KB",
    messages: 10_000,
    fill: (access) =>
      withSession(access, async (client) => {
        for (let number = 1; number <= 10_000; number++)
          await client.append("INBOX", smallMessage(number), ["\\Seen"]);
      }),
  },
  realistic: {
    title: "2,000 realistic messages",
    messages: 2_000,
    fill: async (access) => {
      const [mailbox] = generateCorpus({ seed: "links", mailboxes: 1, messages: 2_000 });
      if (mailbox) await fillMailbox(access, mailbox);
    },
  },
};

function smallMessage(number: number): string {
  const header = `From: a@example.com\r\nTo: b@example.com\r\nSubject: Message ${number}\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nMessage-ID: <${number}@links.example>\r\n\r\n`;
  const line = "A line of text as it stands in many messages of people to each other.\r\n";
  return header + line.repeat(Math.ceil((smallBytes - header.length) / line.length));
}
