/**
 * What the app's identity may do in Microsoft 365, as Entra application permissions.
 * Permission to mail comes from here (`--scope tenant`) or from Exchange (`--scope group`), never from both, since they add up.
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { type AppPermission, appPermissions } from "../../shared/domain/permissions.ts";
import { runCommand } from "./command.ts";
import { type Rest, restOfCli, services } from "./rest.ts";
import { deploymentValue, findValue } from "./values.ts";

/** The applications of Microsoft whose permissions these are. */
const appIds = {
  graph: "00000003-0000-0000-c000-000000000000",
  exchange: "00000002-0000-0ff1-ce00-000000000000",
} as const;

export interface PermissionOptions {
  readonly target: "graph" | "imap";
  /** Whole tenant by Entra, or a group of mailboxes by Exchange's RBAC for Applications. */
  readonly scope: "tenant" | "group";
  /** True if the app sends notifications. */
  readonly notifications: boolean;
  /** True if the app may change sensitive properties of mail that is there. */
  readonly advancedMail: boolean;
}

/** Permissions to hold, and those to give up because they are not asked for or would widen what Exchange limits. */
export function plannedPermissions({ target, scope, notifications, advancedMail }: PermissionOptions): {
  readonly hold: readonly AppPermission[];
  readonly giveUp: readonly AppPermission[];
} {
  const ofTenant = scope === "tenant";
  const asked: Readonly<Record<keyof typeof appPermissions, boolean>> = {
    users: true,
    mail: target === "graph" && ofTenant,
    advancedMail: advancedMail && target === "graph" && ofTenant,
    send: notifications && ofTenant,
    imap: target === "imap",
  };
  const all = Object.keys(asked) as (keyof typeof asked)[];
  const those = (wanted: boolean) =>
    all.filter((name) => asked[name] === wanted).map((name) => appPermissions[name]);
  return { hold: those(true), giveUp: those(false) };
}

const resource = z.object({
  value: z.array(
    z.object({
      id: z.string(),
      appRoles: z.array(z.object({ id: z.string(), value: z.string().nullable() })),
    }),
  ),
});
const assignments = z.object({
  value: z.array(z.object({ id: z.string(), appRoleId: z.string(), resourceId: z.string() })),
});

/**
 * Grants and withdraws until the identity holds exactly the planned permissions. Repeatable.
 * @param principalId object id of the identity.
 * @returns what changed, one line each.
 * @throws RestError 403 if the caller may not grant application permissions (Privileged Role Administrator may).
 * @see https://learn.microsoft.com/graph/api/serviceprincipal-post-approleassignments
 */
export async function applyPermissions(
  graph: Rest,
  principalId: string,
  options: PermissionOptions,
): Promise<readonly string[]> {
  const { hold, giveUp } = plannedPermissions(options);
  const path = `/v1.0/servicePrincipals/${principalId}/appRoleAssignments`;
  const held = assignments.parse(await graph("GET", path)).value;
  const changes: string[] = [];
  for (const permission of hold) {
    const role = await find(graph, permission);
    if (role === undefined)
      throw new Error(`The tenant does not offer the application permission ${permission.value}.`);
    const { resourceId, appRoleId } = role;
    if (held.some((one) => one.resourceId === resourceId && one.appRoleId === appRoleId)) continue;
    await graph("POST", path, { principalId, resourceId, appRoleId });
    changes.push(`granted ${permission.value}`);
  }
  for (const permission of giveUp) {
    // Clouds get new permissions at different times: what is not offered is not held.
    const role = await find(graph, permission);
    const assignment = held.find(
      (one) => one.resourceId === role?.resourceId && one.appRoleId === role.appRoleId,
    );
    if (assignment === undefined) continue;
    await graph("DELETE", `${path}/${assignment.id}`);
    changes.push(`withdrew ${permission.value}`);
  }
  return changes;
}

async function find(
  graph: Rest,
  permission: AppPermission,
): Promise<{ readonly resourceId: string; readonly appRoleId: string } | undefined> {
  const query = `$filter=appId eq '${appIds[permission.api]}'&$select=id,appRoles`;
  const [principal] = resource.parse(await graph("GET", `/v1.0/servicePrincipals?${query}`)).value;
  const role = principal?.appRoles.find(({ value }) => value === permission.value);
  return principal && role && { resourceId: principal.id, appRoleId: role.id };
}

const optionsSchema = z.object({
  target: z.enum(["graph", "imap"]),
  scope: z.enum(["tenant", "group"]),
  notifications: z.boolean(),
  advancedMail: z.boolean(),
});

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      target: { type: "string", default: findValue("TARGET") ?? "graph" },
      scope: { type: "string" },
      notifications: { type: "boolean", default: false },
      "advanced-mail": { type: "boolean", default: false },
    },
  });
  const parsed = optionsSchema.safeParse({ ...values, advancedMail: values["advanced-mail"] });
  if (!parsed.success)
    throw new Error(
      "Usage: permissions.ts --scope tenant | group [--target graph | imap] [--notifications] [--advanced-mail]",
    );
  const graph = restOfCli(services.graph);
  const changes = await applyPermissions(graph, deploymentValue("IDENTITY_PRINCIPAL_ID"), parsed.data);
  console.log(changes.length === 0 ? "Nothing to change." : changes.join("\n"));
  const { notifications, advancedMail, target } = parsed.data;
  const switches =
    target === "graph"
      ? `${notifications ? " -Notifications" : ""}${advancedMail ? " -AdvancedMail" : ""}`
      : "";
  if (parsed.data.target === "imap" || parsed.data.scope === "group")
    console.log(
      `Now, in Exchange Online PowerShell: ./infra/scripts/exchange-access.ps1 -ClientId ${deploymentValue("IDENTITY_CLIENT_ID")} -PrincipalId ${deploymentValue("IDENTITY_PRINCIPAL_ID")} -Target ${parsed.data.target} -Group <group>${switches}`,
    );
}

if (import.meta.main) await runCommand(main);
