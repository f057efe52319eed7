import { isMigrationError } from "../../domain/errors.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { TargetFolderId } from "../../domain/names.ts";
import type { FolderState, TargetFolder, TargetPlace } from "../../migration/ports/target.ts";
import { classifyRefusal, folderMissing, folderRefused, isNoMailbox, mailboxNotFound } from "./classify.ts";
import { truncateText } from "./mime/charset.ts";
import { folderKey, folderNaming, maxFolderName } from "./naming.ts";
import { callMailbox, listAll, type MailboxSession } from "./session.ts";

interface MailFolder {
  readonly id: string;
  readonly displayName: string;
  readonly parentFolderId?: string;
  readonly childFolderCount?: number;
  readonly totalItemCount?: number;
}

/** @see https://learn.microsoft.com/graph/api/resources/mailfolder (well-known folder names) */
const wellKnown: Readonly<Record<SpecialUse, string>> = {
  inbox: "inbox",
  sent: "sentitems",
  drafts: "drafts",
  trash: "deleteditems",
  junk: "junkemail",
  archive: "archive",
};

const nameTakenCode = "ErrorFolderExists";
const folderFields = "id,displayName,parentFolderId,childFolderCount";
const rootFolder = "msgfolderroot";
export const stagingName = "imap-to-m365 staging";
const maxDepth = 300;
/** How many names are tried for a folder whose own is taken by something else. */
const maxNames = 20;

/** The folders of one mailbox, read once a session where they do not change under our hands. */
export class GraphFolders {
  readonly #session: MailboxSession;
  readonly #wellKnown = new Map<string, Promise<MailFolder | undefined>>();
  /** Children by parent id, then by name as Exchange compares it. */
  readonly #children = new Map<string, Promise<Map<string, MailFolder>>>();
  /** Where paths with a special use were put, so that their subfolders follow. */
  readonly #placed = new Map<string, MailFolder>();
  #staging: Promise<TargetFolderId> | undefined;

  constructor(session: MailboxSession) {
    this.#session = session;
  }

  /** @see TargetMailbox.ensureFolder */
  async ensure(segments: readonly string[], specialUse: SpecialUse | undefined): Promise<TargetFolder> {
    try {
      return await this.#ensure(segments, specialUse);
    } catch (error) {
      if (!isMigrationError(error) || error.code !== "TargetItemGone") throw error;
      // A folder above that was just made may not be seen everywhere yet, or its user deleted it.
      this.#children.clear();
      this.#placed.clear();
      throw folderMissing(error);
    }
  }

