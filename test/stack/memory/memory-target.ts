import { buffer } from "node:stream/consumers";
import { lookOf } from "../../../shared/adapters/imap/look.ts";
import { matchCopies } from "../../../shared/adapters/imap/matching.ts";
import { MigrationError } from "../../../shared/domain/errors.ts";
import type { SpecialUse } from "../../../shared/domain/folders.ts";
import type { Stamp, TargetFolderId, TargetItemId } from "../../../shared/domain/names.ts";
import type { GuessCode } from "../../../shared/domain/warnings.ts";
import type {
  ChangeOutcome,
  FlagOutcome,
  FolderNaming,
  FolderState,
  FoundItem,
  InterruptedChunk,
  ItemState,
  MessageLook,
  OutgoingMessage,
  TargetConnector,
  TargetEntry,
  TargetFolder,
  TargetIdentity,
  TargetMailbox,
  TargetPlace,
  TargetRoom,
  WantedFolder,
  WriteCandidate,
} from "../../../shared/migration/ports/target.ts";

/** How a target tells its own copies: Graph by a mark on each, an IMAP server by where they lie and what they look like. */
export type TargetKind = "graph" | "imap";

export interface TargetItem {
  id: TargetItemId;
  folder: TargetFolderId;
  uid: number;
  readonly text: string;
  readonly internalDate: number;
  flags: readonly string[];
  readonly stamp: Stamp | undefined;
  readonly chunkToken: string | undefined;
}

/**
 * What happens to a write whose process lives on:
 * - `answerLost`: it has its effect, and the connection ends before the answer.
 * - `cutBefore`: the connection ends in the middle of it; it has no effect.
 * - `landsLate`: nobody hears of it, and it has its effect `afterMs` later.
 */
export type WriteInterruption =
  | { readonly kind: "answerLost" | "cutBefore" }
  | { readonly kind: "landsLate"; readonly afterMs: number };

export interface TargetFolderState {
  readonly id: TargetFolderId;
  readonly path: string;
  readonly uidValidity: number;
  uidNext: number;
}

/** One user's mailbox, which a test changes as the user would. */
export class TargetState {
  readonly kind: TargetKind;
  readonly folders = new Map<string, TargetFolderState>();
  items: TargetItem[] = [];
  /** Flags it refuses to change once a message is there. */
  readonly fixedFlags = new Set<string>();
  /** Ids of folders that it answers as if they were not there. */
  readonly unseen = new Set<TargetFolderId>();
  /** Messages that it answers with 500, always, by their text. */
  readonly refusing = new Set<string>();
  /** What its quota leaves room for; undefined where it does not tell. */
  room: TargetRoom | undefined;
  /** True to have the next move of an IMAP target without MOVE end after its COPY. */
  copiesFirst = false;
  /** What happens to the next write. */
  interruption: WriteInterruption | undefined;
  /** What happens to each write, by its number from 1 and the message's text. */
  disturb: (write: number, text: string) => WriteInterruption | undefined = () => undefined;
  /** Milliseconds from the effect of a write to its answer, by its number from 1: answers may come in another order. */
  answersAfterMs: (write: number) => number = () => 0;
  writes = 0;
  /** False while it answers each write with 500, and stores nothing. */
  takes = true;
  /** Guesses by which a target reads these messages, by their text. */
  readonly guesses = new Map<string, readonly GuessCode[]>();
  #made = 0;
  #itemIds = 0;
  /** Folders of an IMAP server are known by their paths, and get another UIDVALIDITY if they are made anew. */
  readonly #generations = new Map<string, number>();

  constructor(kind: TargetKind) {
    this.kind = kind;
  }

