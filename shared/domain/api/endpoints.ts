import { z } from "zod";
import { endpointSchema } from "../endpoint.ts";
import { count, instant, listOf, type Shown } from "./common.ts";

export const settingIssueSchema = z
  .strictObject({
    path: z.string().meta({ description: "The key; empty for the file as a whole." }),
    message: z.string(),
  })
  .meta({ id: "SettingIssue" });

/** An endpoint's settings with defaults. */
export const endpointAnswerSchema = z
  .strictObject({ ...endpointSchema.shape, host: z.string() })
  .meta({ id: "Endpoint" });
export type EndpointView = Shown<typeof endpointAnswerSchema>;

const named = { name: z.string(), etag: z.string().meta({ description: "For If-Match." }) };
export const endpointListSchema = listOf(
  z.union([
    z.strictObject({ ...named, settings: endpointAnswerSchema }).meta({ id: "StoredEndpoint" }),
    z
      .strictObject({ ...named, issues: z.array(settingIssueSchema) })
      .meta({ id: "InvalidEndpoint", description: "Its file needs attention." }),
  ]),
).meta({ id: "EndpointList" });
export type EndpointListAnswer = Shown<typeof endpointListSchema>;

const share = z.strictObject({
  used: count.meta({ description: "Mailboxes that are being worked on." }),
  limit: count,
});

export const endpointUsageSchema = z
  .strictObject({
    initial: share.meta({ description: "First copies." }),
    incremental: share.meta({ description: "Later rounds, verifications and undoings among them." }),
    waitingCount: count.meta({ description: "Mailboxes of its batches that wait for their turn or pause." }),
    batches: z
      .array(z.strictObject({ name: z.string(), initial: count, incremental: count, waitingCount: count }))
      .meta({ description: "Of those at work." }),
    opensAt: instant.nullable().meta({ description: "When its reading hours begin; null while it is read." }),
    ratesFreeAt: instant
      .nullable()
      .meta({ description: "Until when what was reserved uses its rates up; null where it is free." }),
    asOf: instant,
  })
  .meta({ id: "EndpointUsage" });
export type EndpointUsageView = Shown<typeof endpointUsageSchema>;

export const serverConfirmedSchema = z
  .strictObject({
    batches: z.array(
      z.strictObject({
        name: z.string(),
        operation: count
          .optional()
          .meta({ description: "By which its mailboxes go on, if the batch is at work." }),
      }),
    ),
  })
  .meta({ id: "ServerConfirmed" });
export type ServerConfirmed = Shown<typeof serverConfirmedSchema>;
