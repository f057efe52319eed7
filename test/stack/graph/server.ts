import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { type AdminRequest, handleAdmin } from "./admin.ts";
import { type BatchStep, readBatch, runBatch, type StepResponse } from "./batch.ts";
import { errorResource, GraphError } from "./errors.ts";
import { type Fault, type Faults, faultError } from "./faults.ts";
import type { Json } from "./json.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Outgoing } from "./routes-send-mail.ts";
import { type Answer, type Call, type Router, wantsImmutableIds } from "./routing.ts";
import type { Statistics } from "./statistics.ts";
import type { Tenant } from "./tenant.ts";
import type { Throttle } from "./throttle.ts";
import type { Tokens } from "./tokens.ts";
import { UploadSessions } from "./upload-sessions.ts";

export interface ServerParts {
  readonly tenant: Tenant;
  readonly router: Router;
  readonly uploads: UploadSessions;
  readonly outgoing: Outgoing;
  readonly throttle: Throttle;
  readonly faults: Faults;
  readonly statistics: Statistics;
  readonly tokens: Tokens;
  /** Milliseconds every request to a mailbox takes at least. */
  readonly latencyMs: number;
  /** learn.microsoft.com/graph/outlook-large-attachments and the throttling pages: a request has 4 MB at most. */
  readonly largestRequest: number;
}

/** A request that is not read yet. */
interface Incoming {
  readonly method: string;
  readonly root: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  readonly readBody: () => Promise<Buffer>;
  /** True once nobody waits for the answer any more. */
  readonly isAbandoned: () => boolean;
  /** What it came on: one request is sent after the answer to the last one was read. */
  readonly connection: object;
}

type Outcome = Answer | "reset";

/** Longer than clients keep a connection, so that none is closed while a request is on its way. */
const keepAliveTimeout = 60_000;

const version = "/v1.0";
/** Of beta there is one call. */
const betaCall = /^\/beta(\/users\/[^/]+\/mailFolders\/[^/]+\/importMime)$/;
const batchPath = "/$batch";
const uploadRoute = "AttachmentSessions";
/** In the statistics, what was refused before it reached a route. */
const unrouted = "unrouted";

/** Carries requests over HTTP to the routes: authorization, limits, faults, errors, and the count of it all. */
export class GraphServer {
  readonly #parts: ServerParts;
  readonly #server: Server;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#server = createServer({ keepAliveTimeout }, (request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  /** Listens on loopback only. @returns the origin. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, "127.0.0.1", resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const origin = `http://${request.headers.host ?? "127.0.0.1"}`;
    const url = new URL(request.url ?? "/", origin);
    if (url.pathname.startsWith("/admin/")) {
      await this.#handleAdmin(request, response, url);
      return;
    }
    const incoming: Incoming = {
      method: request.method ?? "GET",
      root: `${origin}${version}`,
      path: betaCall.exec(url.pathname)?.[1] ?? url.pathname.slice(version.length),
      query: url.searchParams,
      headers: headersOf(request),
      requestId: randomUUID(),
      readBody: () => readBody(request, this.#parts.largestRequest),
      isAbandoned: () => response.destroyed,
      connection: request.socket,
    };
    const outcome = UploadSessions.isUploadPath(url.pathname)
      ? await this.#upload(incoming, url)
      : await this.#graph(incoming, url.pathname);
    if (outcome === "reset") request.socket.resetAndDestroy();
    else await send(response, outcome, incoming);
  }

  async #handleAdmin(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const admin: AdminRequest = {
      method: request.method ?? "GET",
      path: url.pathname,
      host: url.hostname,
      body: await readBody(request, this.#parts.largestRequest),
    };
    const { status, json } = handleAdmin(this.#parts, admin);
    response.writeHead(status, { "Content-Type": "application/json" });
    response.end(json === undefined ? undefined : JSON.stringify(json));
  }

