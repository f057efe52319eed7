import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import type { MailHost, MailRoute, MailRouting } from "../../migration/ports/mail-routing.ts";
import { type Answer, askForMx, type NameServer } from "./query.ts";

/** Milliseconds that one resolver has for an answer, and how often each is asked. */
const query = { timeout: 2_000, tries: 2 };
/** Name servers of a zone that are asked, one after the other. */
const maxNameServers = 3;
const dnsPort = 53;

export interface MailRoutingSettings {
  /** Resolvers to ask, as `192.0.2.1` or `192.0.2.1:53`; the system's where left out. */
  readonly resolvers?: readonly string[] | undefined;
  /** Whether a zone's name server may be asked: whoever owns a domain says where it is. */
  readonly isPermitted: (address: string) => boolean;
  /** Port of a zone's own name servers. */
  readonly authoritativePort?: number;
}

/**
 * Asks a zone's own name servers, whose times to live are whole, and a resolver where none of them answers.
 * @see https://www.rfc-editor.org/rfc/rfc1034#section-4.3.1
 */
export function createMailRouting(settings: MailRoutingSettings): MailRouting {
  const { resolvers, isPermitted, authoritativePort = dnsPort } = settings;
  const resolver = new Resolver(query);
  if (resolvers) resolver.setServers(resolvers);

  /** The name servers of the zone that holds the domain: those of the name itself, or of one above it. */
  async function nameServersOf(domain: string): Promise<readonly NameServer[]> {
    const labels = domain.split(".");
    for (let depth = 0; depth < labels.length - 1; depth++) {
      const hosts = await resolver.resolveNs(labels.slice(depth).join(".")).catch(noneIfAbsent);
      if (hosts === undefined) return [];
      if (hosts.length > 0) return addressesOf(hosts.slice(0, maxNameServers));
    }
    return [];
  }

  async function addressesOf(hosts: readonly string[]): Promise<readonly NameServer[]> {
    const found = await Promise.all(hosts.map((host) => resolver.resolve4(host).catch(() => [])));
    return found
      .flatMap((addresses) => addresses.slice(0, 1))
      .filter(isPermitted)
      .map((address) => ({ address, port: authoritativePort }));
  }

  async function authoritative(domain: string): Promise<MailRoute> {
    for (const server of await nameServersOf(domain)) {
      const answer = await askForMx(server, domain, false).catch(() => undefined);
      if (!answer?.authoritative) continue;
      const hosts = hostsOf(answer);
      if (hosts) return { known: true, hosts, authoritative: true };
    }
    return { known: false };
  }

  async function resolved(domain: string): Promise<MailRoute> {
    for (const server of resolver.getServers()) {
      const answer = await askForMx(serverOf(server), domain, true).catch(() => undefined);
      const hosts = answer && hostsOf(answer);
      if (hosts) return { known: true, hosts, authoritative: false };
    }
    return { known: false };
  }

  return async (domain) => {
    const route = await authoritative(domain);
    return route.known ? route : resolved(domain);
  };
}

/** @returns undefined if there was no answer at all: the names above have none either. */
function noneIfAbsent({ code }: NodeJS.ErrnoException): readonly string[] | undefined {
  return code === "ENODATA" || code === "ENOTFOUND" ? [] : undefined;
}

/**
 * @returns undefined if the answer says nothing of the domain's mail: a failure, a referral (RFC 1034, 4.3.2), or an alias
 * whose target the server does not know.
 */
function hostsOf({ packet, authoritative }: Answer): readonly MailHost[] | undefined {
  const { rcode } = packet as { readonly rcode?: string };
  if (rcode === "NXDOMAIN") return [];
  if (rcode !== "NOERROR") return undefined;
  const answers = packet.answers ?? [];
  const hosts = answers.flatMap((record) =>
    record.type === "MX"
      ? [
          {
            host: record.data.exchange.toLowerCase().replace(/\.$/, ""),
            preference: record.data.preference ?? 0,
            ttl: record.ttl ?? 0,
          },
        ]
      : [],
  );
  if (hosts.length > 0) return hosts;
  const isAlias = answers.some(({ type }) => type === "CNAME");
  const isReferral = !authoritative && (packet.authorities ?? []).some(({ type }) => type === "NS");
  return isAlias || isReferral ? undefined : [];
}

/** @param text as node writes a resolver's server: `192.0.2.1`, `192.0.2.1:5353`, `::1`, `[::1]:5353`. */
function serverOf(text: string): NameServer {
  if (isIP(text) !== 0) return { address: text, port: dnsPort };
  const colon = text.lastIndexOf(":");
  return { address: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
}
