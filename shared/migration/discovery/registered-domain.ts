import { getDomain } from "tldts-icann";

/** `contoso.co.uk` for `mx1.mail.contoso.co.uk`: the part that somebody registered (publicsuffix.org). Pure. */
export function registeredDomain(host: string): string | undefined {
  return getDomain(host) ?? undefined;
}
