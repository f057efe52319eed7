import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Deployment } from "./deployment.ts";
import { isArray, isObject } from "./evaluate.ts";

/** What the code relies on in a queue. */
export interface QueueProperties {
  readonly requiresSession: boolean;
  readonly lockDurationMs: number;
  readonly maxDeliveryCount: number;
  readonly duplicateDetectionWindowMs: number;
  readonly deadLetteringOnMessageExpiration: boolean;
}

/** The queues as Bicep declares them. */
export function deployedQueues({ deployed }: Deployment): Readonly<Record<string, QueueProperties>> {
  const queues = deployed.find(({ path }) => path === "messaging/namespace")?.params.queues;
  return Object.fromEntries(
    (isArray(queues) ? queues : []).filter(isObject).map((queue) => {
      const { name, ...properties } = bicepQueue.parse(queue);
      return [name, propertiesOf(properties)];
    }),
  );
}

/** The queues as the official emulator's configuration declares them. */
export function emulatedQueues(path: string): Readonly<Record<string, QueueProperties>> {
  const { UserConfig } = emulatorConfig.parse(JSON.parse(readFileSync(path, "utf8")));
  return Object.fromEntries(
    UserConfig.Namespaces.flatMap(({ Queues }) => Queues).map(({ Name, Properties }) => [
      Name,
      propertiesOf({
        requiresSession: Properties.RequiresSession,
        lockDuration: Properties.LockDuration,
        maxDeliveryCount: Properties.MaxDeliveryCount,
        requiresDuplicateDetection: Properties.RequiresDuplicateDetection,
        duplicateDetectionHistoryTimeWindow: Properties.DuplicateDetectionHistoryTimeWindow,
        deadLetteringOnMessageExpiration: Properties.DeadLetteringOnMessageExpiration,
      }),
    ]),
  );
}

/** An ISO 8601 duration of days, hours, minutes and seconds, in milliseconds. */
export function durationMs(text: string): number {
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] =
    text.match(/^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/)?.map((part) => Number(part ?? 0)) ??
    [];
  const duration = (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
  if (duration === 0) throw new RangeError(`not a duration: ${text}`);
  return duration;
}

const bicepQueue = z.object({
  name: z.string(),
  requiresSession: z.boolean(),
  lockDuration: z.string(),
  maxDeliveryCount: z.int(),
  requiresDuplicateDetection: z.boolean(),
  duplicateDetectionHistoryTimeWindow: z.string(),
  deadLetteringOnMessageExpiration: z.boolean(),
});

const emulatorConfig = z.object({
  UserConfig: z.object({
    Namespaces: z.array(
      z.object({
        Queues: z.array(
          z.object({
            Name: z.string(),
            Properties: z.object({
              RequiresSession: z.boolean(),
              LockDuration: z.string(),
              MaxDeliveryCount: z.int(),
              RequiresDuplicateDetection: z.boolean(),
              DuplicateDetectionHistoryTimeWindow: z.string(),
              DeadLetteringOnMessageExpiration: z.boolean(),
            }),
          }),
        ),
      }),
    ),
  }),
});

function propertiesOf(queue: Omit<z.infer<typeof bicepQueue>, "name">): QueueProperties {
  return {
    requiresSession: queue.requiresSession,
    lockDurationMs: durationMs(queue.lockDuration),
    maxDeliveryCount: queue.maxDeliveryCount,
    duplicateDetectionWindowMs: queue.requiresDuplicateDetection
      ? durationMs(queue.duplicateDetectionHistoryTimeWindow)
      : 0,
    deadLetteringOnMessageExpiration: queue.deadLetteringOnMessageExpiration,
  };
}
