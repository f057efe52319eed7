import { isIP, isIPv4, isIPv6 } from "node:net";
import { z } from "zod";
import { MigrationError } from "./domain/errors.ts";
import { isLoopback } from "./domain/loopback.ts";
import { maxStepSeconds } from "./domain/times.ts";

/** How to reach a storage account or Service Bus namespace: by a key (local only) or by identity. */
export type StorageConnection =
  | { readonly connectionString: string }
  | { readonly blobUrl: string; readonly tableUrl: string; readonly clientId?: string | undefined };
export type ServiceBusConnection =
  | { readonly connectionString: string }
  | { readonly fullyQualifiedNamespace: string; readonly clientId?: string | undefined };

export interface Config {
  readonly storage: StorageConnection;
  readonly serviceBus: ServiceBusConnection;
  readonly azureClientId?: string | undefined;
  /** True where the app runs on a machine of the platform, which is nobody's to connect to. */
  readonly inAzure: boolean;
  readonly applicationInsights?: string | undefined;
  readonly uploadTriggerSource: "EventGrid" | "LogsAndContainerScan";
  readonly resyncSchedule: string;
  /** True lets a discovery connect to servers at private addresses. */
  readonly discoveryPrivateAddresses: boolean;
  /** Resolvers to ask, as `192.0.2.1` or `192.0.2.1:53`; the system's where undefined. */
  readonly dnsServers?: readonly string[] | undefined;
  readonly target: TargetConfig;
  /** How mails to the operators are sent; undefined where no sender is named. */
  readonly mail?:
    | { readonly sender: string; readonly baseUrl: string; readonly token?: string | undefined }
    | undefined;
  /** Origin of the app itself, for links in mails; undefined where the platform does not tell it. */
  readonly ownOrigin?: string | undefined;
  readonly credentialKey: { readonly keyUri: string } | { readonly key: Buffer };
  readonly chunk: { readonly maxSeconds: number; readonly maxMessages: number; readonly maxBytes: number };
}

export type TargetConfig =
  | {
      readonly kind: "graph";
      readonly baseUrl: string;
      readonly concurrencyPerMailbox: number;
      /** Only on loopback; in Azure the token comes from the identity. */
      readonly token?: string | undefined;
    }
  | {
      readonly kind: "imap";
      readonly host: string;
      readonly port: number;
      readonly security: "ssl" | "tls" | "none";
      readonly authentication: "xoauth2" | "password";
      readonly userFormat: string;
      readonly password?: string | undefined;
      readonly acceptUntrustedCertificates: boolean;
    };

const present = z.string().trim().min(1);
const positive = (fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, "expected a whole number")
    .transform(Number)
    .pipe(z.int().positive())
    .default(fallback);
const flag = z
  .enum(["true", "false"], 'expected "true" or "false"')
  .transform((text) => text === "true")
  .default(false);
const port = positive(993).pipe(z.int().max(65535));
const url = z.url({ protocol: /^https?$/, error: "expected an http(s) address" });

/** True for an address with or without a port; an IPv6 address with one is in brackets. */
function isNameServer(text: string): boolean {
  const [, host = "", port = "53"] = /^(.*?)(?::(\d{1,5}))?$/.exec(text) ?? [];
  if (isIP(text) !== 0) return true;
  const bracketed = /^\[(.*)\]$/.exec(host)?.[1];
  return (
    (bracketed === undefined ? isIPv4(host) : isIPv6(bracketed)) && Number(port) > 0 && Number(port) < 65_536
  );
}

/** Once a day at 01:00 UTC. */
const defaultResyncSchedule = "0 0 1 * * *";

