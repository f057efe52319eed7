import type { ImapFlow } from "imapflow";

/** A message in a source folder. The same message elsewhere, or under another UIDVALIDITY, is another one. */
export interface SourceMessage {
  readonly id: number;
  /** What it looks like: two messages with one look have the same bytes and date. */
  readonly look: string;
  readonly uid: number;
  readonly flags: readonly string[];
}

export interface SourceFolder {
  /** Stays the same when the folder is renamed; another one where a folder is made anew. */
  readonly key: number;
  /** Raised with every new UIDVALIDITY. */
  readonly life: number;
  readonly messages: readonly SourceMessage[];
}

/** A look and how it is written. */
export interface NewMessage {
  readonly look: string;
  readonly content: string;
  readonly date: Date;
}

/**
 * A mailbox at the source that is changed over IMAP, and a record of what must be in it now, kept from what was done
 * to it and not from what the server says.
 */
export class SourceMailbox {
  readonly #client: ImapFlow;
  readonly #renewUidValidity: (path: string) => Promise<void>;
  readonly #journal: (edit: string) => void;
  readonly #folders = new Map<string, SourceFolder>();
  #lastId = 0;
  #lastKey = 0;

  /**
   * @param renewUidValidity gives a folder a UIDVALIDITY that no folder had before.
   * @param journal is told of every edit.
   */
  constructor(
    client: ImapFlow,
    renewUidValidity: (path: string) => Promise<void>,
    journal: (edit: string) => void,
  ) {
    this.#client = client;
    this.#renewUidValidity = renewUidValidity;
    this.#journal = journal;
  }

  get folders(): ReadonlyMap<string, SourceFolder> {
    return this.#folders;
  }

  /** Takes note of a folder that is there from the beginning. */
  adopt(path: string): void {
    this.#folders.set(path, { key: ++this.#lastKey, life: 1, messages: [] });
  }

  async create(path: string): Promise<void> {
    this.#journal(`source: create ${path}`);
    await this.#client.mailboxCreate(path);
    this.adopt(path);
  }

  /** Folders below it go with it (RFC 9051, 6.3.6). */
  async rename(from: string, to: string): Promise<void> {
    this.#journal(`source: rename ${from} to ${to}`);
    await this.#leave();
    await this.#client.mailboxRename(from, to);
    for (const [path, folder] of [...this.#folders]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.#folders.delete(path);
      this.#folders.set(to + path.slice(from.length), folder);
    }
  }

  /** Folders below it stay. */
  async remove(path: string): Promise<void> {
    this.#journal(`source: remove ${path}`);
    await this.#leave();
    await this.#client.mailboxDelete(path);
    this.#folders.delete(path);
  }

  async renew(path: string): Promise<void> {
    this.#journal(`source: new UIDVALIDITY of ${path}`);
    await this.#leave();
    await this.#renewUidValidity(path);
    const folder = this.#folder(path);
    const messages = folder.messages.map((message) => ({ ...message, id: ++this.#lastId }));
    this.#folders.set(path, { ...folder, life: folder.life + 1, messages });
  }

  async append(path: string, message: NewMessage, flags: readonly string[]): Promise<void> {
    this.#journal(`source: append ${message.look} to ${path} [${flags.join(" ")}]`);
    const appended = await this.#client.append(path, message.content, [...flags], message.date);
    if (!appended || appended.uid === undefined) throw new Error("the source did not take a message");
    this.#add(path, message.look, appended.uid, flags);
  }

  async copy(from: string, message: SourceMessage, to: string): Promise<void> {
    this.#journal(`source: copy ${message.look} from ${from} to ${to}`);
    await this.#client.mailboxOpen(from);
    const copied = await this.#client.messageCopy(String(message.uid), to, { uid: true });
    this.#add(to, message.look, newUid(copied, message.uid), message.flags);
  }

  async move(from: string, message: SourceMessage, to: string): Promise<void> {
    this.#journal(`source: move ${message.look} from ${from} to ${to}`);
    await this.#client.mailboxOpen(from);
    const moved = await this.#client.messageMove(String(message.uid), to, { uid: true });
    this.#drop(from, message);
    this.#add(to, message.look, newUid(moved, message.uid), message.flags);
  }

  async expunge(path: string, message: SourceMessage): Promise<void> {
    this.#journal(`source: expunge ${message.look} from ${path}`);
    await this.#client.mailboxOpen(path);
    if (!(await this.#client.messageDelete(String(message.uid), { uid: true })))
      throw new Error("the source did not expunge a message");
    this.#drop(path, message);
  }

  async setFlags(path: string, message: SourceMessage, flags: readonly string[]): Promise<void> {
    this.#journal(`source: set flags of ${message.look} in ${path} to [${flags.join(" ")}]`);
    await this.#client.mailboxOpen(path);
    if (!(await this.#client.messageFlagsSet(String(message.uid), [...flags], { uid: true })))
      throw new Error("the source did not change flags");
    const folder = this.#folder(path);
    const messages = folder.messages.map((one) => (one.id === message.id ? { ...one, flags } : one));
    this.#folders.set(path, { ...folder, messages });
  }

  #add(path: string, look: string, uid: number, flags: readonly string[]): void {
    const folder = this.#folder(path);
    const message = { id: ++this.#lastId, look, uid, flags };
    this.#folders.set(path, { ...folder, messages: [...folder.messages, message] });
  }

  #drop(path: string, { id }: SourceMessage): void {
    const folder = this.#folder(path);
    this.#folders.set(path, { ...folder, messages: folder.messages.filter((one) => one.id !== id) });
  }

  #folder(path: string): SourceFolder {
    const folder = this.#folders.get(path);
    if (folder === undefined) throw new Error("no such folder at the source");
    return folder;
  }

  /** A folder that is open is not renamed, deleted or changed under the session. */
  async #leave(): Promise<void> {
    if (this.#client.mailbox) await this.#client.mailboxClose();
  }
}

function newUid(
  result: false | { readonly uidMap?: ReadonlyMap<number, number> | undefined },
  uid: number,
): number {
  const changed = result ? result.uidMap?.get(uid) : undefined;
  if (changed === undefined) throw new Error("the source did not tell a message's new UID");
  return changed;
}
