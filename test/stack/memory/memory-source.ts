import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { MigrationError } from "../../../shared/domain/errors.ts";
import type { SpecialUse } from "../../../shared/domain/folders.ts";
import type { Uid, UidValidity } from "../../../shared/domain/names.ts";
import { hasUid, type UidSet, uidSetOf } from "../../../shared/domain/uid-set.ts";
import type {
  FlagState,
  MessageHeader,
  MessageSummary,
  OpenFolderStatus,
  OpenSourceFolder,
  SearchFilter,
  SourceConnector,
  SourceFolder,
  SourceMailbox,
  SourceMessage,
} from "../../../shared/migration/ports/source.ts";

export interface StoredMessage {
  readonly text: string;
  readonly internalDate: number;
  readonly flags: readonly string[];
  /** RFC822.SIZE as the server tells it; the real one where left out. */
  readonly announcedSize?: number;
}

/** A folder of the source, which a test changes as a user or a server would. */
export class SourceFolderState {
  readonly messages = new Map<number, StoredMessage>();
  readonly specialUse: SpecialUse | undefined;
  uidValidity = 1;
  uidNext = 1;
  /** UIDs that FETCH leaves out although SEARCH tells them. */
  readonly withheld = new Set<number>();
  /** UIDs that the server fails at: by a refusal, or by the end of the connection; of their bodies only, or of anything. */
  readonly broken = new Map<number, { readonly by: "refusal" | "end"; readonly in: "bodies" | "all" }>();

  /** How the server fails to open the folder, and to tell its status. */
  failsBy: "refusal" | "end" | undefined;
  /** What the server makes of a message when it is read; set where that is not the same each time. */
  render: (text: string) => string = (text) => text;
  /** False for a folder that the list leaves out. */
  isListed = true;
  /** UIDs that the server counts and does not show. */
  readonly unshown = new Set<number>();

  constructor(specialUse?: SpecialUse) {
    this.specialUse = specialUse;
  }

  add(message: StoredMessage): number {
    this.messages.set(this.uidNext, message);
    return this.uidNext++;
  }

  /** Has the messages of another folder, with their UIDs, as one that was renamed. */
  takeOver(other: SourceFolderState): void {
    for (const [uid, kept] of other.messages) this.messages.set(uid, kept);
    this.uidNext = other.uidNext;
    this.uidValidity = other.uidValidity;
  }

  /** Every message gets a new UID under a new UIDVALIDITY, as after a server was restored. */
  renumber(): void {
    const kept = [...this.messages.values()];
    this.messages.clear();
    this.uidValidity++;
    this.uidNext = 1;
    for (const message of kept) this.add(message);
  }

  get status(): OpenFolderStatus {
    return {
      uidValidity: String(this.uidValidity) as UidValidity,
      uidNext: this.uidNext,
      messages: this.messages.size,
      unseen: [...this.messages.values()].filter(({ flags }) => !flags.includes("\\Seen")).length,
    };
  }

  /** Another one after every change, and the same one again where all is as it was. */
  get modseq(): string {
    const all = [...this.messages].map(([uid, { flags }]) => `${uid} ${flags.join(" ")}`);
    return createHash("sha256").update(all.join("\n")).digest("hex");
  }
}

/** One user's mailbox, by folder path. */
export type SourceState = Map<string, SourceFolderState>;

/** An IMAP server in memory. Mailboxes by user name. */
export class MemorySource implements SourceConnector {
  readonly mailboxes = new Map<string, SourceState>();
  /** True for one with CONDSTORE; it tells the flags of all that is asked for, though. */
  hasModseqs = false;
  /** The connection of whoever reads messages ends after so many bytes of them, once. */
  cutAfterBytes: number | undefined;
  /** When which user's messages were read, in bytes. */
  readonly reads: { readonly at: number; readonly userName: string; readonly bytes: number }[] = [];

  async open({ userName }: { readonly userName: string }): Promise<SourceMailbox> {
    const mailbox = this.mailboxes.get(userName);
    if (mailbox === undefined)
      throw new MigrationError("mailbox", "SourceLoginFailed", "The server refused the user name.");
    return new MemorySourceMailbox(mailbox, this, userName);
  }
}

export class MemorySourceMailbox implements SourceMailbox {
  readonly #folders: SourceState;
  readonly #source: MemorySource;
  readonly #userName: string;
  #open: OpenSourceFolder | undefined;
  usable = true;

  constructor(folders: SourceState, source: MemorySource, userName: string) {
    this.#folders = folders;
    this.#source = source;
    this.#userName = userName;
  }

