import pMap from "p-map";
import { isMigrationError } from "../../domain/errors.ts";
import type { Dns } from "../ports/dns.ts";
import type { ProbeReport, ServerProbe } from "../ports/server-probe.ts";
import type { WebPages } from "../ports/web-pages.ts";
import { configurationUrls, readConfiguration } from "./autoconfig.ts";
import {
  type Candidate,
  candidatesOfConfiguration,
  candidatesOfExchanges,
  candidatesOfName,
  candidatesOfServices,
  isGuess,
  mergeCandidates,
  type Security,
} from "./candidates.ts";
import { readPage } from "./configuration-pages.ts";

/** Longest time of all probes together, in milliseconds. Servers that nobody got to by then are named only. */
const totalMs = 40_000;
/** Servers looked at together. */
const concurrency = 8;

/** Best first: a migration can use the server as it is; it answers, and an operator has to decide something. */
const outcomes = ["ok", "warning", "failed", "untried"] as const;

interface Judgement {
  readonly outcome: (typeof outcomes)[number];
  /** One of the documented error codes, if one fits. */
  readonly code?: string | undefined;
  /** A sentence that an operator can act on. */
  readonly message: string;
}

export interface DiscoveredServer extends Candidate, Judgement, Partial<ProbeReport> {
  /** What to put as an endpoint to migrate from there. */
  readonly endpoint: {
    readonly host: string;
    readonly port: number;
    readonly security: Security;
    readonly allowInsecure?: true;
  };
}

export interface Discovery {
  readonly domain: string;
  /** Best first. */
  readonly servers: readonly DiscoveredServer[];
  /** What else there is to know, as sentences: look-ups that failed, services the domain says it does not offer. */
  readonly notes: readonly string[];
}

export interface DiscoveryParts {
  readonly dns: Dns;
  readonly web: WebPages;
  readonly probe: ServerProbe;
  /** Whether a connection may be made to an address. Names and redirections come from whoever owns the domain. */
  readonly isPermitted: (address: string) => boolean;
}

export interface ServerDiscovery {
  /** Finds the servers that may hold a domain's mail, and looks at each from outside. Repeatable; no secret is sent. */
  discover(domain: string): Promise<Discovery>;
}

export function createServerDiscovery(parts: DiscoveryParts): ServerDiscovery {
  return { discover: (domain) => new DiscoveryRun(parts, domain).run() };
}

class DiscoveryRun {
  readonly #parts: DiscoveryParts;
  readonly #domain: string;
  readonly #deadline = AbortSignal.timeout(totalMs);
  readonly #notes = new Set<string>();
  readonly #denied = new Set<Security>();
  readonly #addresses = new Map<string, Promise<readonly string[]>>();

  constructor(parts: DiscoveryParts, domain: string) {
    this.#parts = parts;
    this.#domain = domain;
  }

  async run(): Promise<Discovery> {
    const domain = this.#domain;
    const found = await Promise.all([
      this.#bySrv("ssl"),
      this.#bySrv("tls"),
      ...configurationUrls(domain).map((url) => this.#byConfiguration(url)),
      this.#noted(async () => candidatesOfExchanges(await this.#parts.dns.mailExchanges(domain))),
    ]);
    const candidates = mergeCandidates([...found.flat(), ...candidatesOfName(domain)], this.#denied);
    const servers = await pMap(candidates, (candidate) => this.#examine(candidate), { concurrency });
    return {
      domain,
      servers: servers
        .filter((server) => server !== undefined)
        .toSorted((a, b) => outcomes.indexOf(a.outcome) - outcomes.indexOf(b.outcome)),
      notes: [...this.#notes],
    };
  }

  async #bySrv(security: "ssl" | "tls"): Promise<readonly Candidate[]> {
    const name = `${security === "ssl" ? "_imaps" : "_imap"}._tcp.${this.#domain}`;
    return this.#noted(async () => {
      const records = await this.#parts.dns.services(name);
      if (records.some((record) => record.name === "")) {
        this.#denied.add(security);
        const how = security === "ssl" ? "TLS from the first byte" : "STARTTLS or without TLS";
        this.#notes.add(`${this.#domain} says that it offers no IMAP with ${how} (${name}).`);
      }
      return candidatesOfServices(records, security, name);
    });
  }

  async #byConfiguration(url: URL): Promise<readonly Candidate[]> {
    return this.#noted(async () => {
      const xml = await readPage(this.#parts, url, this.#deadline);
      return candidatesOfConfiguration(readConfiguration(xml ?? "", this.#domain), url.href);
    });
  }

  /** A source that cannot be asked gives none, and a note. */
  async #noted(work: () => Promise<readonly Candidate[]>): Promise<readonly Candidate[]> {
    try {
      return await work();
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      this.#notes.add(error.message);
      return [];
    }
  }

  /** @returns undefined for a guessed name that nobody has. */
  async #examine(candidate: Candidate): Promise<DiscoveredServer | undefined> {
    const { host, port, security } = candidate;
    const endpoint = {
      host,
      port,
      security,
      ...(security === "none" ? { allowInsecure: true as const } : {}),
    };
    const judged = (judgement: Judgement, report: Partial<ProbeReport> = {}): DiscoveredServer => ({
      ...candidate,
      ...judgement,
      ...report,
      endpoint,
    });
    if (this.#deadline.aborted) return judged(untried);
    let addresses: readonly string[];
    try {
      addresses = await this.#resolve(host);
    } catch (error) {
      if (!isMigrationError(error)) throw error;
      this.#notes.add(error.message);
      return isGuess(candidate)
        ? undefined
        : judged({ outcome: "failed", code: error.code, message: error.message });
    }
    if (addresses.length === 0) return isGuess(candidate) ? undefined : judged(unknownHost(host));
    const permitted = addresses.filter(this.#parts.isPermitted);
    if (permitted.length === 0) return judged(notPermitted(host));
    const target = { host, port, security, addresses: permitted, acceptUntrustedCertificates: false };
    const report = await this.#parts.probe.probe(target, this.#deadline);
    return judged(judge(report, security), report);
  }

  #resolve(host: string): Promise<readonly string[]> {
    const asked = this.#addresses.get(host) ?? this.#parts.dns.addresses(host);
    this.#addresses.set(host, asked);
    return asked;
  }
}

const untried: Judgement = {
  outcome: "untried",
  message: "There was no time left to look at this server. Put it as an endpoint and test that.",
};

function unknownHost(host: string): Judgement {
  return { outcome: "failed", code: "UnknownHost", message: `The name ${host} does not exist in DNS.` };
}

function notPermitted(host: string): Judgement {
  return {
    outcome: "failed",
    code: "AddressNotPermitted",
    message: `${host} leads to no address that a discovery may connect to. If it is a server of your own network, put it as an endpoint and test that.`,
  };
}

/** What a look from outside means for a migration. Pure. */
function judge({ steps }: ProbeReport, security: Security): Judgement {
  const failed = steps.filter(({ outcome }) => outcome === "failed");
  const decisive = failed.find(({ step }) => step !== "certificate") ?? failed[0];
  if (decisive !== undefined) {
    const { step, code, message } = decisive;
    return { outcome: step === "certificate" ? "warning" : "failed", code, message };
  }
  return security === "none"
    ? { outcome: "warning", message: "IMAP answers there, without TLS: passwords would travel in the clear." }
    : { outcome: "ok", message: "IMAP answers there, with a certificate that is trusted and for this host." };
}
