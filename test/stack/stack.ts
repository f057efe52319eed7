import { randomBytes } from "node:crypto";
import { BlobServiceClient } from "@azure/storage-blob";
import { settingNames } from "../../shared/config.ts";
import {
  folderSyncQueue,
  isolatedSyncQueue,
  janitorQueue,
  operationsQueue,
} from "../../shared/domain/queue-messages.ts";
import { maxDeliveryCount } from "../../shared/migration/sync/folder-sync.ts";
import { startAzurite } from "./azurite.ts";
import { type DnsServer, startDnsServer } from "./dns-server.ts";
import { type GraphOptions, type GraphStandIn, startGraph } from "./graph/index.ts";
import { type QueueSettings, type ServiceBusStandIn, startServiceBus } from "./service-bus/index.ts";

const minute = 60_000;

/** The queues as the deployment declares them. */
export const queues: Readonly<Record<string, QueueSettings>> = {
  [operationsQueue]: {
    lockDurationMs: minute,
    maxDeliveryCount,
    duplicateDetectionWindowMs: 10 * minute,
  },
  [folderSyncQueue]: {
    requiresSession: true,
    lockDurationMs: minute,
    maxDeliveryCount,
    duplicateDetectionWindowMs: 10 * minute,
  },
  [isolatedSyncQueue]: {
    requiresSession: true,
    lockDurationMs: minute,
    maxDeliveryCount,
    duplicateDetectionWindowMs: 10 * minute,
  },
  [janitorQueue]: {
    lockDurationMs: minute,
    maxDeliveryCount,
    duplicateDetectionWindowMs: 10 * minute,
  },
};

const containers = ["endpoints", "uploads", "reports", "coordination"] as const;

export interface StackOptions {
  /**
   * Settings that are given. `AzureWebJobsStorage`, `ServiceBusConnection`, `DNS_SERVERS` and `GRAPH_BASE_URL` (or `TARGET=imap`)
   * take the place of the part of the stack each stands for, which is not started then.
   */
  readonly settings?: Readonly<Record<string, string | undefined>>;
  readonly graph?: GraphOptions;
  /** Changes to the queues' settings, by queue: a test shortens locks. */
  readonly queues?: Readonly<Record<string, QueueSettings>>;
}

/** What the app needs around it, in this process: it survives the app. */
export interface Stack {
  /** All settings of the app. */
  readonly settings: Readonly<Record<string, string>>;
  /** The storage account of the containers; undefined if the settings name one by identity. */
  readonly blobs: BlobServiceClient | undefined;
  /** Undefined if the settings point elsewhere. */
  readonly serviceBus: ServiceBusStandIn | undefined;
  /** Undefined if the settings point elsewhere. */
  readonly graph: GraphStandIn | undefined;
  /** The resolver; it knows no domain at first. Undefined if the settings point elsewhere. */
  readonly dns: DnsServer | undefined;
  /** Repeatable. */
  close(): Promise<void>;
}

/**
 * Starts the local stack: storage (Azurite), Service Bus, Graph and DNS stand-ins, all on ports the system chooses, and
 * creates the containers.
 * @throws if a part does not start; what was started is closed again.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const given = appSettings(options.settings ?? {});
  const has = (name: string) => Object.keys(given).some((key) => key === name || key.startsWith(`${name}__`));
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const part of closers.splice(0).reverse()) await part();
  };
  const settings: Record<string, string> = { UPLOAD_TRIGGER_SOURCE: "LogsAndContainerScan" };
  try {
    if (!has("AzureWebJobsStorage")) {
      const azurite = await startAzurite();
      closers.push(azurite.close);
      settings.AzureWebJobsStorage = azurite.connectionString;
      // Passwords sealed with this key go when Azurite does.
      if (!has("DataStorage")) settings.CREDENTIAL_KEY = randomBytes(32).toString("base64");
    }
    let serviceBus: ServiceBusStandIn | undefined;
    if (!has("ServiceBusConnection")) {
      serviceBus = await startServiceBus({ queues: withChanges(queues, options.queues ?? {}) });
      closers.push(serviceBus.close);
      settings.ServiceBusConnection = serviceBus.connectionString;
    }
    let graph: GraphStandIn | undefined;
    if (!has("GRAPH_BASE_URL") && given.TARGET !== "imap") {
      graph = await startGraph(options.graph);
      closers.push(graph.close);
      settings.GRAPH_BASE_URL = graph.baseUrl;
      settings.GRAPH_TOKEN = graph.token;
    }
    let dns: DnsServer | undefined;
    if (!has("DNS_SERVERS")) {
      dns = await startDnsServer();
      closers.push(dns.stop);
      settings.DNS_SERVERS = dns.address;
    }
    const all: Record<string, string> = { ...settings, ...given };
    const connectionString = has("DataStorage") ? all.DataStorage : all.AzureWebJobsStorage;
    const blobs = connectionString ? BlobServiceClient.fromConnectionString(connectionString) : undefined;
    if (blobs)
      for (const container of containers) await blobs.getContainerClient(container).createIfNotExists();
    return {
      settings: all,
      blobs,
      serviceBus,
      graph,
      dns,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Those of the given settings that are the app's: its own ones, and what the host, the identity and Node read. */
function appSettings(settings: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const prefixes = [
    ...["AzureWebJobs", "AzureFunctionsWebHost__", "AZURE_", "IDENTITY_"],
    ...["APPLICATIONINSIGHTS_", "OTEL_", "WEBSITE_", "HOST_TRACING"],
    "NODE_EXTRA_CA_CERTS",
  ];
  const isAppSetting = (name: string): boolean =>
    settingNames.includes(name) ||
    settingNames.some((own) => name.startsWith(`${own}__`)) ||
    prefixes.some((prefix) => name.startsWith(prefix));
  return Object.fromEntries(
    Object.entries(settings).flatMap(([name, value]) => (value && isAppSetting(name) ? [[name, value]] : [])),
  );
}

function withChanges(
  base: Readonly<Record<string, QueueSettings>>,
  changes: Readonly<Record<string, QueueSettings>>,
): Record<string, QueueSettings> {
  return Object.fromEntries(
    Object.entries(base).map(([name, settings]) => [name, { ...settings, ...changes[name] }]),
  );
}
