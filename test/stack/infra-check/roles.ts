import type { Deployment } from "./deployment.ts";
import { asText, isArray, isObject, type Value, type ValueObject } from "./evaluate.ts";

export interface RoleAssignment {
  readonly scope: string;
  readonly role: string;
  readonly principal: string;
}

/**
 * Every role assignment of a deployment, sorted.
 * @param roles ids of the roles by name.
 */
export function roleAssignments(
  { deployed }: Deployment,
  roles: Readonly<Record<string, string>>,
): readonly RoleAssignment[] {
  const names = new Map(Object.entries(roles).map(([name, id]) => [id, name]));
  const found: RoleAssignment[] = [];
  const visit = (value: Value, scope: string): void => {
    if (isArray(value))
      for (const element of value)
        visit(
          element,
          isObject(element) && typeof element.name === "string" ? `${scope}/${element.name}` : scope,
        );
    else if (isObject(value))
      for (const [name, one] of Object.entries(value))
        if (name === "roleAssignments" && isArray(one))
          found.push(...one.filter(isObject).map((assignment) => assigned(assignment, scope)));
        else visit(one, scope);
  };
  const assigned = (assignment: ValueObject, scope: string): RoleAssignment => {
    const id = asText(assignment.roleDefinitionIdOrName ?? "");
    return { scope, role: names.get(id) ?? id, principal: asText(assignment.principalId ?? "") };
  };
  for (const { path, params } of deployed) visit(params, path);
  const key = ({ scope, role, principal }: RoleAssignment): string => `${scope} ${role} ${principal}`;
  return found.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
