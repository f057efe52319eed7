import type { Readable } from "node:stream";
import type { Endpoint } from "../../domain/endpoint.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { Uid, UidValidity } from "../../domain/names.ts";
import type { UidSet } from "../../domain/uid-set.ts";

/** One row's way into a source mailbox. `password` is the opened secret: never log or store it. */
export interface SourceLogin {
  readonly endpoint: Endpoint;
  readonly userName: string;
  readonly password: string;
  readonly userRoot?: string | undefined;
}

/** STATUS of a folder (RFC 9051, 6.3.11). modseq is absent where the server has no CONDSTORE. */
export interface FolderStatus {
  readonly uidValidity: UidValidity;
  readonly uidNext: number;
  /** Undefined in the listing of a folder with a `partition`, whose messages are not counted before it is opened. */
  readonly messages?: number | undefined;
  readonly unseen?: number | undefined;
  /** HIGHESTMODSEQ as decimal digits. */
  readonly highestModseq?: string | undefined;
  /**
   * For folders that share out the messages of one, as Gmail's labels do: each message is in one of them. Names how they
   * are shared out; another value means that a message may be in another folder without having changed itself.
   * Messages may come into such a folder below its UIDNEXT, and then count as changed.
   */
  readonly partition?: string | undefined;
}

/** Status of a folder that is open. */
export interface OpenFolderStatus extends FolderStatus {
  readonly messages: number;
  /** How many messages the server shows in a folder of this name, where only a part of them are the folder's own. */
  readonly shownMessages?: number | undefined;
}

export interface SourceFolder {
  /** The server's own path; the key for `openFolder`. */
  readonly path: string;
  /** Path split at the server's separator, decoded, without the personal namespace prefix or the user's root. */
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
  readonly subscribed: boolean;
  /** False for \Noselect parents, which hold no messages. */
  readonly selectable: boolean;
  /** True for folders without mail (appointments, contacts, tasks) and mere views of other folders: left out unless asked for. */
  readonly onRequest?: boolean | undefined;
  /** MAILBOXID (RFC 8474) where the server offers it: survives renames. */
  readonly mailboxId?: string | undefined;
  /** Undefined for folders that are not selectable, or whose status could not be read (`statusError`). */
  readonly status?: FolderStatus | undefined;
  readonly statusError?: string | undefined;
  /** About how many messages the folder holds, where its status does not tell. */
  readonly estimatedMessages?: number | undefined;
}

/** What a message is known by before its content is read. */
export interface MessageSummary {
  readonly uid: Uid;
  /** RFC822.SIZE in bytes; servers are known to lie. */
  readonly size: number;
  readonly internalDate: Date;
  /** Flags and keywords as sent by the server, without \Recent. */
  readonly flags: readonly string[];
}

export interface MessageHeader extends MessageSummary {
  /** The header section as received, without the blank line's body. */
  readonly header: Buffer;
}

export interface SourceMessage extends MessageSummary {
  /** All bytes of the message (RFC 5322). */
  readonly content: Buffer;
}

export interface FlagState {
  readonly uid: Uid;
  readonly flags: readonly string[];
}

export interface OpenFolderOptions {
  /** True if `searchUids` with `summariesNext` comes next: a source may read all of it together. */
  readonly summariesNext?: boolean | undefined;
}

export interface SearchFilter {
  /** Milliseconds since 1970, by INTERNALDATE; inclusive. IMAP compares whole days: the adapter asks for a day more and the caller filters. */
  readonly since?: number | undefined;
  /** Milliseconds since 1970, by INTERNALDATE; exclusive. */
  readonly before?: number | undefined;
  /** Only these. What the session knows of the folder is not relied on: the server is asked. */
  readonly among?: UidSet | undefined;
  /** True if `fetchSummaries` of all of them comes next, and none is known: a source may read them together. */
  readonly summariesNext?: boolean | undefined;
}

/**
 * A folder opened read-only. Valid until another folder is opened on the same mailbox. Where it has a partition, a message
 * that has been shared out to another folder since can still be fetched by its UID.
 */
export interface OpenSourceFolder {
  readonly status: OpenFolderStatus;
  /**
   * Messages that the server counts in the folder and shows in no way, as far as the last `searchUids` tells. While there
   * are any, a message that is not among its UIDs may be there all the same: none may count as gone.
   */
  readonly unshownMessages?: number | undefined;
  /** UIDs that exist and match; every UID of the folder for an empty filter. */
  searchUids(filter?: SearchFilter): Promise<UidSet>;
  /** One ranged FETCH, streamed. UIDs the server leaves out are simply absent. */
  fetchSummaries(uids: UidSet): AsyncIterable<MessageSummary>;
  fetchHeaders(uids: UidSet): AsyncIterable<MessageHeader>;
  /** One ranged FETCH with bodies (BODY.PEEK), streamed with back-pressure. Only for messages that fit in memory. */
  fetchMessages(uids: UidSet): AsyncIterable<SourceMessage>;
  /** Streams one large message in parts; no other call on this mailbox until the stream ended or was destroyed. */
  openMessage(uid: Uid): Promise<Readable>;
  /** Flags of all given UIDs, or only of those changed after a modseq (RFC 7162). Ignored where status has no modseq. */
  fetchFlags(uids: UidSet, changedSince?: string): AsyncIterable<FlagState>;
}

/** The time for a listing is over before its end; on the same session the next call goes on with it. */
export class ListingUnfinished extends Error {}

/** What a server was found to be and to do, after a listing. */
export interface SourceDialect {
  /** As the server names itself; empty if it does not. */
  readonly software: string;
  /** Extensions that matter: offered and used so far without a refusal, refused though offered, or not offered. */
  readonly extensions: Readonly<Record<string, "works" | "refused" | "missing">>;
  /** Messages that one command looks at (RFC 9738), where the server says so. */
  readonly messageLimit?: number | undefined;
  /** How a row of a migration file names an administrator there, where the software is known. */
  readonly adminForm?: string | undefined;
}

/**
 * A logged-in session with one user's source mailbox. Nothing in it ever changes the source.
 * All methods throw MigrationError; after a `transient` error nothing that was opened before may be used any more.
 */
export interface SourceMailbox {
  /**
   * All folders of the user, with their status in as few round trips as the server allows.
   * A folder whose status the server does not tell is listed without it.
   * @param takesPart the folders whose status is asked for, and among which shared messages are to be shared out, until
   * the next listing; default all.
   * @param timeIsUp looked at between two folders; default never.
   * @throws ListingUnfinished if the time is up.
   */
  listFolders(
    takesPart?: (folder: SourceFolder) => boolean,
    timeIsUp?: () => boolean,
  ): Promise<readonly SourceFolder[]>;
  /** EXAMINE. @throws MigrationError `item`/`SourceFolderGone` if it no longer exists. */
  openFolder(path: string, options?: OpenFolderOptions): Promise<OpenSourceFolder>;
  /** Absent where there is no server. Never throws. */
  dialect?(): SourceDialect;
  /** False once the connection is known to be lost. */
  readonly usable: boolean;
  /**
   * Logs in again over another connection; what the last listing found still holds. Repeatable.
   * @throws MigrationError as {@link SourceConnector.open}.
   */
  reconnect(): Promise<void>;
  /** LOGOUT; never throws. */
  close(): Promise<void>;
}

export interface SourceConnector {
  /**
   * Logs in and verifies that the session is the user's own mailbox.
   * @throws MigrationError `mailbox` for refused logins, unknown hosts, untrusted certificates; `transient` or `throttled` otherwise.
   */
  open(login: SourceLogin): Promise<SourceMailbox>;
}
