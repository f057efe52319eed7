import { z } from "zod";

const timeSpan = z
  .string()
  .regex(/^(\d+\.)?\d{1,2}:\d{2}:\d{2}(\.\d{1,7})?$/, "expected [d.]hh:mm:ss[.fffffff]");
const count = z.int().positive();
const logLevel = z.enum(["Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"]);

/**
 * The part of host.json's published schema that this app may use: any other name is refused, so that a misspelt one is not ignored.
 * Sources: http://json.schemastore.org/host, https://learn.microsoft.com/azure/azure-functions/functions-host-json,
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-service-bus#hostjson-settings (extension 5.x),
 * https://learn.microsoft.com/azure/azure-functions/opentelemetry-howto.
 */
const hostSchema = z.strictObject({
  version: z.literal("2.0"),
  telemetryMode: z.enum(["OpenTelemetry", "ApplicationInsights"]).optional(),
  functionTimeout: timeSpan.optional(),
  logging: z.strictObject({ logLevel: z.record(z.string(), logLevel).optional() }).optional(),
  extensionBundle: z.strictObject({
    id: z.literal("Microsoft.Azure.Functions.ExtensionBundle"),
    version: z
      .string()
      .regex(/^[[(]\d+\.(\*|\d+\.\d+), \d+\.(\*|\d+\.\d+)[\])]$/, "expected a range of versions"),
  }),
  extensions: z.strictObject({
    http: z
      .strictObject({
        routePrefix: z.string().optional(),
        maxConcurrentRequests: z.int().optional(),
        maxOutstandingRequests: z.int().optional(),
        dynamicThrottlesEnabled: z.boolean().optional(),
      })
      .optional(),
    blobs: z
      .strictObject({ maxDegreeOfParallelism: count.optional(), poisonBlobThreshold: count.optional() })
      .optional(),
    queues: z
      .strictObject({
        maxPollingInterval: timeSpan.optional(),
        visibilityTimeout: timeSpan.optional(),
        batchSize: count.max(32).optional(),
        maxDequeueCount: count.optional(),
        newBatchThreshold: z.int().nonnegative().optional(),
        messageEncoding: z.enum(["base64", "none"]).optional(),
      })
      .optional(),
    serviceBus: z
      .strictObject({
        transportType: z.enum(["amqpTcp", "amqpWebSockets"]).optional(),
        prefetchCount: z.int().nonnegative().optional(),
        autoCompleteMessages: z.boolean().optional(),
        maxAutoLockRenewalDuration: timeSpan.optional(),
        maxConcurrentCalls: count.optional(),
        maxConcurrentSessions: count.optional(),
        maxMessageBatchSize: count.optional(),
        minMessageBatchSize: count.optional(),
        maxBatchWaitTime: timeSpan.optional(),
        sessionIdleTimeout: timeSpan.optional(),
        enableCrossEntityTransactions: z.boolean().optional(),
        clientRetryOptions: z
          .strictObject({
            mode: z.enum(["exponential", "fixed"]).optional(),
            tryTimeout: timeSpan.optional(),
            delay: timeSpan.optional(),
            maxDelay: timeSpan.optional(),
            maxRetries: z.int().nonnegative().optional(),
          })
          .optional(),
      })
      .optional(),
  }),
});

/** What the schema has against a host.json, one line each. */
export function hostJsonProblems(text: string): readonly string[] {
  const result = hostSchema.safeParse(JSON.parse(text));
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

/**
 * Whether as many mailboxes as the permits let in can be worked on at once.
 * @param permits sum over the limits of one endpoint.
 * @param instances most instances of the app.
 */
export function permitProblems(hostJson: string, permits: number, instances: number): readonly string[] {
  const sessions = hostSchema.parse(JSON.parse(hostJson)).extensions.serviceBus?.maxConcurrentSessions ?? 8;
  const places = sessions * instances;
  return permits <= places
    ? []
    : [`${permits} permits do not fit into ${sessions} sessions on each of ${instances} instances`];
}

/** Categories under which the host files what the app logs: through an invocation, and on the standard output. */
const eventCategories = ["Function.folder-sync.User", "Host.Function.Console"];

/** Categories of events whose level keeps them from being recorded. The longest name that begins a category decides. */
export function eventLevelProblems(hostJson: string): readonly string[] {
  const levels = hostSchema.parse(JSON.parse(hostJson)).logging?.logLevel ?? {};
  return eventCategories.flatMap((category) => {
    const [deciding = "default"] = Object.keys(levels)
      .filter((name) => category === name || category.startsWith(`${name}.`))
      .sort((a, b) => b.length - a.length);
    const level = levels[deciding] ?? "Information";
    return ["Trace", "Debug", "Information"].includes(level)
      ? []
      : [`${category} is at ${level} by ${deciding}`];
  });
}
