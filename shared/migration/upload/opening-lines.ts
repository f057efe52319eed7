import { columnOf } from "./csv-header.ts";
import type { Delimiter } from "./csv-records.ts";
import type { Pacing } from "./pacing.ts";

/** What the lines before the first user say about a migration file. */
export interface Opening {
  readonly delimiter: Delimiter;
  /** Lines before the header. */
  readonly skip: number;
}

const delimiters: readonly Delimiter[] = [",", ";", "\t"];
/** Characters of a line that are looked at to find its delimiter. */
const maxLookedAt = 16_384;
/** What a localized Excel is told its delimiter with. */
const separatorLine = /^"?sep=([,;\t])"?$/i;
/** What Export-Csv of PowerShell 5.1 writes first; Import-Csv passes over it. */
const typeLine = /^#type /i;

/**
 * Looks for the header of a migration file. Lines before it that are blank, name the delimiter (`sep=;`) or the type of
 * what PowerShell exported (`#TYPE ...`) are passed over.
 * @param text pieces with `\n` as the only line break.
 * @param maxLines lines to look at.
 * @returns undefined if nothing stands in the file.
 */
export async function readOpening(
  text: Iterable<string>,
  maxLines: number,
  pace: Pacing,
): Promise<Opening | "tooManyLines" | undefined> {
  let said: Delimiter | undefined;
  let skip = 0;
  for await (const line of linesOf(text, pace)) {
    const delimiter = delimiterSaid(line);
    if (delimiter === undefined && !typeLine.test(line) && line.trim() !== "")
      return { delimiter: said ?? likeliestDelimiter(line), skip };
    said ??= delimiter;
    if (++skip >= maxLines) return "tooManyLines";
  }
  return undefined;
}

/** Each line, of which no more is kept than is looked at. */
async function* linesOf(text: Iterable<string>, pace: Pacing): AsyncGenerator<string> {
  let line = "";
  for (const piece of text) {
    await pace();
    let start = 0;
    for (let end = piece.indexOf("\n"); end !== -1; end = piece.indexOf("\n", start)) {
      yield line + piece.slice(start, Math.min(end, start + maxLookedAt));
      line = "";
      start = end + 1;
    }
    if (line.length < maxLookedAt) line += piece.slice(start, start + maxLookedAt);
  }
  if (line !== "") yield line;
}

function delimiterSaid(line: string): Delimiter | undefined {
  const said = separatorLine.exec(line.trim())?.[1];
  return delimiters.find((delimiter) => delimiter === said);
}

/** What parts the headers best. */
function likeliestDelimiter(line: string): Delimiter {
  const scores = delimiters.map((delimiter) => {
    const cells = line.split(delimiter);
    const known = cells.filter((cell) => columnOf(cell.replaceAll('"', "")) !== undefined);
    return { delimiter, score: known.length * 1000 + cells.length };
  });
  return scores.toSorted((a, b) => b.score - a.score)[0]?.delimiter ?? ",";
}
