import type { MailHost } from "../ports/mail-routing.ts";

/**
 * Names of Exchange Online's hosts: worldwide, those of domains with DNSSEC, and of the national clouds.
 * @see https://learn.microsoft.com/microsoft-365/enterprise/external-domain-name-system-records
 * @see https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges
 */
const microsoft365 = [
  "mail.protection.outlook.com",
  "mx.microsoft",
  "mail.protection.office365.us",
  "mail.protection.partner.outlook.cn",
];

/** Hosts of services that look at mail before somebody else keeps it. */
const filterServices: Readonly<Record<string, readonly string[]>> = {
  Barracuda: ["barracudanetworks.com", "cudamail.com"],
  "Cisco Secure Email": ["iphmx.com"],
  Cloudflare: ["mx.cloudflare.net"],
  Hornetsecurity: ["hornetsecurity.com", "antispameurope.com"],
  Libraesva: ["esvacloud.com"],
  Mimecast: ["mimecast.com", "mimecast.co.za", "mimecast-offshore.com"],
  NoSpamProxy: ["nospamproxy.com"],
  Proofpoint: ["pphosted.com", "ppe-hosted.com", "gpphosted.com"],
  Retarus: ["retarus.com"],
  SpamExperts: ["antispamcloud.com", "spamexperts.com", "spamexperts.eu"],
  Sophos: ["hydra.sophos.com", "reflexion.net"],
  Symantec: ["messagelabs.com", "messaging.symantec.com"],
  Trellix: ["fireeyecloud.com"],
  TrendMicro: ["in.trendmicro.com", "in.trendmicro.eu", "in.tmes.trendmicro.com", "in.tmes.trendmicro.eu"],
  Zix: ["zixmail.net", "zixport.com", "appriver.com", "arsmtp.com"],
};

function isBelow(host: string, suffixes: readonly string[]): boolean {
  return suffixes.some((suffix) => host === suffix || host.endsWith(`.${suffix}`));
}

/** True for a host of Exchange Online. Pure. */
export function isMicrosoft365(host: string): boolean {
  return isBelow(host, microsoft365);
}

/** The service whose host stands in front of the mailboxes, if it is a well-known one. Pure. */
export function filterServiceOf(host: string): string | undefined {
  return Object.entries(filterServices).find(([, suffixes]) => isBelow(host, suffixes))?.[0];
}

/** The hosts that a sender tries first. Pure. */
export function preferredHosts(hosts: readonly MailHost[]): readonly MailHost[] {
  const best = Math.min(...hosts.map(({ preference }) => preference));
  return hosts.filter(({ preference }) => preference === best);
}
