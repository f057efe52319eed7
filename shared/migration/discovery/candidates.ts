import type { MailExchange, ServiceRecord } from "../ports/dns.ts";
import type { ConfiguredServer } from "./autoconfig.ts";
import { asHostName } from "./host-name.ts";
import { serverOfProvider } from "./providers.ts";
import { registeredDomain } from "./registered-domain.ts";

export type Security = "ssl" | "tls" | "none";

/** Where a server's name came from, the most trustworthy first: a record or file that names it, or a guess. */
export const sources = ["srv", "autoconfig", "provider", "mx", "name"] as const;
export type Source = (typeof sources)[number];

export interface Finding {
  readonly source: Source;
  /** The record, address or host that led there. */
  readonly from: string;
}

export interface Candidate {
  readonly host: string;
  readonly port: number;
  readonly security: Security;
  /** At least one, in the order of {@link sources}. */
  readonly foundBy: readonly Finding[];
}

/** Ports for IMAP with TLS from the first byte, and with STARTTLS (RFC 8314, 3.2; RFC 9051). */
const wellKnownPorts = [
  { port: 993, security: "ssl" },
  { port: 143, security: "tls" },
] as const;
const commonLabels = ["imap", "mail", "imaps", "secure", "webmail"];
/** A domain may name as many servers as it likes. */
const maxRecords = 5;
const maxMailExchanges = 3;
const maxCandidates = 40;

/** Servers that a domain names in `_imaps._tcp` (ssl) or `_imap._tcp` (tls) records (RFC 6186, 3.2), best first. Pure. */
export function candidatesOfServices(
  records: readonly ServiceRecord[],
  security: Security,
  from: string,
): readonly Candidate[] {
  return records
    .toSorted((a, b) => a.priority - b.priority || b.weight - a.weight)
    .flatMap(({ name, port }) => candidate(name, port, security, { source: "srv", from }))
    .slice(0, maxRecords);
}

/** Servers of a mail client's configuration. Pure. */
export function candidatesOfConfiguration(
  servers: readonly ConfiguredServer[],
  from: string,
): readonly Candidate[] {
  return servers
    .flatMap(({ host, port, security }) => candidate(host, port, security, { source: "autoconfig", from }))
    .slice(0, maxRecords);
}

/** Servers at whoever takes the domain's mail: a provider's known one, or the host itself and names beside it. Pure. */
export function candidatesOfExchanges(exchanges: readonly MailExchange[]): readonly Candidate[] {
  return exchanges
    .toSorted((a, b) => a.priority - b.priority)
    .slice(0, maxMailExchanges)
    .flatMap(({ exchange }) => {
      const host = asHostName(exchange);
      if (host === undefined) return [];
      const known = serverOfProvider(host);
      if (known !== undefined) return candidate(known, 993, "ssl", { source: "provider", from: host });
      const domain = registeredDomain(host);
      const beside = domain === undefined ? [] : [`imap.${domain}`, `mail.${domain}`];
      return guesses([host, ...beside], { source: "mx", from: host });
    });
}

/** Names that servers usually have. Pure. */
export function candidatesOfName(domain: string): readonly Candidate[] {
  const names = [...commonLabels.map((label) => `${label}.${domain}`), domain];
  return guesses(names, { source: "name", from: domain });
}

/** True if nobody named the server. */
export function isGuess({ foundBy }: Candidate): boolean {
  return foundBy.every(({ source }) => source === "mx" || source === "name");
}

/**
 * Each server once, best first, with all that led to it. Pure.
 * @param denied ways of connecting that the domain says it does not offer: nothing is guessed there.
 */
export function mergeCandidates(
  found: readonly Candidate[],
  denied: ReadonlySet<Security>,
): readonly Candidate[] {
  const merged = new Map<string, Candidate>();
  for (const next of found.toSorted((a, b) => sourceRank(a) - sourceRank(b))) {
    const key = `${next.host} ${next.port} ${next.security}`;
    const known = merged.get(key);
    const findings = [...(known?.foundBy ?? []), ...next.foundBy];
    const foundBy = [
      ...new Map(findings.map((finding) => [`${finding.source} ${finding.from}`, finding])).values(),
    ];
    merged.set(key, { ...next, foundBy });
  }
  return [...merged.values()]
    .filter((next) => !(isGuess(next) && denied.has(next.security)))
    .slice(0, maxCandidates);
}

function sourceRank({ foundBy }: Candidate): number {
  return Math.min(...foundBy.map(({ source }) => sources.indexOf(source)));
}

function guesses(hosts: readonly string[], finding: Finding): readonly Candidate[] {
  return hosts.flatMap((host) =>
    wellKnownPorts.flatMap(({ port, security }) => candidate(host, port, security, finding)),
  );
}

/** @returns one candidate, or none if the host cannot be a name or the port no port. */
function candidate(text: string, port: number, security: Security, finding: Finding): readonly Candidate[] {
  const host = asHostName(text);
  if (host === undefined || !Number.isInteger(port) || port < 1 || port > 65_535) return [];
  return [{ host, port, security, foundBy: [finding] }];
}
