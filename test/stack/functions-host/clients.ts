import { DefaultAzureCredential } from "@azure/identity";
import { ServiceBusClient, type ServiceBusClientOptions } from "@azure/service-bus";
import { BlobServiceClient } from "@azure/storage-blob";
import { QueueServiceClient } from "@azure/storage-queue";
import { type Connection, connectionOf, type Settings } from "./settings.ts";

/** Short waits: the service is near, and a broken connection has to show in a test, not after minutes. */
const serviceBusOptions: ServiceBusClientOptions = {
  retryOptions: { maxRetries: 3, retryDelayInMs: 500, timeoutInMs: 60_000 },
};

type IdentityConnection = Extract<Connection, { kind: "identity" }>;

/** Clients of the services that bindings name. The caller closes what can be closed. */
export function createClients(settings: Settings) {
  return {
    /** @throws Error if the connection is missing or incomplete. */
    blobs(name: string): BlobServiceClient {
      const connection = connectionOf(name, settings);
      if (connection.kind === "connectionString")
        return BlobServiceClient.fromConnectionString(connection.connectionString);
      return new BlobServiceClient(storageUri(connection, name, "blob"), credentialOf(connection));
    },
    /** @throws Error if the connection is missing or incomplete. */
    queues(name: string): QueueServiceClient {
      const connection = connectionOf(name, settings);
      if (connection.kind === "connectionString")
        return QueueServiceClient.fromConnectionString(connection.connectionString);
      return new QueueServiceClient(storageUri(connection, name, "queue"), credentialOf(connection));
    },
    /** @throws Error if the connection is missing or incomplete. */
    serviceBus(name: string): ServiceBusClient {
      const connection = connectionOf(name, settings);
      if (connection.kind === "connectionString")
        return new ServiceBusClient(connection.connectionString, serviceBusOptions);
      const { fullyqualifiednamespace: namespace } = connection.options;
      if (namespace === undefined) throw new Error(`'${name}__fullyQualifiedNamespace' is missing.`);
      return new ServiceBusClient(namespace, credentialOf(connection), serviceBusOptions);
    },
  };
}

export type Clients = ReturnType<typeof createClients>;

function storageUri({ options }: IdentityConnection, name: string, service: "blob" | "queue"): string {
  const uri =
    options[`${service}serviceuri`] ??
    (options.accountname && `https://${options.accountname}.${service}.core.windows.net`);
  if (!uri) throw new Error(`'${name}__${service}ServiceUri' is missing.`);
  return uri;
}

function credentialOf({ options }: IdentityConnection): DefaultAzureCredential {
  const { clientid: managedIdentityClientId } = options;
  return new DefaultAzureCredential(managedIdentityClientId === undefined ? {} : { managedIdentityClientId });
}
