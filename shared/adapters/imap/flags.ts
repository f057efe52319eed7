import { encodeMailboxName } from "./utf7.ts";

/** System flags a copy may carry. \Recent is the server's own; \Deleted would make the target expunge the copy. */
const SYSTEM_FLAGS: ReadonlyMap<string, string> = new Map(
  ["\\Seen", "\\Answered", "\\Flagged", "\\Draft"].map((flag) => [flag.toLowerCase(), flag]),
);

/** A keyword is an atom (RFC 9051, section 9): printable US-ASCII other than space and `(){%*"\]`. */
const KEYWORD = /^[!#$&'+-[^-z|}~]+$/;

const NO_KEYWORD = /[^!#$&'+-[^-z|}~]/g;
/** Dovecot refuses longer keywords unless it is told otherwise (mail_max_keyword_length). */
const MAX_MADE_KEYWORD = 50;

/**
 * Flags in the form an IMAP server can store, each once. What is no keyword, such as a label of Gmail with spaces,
 * becomes one, in modified UTF-7 as mail programs write the names of tags; system flags of other kinds are left out. Pure.
 */
export function storableFlags(flags: readonly string[]): readonly string[] {
  const storable = new Map<string, string>();
  for (const flag of flags) {
    const known = SYSTEM_FLAGS.get(flag.toLowerCase()) ?? keywordOf(flag);
    if (known !== undefined && !storable.has(known.toLowerCase())) storable.set(known.toLowerCase(), known);
  }
  return [...storable.values()];
}

function keywordOf(flag: string): string | undefined {
  if (KEYWORD.test(flag)) return flag;
  if (flag === "" || flag.startsWith("\\")) return undefined;
  const encoded = encodeMailboxName(flag).replace(NO_KEYWORD, "_");
  if (encoded.length <= MAX_MADE_KEYWORD) return encoded;
  return flag.replace(NO_KEYWORD, "_").slice(0, MAX_MADE_KEYWORD);
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
