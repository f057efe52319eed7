import { randomBytes, randomUUID } from "node:crypto";
import { describeError, type Log } from "./log.ts";
import type { Binding, InvocationResponse, TypedData } from "./rpc.ts";
import type { WorkerPool } from "./worker-pool.ts";
import type { WorkerLogEntry } from "./worker-protocol.ts";

/** A function with its trigger picked out of its bindings. */
export interface TriggeredFunction {
  readonly name: string;
  readonly triggerName: string;
  readonly trigger: Binding;
}

export class FunctionTimeoutError extends Error {
  override readonly name = "FunctionTimeoutError";
}

export interface Invocation {
  readonly data: TypedData;
  readonly triggerMetadata?: Readonly<Record<string, TypedData>>;
  readonly invocationId?: string;
  /** traceparent that came with the trigger; without one the invocation begins a trace. */
  readonly traceParent?: string | undefined;
}

/**
 * What the host gives an invocation of the trace that came with its trigger: that trace, one of its own (as hosts before
 * August 2026 do for queues with sessions), or nothing.
 */
export const tracings = ["follow", "own", "none"] as const;
export type Tracing = (typeof tracings)[number];

interface Running {
  readonly functionName: string;
  readonly invocationId: string;
  readonly operationId: string;
}

export interface InvokerOptions {
  readonly pool: () => WorkerPool;
  readonly log: Log;
  /** host.json `functionTimeout`, in milliseconds; Infinity for none. */
  readonly timeoutMs: number;
  readonly tracing: Tracing;
}

/** Runs functions in the worker process, writes what the host logs of them, and counts what is running. */
export class Invoker {
  readonly #options: InvokerOptions;
  readonly #running = new Map<string, Running>();
  readonly #invocations = new Set<Promise<unknown>>();

  constructor(options: InvokerOptions) {
    this.#options = options;
  }

  /**
   * Invokes a function.
   * @returns what it returned, as the library converted it.
   * @throws Error with what the function or a hook threw, WorkerExitedError, or {@link FunctionTimeoutError}: then the
   * worker is ended with all that runs in it, since its code cannot be stopped otherwise.
   */
  async invoke(target: TriggeredFunction, invocation: Invocation): Promise<InvocationResponse> {
    const { log, tracing } = this.#options;
    const invocationId = invocation.invocationId ?? randomUUID();
    const followed = tracing === "follow" ? traceIdOf(invocation.traceParent) : undefined;
    const operationId = followed ?? randomBytes(16).toString("hex");
    const fields: Running = { functionName: target.name, invocationId, operationId };
    const category = `Function.${target.name}`;
    const startedAt = performance.now();
    log("information", category, "Executing", { ...fields });
    this.#running.set(invocationId, fields);
    const run = this.#withTimeout(this.#run(target, fields, invocation));
    this.#invocations.add(run);
    try {
      const response = await run;
      log("information", category, "Executed", { ...fields, durationMs: elapsed(startedAt) });
      return response;
    } catch (error) {
      log("error", category, "Failed", {
        ...fields,
        durationMs: elapsed(startedAt),
        error: describeError(error),
      });
      if (error instanceof FunctionTimeoutError) this.#options.pool().restart();
      throw error;
    } finally {
      this.#running.delete(invocationId);
      this.#invocations.delete(run);
    }
  }

  /** Writes a line of the worker into the host's log, as one of the invocation it belongs to. */
  logOfWorker({ level, kind, message, invocationId }: WorkerLogEntry): void {
    if (level === "none") return;
    const fields = this.#running.get(invocationId ?? "");
    const category = kind === "user" && fields ? `Function.${fields.functionName}.User` : "Worker";
    this.#options.log(level, category, message, { ...fields });
  }

  /** Resolves when no invocation is running. */
  async drained(): Promise<void> {
    while (this.#invocations.size > 0) await Promise.allSettled(this.#invocations);
  }

  #run(target: TriggeredFunction, { invocationId, operationId }: Running, invocation: Invocation) {
    const { pool, tracing } = this.#options;
    return pool().invoke({
      functionName: target.name,
      triggerName: target.triggerName,
      invocationId,
      data: invocation.data,
      triggerMetadata: invocation.triggerMetadata ?? {},
      // A span of its own, sampled.
      ...(tracing !== "none" && {
        traceParent: `00-${operationId}-${randomBytes(8).toString("hex")}-01`,
      }),
    });
  }

  async #withTimeout<T>(run: Promise<T>): Promise<T> {
    const { timeoutMs } = this.#options;
    if (timeoutMs === Number.POSITIVE_INFINITY) return run;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new FunctionTimeoutError(`functionTimeout of ${timeoutMs} ms exceeded`)),
        timeoutMs,
      );
    });
    try {
      return await Promise.race([run, timeout]);
    } finally {
      clearTimeout(timer);
      // What the worker still says of an invocation that timed out concerns nobody.
      run.catch(() => undefined);
    }
  }
}

/** @see https://www.w3.org/TR/trace-context/#traceparent-header */
function traceIdOf(traceParent: string | undefined): string | undefined {
  return /^[\da-f]{2}-([\da-f]{32})-/.exec(traceParent ?? "")?.[1];
}

function elapsed(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
