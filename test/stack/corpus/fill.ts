import type { ImapFlow } from "imapflow";
import { type ImapAccess, personalNamespace, withSession } from "../imap-access.ts";
import type { CorpusMailbox } from "./corpus.ts";

/** What a server took of a generated mailbox. */
export interface FillResult {
  readonly appended: number;
  /** Messages that the server refused, by its answer's first words; Cyrus for one takes no NUL bytes. */
  readonly refused: readonly { readonly kind: string; readonly answer: string }[];
}

/**
 * Puts a generated mailbox into an account, folder by folder and message by message, over IMAP.
 *
 * @param access how the user logs in
 * @throws when a folder cannot be created, or the connection breaks
 */
export async function fillMailbox(access: ImapAccess, mailbox: CorpusMailbox): Promise<FillResult> {
  return await withSession(access, async (client) => {
    const pathOf = await createFolders(client, mailbox);
    let appended = 0;
    const refused: { kind: string; answer: string }[] = [];
    for (const message of mailbox.messages()) {
      try {
        await client.append(
          pathOf(message.folder.segments),
          message.content,
          [...message.flags],
          message.internalDate,
        );
        appended += 1;
      } catch (error) {
        if (!isRefusal(error)) throw error;
        refused.push({ kind: message.kind, answer: error.responseText ?? error.message });
      }
    }
    return { appended, refused };
  });
}

async function createFolders(client: ImapFlow, mailbox: CorpusMailbox) {
  const { prefix, delimiter } = personalNamespace(client);
  const pathOf = (segments: readonly string[]) =>
    segments[0] === "INBOX" ? segments.join(delimiter) : prefix + segments.join(delimiter);
  const existing = new Set((await client.list()).map((folder) => folder.path));
  // Some servers create the levels above a new folder, and then refuse to create them.
  const topDown = mailbox.folders.toSorted((a, b) => a.segments.length - b.segments.length);
  for (const { segments } of topDown) {
    const path = pathOf(segments);
    if (existing.has(path)) continue;
    await client.mailboxCreate(path);
    await client.mailboxSubscribe(path);
  }
  return pathOf;
}

function isRefusal(error: unknown): error is Error & { responseStatus: string; responseText?: string } {
  return error instanceof Error && "responseStatus" in error && error.responseStatus === "NO";
}
