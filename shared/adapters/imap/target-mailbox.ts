import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { isMigrationError } from "../../domain/errors.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { Stamp, TargetFolderId, TargetItemId } from "../../domain/names.ts";
import { differenceOf, uidSetOf } from "../../domain/uid-set.ts";
import type {
  ChangeOutcome,
  FolderNaming,
  FolderState,
  FoundItem,
  ItemState,
  MessageLook,
  OutgoingMessage,
  TargetEntry,
  TargetFolder,
  TargetMailbox,
  TargetPlace,
  TargetRoom,
  WantedFolder,
  WriteCandidate,
} from "../../migration/ports/target.ts";
import { openContent } from "../spool.ts";
import {
  type Append,
  type AppendChannel,
  type AppendUid,
  append,
  channelOf,
  folderGone,
  outOfTime,
  tooLarge,
} from "./append.ts";
import type { AppendLines } from "./append-lines.ts";
import type { ImapConnection } from "./connection.ts";
import { fetchItems, fetchRows } from "./fetch.ts";
import { keptFlags, looksAsWritten, storableFlags } from "./flags.ts";
import { lookOf } from "./look.ts";
import { matchCopies, type Recognizable } from "./matching.ts";
import { differencesBetween } from "./message-differences.ts";
import { imapNaming } from "./naming.ts";
import type { ConnectionPool, PooledConnection } from "./pool.ts";
import { roomLeft } from "./quota.ts";
import { flagsOfCopy } from "./receipts.ts";
import type { Semaphore } from "./semaphore.ts";
import { TargetFolders } from "./target-folders.ts";
import {
  expunge,
  findNext,
  formatItemId,
  formatMark,
  MAX_UID,
  markOf,
  parseItemId,
  parseMark,
  presentUid,
  store,
} from "./target-items.ts";
import { mailbox, responseCodeOf, sequence, textOf } from "./wire.ts";

/** Bytes of a message, where the server does not tell (RFC 7889): what Exchange Online can be set to take, on the wire. */
const maxItemBytes = 220_000_000;
/** Fewer new folders are made sooner one by one, at three round trips each, than behind the login of a line. */
const minPrepared = 4;

/** Bytes of a message that is not in memory in which its header is looked for. */
const maxHeaderBytes = 1024 * 1024;

/** One user's mailbox on an IMAP target. */
export class ImapTargetMailbox implements TargetMailbox {
  readonly order = "ascending";
  readonly keepsIds = false;
  readonly naming: FolderNaming;
  readonly maxItemBytes: number;
  readonly #pool: ConnectionPool;
  readonly #connections: number;
  readonly #lines: AppendLines | undefined;
  readonly #folders: TargetFolders;
  readonly #large: Semaphore;
  /** Settles when the folders are listed that writes are expected for: who waits for it needs no further login. */
  #looking: Promise<void> | undefined;
  readonly #permanentFlags = new Map<TargetFolderId, Promise<readonly string[] | undefined>>();

  /**
   * @param connections of the pool.
   * @param lines for APPEND, where the server takes several without waiting.
   */
  constructor(
    first: ImapConnection,
    pool: ConnectionPool,
    connections: number,
    lines: AppendLines | undefined,
    large: Semaphore,
  ) {
    this.naming = imapNaming(first.namespaces.personal[0]?.delimiter ?? undefined);
    this.#connections = connections;
    this.#lines = lines;
    this.maxItemBytes = first.limit("APPENDLIMIT") ?? maxItemBytes;
    this.#pool = pool;
    this.#folders = new TargetFolders(this.naming);
    this.#large = large;
  }

  get usable(): boolean {
    return this.#pool.usable;
  }

