import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { runsInAzure } from "../shared/config.ts";
import type { MeView } from "../shared/domain/api/service.ts";
import { rolesOf } from "./authorize.ts";
import { callerOf, route } from "./http.ts";

/** Who calls, and what they may do. */
export async function getMe(request: HttpRequest): Promise<HttpResponseInit> {
  const { headers } = request;
  const roles = runsInAzure() ? rolesOf(headers.get("x-ms-client-principal")) : ["Migration.Operate"];
  return {
    jsonBody: {
      id: callerOf(request),
      name: headers.get("x-ms-client-principal-name")?.slice(0, 320) ?? null,
      mayOperate: roles?.includes("Migration.Operate") ?? false,
    } satisfies MeView,
  };
}

route("me", getMe);
