import { MigrationError } from "../../domain/errors.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { TargetFolderId } from "../../domain/names.ts";
import type { FolderNaming, TargetFolder, TargetPlace } from "../../migration/ports/target.ts";
import type { ImapConnection } from "./connection.ts";
import { isInbox, joinSegments, personalScope } from "./folder-paths.ts";
import { findFolder, isSelectable, type ListedFolder, listFolders, statusOf } from "./listing.ts";
import { plainName } from "./naming.ts";
import { assignUses } from "./special-use.ts";
import { atom, mailbox } from "./wire.ts";

const ATTRIBUTE_OF_USE: Readonly<Record<Exclude<SpecialUse, "inbox">, string>> = {
  sent: "\\Sent",
  drafts: "\\Drafts",
  trash: "\\Trash",
  junk: "\\Junk",
  archive: "\\Archive",
};

/** Names for folders that the target does not have, and that at the source lie within another one: `[Gmail]/Spam`. */
const NAME_OF_USE: Readonly<Record<Exclude<SpecialUse, "inbox">, string>> = {
  sent: "Sent",
  drafts: "Drafts",
  trash: "Trash",
  junk: "Junk",
  archive: "Archive",
};

const INBOX = "INBOX";

interface Index {
  readonly byPath: Map<string, ListedFolder>;
  readonly pathByUse: Map<SpecialUse, string>;
}

/** The folders of a target mailbox: finds them, and creates and subscribes what is missing. */
export class TargetFolders {
  readonly #naming: FolderNaming;
  #index: Index | undefined;

  constructor(naming: FolderNaming) {
    this.#naming = naming;
  }

  /** Forgets what was listed, after a folder turned out to be gone. */
  forget(): void {
    this.#index = undefined;
  }

  async ensure(
    connection: ImapConnection,
    segments: readonly string[],
    specialUse?: SpecialUse,
  ): Promise<TargetFolder> {
    if (specialUse === "inbox") return this.#folderAt(connection, INBOX);
    const index = await this.#load(connection);
    const known = specialUse === undefined ? undefined : index.pathByUse.get(specialUse);
    if (known !== undefined) return this.#folderAt(connection, known);
    let path = "";
    const wanted = specialUse !== undefined && segments.length > 1 ? [NAME_OF_USE[specialUse]] : segments;
    const names = wanted.map((segment) => this.#naming.sanitize(segment));
    for (let depth = 1; depth <= names.length; depth++) {
      const last = depth === names.length;
      path = await this.#ensureLevel(connection, index, names.slice(0, depth), path, last, specialUse);
    }
    if (specialUse !== undefined) index.pathByUse.set(specialUse, path);
    return this.#folderAt(connection, path);
  }

  /** The path of the deleted items, created where there is none. */
  async trash(connection: ImapConnection): Promise<TargetFolderId> {
    return (await this.ensure(connection, [NAME_OF_USE.trash], "trash")).id;
  }

  /** False if the folder is gone or lies below the deleted items. */
  async exists(connection: ImapConnection, path: string): Promise<boolean> {
    const folder = await findFolder(connection, path);
    if (!folder) return false;
    if (!(await opens(connection, path))) return false;
    const trash = (await this.#load(connection)).pathByUse.get("trash");
    return (
      trash === undefined || folder.separator === undefined || !path.startsWith(trash + folder.separator)
    );
  }

  /** All folders that hold messages, as they are now. */
  async places(connection: ImapConnection): Promise<readonly TargetPlace[]> {
    this.forget();
    const { byPath, pathByUse } = await this.#load(connection);
    const trash = pathByUse.get("trash");
    const found: TargetPlace[] = [];
    for (const folder of [...byPath.values()].filter(isSelectable)) {
      const row = await statusOf(connection, folder.path);
      if ("refused" in row) continue;
      const below = trash !== undefined && folder.path.startsWith(trash + (folder.separator ?? "\0"));
      found.push({
        ...this.#folderAt(connection, folder.path),
        items: row.status?.messages ?? 0,
        deleted: folder.path === trash || below,
      });
    }
    return found;
  }

  /** The folder at one level of the hierarchy, below the parent just ensured. */
  async #ensureLevel(
    connection: ImapConnection,
    index: Index,
    names: readonly string[],
    parent: string,
    holdsMessages: boolean,
    specialUse: SpecialUse | undefined,
  ): Promise<string> {
    const name = names.at(-1) ?? "";
    for (const candidate of new Set([name, plainName(name)])) {
      const path = pathOf(connection, parent, candidate);
      const existing = index.byPath.get(path);
      // CREATE makes a folder of a name that only has subfolders (RFC 9051, 6.3.4).
      if (existing && (!holdsMessages || (await opens(connection, path)))) return path;
      const created = await create(connection, path, holdsMessages ? specialUse : undefined);
      if (created) {
        index.byPath.set(created.path, created);
        return created.path;
      }
    }
    throw new MigrationError(
      "item",
      "TargetFolderRefused",
      "The target server refuses to create this folder, also under a plainer name.",
    );
  }

  #folderAt(connection: ImapConnection, path: string): TargetFolder {
    const { delimiter } = personalOf(connection);
    const segments = personalScope(connection.namespaces).segmentsOf(path, delimiter);
    return { id: path as TargetFolderId, path: (segments ?? [path]).join("/") };
  }

