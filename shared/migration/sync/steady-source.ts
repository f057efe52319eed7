import type { Readable } from "node:stream";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import type { Uid } from "../../domain/names.ts";
import {
  differenceOf,
  emptyUidSet,
  firstOf,
  hasUid,
  intersectionOf,
  sizeOf,
  type UidSet,
  uidSetOf,
  uidsOf,
} from "../../domain/uid-set.ts";
import type {
  FlagState,
  MessageHeader,
  MessageSummary,
  OpenFolderOptions,
  OpenFolderStatus,
  OpenSourceFolder,
  SearchFilter,
  SourceFolder,
  SourceMailbox,
  SourceMessage,
} from "../ports/source.ts";
import type { Clock } from "../runtime.ts";

/** After so many reads in a row that gave nothing something else is read, to tell bad messages from a bad server. */
const failuresInRow = 3;

/** Small ones of the messages given in this step that are kept in mind. */
const maxSeen = 3;

/** A message that can be read as far as is known. */
export interface KnownMessage {
  readonly path: string;
  readonly uid: Uid;
  /** In bytes. */
  readonly size: number;
}

/** What the source had given in a step when something failed. */
interface Before {
  readonly opened: number;
  readonly given: number;
}

/** Why a message could not be read, although it was asked for alone. */
export interface Unread extends Before {
  readonly error: MigrationError;
}

interface Found {
  readonly folder: OpenSourceFolder;
  readonly uids: UidSet;
}

/** A folder that was asked for ahead. */
interface Ahead {
  readonly path: string;
  /** It and its UIDs; undefined where it failed: how, whoever opens the folder finds out. */
  readonly found: Promise<Found | undefined>;
  /** What of its messages could be read. */
  readonly messages: Promise<SourceMessage[]>;
}

/** Chooses what is read of a folder ahead of its turn. */
export interface First {
  /** Those that are looked at. */
  among(uids: UidSet): UidSet;
  /** Those of them whose messages are read. */
  of(summaries: readonly MessageSummary[]): UidSet;
}

/** Of messages that are held until the turn of their folder comes, whatever size they were said to be. */
const maxHeldBytes = 8 * 1024 * 1024;

/** A folder of a {@link SteadySource}. */
export interface SteadyFolder extends OpenSourceFolder {
  /** What could not be read in this step. It is not asked for again, and reads leave it out. */
  readonly unread: ReadonlyMap<Uid, Unread>;
  /** Messages that are read last, each alone: they could not be read before. */
  suspect(uids: UidSet): void;
}

/**
 * The source as one step reads it: it goes on behind what cannot be read. Where a read fails, the connection is opened
 * anew if it was lost, and the halves of what is missing are asked for until what cannot be read is alone.
 * A failure to connect is thrown as it is. Any other one may be about one folder only, which {@link isAboutFolder} tells.
 */
export class SteadySource {
  readonly #source: SourceMailbox;
  readonly #known: () => Promise<readonly KnownMessage[]>;
  readonly #isOver: () => boolean;
  readonly #unread = new Map<string, Map<Uid, Unread>>();
  readonly #failed = new Map<string, unknown>();
  readonly #folderFailures = new WeakMap<MigrationError, Before & { readonly opening: boolean }>();
  #seen: readonly KnownMessage[] = [];
  #current: OpenSourceFolder | undefined;
  #ahead: Ahead | undefined;
  /** Settles when nothing is read ahead any more, taken or not: nothing else may be opened before. */
  #readingAhead: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #given = 0;
  #opened = 0;
  #failures = 0;
  #unpaid = 0;

  /**
   * @param known a few messages that could be read before.
   * @param end when the step has to end: then no more is tried to find out what cannot be read.
   */
  constructor(
    source: SourceMailbox,
    known: () => Promise<readonly KnownMessage[]>,
    clock: Clock,
    end: number,
  ) {
    this.#source = source;
    this.#known = known;
    this.#isOver = () => clock() >= end;
  }

  /** True if some message could not be read in this step. */
  get hasUnread(): boolean {
    return this.#unread.size > 0;
  }

  /** True if a read was given up since the step has to end. What could not be read so far is known. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Bytes that were read since the last call beside what the sizes of messages tell: headers, and what messages had more
   * than was announced.
   */
  takeUnpaid(): number {
    const unpaid = this.#unpaid;
    this.#unpaid = 0;
    return unpaid;
  }

  /** True for a failure of this source other than to connect: another folder may do better. */
  isAboutFolder(error: unknown): error is MigrationError {
    return isMigrationError(error) && this.#folderFailures.has(error);
  }