  async #graph(incoming: Incoming, path: string): Promise<Outcome> {
    const { tokens, tenant } = this.#parts;
    try {
      if (!path.startsWith(`${version}/`) && !betaCall.test(path))
        throw new GraphError(400, "BadRequest", `Invalid version; this is ${version}.`);
      tokens.require(incoming.headers.authorization, tenant.now());
    } catch (error) {
      return this.#turnAway(incoming, error);
    }
    if (incoming.path === batchPath && incoming.method === "POST") return this.#batch(incoming);
    return this.#serve(incoming);
  }

  /** One request to Graph, alone or of a batch. */
  async #serve(incoming: Incoming): Promise<Outcome> {
    const { router, tenant, statistics } = this.#parts;
    let match: ReturnType<Router["match"]>;
    let mailbox: Mailbox | undefined;
    try {
      match = router.match(incoming.method, incoming.path);
      if (match.route.scope === "mailbox") mailbox = tenant.mailbox(match.parameters.user ?? "");
    } catch (error) {
      return this.#turnAway(incoming, error);
    }
    const { route, parameters } = match;
    const name = `${route.method} ${route.template}`;
    if (mailbox !== undefined && !wantsImmutableIds(incoming))
      statistics.sentWithoutImmutableId(mailbox.user.id);
    return this.#guard(incoming, name, mailbox, (body) => {
      const call: Call = { ...incoming, body };
      if (route.scope === "directory") return route.run(call, parameters);
      return route.run(call, parameters, mailbox ?? tenant.mailbox(parameters.user ?? ""));
    });
  }

  #upload(incoming: Incoming, url: URL): Promise<Outcome> {
    const { uploads } = this.#parts;
    return this.#guard(incoming, `${incoming.method} ${uploadRoute}`, uploads.mailboxOf(url), (body) =>
      uploads.handle({ method: incoming.method, url, headers: incoming.headers, body }),
    );
  }

  /** Limits and faults around the work of a request, and the record of its end. */
  async #guard(
    incoming: Incoming,
    route: string,
    mailbox: Mailbox | undefined,
    run: (body: Buffer) => Answer | Promise<Answer>,
  ): Promise<Outcome> {
    const { tenant, throttle, statistics, latencyMs } = this.#parts;
    const at = tenant.now();
    const place =
      mailbox === undefined ? undefined : throttle.enter(mailbox.user.id, at, incoming.connection);
    let outcome: Outcome;
    try {
      const body = await incoming.readBody();
      if (place?.refusal !== undefined) throw place.refusal;
      if (mailbox !== undefined) {
        if (body.length > 0) throttle.upload(mailbox.user.id, body.length, tenant.now());
        if (latencyMs > 0) await sleep(latencyMs);
      }
      outcome = await this.#run(incoming, route, mailbox !== undefined, () => run(body));
    } catch (error) {
      // Where the connection broke within the request there is nobody to tell, and nothing to do.
      const broken = !(error instanceof GraphError) && incoming.isAbandoned();
      outcome = broken ? "reset" : this.#refuse(incoming, error);
    } finally {
      place?.leave();
    }
    const retryAfter = outcome === "reset" ? undefined : outcome.headers?.["Retry-After"];
    if (mailbox !== undefined && retryAfter !== undefined)
      statistics.toldToRetryAfter(mailbox.user.id, retryAfter, tenant.now(), incoming.connection);
    this.#record(incoming, route, mailbox, at, outcome);
    return outcome;
  }

  /** A refusal of a request that reaches no route. Its body is read all the same, so that its sender sees the answer. */
  async #turnAway(incoming: Incoming, error: unknown): Promise<Outcome> {
    await incoming.readBody().catch(() => undefined);
    const answer = this.#refuse(incoming, error);
    this.#record(incoming, unrouted, undefined, this.#parts.tenant.now(), answer);
    return answer;
  }

  #record(
    incoming: Incoming,
    route: string,
    mailbox: Mailbox | undefined,
    at: number,
    outcome: Outcome,
  ): void {
    const { tenant, statistics } = this.#parts;
    statistics.answered({
      at,
      durationMs: tenant.now() - at,
      route,
      mailboxId: mailbox?.user.id,
      status: outcome === "reset" ? undefined : outcome.status,
      requestId: incoming.requestId,
    });
  }

  async #run(
    incoming: Incoming,
    route: string,
    mayFail: boolean,
    work: () => Answer | Promise<Answer>,
  ): Promise<Outcome> {
    const { faults, tenant } = this.#parts;
    const fault = mayFail ? faults.decide(route) : undefined;
    if (fault !== undefined) {
      await this.#takeEffect(fault, work);
      if (fault.kind === "reset") return "reset";
      throw faultError(fault, tenant.now());
    }
    const delay = incoming.isAbandoned() ? faults.delayOfAbandoned() : 0;
    if (delay === 0) return work();
    faults.later(delay, work);
    return "reset";
  }

  /** What the caller does not learn: the request took effect, now or later. */
  async #takeEffect(fault: Fault, work: () => Answer | Promise<Answer>): Promise<void> {
    const lost = fault.kind === "gatewayTimeout" || fault.kind === "reset";
    if (!lost || !fault.stored) return;
    if (fault.storeDelayMs > 0) this.#parts.faults.later(fault.storeDelayMs, work);
    else
      try {
        await work();
      } catch (error) {
        if (!(error instanceof GraphError)) throw error;
      }
  }

  async #batch(incoming: Incoming): Promise<Outcome> {
    const at = this.#parts.tenant.now();
    let answer: Answer;
    try {
      const steps = readBatch({ ...incoming, body: await incoming.readBody() });
      const json = await runBatch(
        steps,
        (step) => this.#step(incoming, step),
        (step, error) => stepResponse(step, this.#refuse(incoming, error)),
      );
      answer = { status: 200, json };
    } catch (error) {
      answer = this.#refuse(incoming, error);
    }
    this.#record(incoming, `POST ${batchPath}`, undefined, at, answer);
    return answer;
  }

  async #step(batch: Incoming, step: BatchStep): Promise<StepResponse> {
    const url = new URL(`${batch.root}${step.url}`);
    const incoming: Incoming = {
      method: step.method,
      root: batch.root,
      path: betaCall.exec(url.pathname)?.[1] ?? url.pathname.slice(version.length),
      query: url.searchParams,
      headers: step.headers,
      requestId: randomUUID(),
      readBody: () => Promise.resolve(step.body),
      isAbandoned: batch.isAbandoned,
      // The steps of a batch come together, whatever one of them is told.
      connection: {},
    };
    const outcome = await this.#serve(incoming);
    // A connection within the service is not the caller's: what broke there shows as a gateway time-out.
    if (outcome === "reset")
      return stepResponse(
        step,
        this.#refuse(incoming, new GraphError(504, "UnknownError", "The gateway timed out.")),
      );
    return stepResponse(step, outcome);
  }

  #refuse(incoming: Incoming, error: unknown): Answer {
    const refusal =
      error instanceof GraphError
        ? error
        : new GraphError(500, "generalException", `The stand-in failed: ${String(error)}`);
    const clientRequestId = incoming.headers["client-request-id"] ?? incoming.requestId;
    return {
      status: refusal.status,
      headers: refusal.headers,
      json: errorResource(refusal, incoming.requestId, clientRequestId, this.#parts.tenant.now()),
    };
  }
}