  async #load(connection: ImapConnection): Promise<Index> {
    if (this.#index) return this.#index;
    const scope = personalScope(connection.namespaces);
    const { folders } = await listFolders(connection, scope.patterns, { status: false });
    const own = folders.flatMap((folder) => {
      const segments = scope.segmentsOf(folder.path, folder.separator);
      return segments && !folder.attributes.has("\\nonexistent") ? [{ ...folder, segments }] : [];
    });
    const uses = assignUses(own.filter(isSelectable));
    this.#index = {
      byPath: new Map(own.map((folder) => [folder.path, folder])),
      pathByUse: new Map([...uses].map(([path, use]) => [use, path])),
    };
    return this.#index;
  }
}

/**
 * True if a folder that is listed holds messages. LIST does not tell: Dovecot shows a folder that it creates on first
 * use as \Noselect as soon as it has a subfolder, and in a maildir a deleted one with subfolders as if it were there.
 */
async function opens(connection: ImapConnection, path: string): Promise<boolean> {
  return !("refused" in (await statusOf(connection, path)));
}

/** Creates and subscribes a folder. @returns undefined if the server refuses the name. */
async function create(
  connection: ImapConnection,
  path: string,
  use: SpecialUse | undefined,
): Promise<ListedFolder | undefined> {
  const attribute = use === undefined || use === "inbox" ? undefined : ATTRIBUTE_OF_USE[use];
  let reply =
    attribute !== undefined && connection.has("CREATE-SPECIAL-USE")
      ? await connection.attempt("CREATE", [mailbox(path), [atom("USE"), [atom(attribute)]]])
      : await connection.attempt("CREATE", [mailbox(path)]);
  // RFC 6154, 5.2: the server may refuse the use, not the folder.
  if (reply.status !== "OK" && attribute !== undefined)
    reply = await connection.attempt("CREATE", [mailbox(path)]);
  const found = await findCreated(connection, path);
  if (found) {
    if (reply.status === "OK") await connection.attempt("SUBSCRIBE", [mailbox(found.path)]);
    return found;
  }
  const error = connection.refusal(reply);
  if (reply.status !== "OK" && error.code !== "CommandRefused") throw error;
  return undefined;
}

/**
 * The folder after CREATE, whatever the server answered: it may have existed before (Courier says only "Cannot
 * create"), differ from an existing one in case alone, or have been stored under a trimmed name.
 */
async function findCreated(connection: ImapConnection, path: string): Promise<ListedFolder | undefined> {
  const exact = await findFolder(connection, path);
  if (exact) return exact;
  const { folders } = await listFolders(connection, personalScope(connection.namespaces).patterns, {
    status: false,
  });
  const folded = path.trim().toLowerCase();
  return folders.find((folder) => folder.path.trim().toLowerCase() === folded);
}

function pathOf(connection: ImapConnection, parent: string, name: string): string {
  const { prefix, delimiter } = personalOf(connection);
  if (parent === "") return isInbox(name) ? INBOX : prefix + joinSegments([name], delimiter);
  return `${parent}${delimiter ?? ""}${joinSegments([name], delimiter)}`;
}

function personalOf(connection: ImapConnection): { readonly prefix: string; readonly delimiter?: string } {
  const first = connection.namespaces.personal[0];
  return {
    prefix: first?.prefix ?? "",
    ...(first?.delimiter ? { delimiter: first.delimiter } : {}),
  };
}
