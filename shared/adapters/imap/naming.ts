import type { FolderNaming } from "../../migration/ports/target.ts";
import { encodeMailboxName } from "./utf7.ts";

/** File systems behind servers take 255 bytes a name; some are used for a prefix. */
const MAX_NAME_BYTES = 200;
const SUBSTITUTE = "_";
/** Controls and line separators, which no server takes. */
const UNUSABLE = /[\p{Cc}\u2028\u2029]/gu;
/** `~` is a home directory and `#` a namespace to many servers. */
const MISLEADING_START = /^[~#]/;
/** What a narrow-minded server takes: letters and digits of the Basic Multilingual Plane and few others. */
const PLAIN = /[^\p{L}\p{N}\p{M} _+,'()@&-]|[\u{10000}-\u{10ffff}]/gu;

/** Shapes folder names for a server with this hierarchy separator. Pure. */
export function imapNaming(separator: string | undefined): FolderNaming {
  return {
    caseSensitive: true,
    sanitize: (segment) => {
      let name = segment.replace(UNUSABLE, SUBSTITUTE).replaceAll("/", SUBSTITUTE);
      if (separator !== undefined) name = name.replaceAll(separator, SUBSTITUTE);
      name = name.replace(MISLEADING_START, SUBSTITUTE).replace(/^\.{1,2}$/, SUBSTITUTE);
      return shorten(name) || SUBSTITUTE;
    },
  };
}

/** A name for a server that refused the sanitized one. Pure. */
export function plainName(segment: string): string {
  return segment.normalize("NFC").replace(PLAIN, SUBSTITUTE).trim() || SUBSTITUTE;
}

/** The longest beginning that fits, found by halves: a hostile name may be very long. */
function shorten(name: string): string {
  const characters = [...name];
  const beginning = (length: number): string => characters.slice(0, length).join("");
  const fits = (length: number): boolean =>
    Buffer.byteLength(encodeMailboxName(beginning(length))) <= MAX_NAME_BYTES;
  if (fits(characters.length)) return name;
  let [longest, tooLong] = [0, characters.length];
  while (tooLong - longest > 1) {
    const middle = Math.floor((longest + tooLong) / 2);
    if (fits(middle)) longest = middle;
    else tooLong = middle;
  }
  return beginning(longest);
}
