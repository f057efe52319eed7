import type { FolderView } from "../api/types.ts";

/** Folders by their paths, the inbox first, as a mail program lists them. Pure. */
export function foldersInOrder<Folder extends Pick<FolderView, "path">>(
  folders: readonly Folder[],
): readonly Folder[] {
  const rank = ({ path }: Folder) => (/^inbox(\/|$)/i.test(path) ? 0 : 1);
  return folders.toSorted((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
}
