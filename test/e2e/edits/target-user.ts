import type { ImapFlow } from "imapflow";
import type { GraphStandIn, MailboxInspection, MessageInspection } from "../../stack/graph/index.ts";

/** A message as it lies in the target. */
export interface TargetMessage {
  readonly look: string;
  readonly flags: readonly string[];
  /** Id or UID, for the next edit. */
  readonly handle: string;
}

/** Messages by folder; folders that a user deleted and that still exist somewhere are named by `deletedName`. */
export type TargetState = ReadonlyMap<string, readonly TargetMessage[]>;

/** A user who works in the target mailbox while it is being filled. */
export interface TargetUser {
  /** True if a deleted folder takes those below it along, and what is in it stays readable in the deleted items. */
  readonly keepsDeletedFolders: boolean;
  /** True if a message keeps its id when it is moved, so that it is recognized wherever it lies. */
  readonly keepsIds: boolean;
  readonly trash: string;
  /** Flags that stay as they were copied. */
  readonly fixedFlags: ReadonlySet<string>;
  /** Name in the target of a folder at the source that is first seen there. */
  folderOf(sourcePath: string): string;
  observe(): Promise<TargetState>;
  move(folder: string, message: TargetMessage, to: string): Promise<void>;
  /** Moves to the deleted items, or from there out of sight. */
  remove(folder: string, message: TargetMessage): Promise<void>;
  setFlags(folder: string, message: TargetMessage, flags: readonly string[]): Promise<void>;
  deleteFolder(folder: string): Promise<void>;
}

/** Name under which what is in a deleted folder is observed. */
export function deletedName(folder: string, number: number): string {
  return `deleted ${number}: ${folder}`;
}

/** A user of an IMAP target. */
export class ImapTargetUser implements TargetUser {
  readonly keepsDeletedFolders = false;
  readonly keepsIds = false;
  readonly trash = "Trash";
  readonly fixedFlags = new Set<string>();
  readonly #client: ImapFlow;

  constructor(client: ImapFlow) {
    this.#client = client;
  }

  folderOf(sourcePath: string): string {
    return sourcePath;
  }

