import type { BatchOptions } from "../../domain/batch-options.ts";
import { renamedSegments, takesPart } from "../../domain/folder-rules.ts";
import type { SpecialUse } from "../../domain/folders.ts";
import type { SourceFolder } from "../ports/source.ts";
import type { FolderNaming } from "../ports/target.ts";

export interface MappedFolder {
  readonly source: SourceFolder;
  readonly segments: readonly string[];
  readonly specialUse?: SpecialUse | undefined;
  /** True if an operator's rule put it here. */
  readonly renamed: boolean;
  /** True below `targetRootFolder`, where it is none of the target's own folders. */
  readonly isBelowRoot?: true;
}

const firstUses: readonly (SpecialUse | undefined)[] = ["inbox", "sent", "drafts"];
const lastUses: readonly (SpecialUse | undefined)[] = ["trash", "junk"];

/**
 * The source folders that take part, each with its place in the target, in the order in which users miss them:
 * inbox, sent and drafts first, deleted and junk mail last. Pure.
 */
export function mapFolders(
  folders: readonly SourceFolder[],
  options: Pick<
    BatchOptions,
    "excludeFolders" | "includeFolders" | "renameFolders" | "subscribedOnly" | "targetRootFolder"
  >,
  naming: FolderNaming,
): readonly MappedFolder[] {
  const used = new Set<SpecialUse>();
  const root = options.targetRootFolder?.split("/");
  const mapped: MappedFolder[] = [];
  for (const source of folders) {
    if (!takesPart(source, options)) continue;
    const renamed = renamedSegments(source, options.renameFolders);
    // The first folder of a use gets the target's own folder; a second one keeps its name.
    const specialUse =
      renamed || (source.specialUse && used.has(source.specialUse)) ? undefined : source.specialUse;
    if (specialUse) used.add(specialUse);
    mapped.push({
      source,
      segments: (renamed ?? source.segments).map((segment) => naming.sanitize(segment)),
      specialUse,
      renamed: renamed !== undefined,
    });
  }
  const sorted = [...withDistinctNames(mapped, naming.caseSensitive)].sort(
    (a, b) => rank(a) - rank(b) || (a.source.path < b.source.path ? -1 : 1),
  );
  return root === undefined ? sorted : sorted.map((folder) => below(root.map(naming.sanitize), folder));
}

function below(root: readonly string[], folder: MappedFolder): MappedFolder {
  return { ...folder, segments: [...root, ...folder.segments], isBelowRoot: true };
}

/** Position in the copying order, the same for every round. */
export function rank(folder: { readonly specialUse?: SpecialUse | undefined }): number {
  const first = firstUses.indexOf(folder.specialUse);
  if (folder.specialUse && first >= 0) return first;
  return folder.specialUse && lastUses.includes(folder.specialUse) ? 9 : 5;
}

/**
 * `Foo` and `foo`, or two names that differ in characters the target refuses, are two folders at the source:
 * the later one gets a number. Folders that a rename rule brings together stay together.
 */
function withDistinctNames(
  folders: readonly MappedFolder[],
  caseSensitive: boolean,
): readonly MappedFolder[] {
  const keyOf = (segments: readonly string[]) => {
    const key = segments.join("\0");
    return caseSensitive ? key : key.toLowerCase();
  };
  const targets = new Map<string, readonly string[]>();
  const taken = new Set<string>();
  const numbers = new Map<string, number>();
  const parentsFirst = [...folders].sort((a, b) => a.source.segments.length - b.source.segments.length);
  for (const { source, segments, renamed } of parentsFirst) {
    const parent = targets.get(source.segments.slice(0, -1).join("\0"));
    const name = segments.at(-1) ?? "";
    const above = renamed || parent === undefined ? segments.slice(0, -1) : parent;
    let target = [...above, name];
    const plainKey = keyOf(target);
    for (let number = numbers.get(plainKey) ?? 2; !renamed && taken.has(keyOf(target)); number++) {
      target = [...above, `${name} (${number})`];
      numbers.set(plainKey, number + 1);
    }
    taken.add(keyOf(target));
    targets.set(source.segments.join("\0"), target);
  }
  return folders.map((folder) => ({
    ...folder,
    segments: targets.get(folder.source.segments.join("\0")) ?? folder.segments,
  }));
}
