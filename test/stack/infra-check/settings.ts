import type { Deployment } from "./deployment.ts";
import { asText, isArray, isObject } from "./evaluate.ts";

/**
 * The application settings, by what they are for. A connection is a key locally and an identity in Azure, so the two
 * differ in names; everything else has the same name in both, or is listed with the reason why not.
 */
export interface SettingGroup {
  readonly local: readonly string[];
  readonly azure: readonly string[];
  /** Names that only the Functions host, the platform or an SDK reads. */
  readonly notOurs?: readonly string[];
}

const identityOf = (name: string): readonly string[] =>
  ["blobServiceUri", "queueServiceUri", "tableServiceUri", "credential", "clientId"].map(
    (part) => `${name}__${part}`,
  );
/** What the host and the exporter read of telemetry. */
const readElsewhere = [
  "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
  "APPLICATIONINSIGHTS_STATSBEAT_DISABLED",
  "APPLICATIONINSIGHTS_SDKSTATS_DISABLED",
  "APPLICATION_INSIGHTS_NO_STATSBEAT",
  "OTEL_TRACES_SAMPLER",
  "OTEL_TRACES_SAMPLER_ARG",
];
const same = (...names: readonly string[]): SettingGroup => ({ local: names, azure: names });

export const settingGroups: Readonly<Record<string, SettingGroup>> = {
  "storage of the host": {
    local: ["AzureWebJobsStorage"],
    azure: identityOf("AzureWebJobsStorage"),
    notOurs: identityOf("AzureWebJobsStorage"),
  },
  "storage of the product": {
    local: ["DataStorage"],
    azure: identityOf("DataStorage"),
    notOurs: ["DataStorage__queueServiceUri", "DataStorage__credential"],
  },
  queues: {
    local: ["ServiceBusConnection"],
    azure: ["fullyQualifiedNamespace", "credential", "clientId"].map(
      (part) => `ServiceBusConnection__${part}`,
    ),
    notOurs: ["ServiceBusConnection__credential"],
  },
  identity: same("AZURE_CLIENT_ID"),
  telemetry: {
    ...same("APPLICATIONINSIGHTS_CONNECTION_STRING", ...readElsewhere),
    notOurs: readElsewhere,
  },
  "key of the passwords": { local: ["CREDENTIAL_KEY"], azure: ["CREDENTIAL_KEY_URI"] },
  triggers: same("UPLOAD_TRIGGER_SOURCE", "RESYNC_SCHEDULE"),
  discovery: same("DISCOVERY_PRIVATE_ADDRESSES"),
  dns: same("DNS_SERVERS"),
  notifications: same("NOTIFICATION_SENDER"),
  target: same("TARGET"),
  "Graph target": same("GRAPH_CONCURRENCY_PER_MAILBOX"),
  "IMAP target": same(
    "TARGET_IMAP_HOST",
    "TARGET_IMAP_PORT",
    "TARGET_IMAP_SECURITY",
    "TARGET_IMAP_AUTHENTICATION",
    "TARGET_IMAP_USER_FORMAT",
  ),
  "stand-ins of the target on this machine": {
    local: [
      "GRAPH_BASE_URL",
      "GRAPH_TOKEN",
      "TARGET_IMAP_PASSWORD",
      "TARGET_IMAP_ACCEPT_UNTRUSTED_CERTIFICATES",
    ],
    azure: [],
  },
  chunks: same("CHUNK_MAX_SECONDS", "CHUNK_MAX_MESSAGES", "CHUNK_MAX_BYTES"),
  "local worker": { local: ["FUNCTIONS_WORKER_RUNTIME"], azure: [], notOurs: ["FUNCTIONS_WORKER_RUNTIME"] },
  "sign-in": {
    local: [],
    azure: ["OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"],
    notOurs: ["OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID"],
  },
};

/** Settings of the deployed app; what only Azure knows is shown by its origin. */
export function deployedSettings({ deployed }: Deployment): Readonly<Record<string, string>> {
  const configs = deployed.find(({ path }) => path === "app/site")?.params.configs;
  const config = (isArray(configs) ? configs : []).find((one) => isObject(one) && one.name === "appsettings");
  const properties = isObject(config) ? config.properties : undefined;
  if (!isObject(properties)) throw new Error("the app has no settings");
  return Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, asText(value)]));
}

/** Differences between the groups and the names in Bicep, in the sample, and in the code, one sentence each. */
export function settingProblems(names: {
  readonly azure: readonly string[];
  readonly local: readonly string[];
  readonly code: readonly string[];
}): readonly string[] {
  const groups = Object.values(settingGroups);
  const notOurs = new Set(groups.flatMap((group) => group.notOurs ?? []));
  const ours = [...new Set(groups.flatMap(({ local, azure }) => [...local, ...azure]))].filter(
    (name) => !notOurs.has(name),
  );
  return [
    ...differences(
      "Bicep",
      names.azure,
      groups.flatMap(({ azure }) => azure),
    ),
    ...differences(
      "local.settings.sample.json",
      names.local,
      groups.flatMap(({ local }) => local),
    ),
    ...differences("shared/config.ts", names.code, ours),
  ];
}

function differences(where: string, given: readonly string[], wanted: readonly string[]): readonly string[] {
  const missing = wanted.filter((name) => !given.includes(name)).map((name) => `${where} lacks ${name}`);
  const unknown = given
    .filter((name) => !wanted.includes(name))
    .map((name) => `${where} has ${name}, which no group knows`);
  return [...missing, ...unknown];
}
