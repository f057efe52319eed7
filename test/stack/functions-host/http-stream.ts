import { randomUUID } from "node:crypto";
import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { answer, headersOf } from "./http-server.ts";
import type { Invoker, TriggeredFunction } from "./invocation.ts";
import { toTriggerMetadata } from "./rpc.ts";

interface Forwarding {
  readonly target: TriggeredFunction;
  readonly parameters: Readonly<Record<string, string>>;
  readonly invoker: Invoker;
  readonly streamUri: string;
}

/** Milliseconds in which an answer has to begin after its invocation returned; none begins if it returned nothing. */
const answerGraceMs = 1_000;

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
  let begun = false;
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      begun = true;
      resolve(incoming);
    });
  });
  const invoked = invoker
    .invoke(target, {
      invocationId,
      data: { http: {} },
      triggerMetadata: toTriggerMetadata({ ...parameters, Headers: headers }),
    })
    .then(() => sleep(begun ? 0 : answerGraceMs))
    .then(
      () => !begun && failed.abort(),
      () => failed.abort(),
    );
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
