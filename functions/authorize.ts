import { z } from "zod";

/** App roles of the API. Who operates may read as well. */
export type AppRole = "Migration.Read" | "Migration.Operate";

/** What a caller lacks. */
export type Refusal = "signIn" | "role";

/** Types of the claims that hold app roles: as Entra writes it, and as App Service may map it. */
const roleClaims = ["roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"];

/** `role_typ` is not heard: it is the token's own word for which of its claims are roles. */
const principalSchema = z.object({
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
});

/**
 * Decides whether a caller may use a route. Pure.
 * @param principal the header X-MS-CLIENT-PRINCIPAL: where its sign-in is on, App Service writes it for whoever has signed
 * in, and lets no caller send one.
 * @returns undefined if the caller may.
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function refusalOf(principal: string | null, needed: AppRole): Refusal | undefined {
  const parsed = principalSchema.safeParse(decode(principal ?? ""));
  if (!parsed.success) return "signIn";
  const roles = parsed.data.claims.filter(({ typ }) => roleClaims.includes(typ)).map(({ val }) => val);
  return roles.includes("Migration.Operate") || roles.includes(needed) ? undefined : "role";
}

function decode(principal: string): unknown {
  try {
    return JSON.parse(Buffer.from(principal, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}
