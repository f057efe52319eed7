import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { compileRoute, type Route } from "./http-routes.ts";
import { forwardStream } from "./http-stream.ts";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import { describeError, type Log } from "./log.ts";
import type { HttpCookie, HttpData, TypedData } from "./rpc.ts";

/** Largest request the platform hands to an app, in bytes (FUNCTIONS_REQUEST_BODY_SIZE_LIMIT). */
const maxBodyBytes = 104_857_600;

/** Milliseconds after which the platform's load balancer cuts a request that has no answer yet. */
const answerLimitMs = 230_000;

interface HttpRoute {
  readonly target: TriggeredFunction;
  readonly methods: readonly string[];
  readonly route: Route;
}

export interface HttpServerOptions {
  readonly functions: readonly TriggeredFunction[];
  readonly routePrefix: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly invoker: Invoker;
  /** Address of the worker's stream server if the app set `enableHttpStream`. */
  readonly streamUri?: string | undefined;
  /** Starts a function that no request triggers, as `POST /admin/functions/{name}` does. @returns false if unknown. */
  readonly runManually: (name: string) => boolean;
  readonly log: Log;
}

export interface HttpServer {
  readonly port: number;
  /** Stops accepting requests and resolves when the last one is answered. Repeatable. */
  close(): Promise<void>;
}

/** Serves HTTP triggers on loopback. Authorization levels are not applied, as in Core Tools. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const routes = options.functions.map((target) => routeOf(target, options.routePrefix));
  routes.sort((a, b) => (a.route.precedence < b.route.precedence ? -1 : 1));

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      options.log("error", "Host.Http", "Request failed", { error: describeError(error) });
      answer(response, 500);
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The function goes on, unheard.
    const cut = setTimeout(() => answer(response, 502), answerLimitMs);
    response.once("close", () => clearTimeout(cut));
    const path = (request.url ?? "/").split("?", 1)[0] as string;
    const method = request.method ?? "GET";
    const manual = /^\/admin\/functions\/([^/]+)$/.exec(path)?.[1];
    if (manual !== undefined && method === "POST")
      return answer(response, options.runManually(decodeURIComponent(manual)) ? 202 : 404);

    for (const { target, methods, route } of routes) {
      // The method is a routing constraint of the real host: another method is not 405 there, but 404.
      const parameters = methods.includes(method) ? route.match(path) : undefined;
      if (parameters === undefined) continue;
      if (options.streamUri !== undefined)
        return forwardStream(request, response, {
          target,
          parameters,
          invoker: options.invoker,
          streamUri: options.streamUri,
        });
      return invoke(request, response, target, parameters);
    }
    return answer(response, 404);
  }

  async function invoke(
    request: IncomingMessage,
    response: ServerResponse,
    target: TriggeredFunction,
    parameters: Record<string, string>,
  ): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) return answer(response, 413);
    const url = `http://${request.headers.host}${request.url}`;
    const http: HttpData = {
      method: request.method ?? "GET",
      url,
      nullableHeaders: nullable(headersOf(request)),
      nullableParams: nullable(parameters),
      nullableQuery: nullable(Object.fromEntries(new URL(url).searchParams)),
      ...(body.length > 0 && { body: { bytes: body } }),
    };
    let result: TypedData | null | undefined;
    try {
      result = (await options.invoker.invoke(target, { data: { http } })).returnValue;
    } catch {
      return answer(response, 500);
    }
    if (result?.http === undefined) return answer(response, 204);
    writeResponse(response, result.http);
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function routeOf(target: TriggeredFunction, routePrefix: string): HttpRoute {
  const { route = target.name, methods } = target.trigger;
  return {
    target,
    methods: (methods as readonly string[]).map((method) => method.toUpperCase()),
    route: compileRoute(`${routePrefix}/${String(route)}`),
  };
}

/** The whole body, or undefined if it is larger than the platform lets through. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBodyBytes) chunks.push(chunk);
  }
  return bytes <= maxBodyBytes ? Buffer.concat(chunks) : undefined;
}

export function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headersDistinct).map(([name, values = []]) => [name, values.join(", ")]),
  );
}

function nullable(values: Record<string, string>): Record<string, { value: string }> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }]));
}

export function answer(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { "content-length": 0 }).end();
}

function writeResponse(response: ServerResponse, { statusCode, headers, cookies, body }: HttpData): void {
  response.statusCode = Number(statusCode);
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  if (cookies && cookies.length > 0) response.setHeader("set-cookie", cookies.map(formatCookie));
  response.end(body?.bytes ?? body?.string ?? body?.json ?? "");
}

function formatCookie(cookie: HttpCookie): string {
  const { maxAge, expires, domain, path, secure, httpOnly, sameSite } = cookie;
  const attributes = [
    `${encodeURIComponent(cookie.name)}=${encodeURIComponent(cookie.value)}`,
    maxAge?.value !== undefined && `Max-Age=${maxAge.value}`,
    expires?.value !== undefined && `Expires=${new Date(expires.value).toUTCString()}`,
    domain?.value !== undefined && `Domain=${domain.value}`,
    path?.value !== undefined && `Path=${path.value}`,
    secure?.value && "Secure",
    httpOnly?.value && "HttpOnly",
    sameSite === "lax" && "SameSite=Lax",
    sameSite === "strict" && "SameSite=Strict",
    sameSite === "explicitNone" && "SameSite=None",
  ];
  return attributes.filter((attribute) => typeof attribute === "string").join("; ");
}