  async listFolders(): Promise<readonly SourceFolder[]> {
    const listed = [...this.#folders].filter(([, folder]) => folder.isListed);
    return listed.map(([path, folder]) => ({
      path,
      segments: path.split("/"),
      specialUse: folder.specialUse,
      subscribed: true,
      selectable: true,
      ...(folder.failsBy === undefined
        ? { status: this.#statusOf(folder) }
        : { statusError: "It is refused." }),
    }));
  }

  async openFolder(path: string): Promise<OpenSourceFolder> {
    this.#open = undefined;
    const folder = this.#folders.get(path);
    if (folder === undefined)
      throw new MigrationError("item", "SourceFolderGone", "The folder no longer exists at the source.");
    if (folder.failsBy === "refusal")
      throw new MigrationError("item", "SourceFolderUnavailable", "The source does not open this folder.");
    if (folder.failsBy === "end") {
      this.usable = false;
      throw new MigrationError("transient", "ConnectionLost", "The connection was lost.");
    }
    const opened = new MemoryOpenFolder(folder, this.#statusOf(folder), {
      carry: (bytes) => {
        if (opened !== this.#open) throw new Error("This folder is not the one that is open.");
        this.#carry(bytes);
      },
      end: () => {
        this.usable = false;
      },
    });
    this.#open = opened;
    return opened;
  }

  async reconnect(): Promise<void> {
    this.usable = true;
  }

  async close(): Promise<void> {
    this.usable = false;
  }

  #statusOf(folder: SourceFolderState): OpenFolderStatus {
    return this.#source.hasModseqs ? { ...folder.status, highestModseq: folder.modseq } : folder.status;
  }

  /** @throws MigrationError where the connection ends in the middle of what it is to carry. */
  #carry(bytes: number): void {
    if (bytes > 0) this.#source.reads.push({ at: Date.now(), userName: this.#userName, bytes });
    if (this.#source.cutAfterBytes !== undefined) this.#source.cutAfterBytes -= bytes;
    if ((this.#source.cutAfterBytes ?? 0) < 0) {
      this.usable = false;
      this.#source.cutAfterBytes = undefined;
    }
    if (!this.usable) throw new MigrationError("transient", "ConnectionLost", "The connection was lost.");
  }
}

/** The connection of a session. */
interface Connection {
  /** Called with the bytes of whatever is given. @throws MigrationError once the connection has ended. */
  carry(bytes: number): void;
  end(): void;
}

export class MemoryOpenFolder implements OpenSourceFolder {
  readonly #folder: SourceFolderState;
  readonly #connection: Connection;
  readonly status: OpenFolderStatus;

  constructor(folder: SourceFolderState, status: OpenFolderStatus, connection: Connection) {
    this.#folder = folder;
    this.#connection = connection;
    this.status = status;
  }

  get unshownMessages(): number {
    return this.#folder.unshown.size;
  }

  async searchUids({ since, before, among }: SearchFilter = {}): Promise<UidSet> {
    this.#connection.carry(0);
    return uidSetOf(
      [...this.#folder.messages]
        .filter(
          ([uid, { internalDate }]) =>
            !this.#folder.unshown.has(uid) &&
            (among === undefined || hasUid(among, uid)) &&
            (since === undefined || internalDate >= since) &&
            (before === undefined || internalDate < before),
        )
        .map(([uid]) => uid),
    );
  }

  async *fetchSummaries(uids: UidSet): AsyncGenerator<MessageSummary> {
    for (const [uid, message] of this.#given(uids)) {
      this.#give(uid, "all", 0);
      yield summaryOf(uid, message);
    }
  }

  async *fetchHeaders(uids: UidSet): AsyncGenerator<MessageHeader> {
    for (const [uid, message] of this.#given(uids)) {
      this.#give(uid, "all", 0);
      yield { ...summaryOf(uid, message), header: Buffer.from(message.text.split("\r\n\r\n")[0] ?? "") };
    }
  }

  async *fetchMessages(uids: UidSet): AsyncGenerator<SourceMessage> {
    for (const [uid, message] of this.#given(uids)) {
      this.#give(uid, "bodies", message.text.length);
      yield { ...summaryOf(uid, message), content: Buffer.from(message.text) };
    }
  }

  async openMessage(uid: Uid): Promise<Readable> {
    const message = this.#folder.messages.get(uid);
    if (message === undefined)
      throw new MigrationError("item", "MessageUnreadable", "The source does not deliver this message.");
    this.#give(uid, "bodies", message.text.length);
    return Readable.from([Buffer.from(message.text)]);
  }

  async *fetchFlags(uids: UidSet): AsyncGenerator<FlagState> {
    this.#connection.carry(0);
    for (const [uid, { flags }] of this.#given(uids)) yield { uid: uid as Uid, flags };
  }

  /** @throws MigrationError where the server fails at the message, or the connection ends. */
  #give(uid: number, what: "bodies" | "all", bytes: number): void {
    const broken = this.#folder.broken.get(uid);
    const fails = broken !== undefined && (what === "bodies" || broken.in === "all");
    if (fails && broken.by === "end") this.#connection.end();
    this.#connection.carry(bytes);
    if (fails) throw new MigrationError("transient", "ServerUnavailable", "The server is unavailable.");
  }

  #given(uids: UidSet): (readonly [number, StoredMessage])[] {
    // A folder whose UIDVALIDITY is another one now gives its new messages under the old numbers, as Dovecot does.
    const { withheld, unshown } = this.#folder;
    return [...this.#folder.messages]
      .filter(([uid]) => hasUid(uids, uid) && !withheld.has(uid) && !unshown.has(uid))
      .map(([uid, message]) => [uid, { ...message, text: this.#folder.render(message.text) }]);
  }
}

function summaryOf(uid: number, message: StoredMessage): MessageSummary {
  return {
    uid: uid as Uid,
    size: message.announcedSize ?? message.text.length,
    internalDate: new Date(message.internalDate),
    flags: message.flags,
  };
}
