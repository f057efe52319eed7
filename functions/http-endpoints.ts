import type { HttpRequest, HttpResponseInit } from "@azure/functions";
import {
  endpointManagement,
  endpointTest,
  endpointUsage,
  serverConfirmation,
} from "../shared/composition.ts";
import type { EndpointListAnswer, EndpointView } from "../shared/domain/api/endpoints.ts";
import { endpointParams, serverBody, testUserBody } from "../shared/domain/api/requests.ts";
import type { EndpointTestView } from "../shared/domain/api/servers.ts";
import type { SettingIssue } from "../shared/migration/endpoints/json-file.ts";
import { bodyOf, callerOf, errorResponse, jsonText, route } from "./http.ts";

const userText = jsonText.pipe(testUserBody);
const serverText = jsonText.pipe(serverBody);
const noEndpoint = errorResponse(404, "EndpointNotFound", "There is no endpoint of this name.");
const changed = errorResponse(
  412,
  "EndpointChanged",
  "The endpoint is not the version named in If-Match. Get it again, and send the ETag you receive.",
);

export async function listEndpoints(): Promise<HttpResponseInit> {
  const endpoints = await (await endpointManagement()).list();
  const value = endpoints.map(({ version, ...endpoint }) => ({ ...endpoint, etag: version }));
  return { jsonBody: { value, nextLink: null } satisfies EndpointListAnswer };
}

/** The settings with defaults; its ETag goes into the If-Match of the PUT that replaces them. */
export async function getEndpoint(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const endpoint = await (await endpointManagement()).get(name);
  if (endpoint === undefined) return noEndpoint;
  const answer =
    "settings" in endpoint
      ? { jsonBody: endpoint.settings satisfies EndpointView }
      : invalidFile(name, endpoint.issues);
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

/** Who is being read of it now, and who waits. */
export async function getUsage(request: HttpRequest): Promise<HttpResponseInit> {
  const { endpoint: name } = endpointParams.parse(request.params);
  const endpoint = await (await endpointManagement()).get(name);
  if (endpoint === undefined) return noEndpoint;
  if ("issues" in endpoint) return invalidFile(name, endpoint.issues);
  return { jsonBody: await (await endpointUsage())(name, endpoint.settings) };
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
      return { jsonBody: result.report satisfies EndpointTestView };
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

route("endpoints-list", listEndpoints);
route("endpoints-get", getEndpoint);
route("endpoints-put", putEndpoint);
route("endpoints-delete", deleteEndpoint);
route("endpoints-usage", getUsage);
route("endpoints-confirm", confirmEndpoint);
route("endpoints-test", testEndpoint);
