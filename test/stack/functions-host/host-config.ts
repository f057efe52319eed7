import { z } from "zod";

const timeSpanPattern = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?$/;

/** A .NET TimeSpan, `[d.]hh:mm:ss[.fffffff]`, as milliseconds. */
const timeSpan = z.string().transform((text, context) => {
  const match = timeSpanPattern.exec(text);
  if (!match) {
    context.addIssue({ code: "custom", message: "expected [d.]hh:mm:ss" });
    return z.NEVER;
  }
  const [days, hours, minutes, seconds] = match.slice(1, 5).map((part) => Number(part ?? 0)) as [
    number,
    number,
    number,
    number,
  ];
  const fraction = Number(`0.${match[5] ?? 0}`);
  return Math.round((((days * 24 + hours) * 60 + minutes) * 60 + seconds + fraction) * 1000);
});

const count = z.int().positive();

const logLevelSchema = z
  .string()
  .transform((level) => level.toLowerCase())
  .pipe(z.enum(["trace", "debug", "information", "warning", "error", "critical", "none"]));

/**
 * The settings of host.json that this host follows, with the defaults of the real one.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-host-json and the pages of each extension.
 */
const hostConfigSchema = z.object({
  version: z.literal("2.0"),
  /** Milliseconds; "-1" is no limit. */
  functionTimeout: z
    .union([z.literal("-1").transform(() => Number.POSITIVE_INFINITY), timeSpan])
    .prefault("00:30:00"),
  logging: z
    .object({ logLevel: z.record(z.string(), logLevelSchema).default({ default: "information" }) })
    .prefault({}),
  extensions: z
    .object({
      http: z.object({ routePrefix: z.string().default("api") }).prefault({}),
      blobs: z
        .object({
          maxDegreeOfParallelism: count.default(8),
          poisonBlobThreshold: count.default(5),
        })
        .prefault({}),
      queues: z
        .object({
          batchSize: count.max(32).default(16),
          maxDequeueCount: count.default(5),
          visibilityTimeout: timeSpan.prefault("00:00:00"),
        })
        .prefault({}),
      serviceBus: z
        .object({
          prefetchCount: z.int().nonnegative().default(0),
          autoCompleteMessages: z.boolean().default(true),
          maxAutoLockRenewalDuration: timeSpan.prefault("00:05:00"),
          maxConcurrentCalls: count.default(16),
          maxConcurrentSessions: count.default(8),
          sessionIdleTimeout: timeSpan.prefault("00:01:00"),
        })
        .prefault({}),
    })
    .prefault({}),
});

export type HostConfig = z.infer<typeof hostConfigSchema>;

/**
 * Reads host.json.
 * @throws Error naming every setting that is wrong.
 */
export function parseHostConfig(text: string): HostConfig {
  const result = hostConfigSchema.safeParse(JSON.parse(text));
  if (!result.success) throw new Error(`host.json: ${z.prettifyError(result.error)}`);
  return result.data;
}
