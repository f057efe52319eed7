/**
 * What to do about each error code, from the table of infra/docs/error-codes.md. Pure.
 * @returns remedies as Markdown, by code.
 */
export function remediesIn(markdown: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const line of markdown.split("\n")) {
    const [, codes = "", remedy = ""] = /^\|([^|]+)\|([^|]+)\|\s*$/.exec(line) ?? [];
    for (const code of codes.split(","))
      if (/^[A-Z][A-Za-z0-9]+$/.test(code.trim()) && !found.has(code.trim()))
        found.set(code.trim(), remedy.trim());
  }
  return found;
}

/** A remedy as pieces of plain text and code, links by their words. Pure. */
export function piecesOf(remedy: string): readonly { readonly text: string; readonly isCode: boolean }[] {
  return remedy
    .replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .replace(/_([^_]+)_/g, "$1")
    .split("`")
    .map((text, index) => ({ text, isCode: index % 2 === 1 }))
    .filter(({ text }) => text !== "");
}
