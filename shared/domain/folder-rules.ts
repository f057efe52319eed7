import type { SpecialUse } from "./folders.ts";

/** What the rules of a batch look at in a folder of the source. */
export interface RuledFolder {
  /** Its path from the mailbox's root. */
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
  readonly subscribed: boolean;
  /** True for folders without mail (appointments, contacts, tasks) and mere views of other folders. */
  readonly onRequest?: boolean | undefined;
}

/** Options of a batch that leave folders out. */
export interface FolderRules {
  readonly excludeFolders: readonly string[];
  readonly includeFolders: readonly string[];
  readonly subscribedOnly: boolean;
}

/** True if the batch's options let a folder take part. Pure. */
export function takesPart(folder: RuledFolder, rules: FolderRules): boolean {
  return whyLeftOut(folder, rules) === undefined;
}

/** Which of the batch's options leaves a folder out, undefined if none does. Pure. */
export function whyLeftOut(
  folder: RuledFolder,
  { excludeFolders, includeFolders, subscribedOnly }: FolderRules,
): keyof FolderRules | "onRequest" | undefined {
  const fits = (pattern: string) => matchesFolder(folder, pattern);
  if (subscribedOnly && !folder.subscribed && folder.specialUse !== "inbox") return "subscribedOnly";
  if (excludeFolders.some(fits)) return "excludeFolders";
  if (includeFolders.length > 0) return includeFolders.some(fits) ? undefined : "includeFolders";
  return folder.onRequest ? "onRequest" : undefined;
}

/**
 * True if a folder fits an operator's pattern: an exact path with `/` between folders, `Name/*` for a folder with
 * everything below it, `*` for any characters elsewhere, or a well-known folder as `#Inbox#`, `#SentItems#`,
 * `#Drafts#`, `#DeletedItems#`, `#JunkEmail#`, `#Archive#`, each also with `/*`. Case does not matter.
 */
export function matchesFolder(
  folder: Pick<RuledFolder, "segments" | "specialUse">,
  pattern: string,
): boolean {
  const wellKnown = /^#([a-z]+)#(\/\*)?$/i.exec(pattern);
  if (wellKnown) {
    const use = wellKnownUses[(wellKnown[1] as string).toLowerCase()];
    return use !== undefined && folder.specialUse === use;
  }
  const path = folder.segments.join("/").toLowerCase();
  const wanted = pattern.toLowerCase();
  if (wanted.endsWith("/*") && path === wanted.slice(0, -2)) return true;
  return fitsPattern(path, wanted);
}

/** True if a text is what the parts of a pattern between its `*` make in their order. In one pass, whatever the pattern. */
function fitsPattern(text: string, pattern: string): boolean {
  const [first = "", ...parts] = pattern.split("*");
  const last = parts.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}

const wellKnownUses: Readonly<Record<string, SpecialUse>> = {
  inbox: "inbox",
  sentitems: "sent",
  drafts: "drafts",
  deleteditems: "trash",
  junkemail: "junk",
  archive: "archive",
};

/** Where the rules put a folder: one moves everything below it as well, and the longest that fits wins. Pure. */
export function renamedSegments(
  folder: Pick<RuledFolder, "segments">,
  rules: Readonly<Record<string, string>>,
): readonly string[] | undefined {
  let best: { readonly depth: number; readonly to: readonly string[] } | undefined;
  for (const [from, to] of Object.entries(rules)) {
    const prefix = from.split("/").map((segment) => segment.toLowerCase());
    const fits = prefix.every((segment, i) => folder.segments[i]?.toLowerCase() === segment);
    if (fits && prefix.length > (best?.depth ?? 0)) best = { depth: prefix.length, to: to.split("/") };
  }
  return best && [...best.to, ...folder.segments.slice(best.depth)];
}
