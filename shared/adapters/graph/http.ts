import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";

export interface HttpRequest {
  readonly method: string;
  /** Absolute, http or https. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | undefined;
  /** Milliseconds from now in which the answer has to be there, its body included. */
  readonly timeoutMs: number;
}

/** An answer whose body may still be on its way. */
export interface HttpAnswer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** @throws Error if the connection breaks, or the time is up, before the body ends. */
  text(): Promise<string>;
}

/** Servers close connections that nothing is sent on; one kept for longer may be gone when the next request takes it. */
const idleMs = 4_000;
/** For name, connection and TLS. */
const longestConnectMs = 10_000;

const options = { keepAlive: true, timeout: idleMs };
const agents = { http: new HttpAgent(options), https: new HttpsAgent(options) };

/**
 * Sends one request over a kept connection, and does nothing else: no redirect, no repetition. For calls that are made for
 * every message, where `fetch` would take another millisecond of a processor.
 * @throws Error with the socket's code; without a code if the time is up.
 */
export function sendRequest(
  { method, url, headers, body, timeoutMs }: HttpRequest,
  connectMs = longestConnectMs,
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const all = body === undefined ? headers : { ...headers, "Content-Length": Buffer.byteLength(body) };
    const isTls = url.startsWith("https:");
    const request = isTls
      ? requestHttps(url, { method, headers: all, agent: agents.https })
      : requestHttp(url, { method, headers: all, agent: agents.http });
    let waitsFor: ClientRequest | IncomingMessage = request;
    const timer = setTimeout(() => waitsFor.destroy(new Error("The time for the answer is up.")), timeoutMs);
    request.once("socket", () => limitConnecting(request, connectMs, isTls ? "secureConnect" : "connect"));
    request.once("response", (response) => {
      waitsFor = response;
      const text = textOf(response);
      // It may fail before anybody asks for it.
      text.catch(() => undefined);
      resolve({
        status: response.statusCode ?? 0,
        retryAfter: response.headers["retry-after"] ?? null,
        text: () => text,
      });
    });
    request.on("error", reject);
    request.once("close", () => clearTimeout(timer));
    request.end(body);
  });
}

/** A request on a connection that was never made has done nothing, which its error has to tell. */
function limitConnecting(request: ClientRequest, connectMs: number, made: "connect" | "secureConnect"): void {
  const { socket } = request;
  if (!socket?.connecting) return;
  const error = Object.assign(new Error("The connection was not made in time."), {
    code: "ERR_SOCKET_CONNECTION_TIMEOUT",
  });
  const timer = setTimeout(() => request.destroy(error), connectMs);
  const stop = () => clearTimeout(timer);
  socket.once(made, stop).once("close", stop);
}

function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    response.on("data", (piece: Buffer) => pieces.push(piece));
    response.once("end", () => resolve(Buffer.concat(pieces).toString()));
    response.once("error", reject);
  });
}
