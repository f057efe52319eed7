/** A host that takes mail for a domain, as an MX record names it (RFC 5321, 5.1). */
export interface MailHost {
  /** Lower case, without a final dot; empty where the domain says that it takes no mail (RFC 7505). */
  readonly host: string;
  /** The lowest is asked first. */
  readonly preference: number;
  /** Seconds that others may keep the record. */
  readonly ttl: number;
}

/** What DNS says of a domain's mail. */
export type MailRoute =
  | {
      readonly known: true;
      /** Empty where the domain has no MX record, or does not exist. */
      readonly hosts: readonly MailHost[];
      /** True for an answer of the zone's own name servers. Another one's times to live are what is left of them. */
      readonly authoritative: boolean;
    }
  | { readonly known: false };

/**
 * Asks where the mail of a domain goes. Repeatable; takes some ten seconds at most, and never throws: where nobody answers
 * it is not known.
 * @param domain in ASCII (RFC 5891).
 */
export type MailRouting = (domain: string) => Promise<MailRoute>;
