import type { BatchName, FolderId, MailboxId, Uid, UidValidity } from "../../domain/names.ts";
import type { LeftCounts, LeftReason } from "./registry.ts";

/** What is kept of mailboxes beside their rows, a file a mailbox. */
export interface MailboxFiles<Content> {
  /** @returns undefined if there is none. */
  read(batch: BatchName, mailbox: MailboxId): Promise<Content | undefined>;
  /** Writes over what is there. Repeatable. */
  write(batch: BatchName, mailbox: MailboxId, content: Content): Promise<void>;
  /** Removes those of all mailboxes of a batch. Repeatable. */
  deleteAll(batch: BatchName): Promise<void>;
}

/** What a rehearsal found of one folder. */
export interface RehearsedFolder {
  /** At the source. */
  readonly path: string;
  /** In the target; empty for a folder that is left out. */
  readonly targetPath: string;
  /** True if the target, or another folder, takes it under another name. */
  readonly renamed: boolean;
  /** Why it is left out; empty for one that is not. */
  readonly leftOut: string;
  readonly items: number;
  readonly bytes: number;
  readonly itemsLeftOut: number;
  readonly over35MB: number;
  readonly tooLarge: number;
  readonly adoptable: number;
  /** Of the messages that would be adopted, at the source. */
  readonly adoptableBytes: number;
  readonly ambiguous: number;
  /** True where the figures are of the server's counts alone. */
  readonly estimated: boolean;
  /** Why it cannot be read; empty for one that can. */
  readonly error: string;
}

/** A copy that was left in the target. */
export interface LeftCopy {
  /** At the source. */
  readonly folder: string;
  readonly uid: Uid;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly size: number;
  readonly reason: LeftReason;
  /** A sentence. */
  readonly message: string;
}

/** How far the undoing of a mailbox is. */
export interface UndoProgress {
  /** Number of the operation that asked for it. */
  readonly operation: number;
  /** Generations of folders that are through. */
  readonly done: readonly string[];
  /** The last message that was looked at in the one after them. */
  readonly after: Uid;
  /**
   * Copies that are being removed: those of them that are nowhere any more, when somebody goes on with them, were removed
   * and not moved away by the user.
   */
  readonly underWay?:
    | { readonly folderId: FolderId; readonly uidValidity: UidValidity; readonly uids: readonly Uid[] }
    | undefined;
  readonly removed: number;
  /** The first of those that were left; `counts` has all of them. */
  readonly left: readonly LeftCopy[];
  readonly counts: LeftCounts;
  readonly inDoubt: number;
}
