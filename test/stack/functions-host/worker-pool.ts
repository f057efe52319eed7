import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "./log.ts";
import type { FunctionMetadata, InvocationResponse } from "./rpc.ts";
import { startWorker, type WorkerChannel, WorkerExitedError } from "./worker-channel.ts";
import type { InvokeRequest, WorkerLogEntry } from "./worker-protocol.ts";

/** Worker processes that may end by themselves within {@link errorWindowMs} before the host gives up. */
const maxErrors = 3;
const errorWindowMs = 30 * 60_000;

export interface WorkerPoolOptions {
  /** Address of the app's main file. */
  readonly main: string;
  readonly nodeArguments: readonly string[];
  /** Milliseconds from the end of a worker to the start of the next; until that is ready no invocation can run. */
  readonly restartDelayMs: number;
  readonly onLog: (entry: WorkerLogEntry) => void;
  readonly log: Log;
  /** Called when workers have ended too often: the host has to end. */
  readonly onTooManyErrors: () => void;
}

/**
 * Keeps one worker process running, as the host's RpcFunctionInvocationDispatcher does: what ran in a worker that ended
 * has failed, another one is started, and until it has loaded the app every invocation fails at once.
 */
export class WorkerPool {
  readonly functions: readonly FunctionMetadata[];
  readonly capabilities: Readonly<Record<string, string>>;
  readonly #options: WorkerPoolOptions;
  readonly #errors: number[] = [];
  #current: WorkerChannel | undefined;
  #stopped = false;

  private constructor(options: WorkerPoolOptions, first: WorkerChannel) {
    this.#options = options;
    this.functions = first.functions;
    this.capabilities = first.capabilities;
    this.#use(first);
  }

  /** @throws Error if the app does not load. */
  static async start(options: WorkerPoolOptions): Promise<WorkerPool> {
    return new WorkerPool(options, await startWorker(options.main, options.nodeArguments, options.onLog));
  }

  /** @throws what the function threw, or {@link WorkerExitedError}. */
  async invoke(request: InvokeRequest): Promise<InvocationResponse> {
    if (this.#current === undefined)
      throw new WorkerExitedError("Did not find any initialized language workers");
    return this.#current.invoke(request);
  }

  /** Ends the worker with all that runs in it; another one takes its place. Not counted as its own error. */
  restart(): void {
    const ending = this.#current;
    this.#current = undefined;
    ending?.kill();
  }

  /**
   * Tells the app that it ends, and ends it.
   * @param graceMs milliseconds until then, unless `idle` settles before: then nothing runs any more.
   */
  async stop(graceMs: number, idle: Promise<unknown>): Promise<void> {
    this.#stopped = true;
    const worker = this.#current;
    if (worker === undefined) return;
    const quiet = Promise.all([worker.terminate(), idle]);
    const timeout = new AbortController();
    await Promise.race([quiet, sleep(graceMs, undefined, { signal: timeout.signal }).catch(() => undefined)]);
    timeout.abort();
    worker.kill();
    await worker.exited;
  }

  #use(worker: WorkerChannel): void {
    this.#current = worker;
    // Of a category that an app's host.json does not silence: whoever wants to kill the worker finds it by this line.
    this.#options.log("information", "Host.Startup", "Worker started", { workerPid: worker.pid });
    void worker.exited.then((how) => this.#replace(worker, how));
  }

  async #replace(worker: WorkerChannel, how: string): Promise<void> {
    if (this.#stopped) return;
    const { log, restartDelayMs, onTooManyErrors } = this.#options;
    log("error", "Host.Worker", "Worker ended", { workerPid: worker.pid, how });
    if (this.#current === worker) {
      this.#current = undefined;
      const now = Date.now();
      this.#errors.push(now);
      while ((this.#errors[0] ?? now) < now - errorWindowMs) this.#errors.shift();
      if (this.#errors.length > maxErrors) return onTooManyErrors();
    }
    await sleep(restartDelayMs);
    if (this.#stopped) return;
    const { main, nodeArguments, onLog } = this.#options;
    try {
      this.#use(await startWorker(main, nodeArguments, onLog));
    } catch (error) {
      log("error", "Host.Worker", "Worker not started", { error: String(error) });
      onTooManyErrors();
    }
  }
}