function stepResponse(step: BatchStep, answer: Answer): StepResponse {
  const type = contentTypeOf(answer);
  const bytes = answer.bytes ?? answer.content?.read();
  const body: Json | undefined = answer.json ?? bytes?.toString("base64");
  return {
    status: answer.status,
    resource: {
      id: step.id,
      status: answer.status,
      headers: { ...(type === undefined ? {} : { "Content-Type": type }), ...answer.headers },
      ...(body === undefined ? {} : { body }),
    },
  };
}

function contentTypeOf(answer: Answer): string | undefined {
  if (answer.headers?.["Content-Type"] !== undefined) return answer.headers["Content-Type"];
  return answer.json === undefined
    ? undefined
    : "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8";
}

async function send(response: ServerResponse, answer: Answer, incoming: Incoming): Promise<void> {
  const type = contentTypeOf(answer);
  const bytes = answer.json === undefined ? answer.bytes : Buffer.from(JSON.stringify(answer.json));
  const length = bytes?.length ?? answer.content?.size ?? 0;
  response.writeHead(answer.status, {
    "request-id": incoming.requestId,
    "client-request-id": incoming.headers["client-request-id"] ?? incoming.requestId,
    ...(type === undefined ? {} : { "Content-Type": type }),
    ...(answer.status === 204 ? {} : { "Content-Length": length }),
    ...(wantsImmutableIds(incoming) ? { "Preference-Applied": 'IdType="ImmutableId"' } : {}),
    ...answer.headers,
  });
  if (answer.content !== undefined) await pipeline(answer.content.stream(), response);
  else response.end(bytes);
}

function headersOf(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  return headers;
}

/**
 * Reads all of a request even when it is too large, so that its sender gets to see the refusal.
 * @throws GraphError 413; Error where the connection broke before the end, and nothing takes effect.
 */
async function readBody(request: IncomingMessage, largest: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= largest) chunks.push(chunk);
    else chunks.length = 0;
  }
  if (size > largest) throw new GraphError(413, "BadRequest", "Maximum request length exceeded.");
  return Buffer.concat(chunks);
}
