import { type NewMessage, ScriptedAccount } from "./mailbox.ts";

/** An account with the folders that Gmail gives everyone. */
export function gmailAccount(): ScriptedAccount {
  const account = new ScriptedAccount();
  account.create("[Gmail]", ["\\Noselect"]);
  account.create("[Gmail]/All Mail", ["\\All"], 11);
  account.create("[Gmail]/Drafts", ["\\Drafts"], 5);
  account.create("[Gmail]/Important", ["\\Important"], 9);
  account.create("[Gmail]/Sent Mail", ["\\Sent"], 4);
  account.create("[Gmail]/Spam", ["\\Junk"], 3);
  account.create("[Gmail]/Starred", ["\\Flagged"], 10);
  account.create("[Gmail]/Trash", ["\\Trash"], 2);
  return account;
}

const SYSTEM_LABELS: Readonly<Record<string, string>> = {
  "\\Inbox": "INBOX",
  "\\Sent": "[Gmail]/Sent Mail",
  "\\Important": "[Gmail]/Important",
  "\\Starred": "[Gmail]/Starred",
  "\\Draft": "[Gmail]/Drafts",
};

/** Stores a message as Gmail shows it: in All Mail, and once more in the folder of each of its labels. */
export function addLabelled(account: ScriptedAccount, message: NewMessage, labels: readonly string[]): void {
  const id = String(1_700_000_000_000_000_000n + BigInt(account.folder("[Gmail]/All Mail").uidNext));
  account.folder("[Gmail]/All Mail").append({ ...message, gmail: { id, labels } });
  for (const label of labels) {
    const path = SYSTEM_LABELS[label] ?? label;
    const folder = account.folders.get(path) ?? account.create(path, [], 20 + account.folders.size);
    // In a label's own folder the label is not listed.
    folder.append({ ...message, gmail: { id, labels: labels.filter((other) => other !== label) } });
  }
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
