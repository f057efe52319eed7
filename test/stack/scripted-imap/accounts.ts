import { type NewMessage, ScriptedAccount, type ScriptedFolder, type ScriptedMessage } from "./mailbox.ts";

const SYSTEM_LABELS: Readonly<Record<string, string>> = {
  "\\Inbox": "INBOX",
  "\\Sent": "[Gmail]/Sent Mail",
  "\\Important": "[Gmail]/Important",
  "\\Starred": "[Gmail]/Starred",
  "\\Draft": "[Gmail]/Drafts",
};

/**
 * A mailbox of Gmail: every message in All Mail, and once more in the folder of each of its labels, where that label is
 * not listed. A change of labels counts as a change of the message in All Mail alone, which is the least that is known
 * of Gmail.
 */
export class GmailAccount extends ScriptedAccount {
  #lastId = 1_700_000_000_000_000_000n;

  constructor() {
    super();
    this.create("[Gmail]", ["\\Noselect"]);
    this.create("[Gmail]/All Mail", ["\\All"], 11);
    this.create("[Gmail]/Drafts", ["\\Drafts"], 5);
    this.create("[Gmail]/Important", ["\\Important"], 9);
    this.create("[Gmail]/Sent Mail", ["\\Sent"], 4);
    this.create("[Gmail]/Spam", ["\\Junk"], 3);
    this.create("[Gmail]/Starred", ["\\Flagged"], 10);
    this.create("[Gmail]/Trash", ["\\Trash"], 2);
  }

  /** @returns the id of the message. */
  add(message: NewMessage, labels: readonly string[]): string {
    const id = String(++this.#lastId);
    this.#allMail.append({ ...message, gmail: { id, labels } });
    for (const label of labels) this.#show(id, label, labels);
    return id;
  }

  labelsOf(id: string): readonly string[] {
    return this.#inAllMail(id).before;
  }

  /** Gives a message other labels. */
  relabel(id: string, labels: readonly string[]): void {
    const { uid, before } = this.#inAllMail(id);
    this.#allMail.setLabels(uid, labels, true);
    for (const label of before.filter((one) => !labels.includes(one))) this.#hide(id, label);
    for (const label of labels)
      if (before.includes(label)) this.#setLabels(id, label, labels);
      else this.#show(id, label, labels);
  }

  /** Sets the flags of a message wherever it is shown. */
  setFlags(id: string, flags: readonly string[]): void {
    for (const folder of this.folders.values())
      for (const { uid, gmail } of folder.messages) if (gmail?.id === id) folder.setFlags(uid, flags);
  }

  /** Moves a message to the deleted ones, which takes it out of all other folders. */
  trash(id: string): void {
    const { uid, before } = this.#inAllMail(id);
    const message = this.#allMail.messages.find((one) => one.uid === uid) as ScriptedMessage;
    this.folder("[Gmail]/Trash").append({ ...message, gmail: { id, labels: [] } });
    for (const label of before) this.#hide(id, label);
    this.#allMail.expunge(uid);
  }

  /** What the user does with "Show in IMAP" of a label, or of All Mail. @returns the folder, to be shown again. */
  hideFolder(path: string): ScriptedFolder {
    const folder = this.folder(path);
    this.folders.delete(path);
    this.#hidden.set(path, folder);
    return folder;
  }

  readonly #hidden = new Map<string, ScriptedFolder>();

  get #allMail(): ScriptedFolder {
    const path = "[Gmail]/All Mail";
    return this.#hidden.get(path) ?? this.folder(path);
  }

  #inAllMail(id: string): { readonly uid: number; readonly before: readonly string[] } {
    const message = this.#allMail.messages.find(({ gmail }) => gmail?.id === id);
    if (message === undefined) throw new RangeError(`there is no message ${id}`);
    return { uid: message.uid, before: message.gmail?.labels ?? [] };
  }

  #folderOf(label: string): ScriptedFolder {
    const path = SYSTEM_LABELS[label] ?? label;
    return this.#hidden.get(path) ?? this.folders.get(path) ?? this.create(path, [], 20 + this.folders.size);
  }

  #show(id: string, label: string, labels: readonly string[]): void {
    const { uid } = this.#inAllMail(id);
    const message = this.#allMail.messages.find((one) => one.uid === uid) as ScriptedMessage;
    this.#folderOf(label).append({ ...message, gmail: { id, labels: without(labels, label) } });
  }

  #hide(id: string, label: string): void {
    const folder = this.#folderOf(label);
    folder.expunge(...folder.messages.filter(({ gmail }) => gmail?.id === id).map(({ uid }) => uid));
  }

  #setLabels(id: string, label: string, labels: readonly string[]): void {
    const folder = this.#folderOf(label);
    for (const { uid, gmail } of folder.messages)
      if (gmail?.id === id) folder.setLabels(uid, without(labels, label), false);
  }
}

function without(labels: readonly string[], label: string): readonly string[] {
  return labels.filter((other) => other !== label);
}

/** An account with the folders that Exchange shows over IMAP, those without mail included. */
export function exchangeAccount(): ScriptedAccount {
  const account = new ScriptedAccount();
  const others = [
    "Archive",
    "Calendar",
    "Calendar/Birthdays",
    "Contacts",
    "Conversation History",
    "Deleted Items",
  ];
  for (const path of [
    ...others,
    "Drafts",
    "Journal",
    "Junk Email",
    "Notes",
    "Outbox",
    "Sent Items",
    "Tasks",
  ]) {
    account.create(path, [], 14);
  }
  return account;
}
