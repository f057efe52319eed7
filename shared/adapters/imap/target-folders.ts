import { MigrationError } from "../../domain/errors.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { TargetFolderId } from "../../domain/names.ts";
import type { FolderNaming, TargetFolder, TargetPlace, WantedFolder } from "../../migration/ports/target.ts";
import type { AppendPipeline } from "./append-pipeline.ts";
import type { ImapConnection } from "./connection.ts";
import { create, createMany, folded, type MissingFolder } from "./create-folders.ts";
import { isInbox, joinSegments, personalScope } from "./folder-paths.ts";
import { findFolder, isSelectable, type ListedFolder, listFolders, statusOf } from "./listing.ts";
import { plainName } from "./naming.ts";
import { assignUses } from "./special-use.ts";

/** Names for folders that the target does not have, and that at the source lie within another one: `[Gmail]/Spam`. */
const NAME_OF_USE: Readonly<Record<Exclude<SpecialUse, "inbox">, string>> = {
  sent: "Sent",
  drafts: "Drafts",
  trash: "Trash",
  junk: "Junk",
  archive: "Archive",
};

const INBOX = "INBOX";

/** Round trips by which one folder is made, and is asked for; and those of a login that has begun before. */
const tripsToMake = 3;
const tripsToLogIn = 4;

interface Index {
  readonly byPath: Map<string, ListedFolder>;
  readonly pathByUse: Map<SpecialUse, string>;
  /** Paths that were just seen to hold messages: the next one who wants to know need not ask. */
  readonly opened: Set<string>;
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

  /** Lists the folders, unless they are known. */
  async look(connection: ImapConnection): Promise<void> {
    await this.#load(connection);
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
    const names = this.#namesOf(segments, specialUse);
    for (let depth = 1; depth <= names.length; depth++) {
      const last = depth === names.length;
      path = await this.#ensureLevel(connection, index, names.slice(0, depth), path, last, specialUse);
    }
    if (specialUse !== undefined) index.pathByUse.set(specialUse, path);
    return this.#folderAt(connection, path);
  }

  /**
   * Creates what is missing of these folders, and asks which of the others hold messages, all at once, so that `ensure`
   * finds them. What is refused is left to that.
   * @param opening a line, which may take a login.
   */
  async prepare(
    connection: ImapConnection,
    opening: Promise<AppendPipeline | undefined>,
    wanted: readonly WantedFolder[],
  ): Promise<void> {
    const index = await this.#load(connection);
    const { missing, listed } = this.#missingOf(connection, index, wanted);
    index.opened.clear();
    // Few are made, and asked for, one by one sooner than somebody logs in.
    if (missing.length * tripsToMake + listed.length <= tripsToLogIn) return;
    const line = await opening;
    if (line === undefined) return;
    const { made, opened } = await createMany(connection, line, missing, listed);
    for (const folder of made) index.byPath.set(folder.path, folder);
    for (const path of opened) index.opened.add(path);
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

  #namesOf(segments: readonly string[], specialUse: SpecialUse | undefined): readonly string[] {
    const isElsewhere = specialUse !== undefined && specialUse !== "inbox" && segments.length > 1;
    return (isElsewhere ? [NAME_OF_USE[specialUse]] : segments).map((segment) =>
      this.#naming.sanitize(segment),
    );
  }

  /**
   * What `ensure` would have to create for these folders, and which of those that are listed it would ask for. Left out is
   * what the server may take for another name, or store under one: that is seen one by one.
   */
  #missingOf(
    connection: ImapConnection,
    index: Index,
    wanted: readonly WantedFolder[],
  ): { readonly missing: readonly MissingFolder[]; readonly listed: readonly string[] } {
    const missing = new Map<string, MissingFolder>();
    const listed = new Set<string>();
    const uses = new Set<SpecialUse>(["inbox", ...index.pathByUse.keys()]);
    const there = new Set([...index.byPath.keys()].map(folded));
    for (const { segments, specialUse } of wanted) {
      if (specialUse !== undefined && uses.has(specialUse)) continue;
      if (specialUse !== undefined) uses.add(specialUse);
      const names = this.#namesOf(segments, specialUse);
      let parent = "";
      for (const [above, name] of names.entries()) {
        const path = pathOf(connection, parent, name);
        const depth = above + 1;
        const isLast = depth === names.length;
        if (index.byPath.has(path)) {
          if (isLast) listed.add(path);
        } else {
          if (there.has(folded(path))) break;
          const use = isLast ? specialUse : undefined;
          missing.set(path, { path, parent, depth, specialUse: use ?? missing.get(path)?.specialUse });
          if (name !== plainName(name)) break;
        }
        parent = path;
      }
    }
    return { missing: [...missing.values()], listed: [...listed] };
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
      const isOpen = async () => index.opened.delete(path) || (await opens(connection, path));
      if (existing && (!holdsMessages || (await isOpen()))) return path;
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
      opened: new Set(),
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
