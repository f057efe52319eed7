import type { Readable } from "node:stream";
import { isMigrationError, MigrationError } from "../../domain/errors.ts";
import { receivedDateOf, sentDate } from "../../domain/header-dates.ts";
import type { Uid, UidValidity } from "../../domain/names.ts";
import { intersectionOf, sizeOf, type UidSet, uidSetOf, uidsOf, unionOf } from "../../domain/uid-set.ts";
import {
  type FlagState,
  type FolderStatus,
  ListingUnfinished,
  type MessageHeader,
  type MessageSummary,
  type OpenFolderOptions,
  type OpenFolderStatus,
  type OpenSourceFolder,
  type SearchFilter,
  type SourceDialect,
  type SourceFolder,
  type SourceMailbox,
  type SourceMessage,
} from "../../migration/ports/source.ts";
import { type Census, numbersOf, stillThere, takeCensus } from "./census.ts";
import type { ImapConnection } from "./connection.ts";
import { isKnown } from "./dates.ts";
import { fetchEarly, fetchItems, fetchRows, folderLeft, newestUid } from "./fetch.ts";
import type { FetchRow } from "./fetch-rows.ts";
import { type FolderScope, isInbox } from "./folder-paths.ts";
import {
  findFolder,
  isSelectable,
  type ListedFolder,
  type Listing,
  listFolders,
  type StatusRow,
  statusOf,
} from "./listing.ts";
import { onRequestFolders } from "./on-request-folders.ts";
import { openPartial } from "./partial-fetch.ts";
import { printable } from "./printable.ts";
import { outside, searchUids, within } from "./search.ts";
import { type OpenedMailbox, openMailbox } from "./select.ts";
import { adminFormOf } from "./software.ts";
import { assignUses } from "./special-use.ts";
import type { Argument } from "./wire.ts";

/** Those that decide what a round costs. */
const reportedExtensions = ["CONDSTORE", "ESEARCH", "LIST-STATUS", "SPECIAL-USE", "X-GM-EXT-1"];

/** Messages, and the UIDs that they lie between, of which UIDs and summaries are asked for in one command. */
const MAX_LISTED = 2_000;
const MAX_LISTED_UID = 20_000;

/** Connections that one listing may lose to the status of single folders. */
const MAX_LOST = 10;

/** A folder as listed, with the attributes of LIST in lower case. */
export interface ListedSourceFolder extends SourceFolder {
  readonly attributes: ReadonlySet<string>;
}

/** What of a folder is shown as one, and how. */
export interface FolderPart {
  /** The UIDs that are shown; default all. */
  readonly members?: UidSet;
  /** Where the messages were counted already. */
  readonly census?: Census;
  /** Makes keywords of Gmail's labels, which are asked for then. */
  readonly keywordsOf?: (labels: readonly string[]) => readonly string[];
}

/** A listing that goes on at the next call. */
interface BegunListing {
  readonly listing: Listing;
  readonly statuses: StatusReader;
}

/** A session with one user's mailbox at the source, read-only throughout. */
export class ImapSourceMailbox implements SourceMailbox {
  readonly #scope: FolderScope;
  readonly #connect: () => Promise<ImapConnection>;
  #connection: ImapConnection;
  /**
   * Courier leaves UIDNEXT out of EXAMINE. STATUS tells it, and is asked first: the UIDNEXT reported must not be above
   * a message that arrives in between and is not in the folder as opened.
   */
  #tellsUidNext = true;
  #hasOpened = false;
  #begun: BegunListing | undefined;
  /** As last listed, by path. */
  readonly #statuses = new Map<string, FolderStatus>();

  /** @param connect opens another connection for the same login. */
  constructor(connection: ImapConnection, scope: FolderScope, connect: () => Promise<ImapConnection>) {
    this.#connection = connection;
    this.#scope = scope;
    this.#connect = connect;
  }

  get usable(): boolean {
    return this.#connection.usable;
  }

  dialect(): SourceDialect {
    const connection = this.#connection;
    const states = reportedExtensions.map((name) => [name, connection.stateOf(name)] as const);
    return {
      software: printable(connection.software),
      extensions: Object.fromEntries(states),
      messageLimit: connection.limit("MESSAGELIMIT"),
      adminForm: adminFormOf(connection.greeting, connection.software),
    };
  }

