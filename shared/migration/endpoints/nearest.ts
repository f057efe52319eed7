/** Most edits between two names that are still taken for a slip of the pen. */
const maxEdits = 3;
/** Characters of a name that may be a slip of the pen. */
const maxLength = 64;

/** The candidate that `name` is most likely a misspelling of, compared without regard to case, spaces and punctuation. */
export function nearest<Name extends string>(name: string, candidates: readonly Name[]): Name | undefined {
  if (name.length > maxLength) return undefined;
  const wanted = lettersOf(name);
  let best: Name | undefined;
  let fewest = maxEdits + 1;
  for (const candidate of candidates) {
    const edits = editsBetween(wanted, lettersOf(candidate));
    if (edits < fewest && edits < candidate.length / 2) {
      best = candidate;
      fewest = edits;
    }
  }
  return best;
}

function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

/** Levenshtein's distance: insertions, deletions and replacements. */
function editsBetween(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > maxEdits) return maxEdits + 1;
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min((previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1, replaced));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
