import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  Client,
  type Context,
  GraphClientError,
  type Middleware,
  ResponseType,
} from "@microsoft/microsoft-graph-client";
import { isMigrationError, type MigrationError } from "../../domain/errors.ts";
import type { IdentityToken } from "../identity-token.ts";
import { parseRetryAfter } from "../retry-after.ts";
import { classifyLostAnswer, classifyRefusal, type Effect, tokenRefused } from "./classify.ts";
import type { MailboxGate } from "./gate.ts";
import { type HttpAnswer, sendRequest } from "./http.ts";
import { jsonOf } from "./json.ts";

/** Ids that survive a move. @see https://learn.microsoft.com/graph/outlook-immutable-id */
export const immutableIds = 'IdType="ImmutableId"';

export interface GraphCall {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** Below the version, starting with `/`; every variable segment already URL-encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
  readonly effect: Effect;
  /** Milliseconds since 1970 by which the call must have ended. */
  readonly deadline?: number | undefined;
  /** Error statuses handed back as an answer, for the caller to judge. */
  readonly expect?: readonly number[] | undefined;
  /** Slots it takes of the mailbox's concurrency. */
  readonly weight?: number | undefined;
  /** True for what is called for every message: it goes past the SDK, whose objects and `fetch` cost more than it does. */
  readonly isHot?: boolean | undefined;
}

export interface GraphAnswer<T> {
  readonly status: number;
  readonly body: T;
  readonly errorCode: string;
}

/** One range of an upload session (a PUT without a token). */
export interface UploadCall {
  readonly method: "PUT" | "GET";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Buffer | undefined;
  readonly deadline: number;
  readonly expect?: readonly number[] | undefined;
}

const defaultVersion = "v1.0";
const defaultCallMs = 100_000;
const requestMs = 100_000;
const maxAttempts = 6;

/** An error of {@link Sender} on its way through the SDK, which passes only errors of this class on unchanged. */
class SendFailure extends GraphClientError {
  readonly reason: unknown;

  constructor(reason: unknown) {
    super("not sent, or not answered");
    Object.setPrototypeOf(this, SendFailure.prototype);
    this.reason = reason;
  }
}

/** The whole middleware chain: the SDK's own would repeat a create after a 504. */
class Sender implements Middleware {
  async execute(context: Context): Promise<void> {
    try {
      const headers = new Headers(context.options?.headers as Record<string, string>);
      for (const [name, value] of Object.entries(commonHeaders())) headers.set(name, value);
      context.response = await fetch(context.request, { ...(context.options as RequestInit), headers });
    } catch (error) {
      throw new SendFailure(error);
    }
  }
}

function commonHeaders(): Readonly<Record<string, string>> {
  return { Prefer: immutableIds, "client-request-id": randomUUID() };
}

/** Sends requests to Graph; everything that goes wrong leaves as a MigrationError. */
export class GraphClient {
  readonly #client: Client;
  readonly #root: string;
  readonly #token: IdentityToken;

  constructor(baseUrl: string, token: IdentityToken) {
    this.#client = Client.initWithMiddleware({ baseUrl, defaultVersion, middleware: new Sender() });
    this.#root = `${baseUrl}/${defaultVersion}`;
    this.#token = token;
  }

  /**
   * One call through the mailbox's gate. Turned-away requests (429, 503 with Retry-After) are sent again when the pause is
   * over, if the deadline allows; reads and repeatable requests also after a failure. A create whose answer was lost is never
   * sent again.
   * @throws MigrationError, `inDoubt` for such a create.
   */
  async call<T>(gate: MailboxGate, call: GraphCall): Promise<GraphAnswer<T>> {
    const deadline = call.deadline ?? Date.now() + defaultCallMs;
    const content = await jsonOf(call.body ?? {});
    let refused: string | undefined;
    return insist(deadline, async () => {
      // Before the gate: to get a new token takes time, and a pause may begin meanwhile.
      const token = await this.#token(refused);
      try {
        return await gate.run(call.weight ?? 1, deadline, () =>
          this.#send<T>(gate, call, content, token, deadline),
        );
      } catch (error) {
        if (isMigrationError(error) && error.code === tokenRefused) refused = token;
        throw error;
      }
    });
  }

  /** As {@link call} for the address of an upload session; ranges are repeatable. */
  async upload<T>(gate: MailboxGate, call: UploadCall): Promise<GraphAnswer<T>> {
    return insist(call.deadline, () =>
      gate.run(1, call.deadline, async () => {
        const { method, url, headers = {}, body, deadline } = call;
        const answer = await sendRequest({ method, url, headers, body, timeoutMs: timeLeft(deadline) }).catch(
          (error: unknown) => {
            throw classifyLostAnswer(error, "repeatable");
          },
        );
        return answerOf<T>(gate, answer, "repeatable", call.expect);
      }),
    );
  }