const settingsSchema = z.object({
  AzureWebJobsStorage: present.optional(),
  DataStorage: present.optional(),
  DataStorage__blobServiceUri: url.optional(),
  DataStorage__tableServiceUri: url.optional(),
  DataStorage__clientId: present.optional(),
  ServiceBusConnection: present.optional(),
  ServiceBusConnection__fullyQualifiedNamespace: present.optional(),
  ServiceBusConnection__clientId: present.optional(),
  AZURE_CLIENT_ID: present.optional(),
  APPLICATIONINSIGHTS_CONNECTION_STRING: present.optional(),
  UPLOAD_TRIGGER_SOURCE: z.enum(["EventGrid", "LogsAndContainerScan"]).default("EventGrid"),
  RESYNC_SCHEDULE: z
    .string()
    .regex(/^\s*(\S+\s+){5}\S+\s*$/, "expected six NCRONTAB fields, seconds first")
    .default(defaultResyncSchedule),
  DISCOVERY_PRIVATE_ADDRESSES: flag,
  DNS_SERVERS: z
    .string()
    .transform((text) => text.split(",").map((server) => server.trim()))
    .refine(
      (servers) => servers.every(isNameServer),
      "expected addresses such as 192.0.2.1 or 192.0.2.1:53, separated by commas",
    )
    .optional(),
  TARGET: z.enum(["graph", "imap"]).default("graph"),
  GRAPH_BASE_URL: url.default("https://graph.microsoft.com"),
  GRAPH_CONCURRENCY_PER_MAILBOX: positive(4).pipe(z.int().max(4)),
  GRAPH_TOKEN: present.optional(),
  NOTIFICATION_SENDER: z
    .string()
    .trim()
    .regex(/^[^\s/@]+@[^\s/@]+$|^[0-9a-f-]{36}$/i, "expected the address of a mailbox, or its object id")
    .optional(),
  TARGET_IMAP_HOST: present.optional(),
  TARGET_IMAP_PORT: port,
  TARGET_IMAP_SECURITY: z.enum(["ssl", "tls", "none"]).default("ssl"),
  TARGET_IMAP_AUTHENTICATION: z.enum(["xoauth2", "password"]).default("xoauth2"),
  TARGET_IMAP_USER_FORMAT: z
    .string()
    .includes("{emailAddress}", { error: 'expected a text that holds "{emailAddress}"' })
    .default("{emailAddress}"),
  TARGET_IMAP_PASSWORD: present.optional(),
  TARGET_IMAP_ACCEPT_UNTRUSTED_CERTIFICATES: flag,
  CREDENTIAL_KEY_URI: z
    .url({ protocol: /^https?$/, error: "expected the address of a Key Vault key" })
    .optional(),
  CREDENTIAL_KEY: z
    .base64()
    .refine((text) => Buffer.from(text, "base64").length === 32, "expected 32 bytes as base64")
    .optional(),
  CHUNK_MAX_SECONDS: positive(60).pipe(z.int().max(maxStepSeconds)),
  CHUNK_MAX_MESSAGES: positive(10_000),
  CHUNK_MAX_BYTES: positive(256 * 1024 * 1024),
});

/** What is sent there is secret: plain http is for stand-ins on an operator's own machine. */
const addresses = [
  "CREDENTIAL_KEY_URI",
  "GRAPH_BASE_URL",
  "DataStorage__blobServiceUri",
  "DataStorage__tableServiceUri",
] as const;

/** Every application setting the code reads. */
export const settingNames: readonly string[] = Object.keys(settingsSchema.shape);

/**
 * Reads the application settings.
 * @param environment settings by name; an empty value counts as missing.
 * @throws MigrationError `fatal`/`InvalidSettings` naming every missing or bad setting at once, never a value.
 */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const given = Object.fromEntries(settingNames.map((name) => [name, environment[name] || undefined]));
  const parsed = settingsSchema.safeParse(given);
  if (!parsed.success)
    throw invalid(parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`));
  const s = parsed.data;
  const inAzure = runsInAzure(environment);
  const problems = addresses.flatMap((name) => {
    const address = s[name];
    if (address === undefined || address.startsWith("https:")) return [];
    return isLoopback(address) && !inAzure ? [] : [`${name}: expected an https address`];
  });

  const storage = storageConnection(s);
  if (storage === undefined)
    problems.push(
      "DataStorage: expected a connection string, or DataStorage__blobServiceUri and DataStorage__tableServiceUri",
    );
  const serviceBus = serviceBusConnection(s);
  if (serviceBus === undefined)
    problems.push(
      "ServiceBusConnection: expected a connection string, or ServiceBusConnection__fullyQualifiedNamespace",
    );
  const credentialKey = s.CREDENTIAL_KEY_URI
    ? { keyUri: s.CREDENTIAL_KEY_URI }
    : s.CREDENTIAL_KEY
      ? { key: Buffer.from(s.CREDENTIAL_KEY, "base64") }
      : undefined;
  if (inAzure && credentialKey?.key?.every((byte) => byte === 0))
    problems.push("CREDENTIAL_KEY: is the one of the sample, which everybody knows; set CREDENTIAL_KEY_URI");
  if (credentialKey === undefined)
    problems.push("CREDENTIAL_KEY_URI: expected the address of a Key Vault key (or CREDENTIAL_KEY, locally)");
  if (s.GRAPH_TOKEN && !isLoopback(s.GRAPH_BASE_URL))
    problems.push("GRAPH_TOKEN: is only accepted where GRAPH_BASE_URL points to this machine");
  if (s.TARGET === "imap" && !s.TARGET_IMAP_HOST)
    problems.push('TARGET_IMAP_HOST: is required when TARGET is "imap"');
  if (s.TARGET === "imap" && s.TARGET_IMAP_AUTHENTICATION === "password" && !s.TARGET_IMAP_PASSWORD)
    problems.push('TARGET_IMAP_PASSWORD: is required when TARGET_IMAP_AUTHENTICATION is "password"');
  if (storage === undefined || serviceBus === undefined || credentialKey === undefined || problems.length > 0)
    throw invalid(problems);

  return {
    storage,
    serviceBus,
    azureClientId: s.AZURE_CLIENT_ID,
    inAzure,
    applicationInsights: s.APPLICATIONINSIGHTS_CONNECTION_STRING,
    uploadTriggerSource: s.UPLOAD_TRIGGER_SOURCE,
    resyncSchedule: s.RESYNC_SCHEDULE,
    discoveryPrivateAddresses: s.DISCOVERY_PRIVATE_ADDRESSES,
    dnsServers: s.DNS_SERVERS,
    target:
      s.TARGET === "graph"
        ? {
            kind: "graph",
            baseUrl: s.GRAPH_BASE_URL.replace(/\/+$/, ""),
            concurrencyPerMailbox: s.GRAPH_CONCURRENCY_PER_MAILBOX,
            token: s.GRAPH_TOKEN,
          }
        : {
            kind: "imap",
            host: s.TARGET_IMAP_HOST as string,
            port: s.TARGET_IMAP_PORT,
            security: s.TARGET_IMAP_SECURITY,
            authentication: s.TARGET_IMAP_AUTHENTICATION,
            userFormat: s.TARGET_IMAP_USER_FORMAT,
            password: s.TARGET_IMAP_PASSWORD,
            acceptUntrustedCertificates: s.TARGET_IMAP_ACCEPT_UNTRUSTED_CERTIFICATES,
          },
    mail:
      s.NOTIFICATION_SENDER === undefined
        ? undefined
        : {
            sender: s.NOTIFICATION_SENDER,
            baseUrl: s.GRAPH_BASE_URL.replace(/\/+$/, ""),
            token: s.GRAPH_TOKEN,
          },
    ownOrigin:
      environment.WEBSITE_HOSTNAME && inAzure ? `https://${environment.WEBSITE_HOSTNAME}` : undefined,
    credentialKey,
    chunk: {
      maxSeconds: s.CHUNK_MAX_SECONDS,
      maxMessages: s.CHUNK_MAX_MESSAGES,
      maxBytes: s.CHUNK_MAX_BYTES,
    },
  };
}