  folderAt(path: string): TargetFolderState {
    const key = this.#keyOf(path);
    const found = this.folders.get(key);
    if (found !== undefined) return found;
    const uidValidity = (this.#generations.get(key) ?? 0) + 1;
    this.#generations.set(key, uidValidity);
    const id = (this.kind === "graph" ? `folder-${++this.#made}` : path) as TargetFolderId;
    const made = { id, path, uidValidity, uidNext: 1 };
    this.folders.set(key, made);
    return made;
  }

  folder(id: TargetFolderId): TargetFolderState | undefined {
    return [...this.folders.values()].find((folder) => folder.id === id);
  }

  deleteFolder(path: string): void {
    const folder = this.folderAt(path);
    this.folders.delete(this.#keyOf(path));
    this.items = this.items.filter((item) => item.folder !== folder.id);
  }

  /** Puts an item into a folder. @param kept the item's own id where it keeps it; an IMAP server numbers it anew. */
  place(
    folder: TargetFolderState,
    item: Omit<TargetItem, "id" | "uid" | "folder">,
    kept?: TargetItemId,
  ): TargetItem {
    const uid = folder.uidNext++;
    const made = this.kind === "graph" ? `item-${++this.#itemIds}` : `${folder.uidValidity}:${uid}`;
    const placed = { ...item, folder: folder.id, uid, id: kept ?? (made as TargetItemId) };
    this.items.push(placed);
    return placed;
  }

  /** Texts of a folder's messages, sorted. */
  textsIn(path: string): string[] {
    const folder = this.folders.get(this.#keyOf(path));
    return this.items
      .filter((item) => item.folder === folder?.id)
      .map(({ text }) => text)
      .sort();
  }

  #keyOf(path: string): string {
    return this.kind === "graph" ? path.toLowerCase() : path;
  }
}

const wellKnown: Readonly<Record<SpecialUse, string>> = {
  inbox: "Inbox",
  sent: "Sent Items",
  drafts: "Drafts",
  trash: "Deleted Items",
  junk: "Junk Email",
  archive: "Archive",
};

/** Mailboxes in memory, by lower-case address. */
export class MemoryTarget implements TargetConnector {
  readonly mailboxes = new Map<string, TargetState>();
  readonly #kind: TargetKind;

  constructor(kind: TargetKind) {
    this.#kind = kind;
  }

  /** Gives a user an empty mailbox. */
  add(emailAddress: string): TargetState {
    const mailbox = new TargetState(this.#kind);
    this.mailboxes.set(emailAddress.toLowerCase(), mailbox);
    return mailbox;
  }

  async resolve(emailAddress: string): Promise<TargetIdentity> {
    const id = emailAddress.toLowerCase();
    if (!this.mailboxes.has(id))
      throw new MigrationError("mailbox", "TargetMailboxNotFound", "There is no mailbox of this address.");
    return { id, emailAddress };
  }

  async open({ id }: TargetIdentity): Promise<TargetMailbox> {
    const mailbox = this.mailboxes.get(id);
    if (mailbox === undefined)
      throw new MigrationError("mailbox", "TargetMailboxNotFound", "There is no mailbox of this address.");
    return new MemoryTargetMailbox(mailbox);
  }

  representableFlags(flags: readonly string[]): readonly string[] {
    return flags;
  }
}

export class MemoryTargetMailbox implements TargetMailbox {
  readonly writeConcurrency = 2;
  readonly naming: FolderNaming;
  readonly order: "ascending" | "descending";
  readonly keepsIds: boolean;
  /** Graph has no connection to lose. */
  usable = true;
  readonly maxItemBytes = 220_000_000;
  readonly #mailbox: TargetState;
  readonly #kind: TargetKind;
  /** What this session has ensured, as Graph's folders are known by id only. */
  readonly #paths = new Map<string, string>();

  constructor(mailbox: TargetState) {
    this.#mailbox = mailbox;
    this.#kind = mailbox.kind;
    this.keepsIds = this.#kind === "graph";
    this.order = this.#kind === "graph" ? "descending" : "ascending";
    this.naming = { sanitize: (segment) => segment, caseSensitive: this.#kind === "imap" };
  }

  expectWrites(): void {}

  /** As an IMAP server makes most of them at once; the first one is left to be ensured. */
  async prepareFolders(wanted: readonly WantedFolder[]): Promise<void> {
    if (this.#kind === "graph") return;
    for (const { segments, specialUse } of wanted.slice(1)) await this.ensureFolder(segments, specialUse);
  }

  async ensureFolder(segments: readonly string[], specialUse?: SpecialUse): Promise<TargetFolder> {
    const { id, path } = this.#mailbox.folderAt(specialUse ? wellKnown[specialUse] : this.#pathOf(segments));
    this.#paths.set(segments.join("/"), path);
    return { id, path };
  }

  async folderState(folder: TargetFolderId): Promise<FolderState> {
    if (this.#mailbox.folder(folder) !== undefined && !this.#mailbox.unseen.has(folder)) return "there";
    return this.#kind === "graph" ? "missing" : "deleted";
  }

  async itemsAnywhere(ids: readonly TargetItemId[]): Promise<ReadonlySet<TargetItemId>> {
    if (this.#kind === "imap") return new Set();
    const trash = [...this.#mailbox.folders.values()].find(({ path }) => path === wellKnown.trash)?.id;
    const wanted = new Set(ids);
    return new Set(
      this.#mailbox.items.filter(({ id, folder }) => wanted.has(id) && folder !== trash).map(({ id }) => id),
    );
  }

  async markFolder(folder: TargetFolderId): Promise<string> {
    if (this.#kind === "graph") return "";
    const { uidValidity, uidNext } = this.#present(folder);
    return `${uidValidity}:${uidNext}`;
  }

  async write(folder: TargetFolderId, message: OutgoingMessage): Promise<TargetItemId> {
    const content = Buffer.isBuffer(message.content)
      ? message.content
      : await buffer(await message.content());
    const graph = this.#kind === "graph";
    for (const guess of this.#mailbox.guesses.get(content.toString()) ?? []) message.guessed?.(guess);
    const place = () =>
      this.#mailbox.place(this.#present(folder), {
        text: content.toString(),
        internalDate: message.internalDate.getTime(),
        flags: message.flags,
        stamp: graph ? message.stamp : undefined,
        chunkToken: graph ? message.chunkToken : undefined,
      }).id;
    if (!this.#mailbox.takes || this.#mailbox.refusing.has(content.toString()))
      throw new MigrationError("transient", "GraphUnavailable", "It answered 500.", { inDoubt: true });
    const number = ++this.#mailbox.writes;
    const interruption = this.#mailbox.interruption ?? this.#mailbox.disturb(number, content.toString());
    this.#mailbox.interruption = undefined;
    const id = interruption === undefined || interruption.kind === "answerLost" ? place() : undefined;
    if (interruption?.kind === "landsLate")
      setTimeout(() => this.#mailbox.folder(folder) && place(), interruption.afterMs);
    const ms = this.#mailbox.answersAfterMs(number);
    if (ms > 0) await sleep(ms);
    if (id !== undefined && interruption === undefined) return id;
    if (this.#kind === "imap") this.usable = false;
    throw new MigrationError("transient", "TargetUnreachable", "The target did not answer.", {
      inDoubt: true,
    });
  }

  async takesMessages(): Promise<boolean | undefined> {
    if (this.#kind === "imap") return undefined;
    if (this.#mailbox.takes) return true;
    throw new MigrationError("transient", "GraphUnavailable", "It answered 500.", { inDoubt: true });
  }

  async findWritten(
    folder: TargetFolderId,
    chunk: InterruptedChunk,
    candidates: readonly WriteCandidate[],
    known: ReadonlySet<TargetItemId>,
  ): Promise<ReadonlyMap<Stamp, readonly FoundItem[]>> {
    const found = new Map<Stamp, FoundItem[]>();
    const note = ({ stamp, flags }: WriteCandidate, items: readonly TargetItem[]) => {
      const copies = items.map((item) => ({ id: item.id, untouched: sameSet(item.flags, flags) }));
      if (copies.length > 0) found.set(stamp, copies);
    };
    const unknown = this.#itemsIn(folder).filter(({ id }) => !known.has(id));
    if (this.#kind === "graph") {
      this.#present(folder);
      const written = unknown.filter(({ chunkToken }) => chunkToken === chunk.token);
      for (const candidate of candidates)
        note(
          candidate,
          written.filter(({ stamp }) => stamp === candidate.stamp),
        );
      for (const stamp of chunk.retired ?? [])
        found.set(
          stamp,
          written.filter((item) => item.stamp === stamp).map(({ id }) => ({ id, untouched: true })),
        );
      return found;
    }
    for (const [candidate, copies] of matchCopies(candidates, this.#since(unknown, folder, chunk.mark)))
      note(
        candidate,
        copies.map(({ item }) => item),
      );
    return found;
  }

  async roomLeft(): Promise<TargetRoom | undefined> {
    return this.#mailbox.room;
  }

  async listPlaces(): Promise<readonly TargetPlace[]> {
    return [...this.#mailbox.folders.values()]
      .filter(({ id }) => !this.#mailbox.unseen.has(id))
      .map(({ id, path }) => ({
        id,
        path,
        items: this.#itemsIn(id).length,
        deleted: path === wellKnown.trash || path.startsWith(`${wellKnown.trash}/`),
      }));
  }

  async listEntries(folder: TargetFolderId): Promise<readonly TargetEntry[]> {
    this.#present(folder);
    return this.#itemsIn(folder).map(({ id, internalDate, text, flags, stamp }) => ({
      id,
      receivedAt: internalDate,
      size: text.length,
      flags,
      stamp,
      look: lookOf(Buffer.from(text.split("\r\n\r\n")[0] ?? "")),
    }));
  }

  async lookOf(header: Buffer): Promise<MessageLook> {
    return lookOf(header);
  }

  async differencesOf(
    folder: TargetFolderId,
    id: TargetItemId,
    content: OutgoingMessage["content"],
  ): Promise<readonly string[] | undefined> {
    const source = Buffer.isBuffer(content) ? content : await buffer(await content());
    const item = this.#itemsIn(folder).find((one) => one.id === id);
    return item && (item.text === source.toString() ? [] : ["The text or an attachment differs."]);
  }

  async purgeItem(folder: TargetFolderId, id: TargetItemId): Promise<void> {
    this.#mailbox.items = this.#mailbox.items.filter((item) => item.id !== id || item.folder !== folder);
  }

  async readItems(
    folder: TargetFolderId,
    ids: readonly TargetItemId[],
  ): Promise<ReadonlyMap<TargetItemId, ItemState>> {
    const wanted = new Set(ids);
    const items = this.#itemsIn(folder).filter(({ id }) => wanted.has(id));
    return new Map(items.map(({ id, flags }) => [id, { id, flags }]));
  }

  async changeFlags(
    folder: TargetFolderId,
    id: TargetItemId,
    { add, remove }: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<FlagOutcome> {
    const item = this.#itemsIn(folder).find((one) => one.id === id);
    if (item === undefined) return "gone";
    const { fixedFlags } = this.#mailbox;
    const had = item.flags.filter((flag) => fixedFlags.has(flag));
    const changed = new Set([...item.flags, ...add].filter((flag) => !remove.includes(flag)));
    item.flags = [...[...changed].filter((flag) => !fixedFlags.has(flag)), ...had].sort();
    const unkept = [...add, ...remove].filter((flag) => fixedFlags.has(flag));
    return unkept.length === 0 ? "done" : { unkept };
  }

  async moveItem(
    from: TargetFolderId,
    id: TargetItemId,
    to: TargetFolderId,
  ): Promise<TargetItemId | undefined> {
    const keepsId = this.#kind === "graph";
    if (keepsId && this.#itemsIn(to).some((item) => item.id === id)) return id;
    const item = this.#itemsIn(from).find((one) => one.id === id);
    if (item === undefined) return undefined;
    const place = this.#present(to);
    if (this.#mailbox.copiesFirst && !keepsId) {
      this.#mailbox.copiesFirst = false;
      this.#mailbox.place(place, item);
      this.usable = false;
      throw new MigrationError("transient", "TargetUnreachable", "The target did not answer.", {
        inDoubt: true,
      });
    }
    this.#mailbox.items = this.#mailbox.items.filter((one) => one !== item);
    return this.#mailbox.place(place, item, keepsId ? id : undefined).id;
  }

  async finishMove(
    from: TargetFolderId,
    id: TargetItemId,
    to: TargetFolderId,
    mark: string,
    candidate: WriteCandidate,
    known: ReadonlySet<TargetItemId>,
  ): Promise<TargetItemId | undefined> {
    if (this.#kind === "graph") return this.#itemsIn(to).find((item) => item.id === id)?.id;
    const unknown = this.#itemsIn(to).filter((item) => !known.has(item.id));
    const moved = matchCopies([candidate], this.#since(unknown, to, mark)).get(candidate)?.[0]?.item.id;
    if (moved !== undefined) await this.purgeItem(from, id);
    return moved;
  }

  async deleteItem(folder: TargetFolderId, id: TargetItemId): Promise<ChangeOutcome> {
    if (!this.#itemsIn(folder).some((item) => item.id === id)) return "gone";
    const trash = this.#mailbox.folderAt(wellKnown.trash);
    if (folder !== trash.id) await this.moveItem(folder, id, trash.id);
    return "done";
  }

  async close(): Promise<void> {
    if (this.#kind === "imap") this.usable = false;
  }

  #pathOf(segments: readonly string[]): string {
    const above = segments.slice(0, -1);
    const parent = above.length === 0 ? undefined : (this.#paths.get(above.join("/")) ?? this.#pathOf(above));
    return [...(parent === undefined ? [] : [parent]), segments.at(-1)].join("/");
  }

  #itemsIn(folder: TargetFolderId): TargetItem[] {
    return this.#mailbox.items.filter((item) => item.folder === folder);
  }

  #present(folder: TargetFolderId): TargetFolderState {
    const found = this.#mailbox.folder(folder);
    if (found === undefined || this.#mailbox.unseen.has(folder))
      throw new MigrationError("item", "TargetFolderGone", "The folder no longer exists in the target.");
    return found;
  }

  /** Of a folder that was made anew since, every message may be one that was written. */
  #since(items: readonly TargetItem[], folder: TargetFolderId, mark: string) {
    const [uidValidity, uidNext] = mark.split(":").map(Number);
    const first = this.#mailbox.folder(folder)?.uidValidity === uidValidity ? (uidNext ?? 1) : 1;
    return items
      .filter(({ uid }) => uid >= first)
      .map((item) => ({
        item,
        header: Buffer.from(item.text.split("\r\n\r\n")[0] ?? ""),
        internalDate: new Date(item.internalDate),
        size: item.text.length,
      }));
  }
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((flag) => b.includes(flag));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
