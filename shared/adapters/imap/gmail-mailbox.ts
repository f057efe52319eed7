import { createHash } from "node:crypto";
import { MigrationError } from "../../domain/errors.ts";
import { differenceOf, intersectionOf, sizeOf, type UidSet, uidSetOf } from "../../domain/uid-set.ts";
import type {
  FolderStatus,
  OpenFolderStatus,
  OpenSourceFolder,
  SourceFolder,
  SourceMailbox,
} from "../../migration/ports/source.ts";
import { type Census, stillThere, takeCensus } from "./census.ts";
import { fetchItems, fetchRows } from "./fetch.ts";
import { LabelPlaces, labelKeywords } from "./gmail-labels.ts";
import { ImapSourceFolder, type ImapSourceMailbox, type ListedSourceFolder } from "./source-mailbox.ts";
import { declaredUse } from "./special-use.ts";

/** Views of mail that other folders hold (RFC 6154, RFC 8457). */
const VIEWS = ["\\flagged", "\\important"];

/** The messages of an opened folder by the folder each belongs to. */
interface Sorted {
  readonly status: OpenFolderStatus;
  readonly members: ReadonlyMap<string, UidSet>;
  readonly census: Census;
}

/** The folders of one listing. */
interface Arrangement {
  readonly places: LabelPlaces;
  readonly partition: string;
  /** Path of the folder that holds the messages of a folder, for those that share them. */
  readonly containers: ReadonlyMap<string, string>;
  /** By path of the container; sorted when one of its folders is first opened. */
  readonly sorted: Map<string, Sorted>;
}

/**
 * A mailbox of Gmail, where a message is shown in the folder of each of its labels and in All Mail: here each is in
 * one folder, and its other labels are keywords. Folders of labels show their part of All Mail, under its UIDs, so
 * that a change of labels is a move between them. All Mail itself shows what has no label. Deleted and junk mail is not
 * in All Mail and keeps folders of its own.
 *
 * Who opens a folder finds the messages shared out as they were when the first one was opened after a listing: within
 * a session no message is in two folders, or in none, because its labels change meanwhile.
 *
 * Where the user has hidden All Mail from IMAP, each folder of a label shows those of its own messages that belong to it.
 */
export class GmailMailbox implements SourceMailbox {
  readonly #mailbox: ImapSourceMailbox;
  #arrangement: Arrangement | undefined;
  #openPath: string | undefined;

  constructor(mailbox: ImapSourceMailbox) {
    this.#mailbox = mailbox;
  }

  get usable(): boolean {
    return this.#mailbox.usable;
  }

  async reconnect(): Promise<void> {
    this.#openPath = undefined;
    await this.#mailbox.reconnect();
  }

  async listFolders(
    takesPart: (folder: SourceFolder) => boolean = () => true,
    timeIsUp?: () => boolean,
  ): Promise<readonly SourceFolder[]> {
    this.#openPath = undefined;
    const listed = withArchive(await this.#mailbox.listFolders(undefined, timeIsUp));
    const all = listed.find(({ attributes, selectable }) => selectable && attributes.has("\\all"));
    const sharing = new Set(listed.filter((folder) => folder.selectable && sharesMessages(folder)));
    const shownByLabels = messagesOf(sharing);
    const labels = listed
      .filter(({ selectable }) => selectable)
      .map((folder) => ({
        path: folder.path,
        specialUse: folder.specialUse === "inbox" ? folder.specialUse : declaredUse(folder.attributes),
        takesPart: takesPart(folder),
      }));
    const places = new LabelPlaces(
      labels,
      labels.find(({ path }) => path === all?.path),
    );
    // Without All Mail nothing tells that a message in the folder of one label has lost another one: any change counts.
    const partition = all ? places.digest : digestOf(places.digest, [...sharing]);
    this.#arrangement = {
      places,
      partition,
      containers: new Map([...sharing].map(({ path }) => [path, all?.path ?? path])),
      sorted: new Map(),
    };
    const shown = (folder: ListedSourceFolder): SourceFolder => {
      const container = all ?? folder;
      return {
        ...folder,
        status: container.status && statusOfPart(container.status, partition),
        statusError: container.statusError,
        estimatedMessages: estimateFor(folder, shownByLabels),
      };
    };
    return listed.map((folder) => (sharing.has(folder) ? shown(folder) : folder));
  }

