import { GraphError } from "./errors.ts";
import type { User } from "./mailbox.ts";
import { type Filter, parseCount, parseFilter, parseSelect } from "./odata.ts";
import { userPropertyNames, userResource } from "./resources.ts";
import { type Answer, type Call, pageAnswer, parameter, type Route, requireKnownOptions } from "./routing.ts";
import type { Tenant } from "./tenant.ts";

/** learn.microsoft.com/graph/api/user-get and user-list. */
export function userRoutes(tenant: Tenant): Route[] {
  return [
    {
      scope: "directory",
      method: "GET",
      template: "/users/{user}",
      run: (call, parameters) => getUser(tenant, call, parameter(parameters, "user")),
    },
    { scope: "directory", method: "GET", template: "/users", run: (call) => listUsers(tenant, call) },
  ];
}

function getUser(tenant: Tenant, call: Call, id: string): Answer {
  requireKnownOptions(call, ["$select"]);
  const select = selection(call);
  const user = tenant.user(id);
  if (user === undefined)
    throw new GraphError(
      404,
      "Request_ResourceNotFound",
      `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
    );
  return {
    status: 200,
    json: { "@odata.context": `${call.root}/$metadata#users/$entity`, ...userResource(user, select) },
  };
}

function listUsers(tenant: Tenant, call: Call): Answer {
  requireKnownOptions(call, ["$select", "$filter", "$top", "$skip", "$count"]);
  const select = selection(call);
  const filter = call.query.get("$filter");
  const top = parseCount(call.query.get("$top") ?? "100", "$top", 1, 999);
  const skip = parseCount(call.query.get("$skip") ?? "0", "$skip", 0, Number.MAX_SAFE_INTEGER);
  const advanced =
    call.headers.consistencylevel?.toLowerCase() === "eventual" && call.query.get("$count") === "true";
  const matches = filter === null ? () => true : userPredicate(parseFilter(filter), advanced);
  return pageAnswer(call, tenant.users.filter(matches), { top, skip }, (user) => userResource(user, select));
}

function selection(call: Call): ReadonlySet<string> | undefined {
  const select = call.query.get("$select");
  return select === null ? undefined : parseSelect(select, "microsoft.graph.user", userPropertyNames);
}

const readers: Readonly<Record<string, (user: User) => string | undefined>> = {
  id: (user) => user.id,
  userPrincipalName: (user) => user.userPrincipalName,
  mail: (user) => user.mail,
  displayName: (user) => user.displayName,
};

const mostOrTerms = 15;

function unsupported(property: string): GraphError {
  return new GraphError(
    400,
    "Request_UnsupportedQuery",
    `Unsupported or invalid query filter clause specified for property '${property}' of resource 'User'.`,
  );
}

/**
 * learn.microsoft.com/graph/aad-advanced-queries, "User properties": eq and startsWith work by default; ne, not and
 * endsWith need ConsistencyLevel: eventual together with $count=true. proxyAddresses is a collection: only `any`.
 */
function userPredicate(filter: Filter, advanced: boolean): (user: User) => boolean {
  switch (filter.kind) {
    case "and": {
      const terms = filter.terms.map((term) => userPredicate(term, advanced));
      return (user) => terms.every((term) => term(user));
    }
    case "or": {
      if (filter.terms.length > mostOrTerms)
        throw new GraphError(
          400,
          "Request_UnsupportedQuery",
          `Too many child clauses specified in search filter expression containing 'OR' operators: ${filter.terms.length}. Max allowed: ${mostOrTerms}.`,
        );
      const terms = filter.terms.map((term) => userPredicate(term, advanced));
      return (user) => terms.some((term) => term(user));
    }
    case "not": {
      if (!advanced) throw unsupported("not");
      const term = userPredicate(filter.term, advanced);
      return (user) => !term(user);
    }
    case "any": {
      const { condition } = filter;
      if (filter.path !== "proxyAddresses" || !("path" in condition) || condition.path !== filter.variable)
        throw unsupported(filter.path);
      const test = textTest(condition, advanced);
      return (user) => user.proxyAddresses.some(test);
    }
    default: {
      const read = readers[filter.path];
      if (read === undefined) throw unsupported(filter.path);
      const test = textTest(filter, advanced);
      return (user) => test(read(user) ?? "");
    }
  }
}

function textTest(filter: Filter, advanced: boolean): (value: string) => boolean {
  if (filter.kind !== "compare" && filter.kind !== "call") throw unsupported("any");
  if (typeof filter.value !== "string") throw unsupported(filter.path);
  const wanted = filter.value.toLowerCase();
  if (filter.kind === "compare" && filter.operator === "eq") return (value) => value.toLowerCase() === wanted;
  if (filter.kind === "compare" && filter.operator === "ne" && advanced)
    return (value) => value.toLowerCase() !== wanted;
  if (filter.kind === "call" && filter.name === "startswith")
    return (value) => value.toLowerCase().startsWith(wanted);
  if (filter.kind === "call" && filter.name === "endswith" && advanced)
    return (value) => value.toLowerCase().endsWith(wanted);
  throw unsupported(filter.path);
}
