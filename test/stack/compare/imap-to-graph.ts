import type { FolderInspection, MailboxInspection, MessageInspection } from "../graph/index.ts";
import type { ImapAccess } from "../imap-access.ts";
import { compareMailboxes, type Likeness, type MailboxDifference } from "./difference.ts";
import { type MessageFacts, mapImapMailbox } from "./imap-mailbox.ts";
import { type FolderMap, type IsExpected, isNotDeleted } from "./imap-to-imap.ts";
import { type AttachmentDigest, attachmentsOf, digest } from "./mime-attachments.ts";

export interface SourceFacts {
  readonly facts: MessageFacts;
  readonly attachments: readonly AttachmentDigest[];
}

/** Folders of the usual names, in Graph's names for what they stand for; the rest of the path stays. */
const WELL_KNOWN: Readonly<Record<string, string>> = {
  INBOX: "inbox",
  Sent: "sentitems",
  Drafts: "drafts",
  Trash: "deleteditems",
  Junk: "junkemail",
  Archive: "archive",
};

/** Graph's folder for a source folder: its path, a well-known folder at the top by its well-known name. */
export const graphFolderOf = (folder: string): string => {
  const [top = "", ...below] = folder.split("/");
  return [WELL_KNOWN[top] ?? top, ...below].join("/");
};

const MESSAGE_ID_PROPERTY = "String 0x1035";

/**
 * Compares a source mailbox with what arrived in the Graph stand-in: folders, Message-IDs, received dates, read and
 * draft state, flags, and the bytes of all attachments. Attached items are not looked into.
 *
 * @param folderMap default: the usual names to the well-known folders
 * @param isExpected default: all but those flagged \Deleted
 */
export async function compareImapToGraph(
  source: ImapAccess,
  target: MailboxInspection,
  folderMap: FolderMap = graphFolderOf,
  isExpected: IsExpected = isNotDeleted,
): Promise<MailboxDifference<SourceFacts, MessageInspection>> {
  const from = await mapImapMailbox(source, async ({ facts, content }) => ({
    facts,
    attachments: await attachmentsOf(content),
  }));
  const expected = new Map<string, SourceFacts[]>();
  for (const [folder, messages] of from) {
    const name = folderMap(folder);
    if (name === undefined) continue;
    const wanted = messages.filter((message) => isExpected(message, folder));
    expected.set(name, [...(expected.get(name) ?? []), ...wanted]);
  }
  return compareMailboxes(expected, foldersOf(target.folders, []), likeness);
}

const likeness: Likeness<SourceFacts, MessageInspection> = {
  keys: [
    {
      source: (message) =>
        JSON.stringify([message.facts.messageId, message.facts.internalDate, isSeen(message)]),
      target: (message) =>
        JSON.stringify([messageIdOf(message), message.receivedDateTime.getTime(), message.isRead]),
    },
    {
      source: ({ facts }) => JSON.stringify([facts.messageId, facts.internalDate]),
      target: (message) => JSON.stringify([messageIdOf(message), message.receivedDateTime.getTime()]),
    },
    { source: ({ facts }) => facts.messageId, target: messageIdOf },
  ],
  differences(source, target) {
    const what: string[] = [];
    const { facts, attachments } = source;
    const received = target.receivedDateTime;
    if (facts.internalDate !== received.getTime()) {
      what.push(`received (${new Date(facts.internalDate).toISOString()} -> ${received.toISOString()})`);
    }
    if (isSeen(source) !== target.isRead) what.push(target.isRead ? "is read" : "is unread");
    if (facts.flags.includes("\\Draft") !== target.isDraft)
      what.push(target.isDraft ? "is a draft" : "is no draft");
    const isFlagged = target.properties.flag.flagStatus === "flagged";
    if (facts.flags.includes("\\Flagged") !== isFlagged)
      what.push(isFlagged ? "is flagged" : "is not flagged");
    const { lost, added } = compareAttachments(attachments, target);
    if (lost > 0) what.push(`${lost} of ${attachments.length} attachments lost or changed`);
    if (added > 0) what.push(`${added} attachments that the source does not have`);
    return what;
  },
  describeSource: ({ facts }) =>
    `${facts.messageId ?? "(no Message-ID)"}, ${facts.size} bytes, ${new Date(facts.internalDate).toISOString()}`,
  describeTarget: (message) =>
    `${messageIdOf(message) ?? "(no Message-ID)"}, ${message.receivedDateTime.toISOString()}`,
};

function isSeen({ facts }: SourceFacts): boolean {
  return facts.flags.includes("\\Seen");
}

/** The id that was given; Exchange makes one up where there was none. */
function messageIdOf(message: MessageInspection): string | undefined {
  return message.extendedProperties[MESSAGE_ID_PROPERTY]?.replace(/\s+/g, " ").trim();
}

function compareAttachments(
  source: readonly AttachmentDigest[],
  target: MessageInspection,
): { lost: number; added: number } {
  const arrived = [...target.attachments];
  const unmatched = source.filter(
    ({ sha256 }) => !takeFirst(arrived, (attachment) => attachment.sha256 === sha256),
  );
  const lost = unmatched.filter(
    ({ textSha256 }) =>
      !takeFirst(
        arrived,
        (attachment) => attachment.kind === "file" && digest(attachment.bytes()).textSha256 === textSha256,
      ),
  );
  return { lost: lost.length, added: arrived.length };
}

function takeFirst<T>(list: T[], matches: (value: T) => boolean): boolean {
  const index = list.findIndex(matches);
  if (index === -1) return false;
  list.splice(index, 1);
  return true;
}

/** Folders with their messages; a hidden one counts only if something was left in it. */
function foldersOf(
  folders: readonly FolderInspection[],
  parents: readonly string[],
): Map<string, readonly MessageInspection[]> {
  const found = new Map<string, readonly MessageInspection[]>();
  for (const folder of folders) {
    const path = [
      ...parents,
      parents.length === 0 ? (folder.wellKnownName ?? folder.displayName) : folder.displayName,
    ];
    if (!folder.isHidden || folder.messages.length > 0) found.set(path.join("/"), folder.messages);
    for (const [name, messages] of foldersOf(folder.childFolders, path)) found.set(name, messages);
  }
  return found;
}
