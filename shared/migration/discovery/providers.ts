import { registeredDomain } from "./registered-domain.ts";

/**
 * IMAP servers of providers, by the registered domain of the hosts that take mail for their customers.
 * From the providers' own help pages for mail programs.
 */
const servers: Readonly<Record<string, string>> = {
  "google.com": "imap.gmail.com",
  "googlemail.com": "imap.gmail.com",
  "outlook.com": "outlook.office365.com",
  "yahoodns.net": "imap.mail.yahoo.com",
  "icloud.com": "imap.mail.me.com",
  "zoho.com": "imap.zoho.com",
  "zoho.eu": "imap.zoho.eu",
  "zoho.in": "imap.zoho.in",
  "messagingengine.com": "imap.fastmail.com",
  "yandex.net": "imap.yandex.com",
  "mail.ru": "imap.mail.ru",
  "qq.com": "imap.exmail.qq.com",
  "gmx.net": "imap.gmx.net",
  "web.de": "imap.web.de",
  "kundenserver.de": "imap.ionos.de",
  "ionos.com": "imap.ionos.com",
  "ionos.co.uk": "imap.ionos.co.uk",
  "ionos.fr": "imap.ionos.fr",
  "rzone.de": "imap.strato.de",
  "mailbox.org": "imap.mailbox.org",
  "posteo.de": "posteo.de",
  "infomaniak.ch": "mail.infomaniak.com",
  "gandi.net": "mail.gandi.net",
  "ovh.net": "ssl0.ovh.net",
  "secureserver.net": "imap.secureserver.net",
  "emailsrvr.com": "secure.emailsrvr.com",
  "hostinger.com": "imap.hostinger.com",
  "titan.email": "imap.titan.email",
  "migadu.com": "imap.migadu.com",
  "one.com": "imap.one.com",
  "privateemail.com": "mail.privateemail.com",
  "registrar-servers.com": "mail.privateemail.com",
};

/** The IMAP server of the provider whose host takes a domain's mail. Pure. @returns undefined for an unknown provider. */
export function serverOfProvider(mailExchange: string): string | undefined {
  const domain = registeredDomain(mailExchange);
  return domain !== undefined && Object.hasOwn(servers, domain) ? servers[domain] : undefined;
}
