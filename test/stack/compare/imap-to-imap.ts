import type { ImapAccess } from "../imap-access.ts";
import { compareMailboxes, type Likeness, type MailboxDifference } from "./difference.ts";
import { type MailboxFacts, type MessageFacts, readImapMailbox } from "./imap-mailbox.ts";

/** The target's folder for a source folder; undefined leaves the folder out. */
export type FolderMap = (folder: string) => string | undefined;

/** Which messages of the source the target should have. */
export type IsExpected = (message: { readonly facts: MessageFacts }, folder: string) => boolean;

/** A message that its owner has marked as deleted is not migrated. */
export const isNotDeleted: IsExpected = ({ facts }) => !facts.flags.includes("\\Deleted");

const likeness: Likeness<MessageFacts, MessageFacts> = {
  keys: [
    (message: MessageFacts) => JSON.stringify([message.sha256, message.internalDate, message.flags]),
    (message: MessageFacts) => JSON.stringify([message.sha256, message.internalDate]),
    (message: MessageFacts) => message.sha256,
    (message: MessageFacts) => message.messageId && JSON.stringify([message.messageId, message.internalDate]),
    (message: MessageFacts) => message.messageId,
  ].map((key) => ({ source: key, target: key })),
  differences(source, target) {
    const what: string[] = [];
    if (source.sha256 !== target.sha256) what.push(`bytes (${source.size} -> ${target.size})`);
    if (source.flags.join() !== target.flags.join())
      what.push(`flags (${flags(source)} -> ${flags(target)})`);
    if (source.internalDate !== target.internalDate) what.push(`date (${date(source)} -> ${date(target)})`);
    return what;
  },
  describeSource: describe,
  describeTarget: describe,
};

/**
 * Compares two mailboxes message by message: bytes, flags, keywords, INTERNALDATE.
 *
 * @param folderMap for folders that are meant to be elsewhere, or to be left out
 * @param isExpected default: all but those flagged \Deleted
 */
export async function compareImapToImap(
  source: ImapAccess,
  target: ImapAccess,
  folderMap: FolderMap = (folder) => folder,
  isExpected: IsExpected = isNotDeleted,
): Promise<MailboxDifference<MessageFacts, MessageFacts>> {
  const [from, to] = await Promise.all([readImapMailbox(source), readImapMailbox(target)]);
  const expected = new Map<string, MessageFacts[]>();
  for (const [folder, messages] of from) {
    const name = folderMap(folder);
    if (name === undefined) continue;
    const wanted = messages.filter((facts) => isExpected({ facts }, folder)).map(withoutReceipt);
    expected.set(name, [...(expected.get(name) ?? []), ...wanted]);
  }
  const found: MailboxFacts = new Map(
    [...to].map(([folder, messages]) => [folder, messages.map(withoutReceipt)]),
  );
  return compareMailboxes(expected, found, likeness);
}

/** A copy of a message that asks for a receipt may say that the receipt was sent, so that there is no second one. */
function withoutReceipt(facts: MessageFacts): MessageFacts {
  if (!facts.asksForReceipt) return facts;
  return { ...facts, flags: [...new Set([...facts.flags, "$MDNSent"])].sort() };
}

function describe(message: MessageFacts): string {
  return `${message.messageId ?? "(no Message-ID)"}, ${message.size} bytes, ${date(message)}, ${flags(message)}`;
}

function flags(message: MessageFacts): string {
  return message.flags.join(" ") || "no flags";
}

function date(message: MessageFacts): string {
  return new Date(message.internalDate).toISOString();
}
