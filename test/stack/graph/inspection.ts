import { canonicalPropertyId } from "./extended-properties.ts";
import type { JsonObject } from "./json.ts";
import type { Mailbox, StoredFolder, StoredMessage, WellKnownFolder } from "./mailbox.ts";
import {
  extendedValue,
  type MessageItem,
  type MessageProperties,
  type StoredAttachment,
} from "./message-item.ts";

export interface AttachmentInspection {
  readonly id: string;
  readonly kind: "file" | "item";
  readonly name: string;
  readonly contentType: string | undefined;
  readonly isInline: boolean;
  readonly contentId: string | undefined;
  /** Bytes of a file. */
  readonly size: number | undefined;
  /** Hex, of a file. */
  readonly sha256: string | undefined;
  /** The bytes of a file. @throws Error for an item. */
  bytes(): Buffer;
  readonly item: ItemInspection | undefined;
}

/** What a message holds, by itself or inside an attachment. */
export interface ItemInspection {
  readonly properties: Readonly<MessageProperties>;
  readonly internetMessageId: string;
  readonly isDraft: boolean;
  readonly isRead: boolean;
  readonly receivedDateTime: Date;
  readonly sentDateTime: Date;
  readonly createdDateTime: Date;
  readonly lastModifiedDateTime: Date;
  /** Single-value extended properties that were set, by the id in Graph's own spelling. */
  readonly extendedProperties: Readonly<Record<string, string>>;
  readonly attachments: readonly AttachmentInspection[];
  /** Value of an extended property in any spelling of its id, computed ones included. */
  extended(id: string): string | undefined;
  /** For `renderMime`. */
  readonly stored: MessageItem;
}

export interface MessageInspection extends ItemInspection {
  /** The immutable id. */
  readonly id: string;
  /** The id that changes with every move. */
  readonly restId: string;
}

export interface FolderInspection {
  readonly id: string;
  readonly displayName: string;
  /** Display names from below the root to this folder. */
  readonly path: readonly string[];
  readonly wellKnownName: WellKnownFolder | undefined;
  readonly isHidden: boolean;
  /** In the order of arrival in the folder. */
  readonly messages: readonly MessageInspection[];
  readonly childFolders: readonly FolderInspection[];
}

export interface MailboxInspection {
  readonly id: string;
  readonly userPrincipalName: string;
  readonly usedBytes: number;
  readonly quotaBytes: number | undefined;
  /** The folders below the root, as a tree. */
  readonly folders: readonly FolderInspection[];
  /** By well-known name, or by display names from below the root. Undefined where there is none. */
  folder(...path: string[]): FolderInspection | undefined;
  /** The messages of all folders. */
  readonly messages: readonly MessageInspection[];
}

/** The state of a mailbox now, not followed by later changes. */
export function inspectMailbox(mailbox: Mailbox): MailboxInspection {
  const folders = inspectChildren(mailbox, mailbox.root, []);
  const all = folders.flatMap(withDescendants);
  return {
    id: mailbox.user.id,
    userPrincipalName: mailbox.user.userPrincipalName,
    usedBytes: mailbox.usedBytes,
    quotaBytes: mailbox.quotaBytes,
    folders,
    folder: (...path) =>
      all.find((folder) => path.length === 1 && folder.wellKnownName === path[0]) ??
      all.find(
        (folder) =>
          folder.path.length === path.length && folder.path.every((name, index) => name === path[index]),
      ),
    messages: all.flatMap((folder) => folder.messages),
  };
}

/** As JSON, attachments by their SHA-256. */
export function mailboxSnapshot(mailbox: Mailbox): JsonObject {
  // The messages stand in their folders.
  const { messages: _, ...inspection } = inspectMailbox(mailbox);
  const json = JSON.stringify(inspection, (name, value: unknown) => (name === "stored" ? undefined : value));
  return JSON.parse(json) as JsonObject;
}

function withDescendants(folder: FolderInspection): FolderInspection[] {
  return [folder, ...folder.childFolders.flatMap(withDescendants)];
}

function inspectChildren(
  mailbox: Mailbox,
  parent: StoredFolder,
  path: readonly string[],
): FolderInspection[] {
  return mailbox.children(parent).map((folder) => {
    const own = [...path, folder.displayName];
    return {
      id: folder.id,
      displayName: folder.displayName,
      path: own,
      wellKnownName: folder.wellKnownName,
      isHidden: folder.isHidden,
      messages: [...folder.messages].map(inspectMessage),
      childFolders: inspectChildren(mailbox, folder, own),
    };
  });
}

function inspectMessage(message: StoredMessage): MessageInspection {
  return { id: message.immutableId, restId: message.restId, ...inspectItem(message.item) };
}

function inspectItem(item: MessageItem): ItemInspection {
  const frozen: MessageItem = {
    ...item,
    properties: { ...item.properties },
    extended: new Map(item.extended),
    attachments: [...item.attachments],
  };
  return {
    properties: frozen.properties,
    internetMessageId: frozen.internetMessageId,
    isDraft: frozen.isDraft,
    isRead: frozen.isRead,
    receivedDateTime: new Date(frozen.receivedAt),
    sentDateTime: new Date(frozen.sentAt),
    createdDateTime: new Date(frozen.createdAt),
    lastModifiedDateTime: new Date(frozen.modifiedAt),
    extendedProperties: Object.fromEntries(frozen.extended),
    attachments: frozen.attachments.map(inspectAttachment),
    extended: (id) => extendedValue(frozen, canonicalPropertyId(id)),
    stored: frozen,
  };
}

function inspectAttachment(attachment: StoredAttachment): AttachmentInspection {
  const common = {
    id: attachment.immutableId,
    kind: attachment.kind,
    name: attachment.name,
    contentType: attachment.contentType,
    isInline: attachment.isInline,
    contentId: attachment.contentId,
  };
  if (attachment.kind === "file") {
    const { content } = attachment;
    return {
      ...common,
      size: content.size,
      sha256: content.sha256,
      bytes: () => content.read(),
      item: undefined,
    };
  }
  return {
    ...common,
    size: undefined,
    sha256: undefined,
    bytes: () => {
      throw new Error("An item attachment has no bytes of its own; render its item.");
    },
    item: inspectItem(attachment.item),
  };
}
