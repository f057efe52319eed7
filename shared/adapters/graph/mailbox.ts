import type { SpecialUse } from "../../domain/folders.ts";
import type { Stamp, TargetFolderId, TargetItemId } from "../../domain/names.ts";
import type {
  ChangeOutcome,
  FlagOutcome,
  FolderState,
  FoundItem,
  InterruptedChunk,
  ItemState,
  MessageLook,
  OutgoingMessage,
  TargetEntry,
  TargetFolder,
  TargetMailbox,
  TargetPlace,
  WriteCandidate,
} from "../../migration/ports/target.ts";
import { changeFlags, type LastActionRule } from "./change-flags.ts";
import { differencesOf } from "./differences.ts";
import { listEntries, lookOf } from "./entries.ts";
import { findWritten } from "./find.ts";
import { GraphFolders } from "./folders.ts";
import { itemsAnywhere, moveItem, purgeItem, readItem, readItems } from "./items.ts";
import { folderNaming } from "./naming.ts";
import type { MailboxSession } from "./session.ts";
import { maxSourceBytes, takesMessages, writeMessage } from "./write.ts";

/** Messages made ready while as many as may be are sent, so that no turn at the gate is left unused. */
const preparedWrites = 2;

/** A mailbox in Exchange Online through Microsoft Graph. There is no connection to lose: it stays usable. */
export class GraphMailbox implements TargetMailbox {
  readonly order = "descending";
  readonly naming = folderNaming;
  readonly keepsIds = true;
  readonly usable = true;
  readonly maxItemBytes = maxSourceBytes;
  readonly writeConcurrency: number;
  readonly #session: MailboxSession;
  readonly #folders: GraphFolders;
  readonly #lastActionRule: LastActionRule = {};
  readonly #release: () => void;

  constructor(session: MailboxSession, release: () => void) {
    this.#session = session;
    this.#folders = new GraphFolders(session);
    this.#release = release;
    this.writeConcurrency = session.gate.limit + preparedWrites;
  }

  /** There is no login to begin. */
  expectWrites(): void {}

  /** Of folders that are made one at a time each takes one request, a trifle beside those for its messages. */
  async prepareFolders(): Promise<void> {}

  ensureFolder(segments: readonly string[], specialUse?: SpecialUse): Promise<TargetFolder> {
    return this.#folders.ensure(segments, specialUse);
  }

  folderState(folder: TargetFolderId): Promise<FolderState> {
    return this.#folders.state(folder);
  }

  itemsAnywhere(items: readonly TargetItemId[]): Promise<ReadonlySet<TargetItemId>> {
    return itemsAnywhere(this.#session, this.#folders, items);
  }

  /** Writes are found again by the token they carry. */
  async markFolder(): Promise<string> {
    return "";
  }

  write(folder: TargetFolderId, message: OutgoingMessage): Promise<TargetItemId> {
    return writeMessage(this.#session, this.#folders, folder, message);
  }

  takesMessages(): Promise<boolean> {
    return takesMessages(this.#session, this.#folders);
  }

  findWritten(
    folder: TargetFolderId,
    chunk: InterruptedChunk,
    candidates: readonly WriteCandidate[],
    known: ReadonlySet<TargetItemId>,
  ): Promise<ReadonlyMap<Stamp, readonly FoundItem[]>> {
    return findWritten(this.#session, folder, chunk, candidates, known);
  }

  /**
   * The quota of a mailbox stands in Graph's usage reports alone (reports/getMailboxUsageDetail): days old, under names that
   * are hidden by default, and with a permission for the whole tenant.
   */
  async roomLeft(): Promise<undefined> {
    return undefined;
  }

  listPlaces(): Promise<readonly TargetPlace[]> {
    return this.#folders.places();
  }

  listEntries(folder: TargetFolderId): Promise<readonly TargetEntry[]> {
    return listEntries(this.#session, folder);
  }

  lookOf(header: Buffer): Promise<MessageLook> {
    return lookOf(header);
  }

  differencesOf(
    folder: TargetFolderId,
    item: TargetItemId,
    content: OutgoingMessage["content"],
  ): Promise<readonly string[] | undefined> {
    return differencesOf(this.#session, folder, item, content);
  }

  purgeItem(_folder: TargetFolderId, item: TargetItemId): Promise<void> {
    return purgeItem(this.#session, item);
  }

  readItems(
    folder: TargetFolderId,
    items: readonly TargetItemId[],
  ): Promise<ReadonlyMap<TargetItemId, ItemState>> {
    return readItems(this.#session, folder, items);
  }

  changeFlags(
    folder: TargetFolderId,
    item: TargetItemId,
    change: { readonly add: readonly string[]; readonly remove: readonly string[] },
  ): Promise<FlagOutcome> {
    return changeFlags(this.#session, this.#lastActionRule, folder, item, change);
  }

  moveItem(from: TargetFolderId, item: TargetItemId, to: TargetFolderId): Promise<TargetItemId | undefined> {
    return moveItem(this.#session, from, item, to);
  }

  /** A move keeps the immutable id, so the item itself tells where it is, and leaves nothing behind. */
  async finishMove(
    _from: TargetFolderId,
    item: TargetItemId,
    to: TargetFolderId,
  ): Promise<TargetItemId | undefined> {
    return (await readItem(this.#session, item))?.parentFolderId === to ? item : undefined;
  }

  async deleteItem(folder: TargetFolderId, item: TargetItemId): Promise<ChangeOutcome> {
    const trash = await this.#folders.ensure(["Deleted Items"], "trash");
    const message = await readItem(this.#session, item);
    if (message?.parentFolderId !== folder) return "gone";
    // What lies there already was deleted as far as deleting goes: nothing is ever removed for good.
    if (folder !== trash.id) await moveItem(this.#session, folder, item, trash.id);
    return "done";
  }

  async close(): Promise<void> {
    this.#release();
  }
}
