import { XMLParser } from "fast-xml-parser";
import { z } from "zod";

/** A server as a mail client's configuration names it. */
export interface ConfiguredServer {
  readonly host: string;
  readonly port: number;
  readonly security: "ssl" | "tls" | "none";
}

/** Where a domain may publish a configuration for mail clients. */
export function configurationUrls(domain: string): readonly URL[] {
  return [
    new URL(`https://autoconfig.${domain}/mail/config-v1.1.xml`),
    new URL(`https://${domain}/.well-known/autoconfig/mail/config-v1.1.xml`),
  ];
}

const securityOf = { SSL: "ssl", STARTTLS: "tls", plain: "none" } as const;

const serverSchema = z.object({
  type: z.literal("imap"),
  hostname: z.string().trim().min(1),
  port: z
    .string()
    .trim()
    .regex(/^\d{1,5}$/)
    .transform(Number),
  socketType: z.enum(["SSL", "STARTTLS", "plain"]).transform((socketType) => securityOf[socketType]),
});
const documentSchema = z.object({
  clientConfig: z.object({
    emailProvider: z.array(z.object({ incomingServer: z.array(z.unknown()).default([]) })),
  }),
});

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "",
  parseTagValue: false,
  processEntities: false,
  isArray: (name) => name === "emailProvider" || name === "incomingServer",
});

/**
 * The IMAP servers in a configuration for mail clients (https://www.bucksch.org/1/projects/thunderbird/autoconfiguration/config-file-format.html).
 * Pure. What is no such document has none.
 * @param domain stands for `%EMAILDOMAIN%`.
 */
export function readConfiguration(xml: string, domain: string): readonly ConfiguredServer[] {
  const document = documentSchema.safeParse(parsed(xml));
  if (!document.success) return [];
  const servers = document.data.clientConfig.emailProvider.flatMap(({ incomingServer }) => incomingServer);
  return servers.flatMap((server) => {
    const { data } = serverSchema.safeParse(server);
    if (data === undefined) return [];
    const host = data.hostname.replaceAll("%EMAILDOMAIN%", domain);
    return [{ host, port: data.port, security: data.socketType }];
  });
}

function parsed(xml: string): unknown {
  try {
    return parser.parse(xml);
  } catch {
    return undefined;
  }
}
