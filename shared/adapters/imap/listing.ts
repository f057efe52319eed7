import type { ImapResponse } from "imapflow";
import { MigrationError } from "../../domain/errors.ts";
import type { UidValidity } from "../../domain/names.ts";
import type { FolderStatus } from "../../migration/ports/source.ts";
import type { AnswerBudget } from "./answer-guard.ts";
import type { ImapConnection } from "./connection.ts";
import {
  atom,
  atoms,
  digitsOf,
  mailbox,
  nameOf,
  numberOf,
  pairsOf,
  refusesForm,
  string,
  textOf,
  textsOf,
} from "./wire.ts";

/** A folder as LIST shows it. */
export interface ListedFolder {
  /** The name as the server sent it. */
  readonly path: string;
  readonly separator: string | undefined;
  /** Attributes in lower case. */
  readonly attributes: ReadonlySet<string>;
  readonly subscribed: boolean;
}

export interface StatusRow {
  readonly status: FolderStatus | undefined;
  /** MAILBOXID (RFC 8474). */
  readonly mailboxId: string | undefined;
}

export interface Listing {
  readonly folders: readonly ListedFolder[];
  /** STATUS of the folders for which the server sent one along (LIST-STATUS, RFC 5819), by path. */
  readonly statuses: ReadonlyMap<string, StatusRow>;
}

/** An objectid (RFC 8474, section 7). */
const OBJECT_ID = /^[A-Za-z0-9_-]{1,255}$/;

/** Folders of one mailbox. Exchange Online holds fewer in any mailbox that its users can work with. */
const MAX_FOLDERS = 20_000;
/** A line of LIST and one of STATUS a folder. */
const listAnswer: AnswerBudget = { lines: 3 * MAX_FOLDERS, bytes: 32 * 1024 * 1024, bodyBytes: 0 };

/** True for a folder that exists and holds messages. */
export function isSelectable(folder: ListedFolder): boolean {
  return !folder.attributes.has("\\noselect") && !folder.attributes.has("\\nonexistent");
}

/**
 * LIST of all patterns, with subscriptions, special uses and STATUS in the same round trip where the server can
 * (RFC 5258, 5819, 6154); otherwise LIST and LSUB, and no STATUS.
 */
export async function listFolders(
  connection: ImapConnection,
  patterns: readonly string[],
  want: { readonly status: boolean },
): Promise<Listing> {
  if (!connection.has("LIST-EXTENDED")) return listPlainly(connection, patterns);
  const withStatus = want.status && connection.has("LIST-STATUS");
  // Some servers offer an extension and refuse its syntax.
  const whole = await listExtended(connection, patterns, withStatus);
  if (whole !== undefined) return whole;
  const bare = withStatus ? await listExtended(connection, patterns, false) : undefined;
  const listing = bare ?? (await listPlainly(connection, patterns));
  connection.forgo("LIST-STATUS", ...(bare === undefined ? ["LIST-EXTENDED"] : []));
  return listing;
}

/** STATUS of one folder. @returns undefined, or the reason, where the server refuses it. */
export async function statusOf(
  connection: ImapConnection,
  path: string,
): Promise<StatusRow | { readonly refused: string }> {
  const rows = new Map<string, StatusRow>();
  const ask = (withModseq: boolean) =>
    connection.attempt("STATUS", [mailbox(path), atoms(...statusItems(withModseq))], {
      untagged: { STATUS: async (response) => collectStatus(response, rows) },
    });
  let reply = await ask(hasModseq(connection));
  if (reply.status === "BAD" && hasModseq(connection)) {
    reply = await ask(false);
    if (reply.status === "OK") connection.forgo("CONDSTORE", "QRESYNC");
  }
  if (reply.status !== "OK") {
    const error = connection.refusal(reply);
    if (error.code !== "CommandRefused") throw error;
    return { refused: reply.code || reply.status };
  }
  // Some servers spell the name differently in the answer; only one folder was asked for.
  return [...rows.values()][0] ?? { refused: "empty" };
}

/** The folder of exactly this name, if the server has it. A name the server does not even parse is one it has not. */
export async function findFolder(
  connection: ImapConnection,
  path: string,
): Promise<ListedFolder | undefined> {
  const folders: ListedFolder[] = [];
  const reply = await connection.attempt("LIST", [string(""), mailbox(path)], {
    budget: listAnswer,
    untagged: { LIST: async (response) => collectFolder(connection, response, folders) },
  });
  if (reply.status !== "OK") {
    const error = connection.refusal(reply);
    if (error.code !== "CommandRefused") throw error;
  }
  return folders.find((folder) => folder.path === path && !folder.attributes.has("\\nonexistent"));
}