  async observe(): Promise<TargetState> {
    await this.#leave();
    const state = new Map<string, TargetMessage[]>();
    for (const { path, flags } of await this.#client.list()) {
      if (flags.has("\\Noselect") || flags.has("\\NonExistent")) continue;
      const { exists } = await this.#client.mailboxOpen(path, { readOnly: true });
      const messages: TargetMessage[] = [];
      if (exists > 0)
        for await (const { uid, flags: set, envelope } of this.#client.fetch("1:*", {
          uid: true,
          flags: true,
          envelope: true,
        })) {
          const shown = [...(set ?? [])].filter((flag) => flag !== "\\Recent").sort();
          messages.push({ look: lookOf(envelope?.messageId), flags: shown, handle: String(uid) });
        }
      state.set(path, messages);
    }
    return state;
  }

  async move(folder: string, message: TargetMessage, to: string): Promise<void> {
    await this.#client.mailboxOpen(folder);
    if (!(await this.#client.messageMove(message.handle, to, { uid: true })))
      throw new Error("the target did not move a message");
  }

  async remove(folder: string, message: TargetMessage): Promise<void> {
    if (folder !== this.trash) return this.move(folder, message, this.trash);
    await this.#client.mailboxOpen(folder);
    await this.#client.messageDelete(message.handle, { uid: true });
  }

  async setFlags(folder: string, message: TargetMessage, flags: readonly string[]): Promise<void> {
    await this.#client.mailboxOpen(folder);
    await this.#client.messageFlagsSet(message.handle, [...flags], { uid: true });
  }

  async deleteFolder(folder: string): Promise<void> {
    await this.#leave();
    await this.#client.mailboxDelete(folder);
  }

  async #leave(): Promise<void> {
    if (this.#client.mailbox) await this.#client.mailboxClose();
  }
}

const wellKnown: Readonly<Record<string, string>> = {
  INBOX: "inbox",
  Sent: "sentitems",
  Drafts: "drafts",
  Trash: "deleteditems",
  Junk: "junkemail",
  Archive: "archive",
};
const messageIdProperty = "String 0x1035";
const lastVerbProperty = "Integer 0x1081";
const replied = "102";

/** A user of a Graph target, by the requests a mail program makes. */
export class GraphTargetUser implements TargetUser {
  readonly keepsDeletedFolders = true;
  readonly keepsIds = true;
  readonly trash = "deleteditems";
  readonly #graph: GraphStandIn;
  readonly #user: string;
  /** Deleted folders, by id. */
  readonly fixedFlags: ReadonlySet<string>;
  readonly #deleted = new Map<string, string>();
  #deletions = 0;

  /** @param permitted true if the app may change sensitive properties. */
  constructor(graph: GraphStandIn, user: string, permitted = false) {
    this.#graph = graph;
    this.#user = user;
    this.fixedFlags = new Set(permitted ? [] : ["\\Answered"]);
  }

  folderOf(sourcePath: string): string {
    const [top = "", ...below] = sourcePath.split("/");
    return [wellKnown[top] ?? top, ...below].join("/");
  }

  async observe(): Promise<TargetState> {
    const folders = foldersOf(this.#graph.mailbox(this.#user));
    return new Map(
      folders.map(({ id, name, messages }) => [this.#deleted.get(id) ?? name, messages.map(messageOf)]),
    );
  }

  async move(_folder: string, message: TargetMessage, to: string): Promise<void> {
    await this.#request("POST", `messages/${message.handle}/move`, { destinationId: this.#idOf(to) });
  }

  async remove(_folder: string, message: TargetMessage): Promise<void> {
    await this.#request("DELETE", `messages/${message.handle}`);
  }

  /** \Answered is no state that a user of Outlook sets by hand. */
  async setFlags(_folder: string, message: TargetMessage, flags: readonly string[]): Promise<void> {
    await this.#request("PATCH", `messages/${message.handle}`, {
      isRead: flags.includes("\\Seen"),
      flag: { flagStatus: flags.includes("\\Flagged") ? "flagged" : "notFlagged" },
      categories: flags.filter((flag) => !flag.startsWith("\\")),
    });
  }

  async deleteFolder(folder: string): Promise<void> {
    this.#deletions++;
    const id = this.#idOf(folder);
    for (const { id: one, name } of foldersOf(this.#graph.mailbox(this.#user)))
      if (!this.#deleted.has(one) && (name === folder || name.startsWith(`${folder}/`)))
        this.#deleted.set(one, deletedName(name, this.#deletions));
    await this.#request("DELETE", `mailFolders/${id}`);
  }

  #idOf(folder: string): string {
    const found = foldersOf(this.#graph.mailbox(this.#user)).find(
      ({ id, name }) => name === folder && !this.#deleted.has(id),
    );
    if (found === undefined) throw new Error("no such folder in the target");
    return found.id;
  }

  async #request(method: string, path: string, body?: object): Promise<void> {
    const url = `${this.#graph.baseUrl}/v1.0/users/${encodeURIComponent(this.#user)}/${path}`;
    const response = await fetch(url, {
      method,
      headers: {
        Authorization: `Bearer ${this.#graph.token}`,
        Prefer: 'IdType="ImmutableId"',
        ...(body ? { "Content-Type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    if (!response.ok) throw new Error(`the stand-in answered ${response.status}: ${await response.text()}`);
    await response.body?.cancel();
  }
}

interface NamedFolder {
  readonly id: string;
  readonly name: string;
  readonly messages: readonly MessageInspection[];
}

function foldersOf(mailbox: MailboxInspection): readonly NamedFolder[] {
  const below = (folders: MailboxInspection["folders"], parent: readonly string[]): readonly NamedFolder[] =>
    folders.flatMap((folder) => {
      const path = [...parent, folder.wellKnownName ?? folder.displayName];
      return [
        { id: folder.id, name: path.join("/"), messages: folder.messages },
        ...below(folder.childFolders, path),
      ];
    });
  return below(mailbox.folders, []);
}

function messageOf(message: MessageInspection): TargetMessage {
  const { flag, categories } = message.properties;
  const flags = [
    ...(message.isRead ? ["\\Seen"] : []),
    ...(flag.flagStatus === "flagged" ? ["\\Flagged"] : []),
    ...(message.extended(lastVerbProperty) === replied ? ["\\Answered"] : []),
    ...(categories ?? []),
  ];
  return { look: lookOf(message.extended(messageIdProperty)), flags: flags.sort(), handle: message.id };
}

/** The look of a message is the left part of its Message-ID. */
function lookOf(messageId: string | undefined): string {
  return /<([^@>]+)@/.exec(messageId ?? "")?.[1] ?? "unknown";
}
