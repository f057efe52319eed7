import { z } from "zod";
import { count, type Shown } from "./common.ts";

/** What is learnt of a server by connecting to it. */

function stepSchema<Names extends readonly [string, ...string[]]>(names: Names) {
  return z.strictObject({
    step: z.enum(names),
    outcome: z.enum(["ok", "warning", "failed"]),
    code: z.string().optional(),
    message: z.string().meta({ description: "A sentence that an operator can act on." }),
    durationMs: z.number().nonnegative(),
  });
}

const probeSteps = ["tcp", "greeting", "tls", "certificate", "capabilities"] as const;

const certificateSchema = z
  .strictObject({
    subject: z.string(),
    issuer: z.string(),
    validFrom: z.string(),
    validTo: z.string(),
    names: z.array(z.string()),
    fingerprint256: z.string(),
    matchesHost: z.boolean(),
    trusted: z.boolean(),
  })
  .meta({ id: "Certificate" });

const seen = {
  certificate: certificateSchema.optional(),
  greeting: z.string().optional(),
  capabilities: z.array(z.string()).optional(),
};

const security = z.enum(["ssl", "tls", "none"]);

export const discoveredServerSchema = z
  .strictObject({
    host: z.string(),
    port: count,
    security,
    foundBy: z.array(
      z.strictObject({ source: z.enum(["srv", "autoconfig", "provider", "mx", "name"]), from: z.string() }),
    ),
    outcome: z.enum(["ok", "warning", "failed", "untried"]),
    code: z.string().optional(),
    message: z.string(),
    endpoint: z
      .strictObject({
        host: z.string(),
        port: count,
        security,
        allowInsecure: z.literal(true).optional(),
      })
      .meta({ description: "What to put as an endpoint to migrate from there." }),
    steps: z.array(stepSchema(probeSteps)).optional(),
    ...seen,
  })
  .meta({ id: "DiscoveredServer" });

export const discoverySchema = z
  .strictObject({
    domain: z.string(),
    value: z.array(discoveredServerSchema).meta({ description: "Best first." }),
    nextLink: z.null(),
    notes: z.array(z.string()).meta({ description: "What else there is to know, as sentences." }),
  })
  .meta({ id: "Discovery" });
export type DiscoveryView = Shown<typeof discoverySchema>;

const listedFolderSchema = z
  .strictObject({
    segments: z.array(z.string()).meta({ description: "Its path, from the mailbox's root." }),
    specialUse: z.enum(["inbox", "sent", "drafts", "trash", "junk", "archive"]).nullable(),
    subscribed: z.boolean(),
    onRequest: z.boolean().meta({
      description: "True if it holds no mail or shows that of others: copied only where a batch names it.",
    }),
    messages: count.nullable().meta({ description: "null where the server does not tell." }),
  })
  .meta({ id: "ListedFolder" });

export const endpointTestSchema = z
  .strictObject({
    name: z.string(),
    ok: z.boolean().meta({ description: "Whether a migration of this user would get as far as here." }),
    steps: z.array(stepSchema([...probeSteps, "dns", "login", "folders", "dialect"])),
    folders: z
      .strictObject({
        count: count.meta({ description: "Folders that may hold messages." }),
        messages: count,
        value: z.array(listedFolderSchema).meta({ description: "The first 2,000 of them." }),
      })
      .optional(),
    dialect: z
      .strictObject({
        software: z.string(),
        extensions: z.record(z.string(), z.enum(["works", "refused", "missing"])),
        messageLimit: count.optional(),
        adminForm: z.string().optional(),
      })
      .optional()
      .meta({ description: "What the server turned out to be and to do, after a login." }),
    ...seen,
  })
  .meta({ id: "EndpointTest" });
export type EndpointTestView = Shown<typeof endpointTestSchema>;
export type ListedFolder = Shown<typeof listedFolderSchema>;