async function listExtended(
  connection: ImapConnection,
  patterns: readonly string[],
  withStatus: boolean,
): Promise<Listing | undefined> {
  const folders: ListedFolder[] = [];
  const statuses = new Map<string, StatusRow>();
  const options = atoms("SUBSCRIBED");
  if (connection.has("SPECIAL-USE")) options.push(atom("SPECIAL-USE"));
  if (withStatus) {
    const mailboxId = hasMailboxIds(connection) ? ["MAILBOXID"] : [];
    options.push(atom("STATUS"), atoms(...statusItems(hasModseq(connection)), ...mailboxId));
  }
  const pattern = patterns.length === 1 ? mailbox(patterns[0] ?? "*") : patterns.map(mailbox);
  const reply = await connection.attempt("LIST", [string(""), pattern, atom("RETURN"), options], {
    budget: listAnswer,
    untagged: {
      LIST: async (response) => collectFolder(connection, response, folders),
      STATUS: async (response) => collectStatus(response, statuses),
    },
  });
  if (reply.status === "OK") return { folders, statuses };
  if (refusesForm(reply) && connection.refusal(reply).code === "CommandRefused") return undefined;
  throw connection.refusal(reply);
}

async function listPlainly(connection: ImapConnection, patterns: readonly string[]): Promise<Listing> {
  const folders: ListedFolder[] = [];
  const subscriptions: ListedFolder[] = [];
  for (const pattern of patterns) {
    await connection.run("LIST", [string(""), mailbox(pattern)], {
      budget: listAnswer,
      untagged: { LIST: async (response) => collectFolder(connection, response, folders) },
    });
    await connection.attempt("LSUB", [string(""), mailbox(pattern)], {
      budget: listAnswer,
      untagged: { LSUB: async (response) => collectFolder(connection, response, subscriptions) },
    });
  }
  const subscribed = new Set(subscriptions.filter(isSelectable).map((folder) => folder.path));
  return {
    folders: folders.map((folder) => ({ ...folder, subscribed: subscribed.has(folder.path) })),
    statuses: new Map(),
  };
}

function statusItems(withModseq: boolean): string[] {
  const items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"];
  return withModseq ? [...items, "HIGHESTMODSEQ"] : items;
}

/** Cyrus 3.6 fills MAILBOXID in STATUS with bytes of freed memory, which at times makes the line unreadable. */
function hasMailboxIds(connection: ImapConnection): boolean {
  return connection.has("OBJECTID") && !/\bCyrus IMAP\b/.test(connection.greeting);
}

/** True if the server keeps mod-sequences (CONDSTORE, or QRESYNC, which implies it: RFC 7162). */
export function hasModseq(connection: ImapConnection): boolean {
  return connection.has("CONDSTORE") || connection.has("QRESYNC");
}

/** Ends the connection at a folder too many: the answer could go on for ever. */
function collectFolder(connection: ImapConnection, response: ImapResponse, folders: ListedFolder[]): void {
  if (folders.length >= MAX_FOLDERS) {
    connection.abort(tooManyFolders());
    return;
  }
  const [attributes, separator, name] = response.attributes ?? [];
  const path = nameOf(name);
  if (path === "") return;
  const names = new Set(textsOf(attributes).map((attribute) => attribute.toLowerCase()));
  folders.push({
    path,
    separator: textOf(separator) || undefined,
    attributes: names,
    subscribed: names.has("\\subscribed"),
  });
}

function collectStatus(response: ImapResponse, statuses: Map<string, StatusRow>): void {
  const [name, list] = response.attributes ?? [];
  const values = new Map(pairsOf(list));
  const uidValidity = digitsOf(values.get("UIDVALIDITY"));
  const uidNext = numberOf(values.get("UIDNEXT"));
  const messages = numberOf(values.get("MESSAGES"));
  const modseq = digitsOf(values.get("HIGHESTMODSEQ"));
  statuses.set(nameOf(name), {
    status:
      uidValidity === undefined || uidNext === undefined || messages === undefined
        ? undefined
        : {
            uidValidity: uidValidity as UidValidity,
            uidNext,
            messages,
            unseen: numberOf(values.get("UNSEEN")),
            highestModseq: modseq === "0" ? undefined : modseq,
          },
    mailboxId: textsOf(values.get("MAILBOXID")).find((id) => OBJECT_ID.test(id)),
  });
}

function tooManyFolders(): MigrationError {
  return new MigrationError(
    "mailbox",
    "TooManyFolders",
    `The server lists more than ${MAX_FOLDERS} folders for this mailbox. Remove or join folders there, or set rootFolder to a part of them.`,
  );
}
