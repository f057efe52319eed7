import { matchesFolder, renamedSegments, whyLeftOut } from "../../../shared/domain/folder-rules.ts";
import type { ListedFolder } from "../api/types.ts";
import { type OptionsDraft, optionsOf } from "./options.ts";

export interface TriedFolder {
  readonly path: string;
  readonly messages: number | null;
  /** Where its mail goes, if it is copied. */
  readonly becomes?: string;
  /** Why it is not copied, if so. */
  readonly leftOut?: string;
  readonly isMoved: boolean;
}

export interface TriedRules {
  /** Those that are left out first, then those that get another name. */
  readonly folders: readonly TriedFolder[];
  readonly leftOutCount: number;
  /** Rules that fit none of the folders. */
  readonly idle: readonly string[];
}

const ownNames = {
  inbox: "Inbox",
  sent: "Sent Items",
  drafts: "Drafts",
  trash: "Deleted Items",
  junk: "Junk Email",
  archive: "Archive",
} as const;

const reasons = {
  subscribedOnly: "not subscribed",
  excludeFolders: "by your rule",
  includeFolders: "not among those to copy",
  onRequest: "holds no mail, or that of other folders; name it among those to copy to have it",
} as const;

/**
 * What the rules of a form do to the folders of one mailbox. Characters that Microsoft 365 does not take, and names that
 * differ in them alone, are not looked at. Pure.
 */
export function tryRules(folders: readonly ListedFolder[], draft: OptionsDraft): TriedRules {
  const { excludeFolders = [], includeFolders = [], renameFolders = {}, targetRootFolder } = optionsOf(draft);
  const rules = { excludeFolders, includeFolders, subscribedOnly: draft.subscribedOnly };
  // While a line is being typed it may lack its other half.
  const renames = Object.fromEntries(Object.entries(renameFolders).filter(([, to]) => to));
  const used = new Set<string>();
  const tried = folders.map(({ segments, specialUse, subscribed, onRequest, messages }): TriedFolder => {
    const folder = { segments, specialUse: specialUse ?? undefined, subscribed, onRequest };
    const path = segments.join("/");
    const reason = whyLeftOut(folder, rules);
    if (reason !== undefined) return { path, messages, leftOut: reasons[reason], isMoved: false };
    const renamed = renamedSegments(folder, renames)?.join("/");
    const isOwn = renamed === undefined && specialUse !== null && !used.has(specialUse);
    if (isOwn) used.add(specialUse);
    const name = renamed ?? (isOwn && targetRootFolder === undefined ? ownNames[specialUse] : path);
    const becomes = targetRootFolder === undefined ? name : `${targetRootFolder}/${name}`;
    return { path, messages, becomes, isMoved: becomes.toLowerCase() !== path.toLowerCase() };
  });
  const fitsNone = (rule: string) =>
    !folders.some(({ segments, specialUse }) =>
      matchesFolder({ segments, specialUse: specialUse ?? undefined }, rule),
    );
  const movesNone = (from: string) =>
    !folders.some(({ segments }) => renamedSegments({ segments }, { [from]: from }) !== undefined);
  const rank = ({ leftOut, isMoved }: TriedFolder) => (leftOut === undefined ? (isMoved ? 1 : 2) : 0);
  return {
    folders: tried.toSorted((a, b) => rank(a) - rank(b)),
    leftOutCount: tried.filter(({ leftOut }) => leftOut !== undefined).length,
    idle: [
      ...[...excludeFolders, ...includeFolders].filter(fitsNone),
      ...Object.keys(renames).filter(movesNone),
    ],
  };
}
