import { randomBytes, randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { RegisteredApp, RegisteredFunction } from "./core-module.ts";
import { describeError, type Log } from "./log.ts";
import type { Binding, CoreInvocationContext, InvocationResponse, LogLevel, TypedData } from "./rpc.ts";

/** Time for listeners to stop once a function has timed out, in milliseconds. */
const stopListeningMs = 250;

/** A function with its trigger picked out of its bindings. */
export interface TriggeredFunction {
  readonly name: string;
  readonly triggerName: string;
  readonly trigger: Binding;
  readonly registered: RegisteredFunction;
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

/** Runs functions one invocation at a time, as the Node worker's InvocationHandler does, and counts what is running. */
export class Invoker {
  readonly #app: RegisteredApp;
  readonly #log: Log;
  readonly #timeoutMs: number;
  readonly #onTimeout: () => void;
  readonly #tracing: Tracing;
  readonly #appHookData = {};
  readonly #running = new Set<Promise<unknown>>();

  /**
   * @param timeoutMs host.json `functionTimeout`; Infinity for none.
   * @param onTimeout called after an invocation exceeded it; its code cannot be stopped, so the process has to take
   *   no new work and go.
   */
  constructor(
    app: RegisteredApp,
    log: Log,
    timeoutMs: number,
    onTimeout: () => void,
    tracing: Tracing = "follow",
  ) {
    this.#app = app;
    this.#log = log;
    this.#timeoutMs = timeoutMs;
    this.#onTimeout = onTimeout;
    this.#tracing = tracing;
  }

  /**
   * Invokes a function.
   * @returns what it returned, as the library converted it.
   * @throws what the function or a hook threw, or {@link FunctionTimeoutError}.
   */
  async invoke(target: TriggeredFunction, invocation: Invocation): Promise<InvocationResponse> {
    const invocationId = invocation.invocationId ?? randomUUID();
    const category = `Function.${target.name}`;
    const followed = this.#tracing === "follow" ? traceIdOf(invocation.traceParent) : undefined;
    const operationId = followed ?? randomBytes(16).toString("hex");
    const fields = { functionName: target.name, invocationId, operationId };
    const startedAt = performance.now();
    this.#log("information", category, "Executing", fields);
    const run = this.#withTimeout(this.#run(target, fields, invocation));
    this.#running.add(run);
    try {
      const response = await run;
      this.#log("information", category, "Executed", { ...fields, durationMs: elapsed(startedAt) });
      return response;
    } catch (error) {
      this.#log("error", category, "Failed", {
        ...fields,
        durationMs: elapsed(startedAt),
        error: describeError(error),
      });
      if (error instanceof FunctionTimeoutError) {
        this.#onTimeout();
        // The listeners stop first, or the message that is given back now would come to this process again.
        await sleep(stopListeningMs);
      }
      throw error;
    } finally {
      this.#running.delete(run);
    }
  }

  /** Resolves when no invocation is running. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
  }

  async #run(
    target: TriggeredFunction,
    fields: { readonly invocationId: string; readonly operationId: string },
    { data, triggerMetadata = {} }: Invocation,
  ): Promise<InvocationResponse> {
    const { metadata, callback } = target.registered;
    const { invocationId, operationId } = fields;
    const core: CoreInvocationContext = {
      invocationId,
      metadata,
      state: undefined,
      request: {
        invocationId,
        functionId: target.name,
        inputData: [{ name: target.triggerName, data }],
        triggerMetadata,
        // A span of its own, sampled.
        ...(this.#tracing !== "none" && {
          traceContext: { traceParent: `00-${operationId}-${randomBytes(8).toString("hex")}-01` },
        }),
      },
      log: (level: LogLevel, kind, message) => {
        if (level === "none") return;
        const category = kind === "user" ? `Function.${target.name}.User` : "Worker";
        this.#log(level, category, message, fields);
      },
    };
    const model = this.#app.programmingModel.getInvocationModel(core);
    const { context, inputs } = await model.getArguments();
    const hookContext = {
      hookData: {},
      appHookData: this.#appHookData,
      invocationContext: context,
      inputs,
      functionCallback: callback,
    };
    core.state = "preInvocationHooks";
    await this.#app.runHooks("preInvocation", hookContext);

    core.state = "invocation";
    const outcome: { result: unknown; error: unknown } = { result: null, error: null };
    try {
      outcome.result = await model.invokeFunction(context, hookContext.inputs, hookContext.functionCallback);
    } catch (error) {
      outcome.error = error ?? new Error("The function threw nothing.");
    }

    core.state = "postInvocationHooks";
    const { functionCallback: _, ...rest } = hookContext;
    const after = { ...rest, ...outcome };
    await this.#app.runHooks("postInvocation", after);
    core.state = undefined;
    if (after.error !== null && after.error !== undefined) throw after.error;
    return model.getResponse(context, after.result);
  }

  async #withTimeout<T>(run: Promise<T>): Promise<T> {
    if (this.#timeoutMs === Number.POSITIVE_INFINITY) return run;
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new FunctionTimeoutError(`functionTimeout of ${this.#timeoutMs} ms exceeded`)),
        this.#timeoutMs,
      );
    });
    try {
      return await Promise.race([run, timeout]);
    } finally {
      clearTimeout(timer);
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
