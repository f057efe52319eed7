import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { z } from "zod";
import { serverDiscovery } from "../shared/composition.ts";
import { discoverQuery } from "../shared/domain/api/requests.ts";
import type { DiscoveryView } from "../shared/domain/api/servers.ts";
import { asHostName } from "../shared/migration/discovery/host-name.ts";
import { route } from "./http.ts";

const query = discoverQuery.extend({
  domain: discoverQuery.shape.domain.transform((text, context) => {
    const domain = asHostName(text);
    if (domain !== undefined) return domain;
    context.addIssue({ code: "custom", message: "expected a domain name such as contoso.com" });
    return z.NEVER;
  }),
});

/** Which servers may hold a domain's mail, each looked at from outside. */
export async function discover(request: HttpRequest): Promise<HttpResponseInit> {
  const { domain } = query.parse(Object.fromEntries(request.query));
  const { servers, notes } = await (await serverDiscovery()).discover(domain);
  return { jsonBody: { domain, value: servers, nextLink: null, notes } satisfies DiscoveryView };
}

route("discover", discover);
