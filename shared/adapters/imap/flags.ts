/** System flags a copy may carry. \Recent is the server's own; \Deleted would make the target expunge the copy. */
const SYSTEM_FLAGS: ReadonlyMap<string, string> = new Map(
  ["\\Seen", "\\Answered", "\\Flagged", "\\Draft"].map((flag) => [flag.toLowerCase(), flag]),
);

/** A keyword is an atom (RFC 9051, section 9): printable US-ASCII other than space and `(){%*"\]`. */
const KEYWORD = /^[!#$&'+-[^-z|}~]+$/;

/** Flags an IMAP server can store, each once; the others are left out. Pure. */
export function storableFlags(flags: readonly string[]): readonly string[] {
  const storable = new Map<string, string>();
  for (const flag of flags) {
    const folded = flag.toLowerCase();
    const known = SYSTEM_FLAGS.get(folded) ?? (KEYWORD.test(flag) ? flag : undefined);
    if (known !== undefined && !storable.has(folded)) storable.set(folded, known);
  }
  return [...storable.values()];
}

/**
 * Those of the flags a folder keeps (PERMANENTFLAGS, RFC 9051, 7.1). Pure.
 * @param permanent undefined if the server does not say, which means all.
 */
export function keptFlags(
  flags: readonly string[],
  permanent: readonly string[] | undefined,
): readonly string[] {
  if (permanent === undefined || permanent.includes("\\*")) return flags;
  const kept = new Set(permanent.map((flag) => flag.toLowerCase()));
  return flags.filter((flag) => kept.has(flag.toLowerCase()));
}

/**
 * True if a stored message still carries the flags it was written with. Keywords the folder could not keep may be
 * missing; one that was added, or a system flag that differs, is a user's doing. Pure.
 */
export function looksAsWritten(written: readonly string[], found: readonly string[]): boolean {
  const expected = new Set(storableFlags(written).map((flag) => flag.toLowerCase()));
  const present = new Set(found.map((flag) => flag.toLowerCase()));
  for (const flag of present) if (!expected.has(flag)) return false;
  for (const flag of SYSTEM_FLAGS.keys()) if (expected.has(flag) !== present.has(flag)) return false;
  return true;
}