  async listFolders(
    takesPart: (folder: SourceFolder) => boolean,
    timeIsUp: () => boolean,
  ): Promise<readonly SourceFolder[]> {
    await this.#connect();
    return this.#source.listFolders(takesPart, timeIsUp);
  }

  /** A folder that could not be read in this step is not tried again in it. */
  async openFolder(path: string, options?: OpenFolderOptions): Promise<SteadyFolder> {
    if (this.#failed.has(path)) throw this.#failed.get(path);
    const about = (error: unknown): unknown => {
      if (this.isAboutFolder(error)) this.#failed.set(path, error);
      return error;
    };
    const open = (options?: OpenFolderOptions) =>
      this.#open(path, options).catch((error: unknown) => {
        throw about(error);
      });
    const ahead = await this.#takeAhead(path);
    const opened = ahead?.folder ?? (await open(options));
    const unread = this.#unread.get(path) ?? new Map<Uid, Unread>();
    return new OpenSteadyFolder(opened, ahead, unread, {
      reopen: () => open(),
      isOpen: (folder) => this.#source.usable && folder === this.#current,
      gave: (row) => this.#gave(path, row),
      couldNot: (uid, error) => {
        unread.set(uid, { error, ...this.#now });
        this.#unread.set(path, unread);
      },
      failed: async (error) => {
        if (!(await this.#goesOn())) throw about(this.#aboutFolder(error, false));
      },
      about: (error) => about(this.#aboutFolder(error, false)),
    });
  }

  /**
   * Asks for the folder that is opened next, for its UIDs, and for some of its messages, while what was read is still
   * written. Nothing may be in the middle of a read. Whatever else is asked of the source waits until all of it has come,
   * and opens its own folder anew.
   * @param first chooses the messages of a folder all of which are going to be read; none are read where it is left out.
   */
  lookAhead(path: string, { summariesNext }: OpenFolderOptions, first?: First): void {
    if (this.#ahead || this.#failed.has(path)) return;
    this.#current = undefined;
    const found = this.#findAhead(path, summariesNext);
    const messages = found.then((ahead) => (ahead && first ? this.#readFirst(path, ahead, first) : []));
    this.#ahead = { path, found, messages };
    // Without the messages, which are not to be held for longer than they are needed.
    this.#readingAhead = messages.then(() => undefined, dropMigrationError);
    // Observed here too, should nobody take it.
    this.#readingAhead.catch(() => undefined);
  }

  /** Waits for what was asked for ahead, should nobody have taken it. */
  async settle(): Promise<void> {
    const ahead = this.#ahead;
    await this.#readingAhead;
    if (this.#ahead === ahead) this.#ahead = undefined;
  }

  /**
   * True if the source has given something else since, or gives it now, so that the failure tells something about this
   * message or folder. Where the source cannot be reached nothing is told.
   */
  async isTelling(failure: Unread | MigrationError): Promise<boolean> {
    const before = failure instanceof MigrationError ? this.#folderFailures.get(failure) : failure;
    if (before === undefined) return false;
    if (this.#given > before.given) return true;
    if ("opening" in before && before.opening && this.#opened > before.opened) return true;
    try {
      return await this.#givesKnown();
    } catch (error) {
      if (isMigrationError(error)) return false;
      throw error;
    }
  }

  get #now(): Before {
    return { opened: this.#opened, given: this.#given };
  }

  async #givesKnown(): Promise<boolean> {
    for (const { path, uid } of [...this.#seen, ...(await this.#known())]) {
      if (this.#unread.get(path)?.has(uid)) continue;
      const before = this.#given;
      try {
        const folder = await this.#open(path);
        for await (const message of folder.fetchMessages([[uid, uid]]))
          if (message.uid === uid) this.#gave(path);
        if (this.#given > before) return true;
      } catch (error) {
        if (!this.isAboutFolder(error) && !isAboutMessages(error)) throw error;
      }
    }
    return false;
  }

  async #findAhead(path: string, summariesNext: boolean | undefined): Ahead["found"] {
    await this.#readingAhead;
    try {
      if (!this.#source.usable) return undefined;
      const folder = await this.#source.openFolder(path, { summariesNext });
      return { folder, uids: await folder.searchUids({ summariesNext }) };
    } catch (error) {
      if (isMigrationError(error)) return undefined;
      throw error;
    }
  }

  /** Reads what is chosen, as far as it goes: what is not given here is read in its turn. */
  async #readFirst(path: string, { folder, uids }: Found, first: First): Promise<SourceMessage[]> {
    const messages: SourceMessage[] = [];
    try {
      const summaries: MessageSummary[] = [];
      for await (const summary of folder.fetchSummaries(first.among(uids))) summaries.push(summary);
      let bytes = 0;
      for await (const message of folder.fetchMessages(first.of(summaries))) {
        this.#gave(path, message);
        messages.push(message);
        bytes += message.content.length;
        if (bytes > maxHeldBytes) break;
      }
    } catch (error) {
      // A pause that the source wants is for whoever takes them.
      if (!isMigrationError(error) || error.kind === "throttled") throw error;
    }
    return messages;
  }

  /** The folder, if it is the one that was asked for ahead and nothing else was asked for since. */
  async #takeAhead(path: string): Promise<(Found & Pick<Ahead, "messages">) | undefined> {
    const ahead = this.#ahead;
    if (ahead?.path !== path) {
      await this.settle();
      return undefined;
    }
    const found = await ahead.found;
    if (this.#ahead === ahead) this.#ahead = undefined;
    if (found === undefined || !this.#source.usable) return undefined;
    this.#current = found.folder;
    this.#opened++;
    return { ...found, messages: ahead.messages };
  }

  async #connect(): Promise<void> {
    await this.settle();
    if (!this.#source.usable) await this.#source.reconnect();
  }

  async #open(path: string, options?: OpenFolderOptions): Promise<OpenSourceFolder> {
    await this.#connect();
    // A folder that does not open closes the one before all the same (RFC 9051, 6.3.2).
    this.#current = undefined;
    try {
      this.#current = await this.#source.openFolder(path, options);
      this.#opened++;
      return this.#current;
    } catch (error) {
      throw this.#aboutFolder(error, true);
    }
  }

  #aboutFolder(error: unknown, opening: boolean): unknown {
    if (isAboutMessages(error)) this.#folderFailures.set(error, { ...this.#now, opening });
    return error;
  }

  #gave(path: string, row?: Row): void {
    this.#given++;
    this.#failures = 0;
    if (row?.size !== undefined) this.#see({ path, uid: row.uid, size: row.size });
    this.#unpaid += row === undefined ? 0 : unannouncedBytes(row);
  }

  #see(message: KnownMessage): void {
    const largest = this.#seen.at(-1);
    if (this.#seen.length >= maxSeen && largest && largest.size <= message.size) return;
    this.#seen = [...this.#seen, message].sort((a, b) => a.size - b.size).slice(0, maxSeen);
  }

  /** False if nothing tells, after one more failure, that the source gives anything at all, or the step is at its end. */
  async #goesOn(): Promise<boolean> {
    const failures = ++this.#failures;
    this.#stopped = this.hasUnread && this.#isOver();
    return !this.#stopped && (failures % failuresInRow !== 0 || (await this.#givesKnown()));
  }
}

function dropMigrationError(error: unknown): void {
  if (!isMigrationError(error)) throw error;
}

/** What a read gives of one message. */
interface Row {
  readonly uid: Uid;
  readonly size?: number;
  readonly header?: Buffer;
  readonly content?: Buffer;
}

function unannouncedBytes({ size = 0, header, content }: Row): number {
  return content ? Math.max(0, content.length - size) : (header?.length ?? 0);
}

interface Surroundings {
  readonly reopen: () => Promise<OpenSourceFolder>;
  readonly isOpen: (folder: OpenSourceFolder) => boolean;
  readonly gave: (row?: Row) => void;
  readonly couldNot: (uid: Uid, error: MigrationError) => void;
  readonly failed: (error: MigrationError) => Promise<void>;
  readonly about: (error: unknown) => unknown;
}

class OpenSteadyFolder implements SteadyFolder {
  readonly unread: ReadonlyMap<Uid, Unread>;
  readonly status: OpenFolderStatus;
  readonly #around: Surroundings;
  #folder: OpenSourceFolder;
  #found: UidSet | undefined;
  #come: Ahead["messages"] | undefined;
  #suspects: UidSet = emptyUidSet;
  #unshown: number | undefined;

  /** @param ahead all UIDs, and what has been read of the messages, where that was asked for already. */
  constructor(
    folder: OpenSourceFolder,
    ahead: { readonly uids: UidSet; readonly messages: Ahead["messages"] } | undefined,
    unread: ReadonlyMap<Uid, Unread>,
    around: Surroundings,
  ) {
    this.#folder = folder;
    this.#found = ahead?.uids;
    this.#come = ahead?.messages;
    this.unread = unread;
    this.status = folder.status;
    this.#around = around;
  }

  get unshownMessages(): number | undefined {
    return this.#unshown ?? this.#folder.unshownMessages;
  }

  suspect(uids: UidSet): void {
    this.#suspects = uids;
  }

  async searchUids({ summariesNext = false, ...filter }: SearchFilter = {}): Promise<UidSet> {
    const found = this.#found;
    this.#found = undefined;
    if (found && Object.keys(filter).length === 0) {
      this.#unshown = this.#folder.unshownMessages;
      return found;
    }
    await this.#makeUsable();
    try {
      const uids = await this.#folder.searchUids({ ...filter, summariesNext });
      this.#unshown = this.#folder.unshownMessages;
      return uids;
    } catch (error) {
      // It may have been a message whose summary cannot be read.
      if (summariesNext && isAboutMessages(error)) return this.searchUids(filter);
      throw this.#around.about(error);
    }
  }

  fetchSummaries(uids: UidSet): AsyncGenerator<MessageSummary> {
    return this.#read(uids, (folder, part) => folder.fetchSummaries(part));
  }

  fetchHeaders(uids: UidSet): AsyncGenerator<MessageHeader> {
    return this.#read(uids, (folder, part) => folder.fetchHeaders(part));
  }

  fetchMessages(uids: UidSet): AsyncGenerator<SourceMessage> {
    const come = this.#come;
    this.#come = undefined;
    return come === undefined ? this.#readMessages(uids) : this.#takeMessages(uids, come);
  }

  /** Gives what has been read ahead, and then the others. */
  async *#takeMessages(uids: UidSet, come: Ahead["messages"]): AsyncGenerator<SourceMessage> {
    // Nobody else holds them from here on.
    const held = (await come).splice(0).filter(({ uid }) => hasUid(uids, uid) && !this.unread.has(uid));
    const reading = this.#readMessages(differenceOf(uids, uidSetOf(held.map(({ uid }) => uid))));
    // Asked for at once, so that it comes while the others are taken.
    const first = reading.next();
    first.catch(() => undefined);
    try {
      for (let message = held.shift(); message !== undefined; message = held.shift()) yield message;
      const { done, value } = await first;
      if (done) return;
      yield value;
      yield* reading;
    } finally {
      await reading.return(undefined);
    }
  }

  #readMessages(uids: UidSet): AsyncGenerator<SourceMessage> {
    return this.#read(uids, (folder, part) => folder.fetchMessages(part));
  }

  fetchFlags(uids: UidSet, changedSince?: string): AsyncGenerator<FlagState> {
    return this.#read(uids, (folder, part) => folder.fetchFlags(part, changedSince));
  }

  async openMessage(uid: Uid): Promise<Readable> {
    await this.#makeUsable();
    const note = (error: unknown) => {
      if (isAboutMessages(error)) this.#around.couldNot(uid, error);
    };
    try {
      const stream = await this.#folder.openMessage(uid);
      return stream.once("error", note).once("end", () => this.#around.gave());
    } catch (error) {
      note(error);
      throw error;
    }
  }

  async *#read<Given extends Row>(
    uids: UidSet,
    fetch: (folder: OpenSourceFolder, part: UidSet) => AsyncIterable<Given>,
  ): AsyncGenerator<Given> {
    const wanted = differenceOf(uids, uidSetOf(this.unread.keys()));
    const suspects = intersectionOf(wanted, this.#suspects);
    const todo = [differenceOf(wanted, suspects), ...eachOf(suspects)];
    for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
      if (sizeOf(part) === 0) continue;
      await this.#makeUsable();
      const given: Uid[] = [];
      try {
        for await (const row of fetch(this.#folder, part)) {
          given.push(row.uid);
          this.#around.gave(row);
          yield row;
        }
      } catch (error) {
        if (!isAboutMessages(error)) throw error;
        const missing = differenceOf(part, uidSetOf(given));
        if (sizeOf(missing) === 1) for (const uid of uidsOf(missing)) this.#around.couldNot(uid, error);
        else todo.push(...suspected(missing, given.length > 0));
        if (given.length === 0) await this.#around.failed(error);
      }
    }
  }

  async #makeUsable(): Promise<void> {
    if (this.#around.isOpen(this.#folder)) return;
    this.#folder = await this.#around.reopen();
    if (this.#folder.status.uidValidity !== this.status.uidValidity)
      throw this.#around.about(
        new MigrationError("transient", "SourceFolderChanged", "The folder was numbered anew meanwhile."),
      );
  }
}

/** True for an error after which other messages may be given all the same. */
function isAboutMessages(error: unknown): error is MigrationError {
  return isMigrationError(error) && (error.kind === "transient" || error.kind === "item");
}

/** What to ask for next. Servers give messages in order: behind the last one is probably the bad one. */
function suspected(missing: UidSet, followsOthers: boolean): readonly UidSet[] {
  const size = followsOthers ? 1 : sizeOf(missing) >> 1;
  const first = firstOf(missing, size);
  return [first, differenceOf(missing, first)];
}

function eachOf(uids: UidSet): readonly UidSet[] {
  return [...uidsOf(uids)].map((uid) => [[uid, uid]]);
}
