/** A host that takes mail for a domain (RFC 5321, 5.1). */
export interface MailExchange {
  readonly exchange: string;
  /** The lowest is asked first. */
  readonly priority: number;
}

/** Where a domain offers a service (RFC 2782). */
export interface ServiceRecord {
  /** Empty if the domain says that it does not offer the service. */
  readonly name: string;
  readonly port: number;
  /** The lowest is asked first. */
  readonly priority: number;
  /** Among equal priorities the highest is asked most. */
  readonly weight: number;
}

/**
 * Look-ups of names. All are repeatable, give an empty list for what does not exist, and take a few seconds at most.
 * @throws MigrationError `transient`/`DnsUnavailable` if there is no answer.
 */
export interface Dns {
  /** IPv4 and IPv6 addresses, as connections from this machine find them; an address stands for itself. */
  addresses(host: string): Promise<readonly string[]>;
  mailExchanges(domain: string): Promise<readonly MailExchange[]>;
  /** @param name such as `_imaps._tcp.contoso.com`. */
  services(name: string): Promise<readonly ServiceRecord[]>;
}
