import { z } from "zod";
import { count, instant, type Shown } from "./common.ts";

/** The application itself, and who calls it. */

export const meSchema = z
  .strictObject({
    id: z.string().meta({ description: "Object id in Entra; `local` on an operator's own machine." }),
    name: z.string().nullable(),
    mayOperate: z.boolean(),
  })
  .meta({ id: "Me" });
export type MeView = Shown<typeof meSchema>;

const connectionSchema = z
  .strictObject({
    name: z.string(),
    status: z
      .enum(["ok", "missing", "away"])
      .meta({ description: "`missing`: a person has to mend it. `away`: it comes back by itself." }),
    since: instant,
    code: z.string().optional(),
    message: z.string().optional(),
  })
  .meta({ id: "Connection" });
export type ConnectionHealth = Shown<typeof connectionSchema>;

export const healthSchema = z
  .strictObject({
    status: z.enum(["healthy", "unhealthy"]),
    version: z.string(),
    connections: z.array(connectionSchema),
    lastSweep: z
      .strictObject({ ageSeconds: count })
      .nullable()
      .meta({ description: "null before the first sweep, or while nobody can tell." }),
    missingPermissions: z
      .array(z.strictObject({ name: z.string(), optional: z.boolean(), message: z.string() }))
      .nullable()
      .meta({
        description:
          "What the application's token lacks; null where there is no such token, or none that can be read.",
      }),
  })
  .meta({ id: "Health" });
export type HealthDetails = Shown<typeof healthSchema>;
