import { z } from "zod";
import type { Access } from "../shared/domain/api/routes.ts";

/** Why a caller may not: nobody can tell who calls, the caller has not signed in, or lacks the role. */
export type Refusal = "signInOff" | "signIn" | "role";

/** Where the app runs, and whether the platform signs callers in there. */
export interface Front {
  readonly inAzure: boolean;
  readonly signsIn: boolean;
}

/** Types of the claims that hold app roles: as Entra writes it, and as App Service may map it. */
const roleClaims = ["roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"];

/** `role_typ` is not heard: it is the token's own word for which of its claims are roles. */
const principalSchema = z.object({
  claims: z.array(z.object({ typ: z.string(), val: z.string() })),
});

/**
 * Decides whether a caller may use a route. Pure.
 * @param principal the header X-MS-CLIENT-PRINCIPAL. Where the platform's sign-in is on, it writes the header for whoever
 * has signed in, and lets no caller send one; elsewhere anybody may have written it. On an operator's own machine, where
 * the host listens to that machine alone, nobody signs in.
 * @returns undefined if the caller may.
 * @see https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function refusalOf(principal: string | null, access: Access, front: Front): Refusal | undefined {
  if (access === "anyone" || (principal === null && !front.inAzure)) return undefined;
  if (!front.signsIn) return "signInOff";
  const roles = rolesOf(principal);
  if (roles === undefined) return "signIn";
  return roles.includes("Migration.Operate") || roles.includes(access) ? undefined : "role";
}

/** The app roles of a caller; undefined for a principal that is missing or cannot be read. Pure. */
export function rolesOf(principal: string | null): readonly string[] | undefined {
  const { data } = principalSchema.safeParse(decode(principal ?? ""));
  return data?.claims.filter(({ typ }) => roleClaims.includes(typ)).map(({ val }) => val);
}

/**
 * True for a request that a page of another site may have a browser send with the caller's session: App Service looks at
 * POST alone. Pure.
 * @param headers what `Sec-Fetch-Site`, `Authorization` and `X-Requested-With` say; null where a header is missing. Only
 * a page of this site can set the last two. Browsers that know `Sec-Fetch-Site` let no page write it.
 * @see https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header
 */
export function isForged(
  method: string,
  headers: {
    readonly site: string | null;
    readonly authorization: string | null;
    readonly requestedWith: string | null;
  },
  front: Front,
): boolean {
  if (method === "GET" || method === "HEAD") return false;
  const { site, authorization, requestedWith } = headers;
  if (authorization !== null) return false;
  if (site !== null) return site !== "same-origin";
  return front.inAzure && requestedWith !== ownClient;
}

/** What a client without a token says of itself in `X-Requested-With`. */
const ownClient = "imap-to-m365";

function decode(principal: string): unknown {
  try {
    return JSON.parse(Buffer.from(principal, "base64").toString("utf8"));
  } catch {
    return undefined;
  }
}