  async openFolder(path: string): Promise<OpenSourceFolder> {
    if (this.#arrangement === undefined) await this.listFolders();
    const arrangement = this.#arrangement as Arrangement;
    const { containers, partition } = arrangement;
    const keywordsOf = (labels: readonly string[]) => labelKeywords(labels, path);
    const container = containers.get(path);
    if (container === undefined) {
      this.#openPath = undefined;
      const status = await this.#mailbox.examine(path);
      return new ImapSourceFolder(this.#mailbox.connection, status, { keywordsOf });
    }
    const { status, members, census } = await this.#openContainer(arrangement, container);
    const own = members.get(path) ?? [];
    return new ImapSourceFolder(
      this.#mailbox.connection,
      {
        ...statusOfPart(status, partition),
        messages: sizeOf(own),
        ...(path === container ? { shownMessages: status.messages } : {}),
      },
      { members: own, keywordsOf, census },
    );
  }

  async close(): Promise<void> {
    await this.#mailbox.close();
  }

  /** Opens the folder that holds the messages, if it is not open, and sorts them if that was not done. */
  async #openContainer(arrangement: Arrangement, path: string): Promise<Sorted> {
    const before = arrangement.sorted.get(path);
    if (before !== undefined && this.#openPath === path) return before;
    this.#openPath = undefined;
    const status = await this.#mailbox.examine(path);
    this.#openPath = path;
    if (before?.status.uidValidity === status.uidValidity) return before;
    const census = await takeCensus(this.#mailbox.connection);
    const sorted = { status, census, members: await this.#sort(arrangement.places, path, status, census) };
    arrangement.sorted.set(path, sorted);
    return sorted;
  }

  async #sort(
    places: LabelPlaces,
    container: string,
    { uidNext }: OpenFolderStatus,
    census: Census,
  ): Promise<ReadonlyMap<string, UidSet>> {
    const uids = new Map<string, number[]>();
    const answered: number[] = [];
    const existing = intersectionOf(census.uids, [[1, uidNext - 1]]);
    const rows = fetchRows(this.#mailbox.connection, existing, { items: fetchItems.flags, withLabels: true });
    for await (const { uid, labels = [] } of rows) {
      answered.push(uid);
      // In the folder of a label that label is not listed.
      const home = places.homeOf([...labels, container]);
      if (home === undefined) continue;
      const own = uids.get(home);
      if (own) own.push(uid);
      else uids.set(home, [uid]);
    }
    await this.#requireLabels(differenceOf(existing, uidSetOf(answered)));
    return new Map([...uids].map(([home, own]) => [home, uidSetOf(own)]));
  }

  /** A message whose labels were not told would seem to have left its folder. */
  async #requireLabels(missing: UidSet): Promise<void> {
    if (sizeOf(missing) === 0 || sizeOf(await stillThere(this.#mailbox.connection, missing)) === 0) return;
    throw new MigrationError(
      "transient",
      "LabelsIncomplete",
      "The source server did not tell the labels of all messages, so that it is unknown which folders they are in.",
    );
  }
}

/** All Mail is the archive; the views of it are left away. */
function withArchive(folders: readonly ListedSourceFolder[]): readonly ListedSourceFolder[] {
  const shown = folders.filter(({ attributes }) => !VIEWS.some((view) => attributes.has(view)));
  if (!shown.some(({ attributes }) => attributes.has("\\all"))) return shown;
  return shown.map(({ specialUse, ...folder }) => {
    if (folder.attributes.has("\\all")) return { ...folder, specialUse: "archive", onRequest: false };
    return specialUse === "archive" ? folder : { ...folder, specialUse };
  });
}

/** Deleted and junk mail is in no other folder. */
function sharesMessages({ attributes }: ListedSourceFolder): boolean {
  return !attributes.has("\\trash") && !attributes.has("\\junk");
}

function statusOfPart(
  { uidValidity, uidNext, highestModseq }: FolderStatus,
  partition: string,
): FolderStatus {
  return { uidValidity, uidNext, highestModseq, partition };
}

/**
 * What the folder of a label shows of itself; for All Mail what is left, as if no message had two labels.
 * @param shown messages of all folders that share.
 */
function estimateFor(folder: ListedSourceFolder, shown: number): number | undefined {
  const total = folder.status?.messages;
  if (total === undefined || !folder.attributes.has("\\all")) return total;
  return Math.max(0, total - (shown - total));
}

function messagesOf(folders: Iterable<ListedSourceFolder>): number {
  let sum = 0;
  for (const { status } of folders) sum += status?.messages ?? 0;
  return sum;
}

function digestOf(digest: string, folders: readonly ListedSourceFolder[]): string {
  const statuses = folders.map(({ path, status }) => [path, status]);
  return createHash("sha256")
    .update(digest)
    .update(JSON.stringify(statuses))
    .digest("base64url")
    .slice(0, 22);
}
