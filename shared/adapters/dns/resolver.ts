import { lookup, Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { MigrationError } from "../../domain/errors.ts";
import type { Dns } from "../../migration/ports/dns.ts";

/** Milliseconds that one server has for an answer, and how often each server is asked. */
const query = { timeout: 2_000, tries: 2 };
/** Longest look-up of addresses by the operating system, in milliseconds. */
const lookupMs = 8_000;

/** There is no such name, no record of the kind asked for, or the text cannot be a name. */
const absent = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);

/**
 * Names by the operating system's resolver and its DNS servers.
 * @param servers addresses with ports (`192.0.2.1:53`) to ask instead, for everything.
 */
export function createDns(servers?: readonly string[]): Dns {
  const resolver = new Resolver(query);
  if (servers) resolver.setServers(servers);

  return {
    async addresses(host) {
      if (isIP(host) !== 0) return [host];
      if (servers) {
        const families = [resolver.resolve4(host), resolver.resolve6(host)];
        return (await Promise.all(families.map(orNone))).flat();
      }
      const found = await orNone(within(lookupMs, lookup(host, { all: true })));
      return [...new Set(found.map(({ address }) => address))];
    },
    mailExchanges: (domain) => orNone(resolver.resolveMx(domain)),
    services: (name) => orNone(resolver.resolveSrv(name)),
  };
}

/** The look-up itself cannot be ended; what it finds later is not waited for. */
async function within<T>(milliseconds: number, found: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(Object.assign(new Error("no answer"), { code: "ETIMEOUT" })),
      milliseconds,
    );
  });
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function orNone<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (absent.has(code)) return [];
    throw new MigrationError(
      "transient",
      "DnsUnavailable",
      `DNS gave no answer${code === "" ? "" : ` (${code})`}. Try again, or check the network's DNS servers.`,
    );
  }
}
