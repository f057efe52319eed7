import type { Readable } from "node:stream";
import { MigrationError } from "../../domain/errors.ts";
import type { Uid, UidValidity } from "../../domain/names.ts";
import type { UidSet } from "../../domain/uid-set.ts";
import type {
  FlagState,
  FolderStatus,
  MessageHeader,
  MessageSummary,
  OpenSourceFolder,
  SearchFilter,
  SourceFolder,
  SourceMailbox,
  SourceMessage,
} from "../../migration/ports/source.ts";
import type { ImapConnection } from "./connection.ts";
import { type FetchRow, fetchItems, fetchRows, newestUid } from "./fetch.ts";
import type { FolderScope } from "./folder-paths.ts";
import {
  findFolder,
  isSelectable,
  type ListedFolder,
  listFolders,
  type StatusRow,
  statusOf,
} from "./listing.ts";
import { onRequestFolders } from "./on-request-folders.ts";
import { openPartial } from "./partial-fetch.ts";
import { searchUids } from "./search.ts";
import { type OpenedMailbox, openMailbox } from "./select.ts";
import { assignUses } from "./special-use.ts";

/** A session with one user's mailbox at the source, read-only throughout. */
export class ImapSourceMailbox implements SourceMailbox {
  readonly #connection: ImapConnection;
  readonly #scope: FolderScope;
  /**
   * Courier leaves UIDNEXT out of EXAMINE. STATUS tells it, and is asked first: the UIDNEXT reported must not be above
   * a message that arrives in between and is not in the folder as opened.
   */
  #tellsUidNext = true;
  #hasOpened = false;

  constructor(connection: ImapConnection, scope: FolderScope) {
    this.#connection = connection;
    this.#scope = scope;
  }

  get usable(): boolean {
    return this.#connection.usable;
  }

  async listFolders(): Promise<readonly SourceFolder[]> {
    // STATUS of the open folder may tell what this session last saw of it (RFC 9051, 6.3.11).
    if (this.#hasOpened) await this.#connection.attempt("CLOSE");
    this.#hasOpened = false;
    const listing = await listFolders(this.#connection, this.#scope.patterns, { status: true });
    const folders = new Map<string, ListedFolder & { readonly segments: readonly string[] }>();
    for (const folder of listing.folders) {
      const segments = this.#scope.segmentsOf(folder.path, folder.separator);
      if (segments && segments.length > 0) folders.set(folder.path, { ...folder, segments });
    }
    const uses = assignUses([...folders.values()].filter(isSelectable));
    const isOnRequest = onRequestFolders(this.#connection);
    const result: SourceFolder[] = [];
    for (const folder of folders.values()) {
      const selectable = isSelectable(folder);
      const row = selectable
        ? (listing.statuses.get(folder.path) ?? (await statusOf(this.#connection, folder.path)))
        : undefined;
      result.push({
        path: folder.path,
        segments: folder.segments,
        specialUse: uses.get(folder.path),
        subscribed: folder.subscribed,
        selectable,
        onRequest: isOnRequest(folder),
        ...statusFields(row),
      });
    }
    return result;
  }

  async openFolder(path: string): Promise<OpenSourceFolder> {
    const before = this.#tellsUidNext ? undefined : await statusOf(this.#connection, path);
    this.#hasOpened = true;
    const opened = await examine(this.#connection, path);
    if (opened.uidNext === undefined && before === undefined) {
      this.#tellsUidNext = false;
      return this.openFolder(path);
    }
    const uidNext = opened.uidNext ?? (await this.#uidNextOf(opened, before));
    return new ImapSourceFolder(this.#connection, statusOfOpened(opened, uidNext));
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

class ImapSourceFolder implements OpenSourceFolder {
  readonly #connection: ImapConnection;
  readonly status: FolderStatus;

  constructor(connection: ImapConnection, status: FolderStatus) {
    this.#connection = connection;
    this.status = status;
  }

  async searchUids(filter: SearchFilter = {}): Promise<UidSet> {
    return searchUids(this.#connection, filter);
  }

  async *fetchSummaries(uids: UidSet): AsyncIterable<MessageSummary> {
    for await (const row of fetchRows(this.#connection, uids, { items: fetchItems.summary }))
      yield summaryOf(row);
  }

  async *fetchHeaders(uids: UidSet): AsyncIterable<MessageHeader> {
    for await (const row of fetchRows(this.#connection, uids, { items: fetchItems.header }))
      yield { ...summaryOf(row), header: bodyOf(row) };
  }

  async *fetchMessages(uids: UidSet): AsyncIterable<SourceMessage> {
    for await (const row of fetchRows(this.#connection, uids, { items: fetchItems.message }))
      yield { ...summaryOf(row), content: bodyOf(row) };
  }

  async openMessage(uid: Uid): Promise<Readable> {
    return openPartial(this.#connection, uid);
  }

  async *fetchFlags(uids: UidSet, changedSince?: string): AsyncIterable<FlagState> {
    const since = this.status.highestModseq === undefined ? undefined : changedSince;
    const rows = fetchRows(this.#connection, uids, { items: fetchItems.flags, changedSince: since });
    for await (const { uid, flags = [] } of rows) yield { uid, flags };
  }
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

function statusOfOpened(opened: OpenedMailbox, uidNext: number): FolderStatus {
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

function summaryOf(row: FetchRow): MessageSummary {
  return {
    uid: row.uid,
    size: row.size ?? 0,
    internalDate: row.internalDate ?? new Date(0),
    flags: row.flags ?? [],
  };
}

function bodyOf(row: FetchRow): Buffer {
  return row.body ?? Buffer.alloc(0);
}
