import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import { z } from "zod";
import { endpointManagement, endpointTest, serverConfirmation } from "../shared/composition.ts";
import { endpointNameSchema } from "../shared/domain/names.ts";
import type { SettingIssue } from "../shared/migration/endpoints/json-file.ts";
import { bodyOf, callerOf, errorResponse, jsonText, route } from "./http.ts";

const endpointParams = z.object({ endpoint: endpointNameSchema });
const userSchema = z.strictObject({
  userName: z.string().trim().min(1),
  password: z.string().min(1).optional(),
  userRoot: z.string().trim().min(1).optional(),
});
const userText = jsonText.pipe(userSchema);
const serverText = jsonText.pipe(z.strictObject({ host: z.string().trim().min(1), port: z.int() }));
const noEndpoint = errorResponse(404, "EndpointNotFound", "There is no endpoint of this name.");
const changed = errorResponse(
  412,
  "EndpointChanged",
  "The endpoint is not the version named in If-Match. Get it again, and send the ETag you receive.",
);

export async function listEndpoints(): Promise<HttpResponseInit> {
  const endpoints = await (await endpointManagement()).list();
  const value = endpoints.map(({ version, ...endpoint }) => ({ ...endpoint, etag: version }));
  return { jsonBody: { value, nextLink: null } };
}

/** The settings with defaults; its ETag goes into the If-Match of the PUT that replaces them. */
export async function getEndpoint(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const endpoint = await (await endpointManagement()).get(name);
  if (endpoint === undefined) return noEndpoint;
  const answer =
    "settings" in endpoint ? { jsonBody: endpoint.settings } : invalidFile(name, endpoint.issues);
  return { ...answer, headers: { ETag: endpoint.version } };
}

export async function putEndpoint(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const result = await (await endpointManagement()).put(name, await bodyOf(request), ifMatch(request));
  switch (result.outcome) {
    case "invalid":
      return errorResponse(400, "EndpointInvalid", "The settings need attention.", result.issues);
    case "exists":
      return errorResponse(
        428,
        "EndpointExists",
        "There is an endpoint of this name with other settings. To replace them, get it and send its ETag in If-Match.",
      );
    case "changed":
      return changed;
    default:
      return {
        status: result.outcome === "created" ? 201 : 200,
        headers: { ETag: result.version },
        jsonBody: result.settings,
      };
  }
}

export async function deleteEndpoint(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const result = await (await endpointManagement()).delete(name, ifMatch(request));
  switch (result.outcome) {
    case "notFound":
      return noEndpoint;
    case "changed":
      return changed;
    case "inUse":
      return errorResponse(
        409,
        "EndpointInUse",
        `Delete the batches of this endpoint first: ${result.batches.join(", ")}.`,
        { batches: result.batches },
      );
    default:
      return { status: 204 };
  }
}

/** 200 also for a server that fails: what is wrong with it stands in the report. */
export async function testEndpoint(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const body = await bodyOf(request);
  const user = body.trim() === "" ? undefined : userText.parse(body);
  const result = await (await endpointTest()).test(name, user);
  switch (result.outcome) {
    case "notFound":
      return noEndpoint;
    case "invalid":
      return invalidFile(name, result.issues);
    case "passwordMissing":
      return errorResponse(400, "BadRequest", "The endpoint logs in with passwords: send one for this user.");
    default:
      return { jsonBody: result.report };
  }
}

/** The body names the server that the operator means, since somebody may change the endpoint in the same moment. */
export async function confirmEndpoint(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const server = serverText.parse(await bodyOf(request));
  const result = await (await serverConfirmation())(name, server, callerOf(request));
  switch (result.outcome) {
    case "notFound":
      return noEndpoint;
    case "invalid":
      return invalidFile(name, result.issues);
    case "changed":
      return errorResponse(
        409,
        "EndpointChanged",
        `The endpoint names ${result.server.host}, port ${result.server.port}. Confirm that, if it is right.`,
      );
    default:
      return { status: 202, jsonBody: { batches: result.batches } };
  }
}

function ifMatch(request: HttpRequest): string | undefined {
  return request.headers.get("if-match")?.trim() || undefined;
}

function invalidFile(name: string, issues: readonly SettingIssue[]): HttpResponseInit {
  return errorResponse(409, "EndpointInvalid", `The file endpoints/${name}.json needs attention.`, issues);
}

route("endpoints-list", "GET", "endpoints", "Migration.Read", listEndpoints);
route("endpoints-get", "GET", "endpoints/{endpoint}", "Migration.Read", getEndpoint);
route("endpoints-put", "PUT", "endpoints/{endpoint}", "Migration.Operate", putEndpoint);
route("endpoints-delete", "DELETE", "endpoints/{endpoint}", "Migration.Operate", deleteEndpoint);
route("endpoints-confirm", "POST", "endpoints/{endpoint}/confirm", "Migration.Operate", confirmEndpoint);
route("endpoints-test", "POST", "endpoints/{endpoint}/test", "Migration.Operate", testEndpoint);
