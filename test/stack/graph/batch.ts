import { GraphError } from "./errors.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { type Call, readJson } from "./routing.ts";

export interface BatchStep {
  readonly id: string;
  readonly method: string;
  /** Path and query below the version. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly dependsOn: readonly string[];
}

const mostSteps = 20;
const stepsAtOnceOfMailbox = 4;

function malformed(message: string): GraphError {
  return new GraphError(400, "BadRequest", message);
}

/** learn.microsoft.com/graph/json-batching, "Creating a batch request". @throws GraphError 400. */
export function readBatch(call: Call): BatchStep[] {
  const body = readJson(call);
  const requests = isJsonObject(body) ? body.requests : undefined;
  if (!Array.isArray(requests) || requests.length === 0) throw malformed("A batch needs its requests.");
  if (requests.length > mostSteps)
    throw malformed(`Number of batch request steps exceeds the maximum value of ${mostSteps}.`);
  const steps = (requests as readonly Json[]).map(readStep);
  const ids = new Set(steps.map((step) => step.id.toLowerCase()));
  if (ids.size < steps.length) throw malformed("The ids of a batch must be unique.");
  const seen = new Set<string>();
  for (const step of steps) {
    // Only earlier steps: so dependencies have no circles.
    if (!step.dependsOn.every((id) => seen.has(id.toLowerCase())))
      throw malformed(`The request '${step.id}' depends on one that does not come before it.`);
    seen.add(step.id.toLowerCase());
  }
  return steps;
}

function readStep(step: Json): BatchStep {
  if (!isJsonObject(step)) throw malformed("A request of a batch must be an object.");
  const { id, method, url, body } = step;
  if (typeof id !== "string" || typeof method !== "string" || typeof url !== "string")
    throw malformed("A request of a batch needs its id, method and url.");
  if (/^[a-z]+:/i.test(url) || /^\/?\$batch/i.test(url))
    throw malformed("The url of a request must be relative.");
  const headers: Record<string, string> = {};
  if (isJsonObject(step.headers))
    for (const [name, value] of Object.entries(step.headers)) headers[name.toLowerCase()] = String(value);
  if (body !== undefined && headers["content-type"] === undefined)
    throw malformed(`The request '${id}' has a body and needs a Content-Type.`);
  const dependsOn = step.dependsOn ?? [];
  if (!Array.isArray(dependsOn)) throw malformed("dependsOn must be a list of ids.");
  return {
    id,
    method: method.toUpperCase(),
    url: url.startsWith("/") ? url : `/${url}`,
    headers,
    body: stepBody(body),
    dependsOn: dependsOn.map(String),
  };
}

/** JSON as it is; anything else in base64. */
function stepBody(body: Json | undefined): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  return typeof body === "string" ? Buffer.from(body, "base64") : Buffer.from(JSON.stringify(body));
}

export interface StepResponse {
  readonly status: number;
  readonly resource: JsonObject;
}

/**
 * Runs the steps, four of a mailbox at a time (learn.microsoft.com/graph/throttling-limits, "Outlook service limits"),
 * each after those it depends on. A step whose dependency failed gets 424. The answers come in another order than the requests,
 * as they may ("Processing the JSON batch response").
 */
export async function runBatch(
  steps: readonly BatchStep[],
  run: (step: BatchStep) => Promise<StepResponse>,
  fail: (step: BatchStep, error: GraphError) => StepResponse,
): Promise<JsonObject> {
  const gates = new Map<string, Gate>();
  const running = new Map<string, Promise<StepResponse>>();
  for (const step of steps) {
    const mailbox = /^\/users\/([^/?]+)/i.exec(step.url)?.[1]?.toLowerCase() ?? "";
    const gate = gates.get(mailbox) ?? new Gate(stepsAtOnceOfMailbox);
    gates.set(mailbox, gate);
    const dependencies = step.dependsOn.map((id) => running.get(id.toLowerCase()));
    const result = Promise.all(dependencies).then((responses) => {
      if (responses.some((response) => response !== undefined && response.status >= 400))
        return fail(
          step,
          new GraphError(424, "FailedDependency", "A request this one depends on has failed."),
        );
      return gate.pass(() => run(step));
    });
    running.set(step.id.toLowerCase(), result);
  }
  const responses = await Promise.all(running.values());
  return { responses: responses.map(({ resource }) => resource).reverse() };
}

/** Lets so many through at once. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
