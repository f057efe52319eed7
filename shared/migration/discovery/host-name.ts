import { isIP } from "node:net";
import { domainToASCII } from "node:url";

/** Labels of letters, digits and hyphens (RFC 1123, 2.1), at least two of them. */
const hostName = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** What no name in any script holds; a URL would make another name of it. */
const foreign = /[^\p{L}\p{M}\p{N}.-]/u;

/** A name as DNS has it: lower case, ASCII, without a final dot. @returns undefined for what cannot be one. Pure. */
export function asHostName(text: string): string | undefined {
  const written = text.trim().replace(/\.$/, "");
  const name = foreign.test(written) ? "" : domainToASCII(written);
  return hostName.test(name) && isIP(name) === 0 ? name : undefined;
}
