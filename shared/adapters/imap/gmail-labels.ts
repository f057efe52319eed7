import { createHash } from "node:crypto";
import type { SpecialUse } from "../../domain/folders.ts";
import { decodeMailboxName } from "./utf7.ts";

/** A folder of Gmail as far as labels are concerned. */
export interface LabelFolder {
  /** The server's path, which for a user's label is the label as well. */
  readonly path: string;
  readonly specialUse?: SpecialUse | undefined;
  /** False if the batch leaves the folder out. */
  readonly takesPart: boolean;
}

/**
 * Labels of the system that have a folder, in lower case. \Important, \Starred and \Muted say nothing about a place,
 * and \Starred is the flag \Flagged as well.
 * @see https://developers.google.com/workspace/gmail/imap/imap-extensions
 */
const USE_OF_LABEL: Readonly<Record<string, SpecialUse>> = {
  "\\inbox": "inbox",
  "\\sent": "sent",
  "\\draft": "drafts",
  "\\drafts": "drafts",
  "\\spam": "junk",
  "\\junk": "junk",
  "\\trash": "trash",
};

/** Which of several folders with a use a message belongs to. */
const PRECEDENCE: readonly SpecialUse[] = ["trash", "junk", "inbox", "sent", "drafts"];

/**
 * Decides to which one folder each message of Gmail belongs: by its labels to the first of deleted mail, junk mail,
 * inbox, sent mail and drafts that it has, else to its first label in the order of paths, else to All Mail. Folders
 * that do not take part are passed over; a message whose labels all name such folders belongs nowhere. A label that
 * IMAP does not show as a folder counts for nothing. Pure.
 */
export class LabelPlaces {
  readonly #all: LabelFolder | undefined;
  readonly #byUse = new Map<SpecialUse, LabelFolder>();
  readonly #byLabel = new Map<string, LabelFolder>();

  /**
   * @param folders all that are listed and can be opened.
   * @param all the folder that holds every message, where it is listed.
   */
  constructor(folders: readonly LabelFolder[], all: LabelFolder | undefined) {
    this.#all = all;
    for (const folder of folders) {
      if (folder.path === all?.path) continue;
      if (folder.specialUse !== undefined && PRECEDENCE.includes(folder.specialUse))
        this.#byUse.set(folder.specialUse, folder);
      this.#byLabel.set(folder.path, folder);
    }
  }

  /** @param labels as on the wire. @returns the path of the folder, or undefined if the message belongs nowhere. */
  homeOf(labels: readonly string[]): string | undefined {
    const folders = labels.map((label) => this.#folderOf(label)).filter((folder) => folder !== undefined);
    if (folders.length === 0) return this.#all?.takesPart ? this.#all.path : undefined;
    const ranked = folders
      .filter(({ takesPart }) => takesPart)
      .sort((a, b) => this.#rankOf(a) - this.#rankOf(b) || (a.path < b.path ? -1 : 1));
    return ranked[0]?.path;
  }

  /** A short text that is another one where the same labels may lead to another folder. */
  get digest(): string {
    const hash = createHash("sha256").update(`${this.#all?.path} ${this.#all?.takesPart}\n`);
    for (const folder of [...this.#byLabel.values()].sort((a, b) => (a.path < b.path ? -1 : 1)))
      hash.update(`${folder.path} ${this.#rankOf(folder)} ${folder.takesPart}\n`);
    return hash.digest("base64url").slice(0, 22);
  }

  #folderOf(label: string): LabelFolder | undefined {
    const use = USE_OF_LABEL[label.toLowerCase()];
    return use === undefined ? this.#byLabel.get(label) : this.#byUse.get(use);
  }

  #rankOf(folder: LabelFolder): number {
    const rank = PRECEDENCE.findIndex((use) => this.#byUse.get(use) === folder);
    return rank < 0 ? PRECEDENCE.length : rank;
  }
}

/**
 * The user's labels of a message as keywords, in Unicode, without that of the folder it is in. Pure.
 * @param labels as on the wire.
 */
export function labelKeywords(labels: readonly string[], home: string): readonly string[] {
  return labels.filter((label) => !label.startsWith("\\") && label !== home).map(decodeMailboxName);
}