  get connection(): ImapConnection {
    return this.#connection;
  }

  async reconnect(): Promise<void> {
    await this.#connection.close();
    this.#connection = await this.#connect();
    this.#hasOpened = false;
  }

  async listFolders(
    takesPart: (folder: SourceFolder) => boolean = () => true,
    timeIsUp: () => boolean = () => false,
  ): Promise<readonly ListedSourceFolder[]> {
    const { listing, statuses } = this.#begun ?? (await this.#beginListing());
    this.#begun = undefined;
    const asked = statuses.asked;
    const folders = new Map<string, ListedFolder & { readonly segments: readonly string[] }>();
    for (const folder of listing.folders) {
      const segments = this.#scope.segmentsOf(folder.path, folder.separator);
      if (!segments || segments.length === 0) continue;
      // INBOX is one in any case (RFC 9051, 5.1), and some servers list it in two.
      const path = isInbox(folder.path) ? "INBOX" : folder.path;
      if (path === folder.path || !folders.has(path)) folders.set(path, { ...folder, segments });
    }
    const uses = assignUses([...folders.values()].filter(isSelectable));
    const isOnRequest = onRequestFolders(this.#connection);
    const result: ListedSourceFolder[] = [];
    for (const folder of folders.values()) {
      const listed = {
        path: folder.path,
        segments: folder.segments,
        specialUse: uses.get(folder.path),
        subscribed: folder.subscribed,
        selectable: isSelectable(folder),
        onRequest: isOnRequest(folder),
        attributes: folder.attributes,
      };
      if (statuses.asked > asked && timeIsUp()) {
        this.#begun = { listing, statuses };
        throw new ListingUnfinished();
      }
      const row = listed.selectable && takesPart(listed) ? await statuses.of(folder.path) : undefined;
      const fields = statusFields(row);
      if (fields.status) this.#statuses.set(folder.path, fields.status);
      else this.#statuses.delete(folder.path);
      result.push({ ...listed, ...fields });
    }
    return result;
  }

  async #beginListing(): Promise<BegunListing> {
    const end = Date.now() + this.#connection.listingMs;
    // STATUS of the open folder may tell what this session last saw of it (RFC 9051, 6.3.11).
    if (this.#hasOpened)
      await this.#connection.attempt("CLOSE").catch((error: unknown) => this.goOn(error, end));
    this.#hasOpened = false;
    const listing = await this.#listing(end);
    return { listing, statuses: new StatusReader(this, end, listing.statuses) };
  }

  /** One folder may be why a listing with the status of all of them fails: then they are listed without. */
  async #listing(end: number): Promise<Listing> {
    const list = (status: boolean) =>
      this.within(end, (connection) => listFolders(connection, this.#scope.patterns, { status }));
    try {
      return await list(true);
    } catch (error) {
      await this.goOn(error, end);
      return list(false);
    }
  }

  /** Works on the connection until an instant at the latest, in milliseconds since 1970. */
  async within<T>(end: number, work: (connection: ImapConnection) => Promise<T>): Promise<T> {
    const connection = this.#connection;
    return connection.within(Math.max(0, end - Date.now()), () => work(connection));
  }

  /** Makes ready for another command after one that failed. @throws the error if it is about more than one command. */
  async goOn(error: unknown, end: number): Promise<void> {
    if (!isMigrationError(error) || error.kind !== "transient" || Date.now() >= end) throw error;
    if (!this.usable) await this.reconnect();
  }

  async openFolder(
    path: string,
    { summariesNext = false }: OpenFolderOptions = {},
  ): Promise<OpenSourceFolder> {
    const listed = summariesNext ? this.#statuses.get(path) : undefined;
    const isJoined =
      listed !== undefined && isListable(listed) && this.#tellsUidNext && this.#connection.readsOn;
    if (isJoined) return this.#openListed(path, listed.uidNext);
    const come = listed?.messages === 0 ? [] : undefined;
    return new ImapSourceFolder(this.#connection, await this.examine(path), {}, come);
  }

  /** EXAMINE. @throws MigrationError `item`/`SourceFolderGone` if the folder no longer exists. */
  async examine(path: string): Promise<OpenFolderStatus> {
    return (await this.#open(path)).status;
  }

  async #open(path: string): Promise<Opened> {
    const before = this.#tellsUidNext ? undefined : await statusOf(this.#connection, path);
    this.#hasOpened = true;
    const opened = await examine(this.#connection, path);
    if (opened.uidNext === undefined && before === undefined) {
      this.#tellsUidNext = false;
      return { ...(await this.#open(path)), atOnce: false };
    }
    const uidNext = opened.uidNext ?? (await this.#uidNextOf(opened, before));
    return { status: statusOfOpened(opened, uidNext), atOnce: opened.atOnce };
  }

  /** Opens a folder and asks for its summaries in the same breath. What comes counts only if the folder was opened at once. */
  async #openListed(path: string, uidNext: number): Promise<OpenSourceFolder> {
    const connection = this.#connection;
    const [opening, listing] = await Promise.allSettled([
      this.#open(path),
      fetchEarly(connection, [[1, uidNext - 1]], fetchItems.summary),
    ]);
    const isMisunderstood =
      opening.status === "fulfilled" && listing.status === "rejected" && !isThrottled(listing.reason);
    if (isMisunderstood || !connection.usable) connection.sendOneByOne();
    if (opening.status === "rejected") throw opening.reason;
    if (listing.status === "rejected" && isThrottled(listing.reason)) throw listing.reason;
    const { status, atOnce } = opening.value;
    // What has come since it was listed was not asked for.
    const isAsked = atOnce && status.uidNext === uidNext;
    const summaries = isAsked && listing.status === "fulfilled" ? listing.value : undefined;
    return new ImapSourceFolder(connection, status, {}, summaries);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  /** UIDNEXT of the open folder from an earlier STATUS, which may be stale, and from the newest message in it. */
  async #uidNextOf(
    { messages }: OpenedMailbox,
    before: StatusRow | { readonly refused: string } | undefined,
  ): Promise<number> {
    const asked = before !== undefined && "status" in before ? before.status?.uidNext : undefined;
    const newest = messages === 0 ? 0 : await newestUid(this.#connection);
    return Math.max(asked ?? 1, newest + 1);
  }
}

interface Opened {
  readonly status: OpenFolderStatus;
  /** True if what was asked right behind was asked of this folder. */
  readonly atOnce: boolean;
}

/** Reads the status of one folder after another, and goes on behind those whose status ends the connection. */
class StatusReader {
  readonly #mailbox: ImapSourceMailbox;
  readonly #end: number;
  readonly #known: ReadonlyMap<string, StatusRow>;
  readonly #rows = new Map<string, StatusRow | { readonly refused: string }>();
  #lost = 0;

  /** @param known those that came with the list. */
  constructor(mailbox: ImapSourceMailbox, end: number, known: ReadonlyMap<string, StatusRow>) {
    this.#mailbox = mailbox;
    this.#end = end;
    this.#known = known;
  }

  /** Folders that were asked for one by one so far. */
  get asked(): number {
    return this.#rows.size;
  }

  /** @throws MigrationError if the server cannot be reached, or asks for a pause. */
  async of(path: string): Promise<StatusRow | { readonly refused: string }> {
    const known = this.#known.get(path) ?? this.#rows.get(path);
    if (known) return known;
    const row = await this.#ask(path);
    this.#rows.set(path, row);
    return row;
  }

  async #ask(path: string): Promise<StatusRow | { readonly refused: string }> {
    if (this.#lost >= MAX_LOST) return { refused: "not asked for" };
    try {
      return await this.#mailbox.within(this.#end, (connection) => statusOf(connection, path));
    } catch (error) {
      if (!this.#mailbox.usable) this.#lost += 1;
      await this.#mailbox.goOn(error, this.#end);
      return { refused: isMigrationError(error) ? error.code : "unknown" };
    }
  }
}

/** The folder that is open on the connection, or a part of it. */
export class ImapSourceFolder implements OpenSourceFolder {
  readonly #connection: ImapConnection;
  readonly #opening: number;
  readonly #part: FolderPart;
  readonly status: OpenFolderStatus;
  #census: Census | undefined;
  /** As they came with the UIDs. */
  #summaries: ReadonlyMap<Uid, FetchRow> | undefined;
  /** What came while the folder was opened; holds if the server counts as many. */
  readonly #come: readonly FetchRow[] | undefined;

  /** @param come summaries of all that the folder held when it was listed, if they are here already. */
  constructor(
    connection: ImapConnection,
    status: OpenFolderStatus,
    part: FolderPart = {},
    come?: readonly FetchRow[],
  ) {
    this.#connection = connection;
    this.#opening = connection.openings;
    this.#part = part;
    this.#come = come;
    this.#census = part.census;
    this.status = status;
  }

  get unshownMessages(): number | undefined {
    return this.#census?.unshown;
  }

  readonly #isOpen = (): boolean => this.#connection.openings === this.#opening;

  async searchUids(filter: SearchFilter = {}): Promise<UidSet> {
    const uids = await this.#search(filter);
    // Looked at behind it: a search is several commands at times.
    if (!this.#isOpen()) throw folderLeft();
    return uids;
  }

  async #search(filter: SearchFilter): Promise<UidSet> {
    const { members } = this.#part;
    const { since, before, among, summariesNext = false } = filter;
    const isPart = members !== undefined;
    if (summariesNext && !isPart && (await this.#listAll())) return uidSetOf(this.#summaries?.keys() ?? []);
    if (since === undefined && before === undefined) {
      if (among !== undefined)
        return stillThere(this.#connection, isPart ? intersectionOf(members, among) : among);
      return members ?? (await this.#count()).uids;
    }
    const near = await this.#near(since, before, among);
    return isPart ? intersectionOf(members, near) : near;
  }

  async *fetchSummaries(uids: UidSet): AsyncIterable<MessageSummary> {
    const undated: FetchRow[] = [];
    for await (const row of this.#summaryRows(uids))
      if (isKnown(row.internalDate)) yield this.#summaryOf(row);
      else undated.push(row);
    const fields = new Map<Uid, Buffer>();
    for await (const row of this.#fetch(uidSetOf(undated.map(({ uid }) => uid)), fetchItems.dates))
      fields.set(row.uid, bodyOf(row));
    for (const row of undated) yield this.#summaryOf(row, fields.get(row.uid));
  }

  async *fetchHeaders(uids: UidSet): AsyncIterable<MessageHeader> {
    for await (const row of this.#fetch(uids, fetchItems.header))
      yield { ...this.#summaryOf(row, row.body), header: bodyOf(row) };
  }

  async *fetchMessages(uids: UidSet): AsyncIterable<SourceMessage> {
    for await (const row of this.#fetch(uids, fetchItems.message))
      yield { ...this.#summaryOf(row, row.body), content: bodyOf(row) };
  }

  async openMessage(uid: Uid): Promise<Readable> {
    return openPartial(this.#connection, uid, this.#isOpen);
  }

  async *fetchFlags(uids: UidSet, changedSince?: string): AsyncIterable<FlagState> {
    const since = this.status.highestModseq === undefined ? undefined : changedSince;
    for await (const row of this.#fetch(uids, fetchItems.flags, since))
      yield { uid: row.uid, flags: this.#flagsOf(row) };
  }

  /**
   * Asks for all summaries before any UID is known, at one round trip less.
   * @returns false if they are not as many as the server counts, or there are too many: then nothing is known.
   */
  async #listAll(): Promise<boolean> {
    if (this.#come === undefined && !isListable(this.status)) return false;
    const rows = new Map<Uid, FetchRow>();
    // Where UIDs are free none of them is missing.
    const all: UidSet = [[1, this.status.uidNext - 1]];
    for await (const row of this.#come ?? this.#fetch(all, fetchItems.summary, undefined, false))
      rows.set(row.uid, row);
    const { exists, expunged } = this.#connection;
    if (rows.size !== exists) return false;
    this.#summaries = rows;
    this.#census = { uids: uidSetOf(rows.keys()), unshown: 0, expunged };
    return true;
  }

  #summaryRows(uids: UidSet): AsyncIterable<FetchRow> | readonly FetchRow[] {
    const known = this.#summaries;
    const rows = known && [...uidsOf(uids)].map((uid) => known.get(uid));
    if (rows === undefined || rows.includes(undefined)) return this.#fetch(uids, fetchItems.summary);
    return rows.filter((row) => row !== undefined);
  }

  async #count(): Promise<Census> {
    this.#census = await takeCensus(this.#connection);
    return this.#census;
  }

  /**
   * The messages of an interval of dates, or all where the search cannot be trusted: servers are known to find none by
   * date. What lies inside and what lies outside must be all there is.
   */
  async #near(
    since: number | undefined,
    before: number | undefined,
    among: UidSet | undefined,
  ): Promise<UidSet> {
    const inside = await searchUids(this.#connection, { criteria: within(since, before) });
    const others =
      inside === undefined
        ? undefined
        : await searchUids(this.#connection, { criteria: outside(since, before) });
    const trusted =
      inside !== undefined &&
      others !== undefined &&
      sizeOf(unionOf(inside, others)) === this.#connection.exists;
    const near = trusted ? inside : (await this.#count()).uids;
    return among === undefined ? near : intersectionOf(near, among);
  }

  #fetch(
    uids: UidSet,
    items: Argument[],
    changedSince?: string,
    insists = items !== fetchItems.flags,
  ): AsyncIterable<FetchRow> {
    const withLabels = this.#part.keywordsOf !== undefined && items !== fetchItems.dates;
    const insist = (absent: UidSet) =>
      this.#census === undefined ? [] : numbersOf(this.#census, absent, this.#connection.expunged);
    return fetchRows(this.#connection, uids, {
      items,
      changedSince,
      withLabels,
      isOpen: this.#isOpen,
      ...(insists ? { insist } : {}),
    });
  }

  /** @param header the fields that tell the date where INTERNALDATE does not, or the whole message. */
  #summaryOf(row: FetchRow, header?: Buffer): MessageSummary {
    return {
      uid: row.uid,
      size: row.size ?? 0,
      internalDate: isKnown(row.internalDate)
        ? row.internalDate
        : (dateIn(header) ?? row.internalDate ?? new Date(0)),
      flags: this.#flagsOf(row),
    };
  }

  #flagsOf({ flags = [], labels = [] }: FetchRow): readonly string[] {
    return [...flags, ...(this.#part.keywordsOf?.(labels) ?? [])];
  }
}

/** True for a pause that the server wants. */
function isThrottled(error: unknown): boolean {
  return isMigrationError(error) && error.kind === "throttled";
}

/** True if so few messages are listed, among so few UIDs, that all of them can be asked for in one command. */
function isListable({ messages = 0, uidNext }: FolderStatus): boolean {
  return messages > 0 && messages <= MAX_LISTED && uidNext <= MAX_LISTED_UID;
}

/** EXAMINE, which also shows mail that arrived since the folder was opened before. */
async function examine(connection: ImapConnection, path: string): Promise<OpenedMailbox> {
  const opened = await openMailbox(connection, "EXAMINE", path);
  if (opened) return opened;
  if (await findFolder(connection, path))
    throw new MigrationError(
      "item",
      "SourceFolderUnavailable",
      "The source server lists this folder but does not open it.",
    );
  throw new MigrationError("item", "SourceFolderGone", "This folder no longer exists at the source.");
}

function statusOfOpened(opened: OpenedMailbox, uidNext: number): OpenFolderStatus {
  if (opened.uidValidity === undefined)
    throw new MigrationError(
      "item",
      "UidsUnsupported",
      "The source server keeps no lasting numbers for the messages of this folder, so that it cannot be copied exactly once.",
    );
  return {
    uidValidity: opened.uidValidity as UidValidity,
    uidNext,
    messages: opened.messages,
    highestModseq: opened.highestModseq,
  };
}

function statusFields(
  row: StatusRow | { readonly refused: string } | undefined,
): Pick<SourceFolder, "status" | "statusError" | "mailboxId"> {
  if (row === undefined) return {};
  if ("refused" in row)
    return { statusError: `The source server refuses the status of this folder (${row.refused}).` };
  if (row.status === undefined)
    return { statusError: "The source server leaves values out of the status of this folder." };
  return { status: row.status, mailboxId: row.mailboxId };
}

function bodyOf(row: FetchRow): Buffer {
  return row.body ?? Buffer.alloc(0);
}

/** The date of the newest Received field, or else of the Date field, in the header section. */
function dateIn(message: Buffer = Buffer.alloc(0)): Date | undefined {
  const end = message.indexOf("\r\n\r\n");
  const header = end < 0 ? message : message.subarray(0, end);
  return receivedDateOf(header) ?? sentDate(header);
}
