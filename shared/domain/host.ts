/** Labels of letters, digits and hyphens (RFC 1123, 2.1). */
const hostName =
  /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const ipv4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;
/** What no name in any script holds; a URL would make another name of it. */
const foreign = /[^\p{L}\p{M}\p{N}.-]/u;

/**
 * A server as it is connected to: the name as DNS has it (lower case, ASCII, without a final dot) or an IP address in its
 * one spelling. Numbers that only a resolver takes for an address, such as `127.1`, are none.
 * @returns undefined for anything else. Pure.
 */
export function asHost(text: string): string | undefined {
  if (ipv4.test(text)) return text;
  if (text.includes(":")) return hostOf(`[${text}]`)?.slice(1, -1);
  const written = text.replace(/\.$/, "");
  const name = foreign.test(written) ? undefined : hostOf(written);
  return name !== undefined && hostName.test(name) && !ipv4.test(name) ? name : undefined;
}

/** The host as a URL has it. */
function hostOf(text: string): string | undefined {
  const url = `http://${text}/`;
  return URL.canParse(url) ? new URL(url).hostname : undefined;
}
