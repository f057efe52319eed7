import { z } from "zod";
import { count, instant, type Shown } from "./common.ts";

const checkSchema = z
  .strictObject({
    check: z.enum(["mx", "ttl", "moved", "lastRound", "lateMail", "mailboxes", "verification", "settling"]),
    verdict: z.enum(["ok", "warning", "wait", "fails", "unknown"]).meta({
      description:
        "`wait`: nothing but time is missing. `unknown`: DNS could not be asked; that blocks nothing.",
    }),
    value: z.string().meta({ description: "What was found, as a sentence." }),
    advice: z.string().nullable().meta({ description: "What to do." }),
  })
  .meta({ id: "CutoverCheck" });
export type CheckView = Shown<typeof checkSchema>;

const domainSchema = z
  .strictObject({
    domain: z.string(),
    mailboxes: count,
    mx: z
      .array(
        z.strictObject({
          host: z.string(),
          preference: count,
          ttlSeconds: count,
          isMicrosoft365: z.boolean(),
        }),
      )
      .nullable()
      .meta({ description: "null until DNS gave an answer." }),
    authoritative: z
      .boolean()
      .meta({ description: "False where the times to live are what is left of them." }),
    filter: z.string().nullable().meta({ description: "The well-known service in front of the mailboxes." }),
    confirmed: z.strictObject({ by: z.string(), at: instant }).nullable(),
    checkedAt: instant.nullable(),
    movedAt: instant.nullable(),
    oldRouteUntil: instant.nullable(),
    checks: z.array(checkSchema),
  })
  .meta({ id: "CutoverDomain" });
export type DomainView = Shown<typeof domainSchema>;

export const cutoverSchema = z
  .strictObject({
    verdict: z.enum(["ready", "readyWithWarnings", "notYet", "blocked"]),
    reasons: z.array(z.string()).meta({ description: "What is missing, as sentences." }),
    readyAt: instant.nullable().meta({ description: "When waiting ends, if nothing else is missing." }),
    asOf: instant,
    domainCount: count,
    domains: z.array(domainSchema).meta({ description: "The worst first, 200 at most." }),
    checks: z.array(checkSchema).meta({ description: "Of the batch as a whole." }),
  })
  .meta({ id: "Cutover" });
/** Whether a batch may be given up, as the HTTP API shows it. */
export type CutoverView = Shown<typeof cutoverSchema>;