  get writeConcurrency(): number {
    return Math.max(this.#connections, this.#lines?.window ?? 0);
  }

  /** Logs in for the messages, and lists the folders. */
  expectWrites(): void {
    // Whatever is wrong with either, the first write will tell.
    this.#lines?.take().catch(() => undefined);
    this.#looking = this.#pool.use(({ connection }) => this.#folders.look(connection)).catch(() => undefined);
  }

  async prepareFolders(wanted: readonly WantedFolder[]): Promise<void> {
    if (this.#lines === undefined || wanted.length < minPrepared) return;
    // Whatever is wrong with a line, its first message will tell.
    const opening = this.#lines.take().catch(() => undefined);
    await this.#looking;
    try {
      await this.#pool.use(({ connection }) => this.#folders.prepare(connection, opening, wanted));
    } catch (error) {
      // Whatever it is, the folder that cannot be ensured for it will tell.
      if (!isMigrationError(error)) throw error;
    }
  }

  async ensureFolder(segments: readonly string[], specialUse?: SpecialUse): Promise<TargetFolder> {
    await this.#looking;
    return this.#pool.use(({ connection }) => this.#folders.ensure(connection, segments, specialUse));
  }

  /** One server has the folders, and lists them as they are. */
  async folderState(folder: TargetFolderId): Promise<FolderState> {
    const exists = await this.#pool.use(({ connection }) => this.#folders.exists(connection, folder));
    return exists ? "there" : "deleted";
  }

  /** An id is of its folder, and another one elsewhere. */
  async itemsAnywhere(): Promise<ReadonlySet<TargetItemId>> {
    return new Set();
  }

  async markFolder(folder: TargetFolderId): Promise<string> {
    const mark = await this.#pool.use((pooled) => markOf(pooled, folder));
    // Begun now, so that the first write need not wait for them.
    this.#lines?.take().catch(() => undefined);
    this.#permanentFlagsOf(folder).catch(() => undefined);
    return formatMark(mark);
  }

  async write(folder: TargetFolderId, message: OutgoingMessage): Promise<TargetItemId> {
    const deadline = Date.now() + message.timeoutMs;
    const { content } = message;
    if (Buffer.isBuffer(content)) return this.#append(folder, message, content, deadline);
    const kept = await openContent(async () => inTime(await content(), deadline), this.maxItemBytes);
    if (kept === undefined) throw tooLarge();
    try {
      return await this.#append(folder, message, kept, deadline);
    } finally {
      await kept.dispose();
    }
  }

  /** An APPEND could be seen by the user. */
  async takesMessages(): Promise<undefined> {
    await this.#pool.use(({ connection }) => connection.run("NOOP"));
  }

  async findWritten(
    folder: TargetFolderId,
    chunk: { readonly token: string; readonly mark: string },
    candidates: readonly WriteCandidate[],
    known: ReadonlySet<TargetItemId>,
  ): Promise<ReadonlyMap<Stamp, readonly FoundItem[]>> {
    const stored = await this.#storedSince(folder, chunk.mark, known);
    const found = new Map<Stamp, readonly FoundItem[]>();
    for (const [candidate, copies] of matchCopies(candidates, stored))
      found.set(
        candidate.stamp,
        copies.map(({ id, flags }) => ({
          id,
          untouched: looksAsWritten(flagsOfCopy(candidate.flags, candidate.header), flags),
        })),
      );
    return found;
  }

  async roomLeft(): Promise<TargetRoom | undefined> {
    return this.#pool.use(({ connection }) => roomLeft(connection));
  }

  async listPlaces(): Promise<readonly TargetPlace[]> {
    return this.#pool.use(async ({ connection }) => {
      // Courier answers STATUS of the open folder from what it knew when it last looked.
      await connection.run("NOOP");
      return this.#folders.places(connection);
    });
  }

