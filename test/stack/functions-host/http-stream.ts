import { randomUUID } from "node:crypto";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { answer, headersOf } from "./http-server.ts";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import { toTriggerMetadata } from "./rpc.ts";

interface Forwarding {
  readonly target: TriggeredFunction;
  readonly parameters: Readonly<Record<string, string>>;
  readonly invoker: Invoker;
  readonly streamUri: string;
}

/**
 * Hands a request to the worker's own HTTP server, which `enableHttpStream` starts, beside the invocation that
 * belongs to it, and streams the answer back.
 * Source: https://learn.microsoft.com/azure/azure-functions/functions-reference-node#http-streams
 */
export async function forwardStream(
  request: IncomingMessage,
  response: ServerResponse,
  { target, parameters, invoker, streamUri }: Forwarding,
): Promise<void> {
  const invocationId = randomUUID();
  const headers = headersOf(request);
  const failed = new AbortController();
  const invoked = invoker
    .invoke(target, {
      invocationId,
      data: { http: {} },
      triggerMetadata: toTriggerMetadata({ ...parameters, Headers: headers }),
    })
    .catch(() => failed.abort());

  const outgoing = httpRequest(new URL(request.url ?? "/", streamUri), {
    method: request.method,
    headers: {
      ...headers,
      "x-ms-invocation-id": invocationId,
      "x-forwarded-host": headers.host,
      "x-forwarded-proto": "http",
    },
    signal: failed.signal,
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("response", resolve);
    outgoing.once("error", reject);
  });
  try {
    request.pipe(outgoing);
    const incoming = await answered;
    const { "x-ms-invocation-id": _, ...forwarded } = incoming.headers;
    response.writeHead(incoming.statusCode ?? 200, forwarded);
    await pipeline(incoming, response, { signal: failed.signal });
  } catch {
    answer(response, 500);
  }
  await invoked;
}
