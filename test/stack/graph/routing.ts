import type { Content } from "./content.ts";
import { GraphError, invalidBody } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Mailbox } from "./mailbox.ts";

/** One request to Graph, alone or from a batch. */
export interface Call {
  readonly method: string;
  /** Origin and version, to which links are relative: `http://127.0.0.1:1234/v1.0`. */
  readonly root: string;
  /** Path below the root, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly json?: JsonObject;
  readonly bytes?: Buffer;
  readonly content?: Content;
}

export type Parameters = Readonly<Record<string, string>>;

interface RouteBase {
  readonly method: string;
  readonly template: string;
}
/** A route of the directory is not throttled by mailbox. */
export interface DirectoryRoute extends RouteBase {
  readonly scope: "directory";
  readonly run: (call: Call, parameters: Parameters) => Answer;
}
export interface MailboxRoute extends RouteBase {
  readonly scope: "mailbox";
  readonly run: (call: Call, parameters: Parameters, mailbox: Mailbox) => Answer | Promise<Answer>;
}
export type Route = DirectoryRoute | MailboxRoute;

export function mailboxRoute(method: string, template: string, run: MailboxRoute["run"]): MailboxRoute {
  return { scope: "mailbox", method, template: `/users/{user}${template}`, run };
}

export interface RouteMatch {
  readonly route: Route;
  readonly parameters: Parameters;
}

/** Finds routes by method and path. */
export class Router {
  readonly #routes: readonly { readonly route: Route; readonly segments: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, segments: route.template.slice(1).split("/") }));
  }

  /** @throws GraphError 400 for an unknown path, 405 for an unknown method of a known one. */
  match(method: string, path: string): RouteMatch {
    const segments = path.slice(1).split("/").map(decodeSegment);
    let known = false;
    for (const { route, segments: template } of this.#routes) {
      const parameters = matchSegments(template, segments);
      if (parameters === undefined) continue;
      if (route.method === method) return { route, parameters };
      known = true;
    }
    if (known)
      throw new GraphError(
        405,
        "Request_BadRequest",
        "Specified HTTP method is not allowed for the request target.",
      );
    throw new GraphError(400, "BadRequest", "Resource not found for the segment.");
  }
}

function matchSegments(template: readonly string[], segments: readonly string[]): Parameters | undefined {
  if (template.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, expected] of template.entries()) {
    const segment = segments[index] ?? "";
    if (expected.startsWith("{")) {
      if (segment === "" || segment.startsWith("$")) return undefined;
      parameters[expected.slice(1, -1)] = segment;
    } else if (expected.toLowerCase() !== segment.toLowerCase()) return undefined;
  }
  return parameters;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new GraphError(400, "BadRequest", "The request URI has an invalid escape sequence.");
  }
}

export function parameter(parameters: Parameters, name: string): string {
  return parameters[name] ?? "";
}

/** learn.microsoft.com/graph/outlook-immutable-id: the header counts for the request it comes with, and no other. */
export function wantsImmutableIds(call: Pick<Call, "headers">): boolean {
  return /(?:^|[,;]\s*)IdType\s*=\s*"ImmutableId"/i.test(call.headers.prefer ?? "");
}

export function mediaType(call: Call): string {
  return (call.headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

/** The request's JSON. @throws GraphError 415 for another media type, 400 for what is no JSON. */
export function readJson(call: Call): Json {
  if (mediaType(call) !== "application/json")
    throw new GraphError(415, "RequestBodyRead", "The request needs the Content-Type application/json.");
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(call.body)) as Json;
  } catch {
    throw new GraphError(
      400,
      "BadRequest",
      "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.",
    );
  }
}

/** Actions such as permanentDelete take no body. */
export function requireNoBody(call: Call): void {
  if (call.body.length > 0 && call.body.toString().trim() !== "{}")
    throw invalidBody("This request takes no body.");
}

/** System query options of OData. An unknown one is refused; custom options, without a dollar sign, are not looked at. */
const systemOptions = new Set(["$select", "$expand", "$filter", "$orderby", "$top", "$skip", "$count"]);

export function requireKnownOptions(call: Call, allowed: readonly string[]): void {
  for (const option of call.query.keys())
    if (option.startsWith("$") && !(systemOptions.has(option) && allowed.includes(option)))
      throw new GraphError(
        400,
        "ErrorInvalidUrlQuery",
        `The query option '${option}' is not supported on this resource.`,
      );
}

/** One page of a collection with the link to the next. learn.microsoft.com/graph/paging */
export function pageAnswer<T>(
  call: Call,
  all: readonly T[],
  page: { readonly top: number; readonly skip: number },
  render: (one: T) => JsonObject,
): Answer {
  const end = page.skip + page.top;
  const next = new URLSearchParams(call.query);
  next.set("$skip", String(end));
  return {
    status: 200,
    json: {
      "@odata.context": `${call.root}/$metadata#${call.path.slice(1)}`,
      ...(call.query.get("$count") === "true" ? { "@odata.count": all.length } : {}),
      value: all.slice(page.skip, end).map(render),
      ...(end < all.length ? { "@odata.nextLink": `${call.root}${call.path}?${next}` } : {}),
    },
  };
}