  async listEntries(folder: TargetFolderId): Promise<readonly TargetEntry[]> {
    return this.#pool.use(async (pooled) => {
      const uidValidity = (await pooled.examine(folder))?.uidValidity;
      if (uidValidity === undefined) throw folderGone();
      const entries: TargetEntry[] = [];
      const rows = fetchRows(pooled.connection, [[1, MAX_UID]], { items: fetchItems.look });
      for await (const { uid, flags = [], internalDate, size, body = Buffer.alloc(0) } of rows)
        entries.push({
          id: formatItemId(uidValidity, uid),
          receivedAt: internalDate?.getTime() ?? 0,
          size,
          flags,
          look: lookOf(body),
        });
      return entries;
    });
  }

  async lookOf(header: Buffer): Promise<MessageLook> {
    return lookOf(header);
  }

  /** Byte by byte, line ends aside: nothing is added to a message. */
  async differencesOf(
    folder: TargetFolderId,
    item: TargetItemId,
    content: OutgoingMessage["content"],
  ): Promise<readonly string[] | undefined> {
    const source = Buffer.isBuffer(content) ? content : await buffer(await content());
    return this.#pool.use(async (pooled) => {
      const opened = await pooled.examine(folder);
      const { uidValidity, uid } = parseItemId(item);
      if (opened?.uidValidity !== uidValidity) return undefined;
      for await (const row of fetchRows(pooled.connection, [[uid, uid]], { items: fetchItems.message }))
        return differencesBetween(source, row.body ?? Buffer.alloc(0));
      return undefined;
    });
  }

  /**
   * Marks the copy \Deleted and expunges it alone (UID EXPUNGE, RFC 4315). A server without UIDPLUS could only
   * expunge everything marked, the user's own messages too, so there the mark is all.
   */
  async purgeItem(folder: TargetFolderId, item: TargetItemId): Promise<void> {
    await this.#pool.use(async (pooled) => {
      const uid = await presentUid(pooled, folder, item);
      if (uid !== undefined) await expunge(pooled.connection, uid);
    });
  }

  async readItems(
    folder: TargetFolderId,
    items: readonly TargetItemId[],
  ): Promise<ReadonlyMap<TargetItemId, ItemState>> {
    return this.#pool.use(async (pooled) => {
      const states = new Map<TargetItemId, ItemState>();
      const opened = await pooled.examine(folder);
      const uidValidity = opened?.uidValidity;
      if (uidValidity === undefined) return states;
      const uids = items.map(parseItemId).filter((id) => id.uidValidity === uidValidity);
      const set = uidSetOf(uids.map(({ uid }) => uid));
      for await (const { uid, flags = [] } of fetchRows(pooled.connection, set, {
        items: fetchItems.flags,
      })) {
        const id = formatItemId(uidValidity, uid);
        states.set(id, { id, flags });
      }
      return states;
    });
  }

  async changeFlags(
    folder: TargetFolderId,
    item: TargetItemId,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<ChangeOutcome> {
    return this.#pool.use(async (pooled) => {
      const uid = await presentUid(pooled, folder, item);
      if (uid === undefined) return "gone";
      const permanent = (await pooled.select(folder))?.permanentFlags;
      const add = keptFlags(storableFlags(change.add), permanent);
      const remove = storableFlags(change.remove);
      if (add.length > 0) await store(pooled.connection, uid, "+FLAGS.SILENT", add);
      if (remove.length > 0) await store(pooled.connection, uid, "-FLAGS.SILENT", remove);
      return "done";
    });
  }

  async moveItem(
    from: TargetFolderId,
    item: TargetItemId,
    to: TargetFolderId,
  ): Promise<TargetItemId | undefined> {
    return this.#pool.use((pooled) => this.#move(pooled, from, item, to));
  }

  /** Without MOVE, and on a server that ends in the middle of one, the copy is there before the original has gone. */
  async finishMove(
    from: TargetFolderId,
    item: TargetItemId,
    to: TargetFolderId,
    mark: string,
    candidate: WriteCandidate,
    known: ReadonlySet<TargetItemId>,
  ): Promise<TargetItemId | undefined> {
    const stored = await this.#storedSince(to, mark, known);
    const moved = matchCopies([candidate], stored).get(candidate)?.[0]?.id;
    if (moved !== undefined) await this.purgeItem(from, item);
    return moved;
  }

  async deleteItem(folder: TargetFolderId, item: TargetItemId): Promise<ChangeOutcome> {
    return this.#pool.use(async (pooled) => {
      const trash = await this.#folders.trash(pooled.connection);
      if (trash === folder) return (await presentUid(pooled, folder, item)) === undefined ? "gone" : "done";
      return (await this.#move(pooled, folder, item, trash)) === undefined ? "gone" : "done";
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#lines?.close()]);
  }

  async #append(
    folder: TargetFolderId,
    message: OutgoingMessage,
    content: Append["content"],
    deadline: number,
  ): Promise<TargetItemId> {
    if (Date.now() >= deadline) throw outOfTime();
    const header = Buffer.isBuffer(content) ? content : await content.read(0, maxHeaderBytes);
    const wanted = flagsOfCopy(message.flags, header);
    const flags = keptFlags(wanted, await this.#permanentFlagsOf(folder));
    const { internalDate } = message;
    const copy = { path: folder, flags, internalDate, content, deadline };
    const line = await this.#lines?.take();
    if (line) {
      const sentAt = Date.now();
      const stored = await this.#appendOn(line, copy);
      this.#lines?.answered(sentAt);
      if (stored) return formatItemId(stored.uidValidity, stored.uid);
      return this.#pool.use((pooled) => findNext(pooled, folder, undefined, internalDate));
    }
    const send = () =>
      this.#pool.use(async (pooled) => {
        if (Date.now() >= deadline) throw outOfTime();
        const before = pooled.connection.has("UIDPLUS") ? undefined : await markOf(pooled, folder);
        const stored = await this.#appendOn(channelOf(pooled.connection), copy);
        if (stored) return formatItemId(stored.uidValidity, stored.uid);
        return findNext(pooled, folder, before, internalDate);
      });
    if (Buffer.isBuffer(content)) return send();
    // It is in memory while it is sent this way: one at a time.
    await this.#large.acquire();
    try {
      return await send();
    } finally {
      this.#large.release();
    }
  }

  async #appendOn(
    channel: AppendChannel,
    copy: Parameters<typeof append>[1],
  ): Promise<AppendUid | undefined> {
    try {
      return await append(channel, copy);
    } catch (error) {
      if (isMigrationError(error) && error.code === "TargetFolderGone") this.#folders.forget();
      throw error;
    }
  }

  async #move(
    pooled: PooledConnection,
    from: TargetFolderId,
    item: TargetItemId,
    to: TargetFolderId,
  ): Promise<TargetItemId | undefined> {
    const uid = await presentUid(pooled, from, item);
    if (uid === undefined) return undefined;
    const { connection } = pooled;
    const before = connection.has("UIDPLUS") ? undefined : await markOf(pooled, to);
    const moves = connection.has("MOVE");
    let copied: TargetItemId | undefined;
    const note = (code: string, values: readonly string[]) => {
      const [uidValidity, , newUid] = values;
      if (code === "COPYUID" && uidValidity !== undefined && /^\d+$/.test(newUid ?? ""))
        copied = formatItemId(uidValidity, Number(newUid));
    };
    const reply = await connection
      .attempt(moves ? "UID MOVE" : "UID COPY", [sequence(String(uid)), mailbox(to)], {
        untagged: {
          OK: async (response) => {
            const { code, arguments: values } = responseCodeOf(response);
            note(code, values.map(textOf));
          },
        },
      })
      .catch((error: unknown) => {
        throw isMigrationError(error) ? error.asInDoubt() : error;
      });
    if (reply.code === "TRYCREATE" || reply.code === "NONEXISTENT") throw folderGone();
    if (reply.status !== "OK") throw connection.refusal(reply);
    note(reply.code, reply.codeArguments);
    if (!moves) await expunge(connection, uid);
    return copied ?? (await findNext(pooled, to, before, undefined));
  }

  /** Messages stored in a folder since a mark was taken, that belong to nobody yet. */
  async #storedSince(
    folder: TargetFolderId,
    mark: string,
    known: ReadonlySet<TargetItemId>,
  ): Promise<readonly StoredMessage[]> {
    return this.#pool.use(async (pooled) => {
      const uidValidity = (await pooled.examine(folder))?.uidValidity;
      if (uidValidity === undefined) return [];
      const { uidNext, ...marked } = parseMark(mark);
      // A folder that was recreated since: every message in it may be one that was written.
      const first = marked.uidValidity === uidValidity ? uidNext : 1;
      const stored: StoredMessage[] = [];
      const ofThis = [...known].map(parseItemId).filter((id) => id.uidValidity === uidValidity);
      const others = differenceOf([[first, MAX_UID]], uidSetOf(ofThis.map(({ uid }) => uid)));
      const rows = fetchRows(pooled.connection, others, { items: fetchItems.header });
      for await (const row of rows) {
        const id = formatItemId(uidValidity, row.uid);
        if (known.has(id)) continue;
        const { flags = [], internalDate = new Date(0), size = 0, body: header = Buffer.alloc(0) } = row;
        stored.push({ id, uid: row.uid, flags, internalDate, size, header });
      }
      return stored.sort((a, b) => a.uid - b.uid);
    });
  }

  /** PERMANENTFLAGS, which only SELECT tells; read once a folder. */
  #permanentFlagsOf(folder: TargetFolderId): Promise<readonly string[] | undefined> {
    const known = this.#permanentFlags.get(folder) ?? this.#readPermanentFlags(folder);
    this.#permanentFlags.set(folder, known);
    known.catch(() => this.#permanentFlags.delete(folder));
    return known;
  }

  async #readPermanentFlags(folder: TargetFolderId): Promise<readonly string[] | undefined> {
    return this.#pool.use(async (pooled) => {
      const opened = await pooled.select(folder);
      if (opened) return opened.permanentFlags;
      this.#folders.forget();
      throw folderGone();
    });
  }
}

interface StoredMessage extends Recognizable {
  readonly id: TargetItemId;
  readonly uid: number;
  readonly flags: readonly string[];
}

/** The stream, which breaks when the time is over. */
function inTime(stream: Readable, deadline: number): Readable {
  return Readable.from(
    (async function* () {
      for await (const piece of stream) {
        if (Date.now() >= deadline) throw outOfTime();
        yield piece;
      }
    })(),
  );
}
