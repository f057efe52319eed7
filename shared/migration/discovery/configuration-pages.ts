import type { Dns } from "../ports/dns.ts";
import type { WebPage, WebPages } from "../ports/web-pages.ts";

const maxRedirects = 3;
const pageMs = 6_000;

export interface PageReading {
  readonly dns: Pick<Dns, "addresses">;
  readonly web: WebPages;
  /** Whether a connection may be made to an address. */
  readonly isPermitted: (address: string) => boolean;
}

/**
 * The text at an address that somebody else chose. Redirections are followed a few times, to HTTPS on its own port and
 * permitted addresses only: they must not lead to what only this machine can reach.
 * @returns undefined if there is nothing to be had there.
 * @throws MigrationError of the look-up.
 */
export async function readPage(
  { dns, web, isPermitted }: PageReading,
  start: URL,
  signal: AbortSignal,
): Promise<string | undefined> {
  let url: URL | null = start;
  for (let hop = 0; url !== null && hop <= maxRedirects; hop++) {
    if (!isPlainHttps(url)) return undefined;
    const addresses = (await dns.addresses(url.hostname)).filter(isPermitted);
    if (addresses.length === 0) return undefined;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(pageMs)]);
    const page: WebPage | undefined = await web.get(url, addresses, limit);
    if (page?.status === 200) return page.text;
    url = page && isRedirect(page.status) ? URL.parse(page.location ?? "", url.href) : null;
  }
  return undefined;
}

function isPlainHttps({ protocol, port, username, password }: URL): boolean {
  return protocol === "https:" && port === "" && username === "" && password === "";
}

/** RFC 9110, 15.4. */
function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}
