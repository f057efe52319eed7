import { z } from "zod";
import { count, instant, listOf, type Shown } from "./common.ts";

export const noticeSchema = z
  .strictObject({
    kind: z.enum([
      "started",
      "loginsTested",
      "rehearsed",
      "failures",
      "synced",
      "report",
      "mxMoved",
      "cutoverReady",
      "completed",
      "verified",
      "idleSoon",
      "idleStopped",
    ]),
    state: z.enum(["sending", "waiting", "sent", "failed", "inDoubt"]).meta({
      description: "waiting: not sent, and tried again. inDoubt: it may have been sent, and is not repeated.",
    }),
    at: instant.meta({ description: "When it was decided on." }),
    since: instant.meta({ description: "When its state began." }),
    attempts: count,
    nextAttemptAt: instant.nullable(),
    error: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
    covers: z.array(z.string()).meta({ description: "What it tells of: error codes, domains." }),
  })
  .meta({ id: "Notice", description: "A mail to the operators of a batch." });
/** A mail to the operators, as the HTTP API shows it. */
export type NoticeView = Shown<typeof noticeSchema>;

export const noticeListSchema = listOf(noticeSchema).meta({ id: "NoticeList" });
