import type { FolderNaming } from "../../migration/ports/target.ts";

export const maxFolderName = 255;

/**
 * Folder names as Exchange takes them: at most 255 characters, no control characters, no slashes (Outlook and Exchange's own
 * folder paths use them as separators), not empty, no spaces at the ends. Siblings are unique without regard to case.
 */
export const folderNaming: FolderNaming = {
  caseSensitive: false,
  sanitize(segment) {
    const clean = segment
      .replace(/\p{Surrogate}/gu, "\ufffd")
      .replace(/\p{Cc}/gu, "")
      .replace(/[/\\]/g, "_")
      .trim();
    const name =
      clean.length <= maxFolderName
        ? clean
        : clean
            .slice(0, maxFolderName)
            .replace(/\p{Surrogate}$/u, "")
            .trim();
    return name === "" ? "_" : name;
  },
};

/** Key under which names that Exchange takes for the same are equal. */
export function folderKey(name: string): string {
  return name.normalize("NFC").toLowerCase();
}
