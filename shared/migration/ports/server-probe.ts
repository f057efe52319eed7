/** One thing that was tried, in the order of trying. */
export interface Step<Name extends string> {
  readonly step: Name;
  /** `warning`: it works, and an operator should know something. */
  readonly outcome: "ok" | "warning" | "failed";
  /** One of the documented error codes, unless all is well. */
  readonly code?: string | undefined;
  /** A sentence that an operator can act on, without secrets. */
  readonly message: string;
  readonly durationMs: number;
}

export type ProbeStep = Step<"tcp" | "greeting" | "tls" | "certificate" | "capabilities">;

/** A server's certificate (RFC 5280), as far as it helps to find out what is wrong with it. */
export interface CertificateSummary {
  readonly subject: string;
  readonly issuer: string;
  /** ISO 8601. */
  readonly validFrom: string;
  readonly validTo: string;
  /** DNS names and addresses it is for. */
  readonly names: readonly string[];
  /** SHA-256 over the certificate, hexadecimal with colons. */
  readonly fingerprint256: string;
  readonly matchesHost: boolean;
  /** True if it leads to an authority that this machine trusts, and is in its time. */
  readonly trusted: boolean;
}

export interface ProbeTarget {
  /** The name that the certificate has to be for. */
  readonly host: string;
  /** Where to connect, one after another; nothing is looked up. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** TLS from the first byte, by STARTTLS, or none. */
  readonly security: "ssl" | "tls" | "none";
  readonly acceptUntrustedCertificates: boolean;
}

export interface ProbeReport {
  /** Ends with the first step after which nothing more could be tried; a bad certificate is no such step. */
  readonly steps: readonly ProbeStep[];
  readonly certificate?: CertificateSummary | undefined;
  /** The server's first line if it is one of IMAP; printable and shortened. */
  readonly greeting?: string | undefined;
  /** What the server offers before a login (RFC 9051, 6.1.1). */
  readonly capabilities?: readonly string[] | undefined;
}

export interface ServerProbe {
  /**
   * Connects to an IMAP server as far as is possible without a login, and sends it no secret. Repeatable; never throws.
   * @param signal ends the probe at once: the step it is in fails.
   */
  probe(target: ProbeTarget, signal: AbortSignal): Promise<ProbeReport>;
}