  async #send<T>(
    gate: MailboxGate,
    call: GraphCall,
    content: string,
    token: string,
    deadline: number,
  ): Promise<GraphAnswer<T>> {
    const timeoutMs = timeLeft(deadline);
    const sent = call.isHot
      ? this.#sendDirectly(call, content, token, timeoutMs)
      : this.#sendBySdk(call, content, token, timeoutMs);
    const answer = await sent.catch((error: unknown) => {
      throw classifyLostAnswer(error instanceof SendFailure ? error.reason : error, call.effect);
    });
    return answerOf<T>(gate, answer, call.effect, call.expect);
  }

  #sendDirectly(call: GraphCall, content: string, token: string, timeoutMs: number): Promise<HttpAnswer> {
    return sendRequest({
      method: call.method,
      url: this.#root + withQuery(call),
      headers: {
        Authorization: `Bearer ${token}`,
        "Content-Type": "application/json",
        ...commonHeaders(),
      },
      body: content,
      timeoutMs,
    });
  }

  async #sendBySdk(call: GraphCall, content: string, token: string, timeoutMs: number): Promise<HttpAnswer> {
    const request = this.#client
      .api(withQuery(call))
      .header("Authorization", `Bearer ${token}`)
      .responseType(ResponseType.RAW)
      .option("signal", AbortSignal.timeout(timeoutMs));
    const response = await sendBy(request, call.method, content);
    return {
      status: response.status,
      retryAfter: response.headers.get("retry-after"),
      text: () => response.text(),
    };
  }
}

function withQuery({ path, query = {} }: GraphCall): string {
  const pairs = Object.entries(query).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

async function sendBy(
  request: ReturnType<Client["api"]>,
  method: GraphCall["method"],
  content: string,
): Promise<Response> {
  switch (method) {
    case "GET":
      return request.get();
    case "POST":
      return request.post(content);
    case "PATCH":
      return request.patch(content);
    case "DELETE":
      return request.delete();
  }
}

function timeLeft(deadline: number): number {
  return Math.max(1, Math.min(requestMs, deadline - Date.now()));
}

async function answerOf<T>(
  gate: MailboxGate,
  answer: HttpAnswer,
  effect: Effect,
  expect: readonly number[] | undefined,
): Promise<GraphAnswer<T>> {
  const { status } = answer;
  const retryAfterMs = parseRetryAfter(answer.retryAfter, Date.now());
  // At once, so that nothing starts while the body is read.
  if (retryAfterMs !== undefined) gate.pauseUntil(Date.now() + retryAfterMs);
  let text: string;
  try {
    text = await answer.text();
  } catch (error) {
    throw classifyLostAnswer(error, effect);
  }
  const body = parseJson(text);
  const errorCode = errorCodeOf(body);
  if ((status >= 200 && status < 300) || expect?.includes(status) === true)
    return { status, body: body as T, errorCode };
  const error = classifyRefusal({ status, code: errorCode, retryAfterMs }, effect);
  if (error.retryAfterMs !== undefined) gate.pauseUntil(Date.now() + error.retryAfterMs);
  throw error;
}

function parseJson(text: string): unknown {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    // A proxy's HTML page: the status says all there is to know.
    return {};
  }
}

function errorCodeOf(body: unknown): string {
  const error = (body as { error?: { code?: unknown } } | null)?.error;
  return typeof error?.code === "string" ? error.code : "";
}

async function insist<T>(deadline: number, attempt: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isMigrationError(error) || !mayRepeat(error, attempts, deadline)) throw error;
      if (error.kind === "transient") await sleep(backOff(attempts, deadline));
    }
  }
}

function backOff(attempts: number, deadline: number): number {
  return Math.max(0, Math.min(250 * 2 ** attempts, deadline - Date.now())) * Math.random();
}

/** Requests that were certainly not carried out, or do no harm when carried out twice. */
function mayRepeat(error: MigrationError, attempts: number, deadline: number): boolean {
  if (error.kind === "throttled") return Date.now() + (error.retryAfterMs ?? 0) < deadline;
  // The token may have ended between the credential's check and Graph's.
  if (error.code === tokenRefused) return attempts === 1;
  return error.kind === "transient" && !error.inDoubt && attempts < maxAttempts && Date.now() < deadline;
}