  async #ensure(segments: readonly string[], specialUse: SpecialUse | undefined): Promise<TargetFolder> {
    const special = specialUse === undefined ? undefined : await this.#find(wellKnown[specialUse]);
    const folder = special ?? (await this.#ensurePath(segments));
    if (special !== undefined) this.#placed.set(pathKey(segments), special);
    return { id: folder.id as TargetFolderId, path: this.#reportPath(segments, folder) };
  }

  /** @see TargetMailbox.folderState */
  async state(folder: TargetFolderId): Promise<FolderState> {
    const deleted = await this.#find(wellKnown.trash);
    if (folder === deleted?.id) return "there";
    const root = await this.#find(rootFolder);
    let id: string | undefined = folder;
    for (let depth = 0; id !== undefined && id !== root?.id && depth < maxDepth; depth++) {
      if (id === deleted?.id) return "deleted";
      const parent: MailFolder | undefined = await this.#read(id);
      if (parent === undefined) return this.#stateAsListed(folder, deleted?.id);
      id = parent.parentFolderId;
    }
    return "there";
  }

  /** Looks for a folder among all that the mailbox lists, by other calls than those that did not find it. */
  async #stateAsListed(folder: TargetFolderId, deleted: string | undefined): Promise<FolderState> {
    const parents: { readonly id: string; readonly state: FolderState }[] = [
      { id: rootFolder, state: "there" },
    ];
    for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
      const below = parent.id === deleted ? "deleted" : parent.state;
      for (const { id, childFolderCount = 0 } of await this.#listedBelow(parent.id)) {
        if (id === folder) return below;
        if (childFolderCount > 0) parents.push({ id, state: below });
      }
    }
    return "missing";
  }

  async #listedBelow(parentId: string): Promise<readonly MailFolder[]> {
    try {
      return [...(await this.#listChildren(parentId)).values()];
    } catch (error) {
      if (isMigrationError(error) && error.code === "TargetItemGone") return [];
      throw error;
    }
  }

  /** @see TargetMailbox.listPlaces */
  async places(): Promise<readonly TargetPlace[]> {
    const trash = (await this.#find(wellKnown.trash))?.id;
    const found: TargetPlace[] = [];
    const parents: { readonly id: string; readonly path: string; readonly deleted: boolean }[] = [
      { id: rootFolder, path: "", deleted: false },
    ];
    for (let parent = parents.shift(); parent !== undefined; parent = parents.shift()) {
      const children = await listAll<MailFolder>(
        this.#session,
        `/mailFolders/${encodeURIComponent(parent.id)}/childFolders`,
        { $select: `${folderFields},totalItemCount`, $top: "200" },
      );
      for (const { id, displayName, childFolderCount = 0, totalItemCount = 0 } of children) {
        const path = parent.path === "" ? displayName : `${parent.path}/${displayName}`;
        const deleted = parent.deleted || id === trash;
        found.push({ id: id as TargetFolderId, path, items: totalItemCount, deleted });
        if (childFolderCount > 0) parents.push({ id, path, deleted });
      }
    }
    return found;
  }

  async isTrash(folder: string): Promise<boolean> {
    return (await this.#find(wellKnown.trash))?.id === folder;
  }

  /** The hidden folder in which messages are put together out of sight; below the root, made when it is not there. */
  async staging(): Promise<TargetFolderId> {
    this.#staging ??= this.#ensureStaging();
    try {
      const known = await this.#staging;
      if ((await this.#read(known)) !== undefined) return known;
      this.#children.clear();
      this.#staging = this.#ensureStaging();
      return await this.#staging;
    } catch (error) {
      this.#staging = undefined;
      throw error;
    }
  }

  async #ensureStaging(): Promise<TargetFolderId> {
    const root = await this.#find(rootFolder);
    const parent = root?.id ?? rootFolder;
    const known = (await this.#childrenOf(parent)).get(folderKey(stagingName));
    const folder = known ?? (await this.#create(parent, stagingName, true));
    if (folder === undefined) throw folderRefused();
    return folder.id as TargetFolderId;
  }

  async #ensurePath(segments: readonly string[]): Promise<MailFolder> {
    let [parent, depth] = await this.#longestPlaced(segments);
    for (; depth < segments.length; depth++) {
      parent = await this.#ensureChild(parent.id, folderNaming.sanitize(segments[depth] ?? ""));
    }
    return parent;
  }

  /**
   * Next to mail folders lie others, such as the calendar, whose names are taken without being listed: mail of a folder
   * with such a name goes into one with a number, the same one each time.
   */
  async #ensureChild(parentId: string, name: string): Promise<MailFolder> {
    for (let number = 1; number <= maxNames; number++) {
      const candidate = number === 1 ? name : numbered(name, number);
      const known = (await this.#childrenOf(parentId)).get(folderKey(candidate));
      const folder = known ?? (await this.#create(parentId, candidate, false));
      if (folder !== undefined) return folder;
    }
    throw folderRefused();
  }

  async #longestPlaced(segments: readonly string[]): Promise<[MailFolder, number]> {
    for (let depth = segments.length; depth > 0; depth--) {
      const placed = this.#placed.get(pathKey(segments.slice(0, depth)));
      if (placed !== undefined) return [placed, depth];
    }
    const inbox = segments[0]?.toLowerCase() === "inbox" ? await this.#find(wellKnown.inbox) : undefined;
    if (inbox !== undefined) return [inbox, 1];
    return [(await this.#find(rootFolder)) ?? { id: rootFolder, displayName: "" }, 0];
  }

  #childrenOf(parentId: string): Promise<Map<string, MailFolder>> {
    const known = this.#children.get(parentId);
    if (known !== undefined) return known;
    const read = this.#listChildren(parentId).catch((error: unknown) => {
      this.#children.delete(parentId);
      throw error;
    });
    this.#children.set(parentId, read);
    return read;
  }

  async #listChildren(parentId: string): Promise<Map<string, MailFolder>> {
    const folders = await listAll<MailFolder>(
      this.#session,
      `/mailFolders/${encodeURIComponent(parentId)}/childFolders`,
      { $select: folderFields, $top: "200", includeHiddenFolders: "true" },
    );
    return new Map(folders.map((folder) => [folderKey(folder.displayName), folder]));
  }

  /**
   * Somebody else may have made it meanwhile, or our own request whose answer was lost: then it is read.
   * @returns undefined if the name is taken by what is no mail folder.
   */
  async #create(parentId: string, name: string, isHidden: boolean): Promise<MailFolder | undefined> {
    const children = await this.#childrenOf(parentId);
    const answer = await callMailbox<MailFolder>(this.#session, {
      method: "POST",
      path: `/mailFolders/${encodeURIComponent(parentId)}/childFolders`,
      body: isHidden ? { displayName: name, isHidden } : { displayName: name },
      effect: "repeatable",
      expect: [409],
    });
    if (answer.status !== 409) {
      children.set(folderKey(name), answer.body);
      return answer.body;
    }
    if (answer.errorCode !== nameTakenCode)
      throw classifyRefusal({ status: answer.status, code: answer.errorCode }, "repeatable");
    this.#children.delete(parentId);
    return (await this.#childrenOf(parentId)).get(folderKey(name));
  }

  #find(name: string): Promise<MailFolder | undefined> {
    const known = this.#wellKnown.get(name);
    if (known !== undefined) return known;
    const read = this.#read(name).catch((error: unknown) => {
      this.#wellKnown.delete(name);
      throw error;
    });
    this.#wellKnown.set(name, read);
    return read;
  }

  async #read(idOrName: string): Promise<MailFolder | undefined> {
    const answer = await callMailbox<MailFolder>(this.#session, {
      method: "GET",
      path: `/mailFolders/${encodeURIComponent(idOrName)}`,
      query: { $select: folderFields },
      effect: "read",
      expect: [404],
    });
    if (answer.status !== 404) return answer.body;
    if (isNoMailbox(answer.errorCode)) throw mailboxNotFound();
    return undefined;
  }

  #reportPath(segments: readonly string[], folder: MailFolder): string {
    const above = segments.slice(0, -1).map((segment) => folderNaming.sanitize(segment));
    return this.#placed.has(pathKey(segments))
      ? folder.displayName
      : [...above, folder.displayName].join("/");
  }
}

function numbered(name: string, number: number): string {
  return `${truncateText(name, maxFolderName - 5)} (${number})`;
}

function pathKey(segments: readonly string[]): string {
  return segments.map((segment) => folderKey(segment)).join("\0");
}
