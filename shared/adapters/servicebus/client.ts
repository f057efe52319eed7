import { RetryMode, type RetryOptions, ServiceBusClient, type TokenCredential } from "@azure/service-bus";

/** How to reach the namespace: with a key (locally) or as an identity. */
export type ServiceBusSettings =
  | { readonly connectionString: string }
  | { readonly fullyQualifiedNamespace: string; readonly credential: TokenCredential };

/**
 * A send whose answer was lost is repeated, which is harmless since message ids are deterministic. All attempts
 * together end well before the host gives up on a function.
 */
const retryOptions: RetryOptions = {
  mode: RetryMode.Exponential,
  maxRetries: 3,
  retryDelayInMs: 500,
  maxRetryDelayInMs: 5_000,
  timeoutInMs: 10_000,
};

/** One client a process: its adapters share its connection, which opens with the first use and again after a loss. */
export function createServiceBusClient(settings: ServiceBusSettings): ServiceBusClient {
  return "connectionString" in settings
    ? new ServiceBusClient(settings.connectionString, { retryOptions })
    : new ServiceBusClient(settings.fullyQualifiedNamespace, settings.credential, { retryOptions });
}
