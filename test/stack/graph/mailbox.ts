import { GraphError, invalidBody, itemNotFound } from "./errors.ts";
import { newImmutableId, newRestId, requireWellFormedId } from "./ids.ts";
import {
  attachmentSize,
  copyItem,
  itemSize,
  type MessageItem,
  type StoredAttachment,
  touch,
} from "./message-item.ts";

/** learn.microsoft.com/graph/api/resources/mailfolder, "Well-known folder names", with the names of an English mailbox. */
export const wellKnownFolders = {
  inbox: "Inbox",
  drafts: "Drafts",
  sentitems: "Sent Items",
  deleteditems: "Deleted Items",
  junkemail: "Junk Email",
  archive: "Archive",
  outbox: "Outbox",
  conversationhistory: "Conversation History",
} as const;
/**
 * Folders of an English mailbox that hold no mail. Graph shows them elsewhere (learn.microsoft.com/graph/api/resources/calendar
 * and contactfolder), not as mail folders, but a name is unique among all siblings.
 */
const otherFolders = ["Calendar", "Contacts", "Tasks", "Notes", "Journal"];

export type WellKnownFolder = keyof typeof wellKnownFolders | "msgfolderroot";

export interface User {
  readonly id: string;
  readonly userPrincipalName: string;
  readonly displayName: string;
  readonly mail: string | undefined;
  /** As the directory writes them: `SMTP:` for the primary address, `smtp:` for an alias. */
  readonly proxyAddresses: readonly string[];
  readonly accountEnabled: boolean;
}

export interface StoredFolder {
  readonly id: string;
  displayName: string;
  parent: StoredFolder | undefined;
  readonly wellKnownName: WellKnownFolder | undefined;
  readonly isHidden: boolean;
  readonly messages: Set<StoredMessage>;
}

export interface StoredMessage {
  readonly immutableId: string;
  /** Changes with every move: learn.microsoft.com/graph/outlook-immutable-id. */
  restId: string;
  folder: StoredFolder;
  readonly item: MessageItem;
}

export interface MailboxOptions {
  /** Bytes the mailbox may hold; unlimited when absent. */
  readonly quotaBytes?: number;
  /** Bytes one message may have with its attachments. */
  readonly maxMessageBytes: number;
  /** Display names of well-known folders, for a mailbox in another language. */
  readonly folderNames?: Partial<Record<keyof typeof wellKnownFolders, string>>;
  /** Well-known folders that are not there: Exchange makes some only when they are first used. */
  readonly missingFolders?: readonly (keyof typeof wellKnownFolders)[];
}

const longestFolderName = 255;

/** One user's mail. Every method that changes something either does it whole or throws. */
export class Mailbox {
  readonly user: User;
  readonly root: StoredFolder;
  quotaBytes: number | undefined;
  readonly #maxMessageBytes: number;
  readonly #folders = new Map<string, StoredFolder>();
  readonly #wellKnown = new Map<string, StoredFolder>();
  readonly #messages = new Map<string, StoredMessage>();
  #usedBytes = 0;

