/** A permission that the app's identity has, or may have, in Microsoft 365. */
export interface AppPermission {
  /** Whose application permission it is: Microsoft Graph's or Office 365 Exchange Online's. */
  readonly api: "graph" | "exchange";
  /** As Entra names it, and the `roles` of an access token. */
  readonly value: string;
  /** Others that do as well. */
  readonly alternatives: readonly string[];
  /**
   * The role of Exchange's RBAC for Applications that gives the same for a group of mailboxes. No access token names it,
   * so a token without the permission proves nothing where there is such a role.
   */
  readonly exchangeRole?: string;
  /** The target it is for; both when absent. */
  readonly target?: "graph" | "imap";
  /** True if the app does its work without it, but for what is lost. */
  readonly optional: boolean;
  /** A sentence. */
  readonly lostWithout: string;
}

/**
 * Everything the identity may be given, least privilege: the scripts in `infra/scripts` grant from this list and withdraw
 * what of it is not asked for.
 * @see https://learn.microsoft.com/graph/permissions-reference
 * @see https://learn.microsoft.com/exchange/permissions-exo/application-rbac
 */
export const appPermissions = {
  users: {
    api: "graph",
    value: "User.Read.All",
    alternatives: ["User.ReadBasic.All"],
    optional: false,
    lostWithout: "No mailbox is found by its address.",
  },
  mail: {
    api: "graph",
    value: "Mail.ReadWrite",
    alternatives: [],
    exchangeRole: "Application Mail.ReadWrite",
    target: "graph",
    optional: false,
    lostWithout: "Nothing is copied.",
  },
  advancedMail: {
    api: "graph",
    value: "Mail-Advanced.ReadWrite.All",
    alternatives: [],
    exchangeRole: "Application Mail-Advanced.ReadWrite.All",
    target: "graph",
    optional: true,
    lostWithout:
      "From 2026-12-31 a message that is answered or forwarded at the source after it was copied does not show it in Microsoft 365.",
  },
  send: {
    api: "graph",
    value: "Mail.Send",
    alternatives: [],
    exchangeRole: "Application Mail.Send",
    optional: true,
    lostWithout: "No notifications are sent.",
  },
  imap: {
    api: "exchange",
    value: "IMAP.AccessAsApp",
    alternatives: [],
    target: "imap",
    optional: false,
    lostWithout: "Nothing is copied.",
  },
} as const satisfies Readonly<Record<string, AppPermission>>;

/** What an app with this target wants to have. Pure. */
export function wantedPermissions(target: "graph" | "imap"): readonly AppPermission[] {
  const all: readonly AppPermission[] = Object.values(appPermissions);
  return all.filter((permission) => permission.target === undefined || permission.target === target);
}

/**
 * Which of what an app with this target wants its token for that target lacks. Pure. Nothing is verified: the token is the
 * app's own.
 * @returns undefined if it is no token of Entra that can be read.
 * @see https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
export function lackingPermissions(
  target: "graph" | "imap",
  token: string,
): readonly AppPermission[] | undefined {
  const held = rolesOf(token);
  const api = target === "graph" ? "graph" : "exchange";
  return (
    held &&
    wantedPermissions(target).filter(
      (wanted) =>
        wanted.api === api && ![wanted.value, ...wanted.alternatives].some((name) => held.includes(name)),
    )
  );
}

function rolesOf(token: string): readonly unknown[] | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"));
    if (typeof claims !== "object" || claims === null) return undefined;
    const roles: unknown = "roles" in claims ? claims.roles : [];
    return Array.isArray(roles) ? roles : undefined;
  } catch {
    return undefined;
  }
}