/**
 * The settings that trigger registrations need before anything else is read, so that a missing secret
 * shows in /health and not as a function app without functions.
 */
export function readTriggerSettings(environment: NodeJS.ProcessEnv = process.env): {
  readonly uploadTriggerSource: "EventGrid" | "LogsAndContainerScan";
  readonly dataStorageSetting: "DataStorage" | "AzureWebJobsStorage";
  readonly resyncSchedule: string;
} {
  const source = environment.UPLOAD_TRIGGER_SOURCE;
  const own = Object.keys(environment).some((name) => /^DataStorage(__|$)/.test(name) && environment[name]);
  return {
    uploadTriggerSource: source === "LogsAndContainerScan" ? source : "EventGrid",
    dataStorageSetting: own ? "DataStorage" : "AzureWebJobsStorage",
    resyncSchedule: environment.RESYNC_SCHEDULE || defaultResyncSchedule,
  };
}

/**
 * True on an instance of Azure Functions, where App Service signs callers in. It gives every app its name; an instance id
 * is missing on Flex Consumption, the plan of this app.
 * @see https://learn.microsoft.com/azure/app-service/reference-app-settings
 */
export function runsInAzure(environment: NodeJS.ProcessEnv = process.env): boolean {
  return Boolean(environment.WEBSITE_SITE_NAME || environment.WEBSITE_INSTANCE_ID);
}

/**
 * True where App Service signs callers in, and so writes who they are into a header that nobody else can send. The
 * platform sets it, `True` or `False`.
 * @see https://learn.microsoft.com/azure/app-service/reference-app-settings
 */
export function signsCallersIn(environment: NodeJS.ProcessEnv = process.env): boolean {
  return /^true$/i.test(environment.WEBSITE_AUTH_ENABLED ?? "");
}

type Settings = z.infer<typeof settingsSchema>;

function storageConnection(s: Settings): StorageConnection | undefined {
  if (s.DataStorage__blobServiceUri && s.DataStorage__tableServiceUri)
    return {
      blobUrl: s.DataStorage__blobServiceUri,
      tableUrl: s.DataStorage__tableServiceUri,
      clientId: s.DataStorage__clientId,
    };
  const connectionString = s.DataStorage ?? s.AzureWebJobsStorage;
  return connectionString ? { connectionString } : undefined;
}

function serviceBusConnection(s: Settings): ServiceBusConnection | undefined {
  if (s.ServiceBusConnection__fullyQualifiedNamespace)
    return {
      fullyQualifiedNamespace: s.ServiceBusConnection__fullyQualifiedNamespace,
      clientId: s.ServiceBusConnection__clientId,
    };
  return s.ServiceBusConnection ? { connectionString: s.ServiceBusConnection } : undefined;
}

function invalid(problems: readonly string[]): MigrationError {
  return new MigrationError(
    "fatal",
    "InvalidSettings",
    `Application settings need attention. ${problems.join("; ")}.`,
  );
}