  constructor(user: User, options: MailboxOptions) {
    this.user = user;
    this.quotaBytes = options.quotaBytes;
    this.#maxMessageBytes = options.maxMessageBytes;
    this.root = this.#addFolder("Top of Information Store", undefined, "msgfolderroot", false);
    for (const [wellKnownName, displayName] of Object.entries(wellKnownFolders)) {
      const name = wellKnownName as keyof typeof wellKnownFolders;
      if (options.missingFolders?.includes(name) === true) continue;
      this.#addFolder(options.folderNames?.[name] ?? displayName, this.root, name, false);
    }
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get folders(): Iterable<StoredFolder> {
    return this.#folders.values();
  }

  /** By id or well-known name. @throws GraphError 404, or 400 for what can be neither. */
  folder(idOrName: string): StoredFolder {
    const folder = this.#wellKnown.get(idOrName.toLowerCase()) ?? this.#folders.get(idOrName);
    if (folder !== undefined) return folder;
    if (Object.hasOwn(wellKnownFolders, idOrName.toLowerCase())) throw itemNotFound();
    requireWellFormedId(idOrName);
    throw itemNotFound();
  }

  children(parent: StoredFolder): StoredFolder[] {
    return [...this.#folders.values()]
      .filter((folder) => folder.parent === parent)
      .sort((a, b) => (a.displayName < b.displayName ? -1 : 1));
  }

  /** learn.microsoft.com/graph/api/user-post-mailfolders and mailfolder-post-childfolders. */
  createFolder(parent: StoredFolder, displayName: string, isHidden: boolean): StoredFolder {
    this.#requireFreeName(parent, displayName);
    return this.#addFolder(displayName, parent, undefined, isHidden);
  }

  /** learn.microsoft.com/graph/api/mailfolder-update */
  renameFolder(folder: StoredFolder, displayName: string): void {
    requireOrdinary(folder);
    if (folder.parent !== undefined) this.#requireFreeName(folder.parent, displayName, folder);
    folder.displayName = displayName;
  }

  /** learn.microsoft.com/graph/api/mailfolder-move */
  moveFolder(folder: StoredFolder, destination: StoredFolder): void {
    requireOrdinary(folder);
    if (isWithin(destination, folder))
      throw new GraphError(400, "ErrorMoveCopyFailed", "A folder cannot be moved into itself.");
    this.#requireFreeName(destination, folder.displayName, folder);
    folder.parent = destination;
  }

  /**
   * learn.microsoft.com/graph/api/mailfolder-delete: to Deleted Items, or for good from there. A name that is taken
   * in Deleted Items gets a number, as Exchange does it.
   */
  deleteFolder(folder: StoredFolder): void {
    requireOrdinary(folder);
    const deleted = this.folder("deleteditems");
    if (isWithin(folder, deleted)) {
      this.eraseFolder(folder);
      return;
    }
    const name = folder.displayName;
    for (let number = 1; this.#isNameTaken(deleted, folder.displayName, folder); number++)
      folder.displayName = `${name}${number}`;
    folder.parent = deleted;
  }

  /** learn.microsoft.com/graph/api/mailfolder-permanentdelete: with all that is in it. */
  eraseFolder(folder: StoredFolder): void {
    requireOrdinary(folder);
    for (const child of this.children(folder)) this.eraseFolder(child);
    for (const message of folder.messages) this.eraseMessage(message);
    this.#folders.delete(folder.id);
  }

  /** By either id; in the given folder only, where there is one. @throws GraphError 404 or 400. */
  message(id: string, folder?: StoredFolder): StoredMessage {
    const message = this.#messages.get(id);
    if (message === undefined) {
      requireWellFormedId(id);
      throw itemNotFound();
    }
    if (folder !== undefined && message.folder !== folder) throw itemNotFound();
    return message;
  }

  attachment(message: StoredMessage, id: string): StoredAttachment {
    const found = message.item.attachments.find((one) => one.restId === id || one.immutableId === id);
    if (found !== undefined) return found;
    requireWellFormedId(id);
    throw itemNotFound();
  }

  /** @throws GraphError 413 or 507 where the message is too large or the mailbox full. */
  addMessage(folder: StoredFolder, item: MessageItem): StoredMessage {
    const size = itemSize(item);
    this.requireRoom(size, size);
    return this.#index({ immutableId: newImmutableId(), restId: newRestId(), folder, item });
  }

  /** @param change all or nothing. */
  changeMessage(message: StoredMessage, change: (item: MessageItem) => void): void {
    const before = itemSize(message.item);
    change(message.item);
    this.#usedBytes += itemSize(message.item) - before;
  }

  addAttachment(message: StoredMessage, attachment: StoredAttachment, now: number): void {
    const size = attachmentSize(attachment);
    this.requireRoom(itemSize(message.item) + size, size);
    message.item.attachments.push(attachment);
    this.#usedBytes += size;
    touch(message.item, now);
  }

  removeAttachment(message: StoredMessage, attachment: StoredAttachment, now: number): void {
    message.item.attachments = message.item.attachments.filter((one) => one !== attachment);
    this.#usedBytes -= attachmentSize(attachment);
    touch(message.item, now);
  }

  /**
   * Refuses a message that would be too large (learn.microsoft.com/graph/api/attachment-createuploadsession, "Tip":
   * 35 MB unless an administrator raised it) and one that does not fit into the mailbox.
   */
  requireRoom(messageBytes: number, addedBytes: number): void {
    if (messageBytes > this.#maxMessageBytes)
      throw new GraphError(
        413,
        "ErrorMessageSizeExceeded",
        "The message exceeds the maximum supported size.",
      );
    if (this.quotaBytes !== undefined && this.#usedBytes + addedBytes > this.quotaBytes)
      throw new GraphError(507, "ErrorQuotaExceeded", "The mailbox has reached its quota.");
  }

  /** learn.microsoft.com/graph/api/message-move: the REST id becomes another one, the immutable id stays. */
  moveMessage(message: StoredMessage, destination: StoredFolder, now: number): void {
    message.folder.messages.delete(message);
    this.#messages.delete(message.restId);
    message.restId = newRestId();
    message.folder = destination;
    message.item.attachments = message.item.attachments.map((one) => ({ ...one, restId: newRestId() }));
    destination.messages.add(message);
    this.#messages.set(message.restId, message);
    touch(message.item, now);
  }

  /** learn.microsoft.com/graph/api/message-copy */
  copyMessage(message: StoredMessage, destination: StoredFolder, now: number): StoredMessage {
    return this.addMessage(destination, copyItem(message.item, now));
  }

  /** learn.microsoft.com/graph/api/message-delete: to Deleted Items; from there out of sight of a mail client. */
  deleteMessage(message: StoredMessage, now: number): void {
    const deleted = this.folder("deleteditems");
    if (isWithin(message.folder, deleted)) this.eraseMessage(message);
    else this.moveMessage(message, deleted, now);
  }

  /** learn.microsoft.com/graph/api/message-permanentdelete */
  eraseMessage(message: StoredMessage): void {
    message.folder.messages.delete(message);
    this.#messages.delete(message.restId);
    this.#messages.delete(message.immutableId);
    this.#usedBytes -= itemSize(message.item);
  }

  #index(message: StoredMessage): StoredMessage {
    message.folder.messages.add(message);
    this.#messages.set(message.restId, message);
    this.#messages.set(message.immutableId, message);
    this.#usedBytes += itemSize(message.item);
    return message;
  }

  #addFolder(
    displayName: string,
    parent: StoredFolder | undefined,
    wellKnownName: WellKnownFolder | undefined,
    isHidden: boolean,
  ): StoredFolder {
    const folder = {
      id: newRestId(),
      displayName,
      parent,
      wellKnownName,
      isHidden,
      messages: new Set<StoredMessage>(),
    };
    this.#folders.set(folder.id, folder);
    if (wellKnownName !== undefined) this.#wellKnown.set(wellKnownName, folder);
    return folder;
  }

  #isNameTaken(parent: StoredFolder, displayName: string, except?: StoredFolder): boolean {
    const name = displayName.toLowerCase();
    if (parent === this.root && otherFolders.some((other) => other.toLowerCase() === name)) return true;
    return this.children(parent).some((one) => one !== except && one.displayName.toLowerCase() === name);
  }

  #requireFreeName(parent: StoredFolder, displayName: string, except?: StoredFolder): void {
    if (displayName.trim() === "") throw invalidBody("A folder needs a displayName.");
    if (displayName.length > longestFolderName)
      throw new GraphError(
        400,
        "ErrorFolderSavePropertyError",
        `The name of a folder has at most ${longestFolderName} characters.`,
      );
    if (this.#isNameTaken(parent, displayName, except))
      throw new GraphError(409, "ErrorFolderExists", "A folder with the specified name already exists.");
  }
}

/** True if the folder is the ancestor or lies somewhere below it. */
export function isWithin(folder: StoredFolder, ancestor: StoredFolder): boolean {
  for (let at: StoredFolder | undefined = folder; at !== undefined; at = at.parent)
    if (at === ancestor) return true;
  return false;
}

function requireOrdinary(folder: StoredFolder): void {
  if (folder.wellKnownName !== undefined)
    throw new GraphError(
      403,
      "ErrorAccessDenied",
      "A well-known folder cannot be renamed, moved or deleted.",
    );
}
