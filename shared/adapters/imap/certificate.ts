import { X509Certificate } from "node:crypto";
import { checkServerIdentity, type TLSSocket } from "node:tls";
import type { CertificateSummary } from "../../migration/ports/server-probe.ts";
import { printable } from "./printable.ts";

export interface JudgedCertificate {
  readonly summary: CertificateSummary;
  /** Code of Node for what is wrong with the certificate; undefined if nothing is. */
  readonly problem: string | undefined;
}

const wrongName = "ERR_TLS_CERT_ALTNAME_INVALID";
const outOfDate: ReadonlySet<unknown> = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

/**
 * The certificate of a connection that was made without insisting on a good one, judged as if it had been insisted on.
 * @param host the name or address that the certificate has to be for.
 */
export function judgeCertificate(socket: TLSSocket, host: string): JudgedCertificate | undefined {
  const peer = socket.getPeerCertificate();
  // Empty where the handshake needed no certificate.
  if (peer?.raw === undefined) return undefined;
  const certificate = new X509Certificate(peer.raw);
  // A code, although the type declarations say an error.
  const refusal: unknown = socket.authorizationError;
  const trusted = socket.authorized || refusal === wrongName;
  const matchesHost = checkServerIdentity(host, peer) === undefined;
  return {
    summary: {
      subject: printable(certificate.subject.replaceAll("\n", ", ")),
      issuer: printable(certificate.issuer.replaceAll("\n", ", ")),
      validFrom: instantOf(certificate.validFrom),
      validTo: instantOf(certificate.validTo),
      names: namesIn(certificate.subjectAltName ?? ""),
      fingerprint256: certificate.fingerprint256,
      matchesHost,
      trusted,
    },
    problem: trusted ? (matchesHost ? undefined : wrongName) : untrustedFor(refusal),
  };
}

/** OpenSSL has a code for every way in which a chain may be broken; for an operator it is one. */
function untrustedFor(refusal: unknown): string {
  return outOfDate.has(refusal) ? String(refusal) : "CERT_UNTRUSTED";
}

/** `DNS:a, IP Address:192.0.2.1`, where Node quotes values that hold a comma. */
function namesIn(subjectAltName: string): string[] {
  const values = subjectAltName.matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]*)/g);
  return [...values].slice(0, 50).map(([, value = ""]) => printable(value));
}

function instantOf(date: string): string {
  const instant = new Date(date);
  return Number.isNaN(instant.getTime()) ? printable(date) : instant.toISOString();
}
