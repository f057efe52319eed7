import { createImapTarget } from "../../../shared/adapters/imap/index.ts";
import type { Stamp, TargetFolderId, Uid } from "../../../shared/domain/names.ts";
import { type CorpusMailbox, generateCorpus } from "../../stack/corpus/corpus.ts";
import { fillMailbox } from "../../stack/corpus/fill.ts";
import type { ImapAccess } from "../../stack/imap-access.ts";

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
    fill: (access) => fillWithSmall(access, 10_000),
  },
  realistic: {
    title: "2,000 realistic messages",
    messages: 2_000,
    fill: async (access) => {
      const [mailbox] = generateCorpus({ seed: "links", mailboxes: 1, messages: 2_000 });
      if (mailbox) await fillMailbox(access, whatAllCopy(mailbox));
    },
  },
};

/** The app leaves out what is marked as deleted, and mbsync messages whose header has no end. */
function whatAllCopy(mailbox: CorpusMailbox): CorpusMailbox {
  return {
    ...mailbox,
    *messages() {
      for (const message of mailbox.messages())
        if (!message.flags.includes("\\Deleted") && message.content.includes("\r\n\r\n")) yield message;
    },
  };
}

/** Through the app's own adapter: one message after another takes minutes. */
export async function fillWithSmall(
  { host, port, user, password }: ImapAccess,
  messages: number,
): Promise<void> {
  const mailbox = await createImapTarget({
    host,
    port,
    security: "ssl",
    authentication: "password",
    userFormat: "{emailAddress}",
    password,
    acceptUntrustedCertificates: true,
    connectionsPerMailbox: 2,
  }).open({ id: user, emailAddress: user });
  const write = async (number: number) => {
    const content = Buffer.from(smallMessage(number));
    await mailbox.write("INBOX" as TargetFolderId, {
      uid: number as Uid,
      stamp: `${number}` as Stamp,
      chunkToken: "",
      internalDate: new Date(Date.UTC(2024, 4, 6, 7, 8, 9) + number * 1_000),
      flags: ["\\Seen"],
      size: content.length,
      content,
      timeoutMs: 300_000,
    });
  };
  const atOnce = 200;
  for (let start = 1; start <= messages; start += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, messages - start + 1) }, (_, index) => write(start + index)),
    );
  await mailbox.close();
}

/** A message of 4 KB that differs from all with another number. */
export function smallMessage(number: number): string {
  const header = `From: a@example.com\r\nTo: b@example.com\r\nSubject: Message ${number}\r\nDate: Mon, 6 May 2024 07:08:09 +0000\r\nMessage-ID: <${number}@links.example>\r\n\r\n`;
  const line = "A line of text as it stands in many messages of people to each other.\r\n";
  return header + line.repeat(Math.ceil((smallBytes - header.length) / line.length));
}
