import { createHash } from "node:crypto";
import type { ImapFlow } from "imapflow";
import { type ImapAccess, personalNamespace, withSession } from "../imap-access.ts";

/** What makes two stored messages the same to their owner. */
export interface MessageFacts {
  /** Of the bytes as the server serves them. */
  readonly sha256: string;
  /** Length of these bytes, whatever RFC822.SIZE says. */
  readonly size: number;
  /** Flags and keywords, sorted, without \Recent. */
  readonly flags: readonly string[];
  /** INTERNALDATE in milliseconds since 1970. */
  readonly internalDate: number;
  readonly messageId: string | undefined;
  /** True if the sender wants to know when it is read. */
  readonly asksForReceipt: boolean;
}

/** Messages by folder; a folder is named by its levels with `/` between, without the namespace's prefix. */
export type MailboxFacts<T = MessageFacts> = ReadonlyMap<string, readonly T[]>;

/** Reads all folders and messages of a mailbox, without changing it. */
export async function readImapMailbox(access: ImapAccess): Promise<MailboxFacts> {
  return await mapImapMailbox(access, (message) => message.facts);
}

export interface ReadMessage {
  readonly facts: MessageFacts;
  readonly content: Buffer;
}

/** As `readImapMailbox`, keeping of each message what `project` makes of it: contents need not stay in memory. */
export async function mapImapMailbox<T>(
  access: ImapAccess,
  project: (message: ReadMessage) => T | Promise<T>,
): Promise<MailboxFacts<T>> {
  return await withSession(access, async (client) => {
    const namespace = personalNamespace(client);
    const mailbox = new Map<string, T[]>();
    for (const folder of await client.list()) {
      if (folder.flags.has("\\Noselect") || folder.flags.has("\\NonExistent")) continue;
      mailbox.set(folderName(folder.path, namespace), await readFolder(client, folder.path, project));
    }
    return mailbox;
  });
}

function folderName(path: string, { prefix, delimiter }: { prefix: string; delimiter: string }): string {
  const own = path.startsWith(prefix) ? path.slice(prefix.length) : path;
  return own.split(delimiter).join("/");
}

async function readFolder<T>(
  client: ImapFlow,
  path: string,
  project: (message: ReadMessage) => T | Promise<T>,
): Promise<T[]> {
  const { exists } = await client.mailboxOpen(path, { readOnly: true });
  const messages: T[] = [];
  if (exists === 0) return messages;
  for await (const { uid, source, flags, internalDate } of client.fetch("1:*", {
    uid: true,
    source: true,
    flags: true,
    internalDate: true,
  })) {
    if (source === undefined || flags === undefined || internalDate === undefined) {
      throw new Error(`the server left out parts of the message with UID ${uid}`);
    }
    const facts = {
      sha256: createHash("sha256").update(source).digest("hex"),
      size: source.length,
      flags: [...flags].filter((flag) => flag !== "\\Recent").sort(),
      internalDate: new Date(internalDate).getTime(),
      messageId: messageIdOf(source),
      asksForReceipt: /^disposition-notification-to:/im.test(headerOf(source)),
    };
    messages.push(await project({ facts, content: source }));
  }
  if (messages.length !== exists) {
    throw new Error(`the server served ${messages.length} of the ${exists} messages of a folder`);
  }
  return messages;
}

/** The value of the first Message-ID field, unfolded. */
function messageIdOf(content: Buffer): string | undefined {
  return /^message-id:[ \t]*((?:.|\r\n[ \t])*)/im.exec(headerOf(content))?.[1]?.replace(/\s+/g, " ").trim();
}

function headerOf(content: Buffer): string {
  const end = content.indexOf("\r\n\r\n");
  return content.toString("latin1", 0, end === -1 ? content.length : end);
}
