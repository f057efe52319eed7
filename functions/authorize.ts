import { z } from "zod";

/** App roles of the API. Who operates may read as well. */
export type AppRole = "Migration.Read" | "Migration.Operate";

/** What a caller lacks. */
export type Refusal = "signIn" | "role";

const principalSchema = z.object({
  role_typ: z.string().default("roles"),
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
});

/**
 * Decides whether a caller may use a route. Pure.
 * @param principal the header X-MS-CLIENT-PRINCIPAL: App Service writes it for whoever has signed in, and lets no caller
 * send one.
 * @returns undefined if the caller may.
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function refusalOf(principal: string | null, needed: AppRole): Refusal | undefined {
  const parsed = principalSchema.safeParse(decode(principal ?? ""));
  if (!parsed.success) return "signIn";
  const { claims, role_typ } = parsed.data;
  const roles = claims.filter(({ typ }) => typ === role_typ || typ === "roles").map(({ val }) => val);
  return roles.includes("Migration.Operate") || roles.includes(needed) ? undefined : "role";
}

function decode(principal: string): unknown {
  try {
    return JSON.parse(Buffer.from(principal, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}
